//! Hadoop's XML configuration files.
