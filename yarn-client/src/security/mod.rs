//! Who we are and how we prove it: SASL, tokens, credentials, users.
