//! The YARN application master of one Flink cluster: [`machine`] decides, [`driver`] moves data.
#![forbid(unsafe_code)]

pub mod driver;
pub mod machine;
