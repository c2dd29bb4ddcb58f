//! [`fuzz::targets::flink_conf`] for `cargo fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::flink_conf(data));
