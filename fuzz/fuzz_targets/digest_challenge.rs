//! [`fuzz::targets::digest_challenge`] for `cargo fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::digest_challenge(data));
