//! Tests of each coding that is compiled in: split, mutated and oversized input.
#![allow(clippy::unwrap_used)]

use std::io::Write;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use super::golden::{GOLDEN, Golden, text};
use super::pipeline::DecodeEvent;
use super::{DecodeLimits, Pipeline, codings, content_codings, offer};
use crate::error::{Error, ErrorKind, Phase, Result};

const MIB: usize = 1 << 20;

/// Maximum size of a decoded piece.
const MAX_PIECE: usize = 64 * 1024;

fn headers(values: &[&str]) -> HeaderMap {
    values.iter().map(|value| (CONTENT_ENCODING, value.parse().unwrap())).collect()
}

/// Returns the decoder of these codings, or `None` if a coding is not compiled in.
fn pipeline(codings: &str, max_expansion: u32) -> Option<Pipeline> {
    let codings = content_codings(&headers(&[codings])).unwrap();
    let limits = DecodeLimits { max_expansion, max_window_bytes: 16 * MIB as u64 };
    (!codings.is_empty()).then(|| Pipeline::new(&codings, limits))
}

/// Decodes `pieces` and passes each decoded piece to `sink`.
fn drive(mut pipeline: Pipeline, pieces: impl IntoIterator<Item = Bytes>, mut sink: impl FnMut(&[u8])) -> Result<()> {
    let mut pieces = pieces.into_iter();
    loop {
        match pipeline.next()? {
            DecodeEvent::Data(piece) => {
                assert!(!piece.is_empty() && piece.len() <= MAX_PIECE);
                sink(&piece);
            }
            DecodeEvent::Pause => pipeline.resume(),
            DecodeEvent::More => match pieces.next() {
                Some(piece) => pipeline.feed(piece),
                None => pipeline.end(),
            },
            DecodeEvent::End => {
                assert!(pieces.next().is_none(), "it ended before its input");
                return Ok(());
            }
        }
    }
}

pub(super) fn decode(codings: &str, encoded: &[u8], size: usize) -> Option<Result<Vec<u8>>> {
    let (decoded, outcome) = decode_to_error(codings, encoded, size)?;
    Some(outcome.map(|()| decoded))
}

/// Decodes a body, and returns what it decodes to before its end or its error.
pub(super) fn decode_to_error(codings: &str, encoded: &[u8], size: usize) -> Option<(Vec<u8>, Result<()>)> {
    let mut decoded = Vec::new();
    let pieces = encoded.chunks(size).map(Bytes::copy_from_slice);
    let outcome = drive(pipeline(codings, 200)?, pieces, |piece| decoded.extend_from_slice(piece));
    Some((decoded, outcome))
}

/// Returns the vectors whose coding is compiled in.
pub(super) fn golden() -> impl Iterator<Item = (&'static Golden, Vec<u8>)> {
    let compiled = GOLDEN.iter().filter(|golden| codings().any(|coding| coding.name == golden.coding));
    compiled.map(|golden| (golden, golden.bytes()))
}

pub(super) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn brotli(data: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    brotli::CompressorWriter::new(&mut encoded, 4096, 4, 22).write_all(data).unwrap();
    encoded
}

pub(super) fn assert_malformed(error: &Error, what: &str) {
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Decode, Phase::Body), "{what}: {error}");
    assert!(std::error::Error::source(error).is_some(), "{what}: {error}");
}

#[test]
fn each_coding_has_vectors_and_is_offered() {
    for coding in codings() {
        assert!(GOLDEN.iter().any(|golden| golden.coding == coding.name), "{}", coding.name);
    }
    let names: Vec<_> = codings().map(|coding| coding.name).collect();
    assert_eq!(offer().map(|offer| offer.to_str().unwrap().to_owned()).unwrap_or_default(), names.join(", "));
}

#[test]
fn output_of_other_encoders_is_decoded_however_it_is_split() {
    for (golden, encoded) in golden() {
        for size in [1, 2, 3, 7, 100, encoded.len()] {
            let decoded = decode(golden.coding, &encoded, size).unwrap().unwrap();
            assert!(decoded == text(), "{} by {size}", golden.coding);
        }
    }
}

