//! Runs the target `exchange`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| waterspout_fuzz::exchange::run(input));
