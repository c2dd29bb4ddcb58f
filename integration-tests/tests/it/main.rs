//! All tests on real clusters, in one binary: one link, one shared cluster.
//!
//! A test that breaks daemons boots its own cluster; all others use `shared::cluster()` and look only at their own
//! application. Every test starts with `shared::turn()`, which limits how many load the machine at a time.

mod clients;
mod clocks;
mod closed_web;
mod counting;
mod endings;
mod errors;
mod events;
mod examples;
mod explain;
mod failures;
mod faults;
mod fence;
mod fixture;
mod gc;
mod house;
mod hung;
mod jobs;
mod json;
mod kerberos;
mod key;
mod keys;
mod logs;
mod names;
mod nodes;
mod options;
mod page;
mod placement;
mod prompt;
mod queues;
mod recovery;
mod relay;
mod rpc;
mod secrets;
mod session;
mod several;
mod short_names;
mod staging;
mod state;
mod strangers;
mod terminal;
mod token_lives;
mod tokens;
mod tool;
mod two_users;
mod users;
mod versions;
mod web;
