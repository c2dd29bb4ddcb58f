//! [`fuzz::targets::aggregated_log`] for `cargo fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::aggregated_log(data));
