//! Runs the target `http2_frames`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| waterspout_fuzz::http2_frames::run(input));
