//! The verbs as library calls: submit, watch, list, kill.
