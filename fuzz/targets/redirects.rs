//! Runs the target `redirects`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| waterspout_fuzz::redirects::run(input));
