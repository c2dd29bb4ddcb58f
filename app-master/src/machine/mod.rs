//! The brain: a sans-IO state machine.
