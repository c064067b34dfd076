//! Runs the target `response_head`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| waterspout_fuzz::response_head::run(input));
