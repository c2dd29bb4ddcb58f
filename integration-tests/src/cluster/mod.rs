//! Boots real Hadoop daemons as separate processes.
