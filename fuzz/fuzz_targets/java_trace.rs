//! [`fuzz::targets::java_trace`] for `cargo fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::java_trace(data));
