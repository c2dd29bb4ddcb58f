//! From nothing to a Flink job on a real Hadoop cluster that ends by itself.

fn main() {}
