//! The process that outlives us to clean up.
