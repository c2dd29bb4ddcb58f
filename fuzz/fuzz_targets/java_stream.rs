//! [`fuzz::targets::java_stream`] for `cargo fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::java_stream(data));
