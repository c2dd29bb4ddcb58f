//! Hadoop configuration keys that we read, with Hadoop's defaults.
