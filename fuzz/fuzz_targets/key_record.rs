//! [`fuzz::targets::key_record`] for `cargo fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::key_record(data));
