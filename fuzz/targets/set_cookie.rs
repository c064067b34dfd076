//! Runs the target `set_cookie`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| waterspout_fuzz::set_cookie::run(input));
