//! Runs the target `cookie_date`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| waterspout_fuzz::cookie_date::run(input));