#[test]
fn empty_input_is_an_empty_body() {
    for coding in codings() {
        assert_eq!(decode(coding.name, b"", 1).unwrap().unwrap(), b"");
    }
}

#[test]
fn bytes_after_the_end_are_ignored() {
    for (golden, encoded) in golden() {
        for junk in [&b"\0"[..], &[0; 600], b"junk", b"\x1e\x8b\x08", b"<!-- cached -->"] {
            let encoded = [&encoded, junk].concat();
            for size in [1, 13, encoded.len()] {
                assert!(decode(golden.coding, &encoded, size).unwrap().unwrap() == text(), "{}", golden.coding);
            }
        }
    }
}

#[test]
fn last_coding_is_decoded_first() {
    let both = brotli(&gzip(&text()));
    for names in ["gzip, br", "GZIP ,, identity,Br", "x-gzip,br"] {
        for size in [1, 10, both.len()] {
            let Some(decoded) = decode(names, &both, size) else { return };
            assert!(decoded.unwrap() == text(), "{names}");
        }
    }
    assert_malformed(&decode("br, gzip", &both, 10).unwrap().unwrap_err(), "in the wrong order");
    let thrice = gzip(&gzip(&gzip(&text())));
    assert!(decode("gzip, gzip, x-gzip", &thrice, 5).unwrap().unwrap() == text());
}

#[test]
fn unknown_coding_leaves_the_body_encoded() {
    for values in [&["identity"][..], &[""], &["foo"], &["gzip, foo"], &["gzip", "foo"], &["gzip;q=1"], &["g zip"]] {
        assert!(content_codings(&headers(values)).unwrap().is_empty(), "{values:?}");
    }
    assert!(content_codings(&HeaderMap::new()).unwrap().is_empty());
}

#[test]
fn more_than_five_codings_are_refused() {
    let Some(name) = codings().map(|coding| coding.name).next() else { return };
    assert_eq!(content_codings(&headers(&[name; 5])).unwrap().len(), 5);
    let error = content_codings(&headers(&[&[name; 6].join(",")])).map(|_| ()).unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::LimitExceeded, Phase::Head));
}

/// Returns a decompression bomb: its beginning, and bytes that can be repeated and decode to 1 MiB of zeros or more.
fn bomb(coding: &str) -> (Vec<u8>, Vec<u8>) {
    let zeros = vec![0; MIB];
    match coding {
        "gzip" => (Vec::new(), gzip(&zeros)),
        "deflate" => {
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(&zeros).unwrap();
            encoder.flush().unwrap();
            (Vec::new(), encoder.get_ref().clone())
        }
        "br" => {
            // Flushed, so that it ends at a byte, and then the same block again.
            let mut encoded = Vec::new();
            let mut encoder = brotli::CompressorWriter::new(&mut encoded, 4096, 9, 22);
            encoder.write_all(&zeros).unwrap();
            encoder.flush().unwrap();
            let first = encoder.get_ref().len();
            encoder.write_all(&zeros).unwrap();
            encoder.flush().unwrap();
            std::mem::forget(encoder);
            (encoded[..first].to_vec(), encoded[first..].to_vec())
        }
        // A window of 8 MiB, and blocks of 128 KiB that repeat a single byte.
        _ => (b"\x28\xb5\x2f\xfd\x00\x68".to_vec(), b"\x02\x00\x10\x00".repeat(8)),
    }
}

/// Returns a bomb without end.
fn endless(coding: &str) -> impl Iterator<Item = Bytes> + use<> {
    let (start, again) = bomb(coding);
    let again = Bytes::from(again);
    std::iter::once(Bytes::from(start)).chain(std::iter::repeat(again))
}

