//! Finds the configuration directory.
