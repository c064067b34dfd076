//! Runs the target `chunked`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| waterspout_fuzz::chunked::run(input));
