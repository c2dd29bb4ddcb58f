//! The staging area in HDFS: content-addressed cache and application directories.
