//! The YARN application master of one Flink cluster.
//!
//! | module | what it does | touches |
//! |---|---|---|
//! | [`machine`] | decides | nothing: events and the time in, actions and the next wake-up out |
//! | [`driver`] | turns each action into a task that ends in an event | sockets, processes, files, the clock |
//! | [`control`] | answers clients: gRPC over mutual TLS | sockets |
//! | [`web`] | answers browsers, and forwards requests to Flink | sockets |
//! | [`listener`] | accepts connections for both, and chooses which to keep | sockets |
//! | [`renewal`] | decides when tokens are renewed | nothing |
//! | [`sim`] | simulates whole lives around the machine in virtual time, with faults from a seed | nothing |
//! | [`trace`] | records a real life and replays it | a file |
//!
//! Start with [`machine`], which describes how it is driven and what another framework could reuse. [`driver::run`] is the
//! whole program except for its log.
#![forbid(unsafe_code)]

pub mod control;
pub mod driver;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzz;
pub mod listener;
pub mod log;
pub mod machine;
pub mod renewal;
pub mod sim;
pub mod telling;
pub mod trace;
pub mod warnings;
pub mod web;
