//! Runs the target `event_stream`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| waterspout_fuzz::event_stream::run(input));
