//! Runs the target `proxies`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| waterspout_fuzz::proxies::run(input));
