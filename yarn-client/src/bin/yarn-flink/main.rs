//! The command line `yarn-flink`.

fn main() {}
