//! Fuzz targets over every byte that a peer can send: a server, a client, a browser, or whoever writes files that are read.
//!
//! What a target does is a function in [`targets`]. Two things run them: `cargo fuzz` (nightly, guided by coverage, one binary each in
//! `fuzz_targets/`), and the [`driver`], which mutates `corpus/` at random and works with any toolchain. `tests/corpus.rs` runs it for
//! some seconds with every `cargo test`, the program `fuzz` for as long as one likes.
//!
//! A fault is mended with its kind, and its input stays in the target's corpus.

pub mod corpus;
pub mod driver;
pub mod memory;
pub mod mutate;
pub mod targets;
