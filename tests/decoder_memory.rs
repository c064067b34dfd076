//! The memory of the decoders of a body, however many codings the body has. A counting allocator measures it.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(all(not(target_family = "wasm"), feature = "gzip", feature = "brotli", feature = "zstd"))]

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use futures::executor::block_on;
use peak_alloc::PeakAlloc;
use waterspout::agent::Config;
use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
use waterspout::{Agent, Client, Error, ErrorKind, Phase};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The tests measure the memory of the process, so they take turns.
static TURN: Mutex<()> = Mutex::new(());

const MIB: usize = 1 << 20;

/// Maximum memory of a body with the default limit: windows of 16 MiB, half as much again while a window grows, and
/// the tables and buffers of five decoders.
const MAX_MEMORY: usize = (16 + 8 + 4) * MIB;

/// Encodes with a window of `bits` bits.
fn brotli(data: &[u8], bits: u32) -> Vec<u8> {
    let mut encoded = Vec::new();
    brotli::CompressorWriter::new(&mut encoded, 4096, 5, bits).write_all(data).unwrap();
    encoded
}

/// Makes a frame of blocks that are stored as they are, with a window descriptor.
fn zstd(data: &[u8], descriptor: u8) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, descriptor];
    let blocks = data.len().div_ceil(128 * 1024).max(1);
    for (number, block) in (1..).zip(data.chunks(128 * 1024)) {
        let header = (block.len() as u32) << 3 | u32::from(number == blocks);
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.extend_from_slice(block);
    }
    frame
}

/// Makes a frame that repeats a byte, with a window of 8 MiB.
fn zstd_zeros(mib: usize) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x68];
    for block in 1..=mib * 8 {
        let header = (128_u32 * 1024) << 3 | 2 | u32::from(block == mib * 8);
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

/// Reads a body with this configuration. Returns the number of decoded bytes or the error, and the peak of memory.
fn read(config: Config, codings: &str, body: &[u8]) -> (Result<usize, Error>, usize) {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {codings}\r\ncontent-length: {}\r\n\r\n", body.len());
    let connector = ScriptedConnector::new([Script::new().expect_head().send(head).pause().send(body)]);
    let agent = Agent::new(connector, ManualTimer::new()).with_config(config);
    let client = Client::builder().backend(agent).timer(ManualTimer::new()).build().unwrap();
    let before = PeakAlloc.current_usage();
    PeakAlloc.reset_peak_usage();
    let outcome = block_on(async {
        let mut response = client.get("http://example.com/").await?;
        let mut length = 0;
        while let Some(piece) = response.chunk().await? {
            length += piece.len();
        }
        Ok(length)
    });
    (outcome, PeakAlloc.peak_usage() - before)
}

/// Applies a coding several times.
fn times(count: usize, data: Vec<u8>, encode: impl Fn(&[u8]) -> Vec<u8>) -> (String, Vec<u8>) {
    let body = (0..count).fold(data, |data, _| encode(&data));
    (String::new(), body)
}

fn assert_refused(error: &Error, coding: &str) {
    assert_eq!((error.kind(), error.phase()), (ErrorKind::LimitExceeded, Phase::Body), "{error}");
    let text = error.to_string();
    assert!(text.contains(&format!("`{coding}`")) && text.contains("16777216"), "{text}");
    assert!(text.contains("max_window_bytes"), "{text}");
}

#[test]
fn windows_of_all_codings_share_a_limit() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let zeros = vec![0; 20 * MIB];
    for (coding, count, body) in [
        ("br", 2, times(2, zeros.clone(), |data| brotli(data, 24)).1),
        ("br", 5, times(5, zeros.clone(), |data| brotli(data, 24)).1),
        ("br", 5, times(5, zeros.clone(), |data| brotli(data, 22)).1),
        ("zstd", 5, times(4, zstd_zeros(20), |data| zstd(data, 0x68)).1),
        ("zstd", 3, times(2, zstd_zeros(20), |data| zstd(data, 0x68)).1),
    ] {
        let codings = vec![coding; count].join(", ");
        let (outcome, peak) = read(Config::new().max_expansion(0), &codings, &body);
        assert_refused(&outcome.unwrap_err(), coding);
        assert!(peak < MAX_MEMORY, "{codings}: {} KiB", peak / 1024);
    }
    // A window of 16 MiB and a window of 8 MiB.
    for (codings, body, refused) in
        [("zstd, br", brotli(&zstd_zeros(20), 24), "zstd"), ("br, zstd", zstd(&brotli(&zeros, 24), 0x68), "br")]
    {
        let (outcome, peak) = read(Config::new().max_expansion(0), codings, &body);
        assert_refused(&outcome.unwrap_err(), refused);
        assert!(peak < MAX_MEMORY, "{codings}: {} KiB", peak / 1024);
    }
}

#[test]
fn windows_within_the_limit_are_decoded() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let zeros = vec![0; 20 * MIB];
    for (codings, body) in [
        ("br", brotli(&zeros, 24)),
        ("br, br", times(2, zeros.clone(), |data| brotli(data, 22)).1),
        ("br, br, br, br", times(4, zeros.clone(), |data| brotli(data, 22)).1),
        ("zstd", zstd_zeros(20)),
        ("zstd, zstd", zstd(&zstd_zeros(20), 0x68)),
        // The frames of a body follow each other and use the same window.
        ("zstd", zstd_zeros(4).repeat(5)),
    ] {
        let (outcome, peak) = read(Config::new().max_expansion(0), codings, &body);
        assert_eq!(outcome.unwrap(), 20 * MIB, "{codings}");
        assert!(peak < MAX_MEMORY, "{codings}: {} KiB", peak / 1024);
    }
}
