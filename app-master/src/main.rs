//! The binary `flink-app-master`, started by a NodeManager.

fn main() {}
