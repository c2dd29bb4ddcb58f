//! The YARN application master of one Flink cluster.
//!
//! | module | what it does | touches |
//! |---|---|---|
//! | [`machine`] | decides | nothing: events and the time in, actions and the next wake-up out |
//! | [`driver`] | turns each action into a task that ends in an event | sockets, processes, files, the clock |
//! | [`control`] | answers clients: gRPC over mutual TLS | sockets |
//! | [`web`] | answers browsers, and hands requests on to Flink | sockets |
//! | [`sim`] | plays whole lives around the machine in virtual time, with faults from a seed | nothing |
//! | [`trace`] | writes a real life down, and plays it again | a file |
//!
//! Begin with [`machine`], which says how it is driven and what of it another framework could use. [`driver::run`] is the whole
//! program but for its log.
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
