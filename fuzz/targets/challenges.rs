//! Runs the target `challenges`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| waterspout_fuzz::challenges::run(input));
