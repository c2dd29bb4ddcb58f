//! The YARN application master of one Flink cluster: [`machine`] decides, [`driver`] moves data, [`control`] answers clients, [`web`] browsers, [`sim`] plays whole lives
//! around the machine in virtual time.
#![forbid(unsafe_code)]

pub mod control;
pub mod driver;
pub mod log;
pub mod machine;
pub mod sim;
pub mod telling;
pub mod trace;
pub mod warnings;
pub mod web;