#[test]
fn expansion_limit_ends_a_bomb() {
    for coding in codings() {
        let mut decoded = 0;
        // 10 GiB of zeros.
        let bomb = endless(coding.name).take(10 << 10);
        let error = drive(pipeline(coding.name, 200).unwrap(), bomb, |piece| decoded += piece.len()).unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::LimitExceeded, Phase::Body), "{}", coding.name);
        assert!(error.to_string().contains("max_expansion"), "{error}");
        assert!((MIB - MAX_PIECE..2 * MIB).contains(&decoded), "{}: {decoded}", coding.name);
    }
}

#[test]
fn nested_bomb_is_measured_on_the_wire() {
    // Each layer by itself stays within the limit.
    let text = "0123456789abcdefghijklmnopqrstuvwxyz".repeat(16 * MIB / 36);
    let max_expansion = 400;
    let once = gzip(text.as_bytes());
    let twice = gzip(&once);
    assert!(text.len() < once.len() * 400 && once.len() < twice.len() * 400);
    let Some(pipeline) = pipeline("gzip, gzip", max_expansion) else { return };
    let error = drive(pipeline, [Bytes::from(twice)], |_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
}

#[test]
fn memory_is_bounded_for_endless_bodies() {
    for coding in codings() {
        let mut pipeline = pipeline(coding.name, 0).unwrap();
        let mut pieces = endless(coding.name);
        let mut decoded = 0;
        let mut most_held = 0;
        while decoded < 32 * MIB {
            match pipeline.next().unwrap() {
                DecodeEvent::Data(piece) => decoded += piece.len(),
                DecodeEvent::Pause => pipeline.resume(),
                DecodeEvent::More => pipeline.feed(pieces.next().unwrap()),
                DecodeEvent::End => panic!("it is endless"),
            }
            most_held = most_held.max(pipeline.held());
        }
        // A piece from the wire, and an output buffer.
        assert!(most_held <= MAX_PIECE + 8 * 1024, "{}: {most_held}", coding.name);
    }
}

#[test]
fn ordinary_page_stays_within_the_expansion_limit() {
    let page: String = (0..100_000).map(|row| format!("<tr><td class=\"number\">{row}</td><td></td></tr>\n")).collect();
    for (name, encoded) in [("gzip", gzip(page.as_bytes())), ("br", brotli(page.as_bytes()))] {
        let Some(decoded) = decode(name, &encoded, 4096) else { continue };
        assert!(decoded.unwrap() == page.as_bytes(), "{name}: {} from {}", page.len(), encoded.len());
    }
    // Bodies of up to 1 MiB may expand without a limit.
    let zeros = vec![0; MIB];
    if let Some(decoded) = decode("gzip", &gzip(&zeros), 4096) {
        assert_eq!(decoded.unwrap(), zeros);
    }
}

/// A generator of numbers that look random (xorshift), the same in each run.
struct RandomNumbers(u64);

impl RandomNumbers {
    fn below(&mut self, bound: usize) -> usize {
        for shift in [13, -7, 17] {
            self.0 ^= if shift > 0 { self.0 << shift } else { self.0 >> -shift };
        }
        (self.0 >> 16) as usize % bound
    }
}

#[test]
fn mutated_input_ends_and_never_panics() {
    let mut random = RandomNumbers(0x5eed);
    let mut failures = 0;
    for (golden, encoded) in golden() {
        for _ in 0..1000 {
            let mut mutant = encoded.clone();
            for _ in 0..=random.below(4) {
                let at = random.below(mutant.len());
                match random.below(4) {
                    0 => mutant[at] ^= 1 << random.below(8),
                    1 => mutant[at] = random.below(256) as u8,
                    2 => mutant.insert(at, random.below(256) as u8),
                    _ => mutant.truncate(at.max(1)),
                }
            }
            let size = 1 + random.below(mutant.len());
            let pieces = mutant.chunks(size).map(Bytes::copy_from_slice);
            let mut decoded = 0;
            let outcome = drive(pipeline(golden.coding, 200).unwrap(), pieces, |piece| decoded += piece.len());
            assert!(decoded <= MIB + MAX_PIECE, "{decoded}");
            failures += usize::from(outcome.is_err());
        }
    }
    assert!(failures > 0 || codings().next().is_none());
}
