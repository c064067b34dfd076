//! Tests of input that is cut short or has a wrong checksum, for each coding that is compiled in.
#![allow(clippy::unwrap_used)]

use std::io::Write;

use super::codings;
use super::golden::{Golden, text};
use super::tests::{assert_malformed, decode, decode_to_error, golden, gzip};

/// Returns the length of the trailer after the data of a member or frame. The data is whole without it.
fn trailer_length(golden: &Golden, encoded: &[u8]) -> usize {
    match golden.coding {
        "gzip" => 8,
        "deflate" if encoded[0] == 0x78 => 4,
        "zstd" => 4,
        _ => 0,
    }
}

#[test]
fn truncated_body_is_an_error_unless_only_its_trailer_is_missing() {
    for (golden, encoded) in golden() {
        let trailer = trailer_length(golden, &encoded);
        let ends = [golden.parts, &[encoded.len()]].concat();
        for length in 1..=encoded.len() {
            // Of the frames of the vectors, only the last have a checksum.
            let without = |end: usize| if golden.coding == "zstd" && end < encoded.len() { 0 } else { trailer };
            let is_whole = ends.iter().any(|end| (end - without(*end)..=*end).contains(&length));
            for size in [1, length] {
                let (decoded, outcome) = decode_to_error(golden.coding, &encoded[..length], size).unwrap();
                let what = format!("{} cut after {length} bytes", golden.coding);
                assert!(text().starts_with(&decoded), "{what}");
                match outcome {
                    Ok(()) => assert!(is_whole, "{what}"),
                    Err(error) => {
                        assert_malformed(&error, &what);
                        assert!(!is_whole, "{what}: {error}");
                    }
                }
                assert!(length + trailer < encoded.len() || decoded == text(), "{what}");
            }
        }
    }
}

#[test]
fn present_bytes_of_a_trailer_are_checked() {
    for (golden, encoded) in golden() {
        let trailer = trailer_length(golden, &encoded);
        for wrong in 0..trailer {
            let mut encoded = encoded.clone();
            let at = encoded.len() - trailer + wrong;
            encoded[at] ^= 0x80;
            for length in at + 1..=encoded.len() {
                let (decoded, outcome) = decode_to_error(golden.coding, &encoded[..length], 50).unwrap();
                assert_malformed(&outcome.unwrap_err(), golden.coding);
                assert!(decoded == text(), "{}: byte {wrong}", golden.coding);
            }
        }
    }
}

#[test]
fn text_before_a_cut_is_decoded() {
    // Each encoder writes all of the first text before it goes on with the second text.
    let first = text();
    let mut deflated = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    deflated.write_all(&first).unwrap();
    deflated.flush().unwrap();
    let mut brotli = brotli::CompressorWriter::new(Vec::new(), 4096, 4, 22);
    brotli.write_all(&first).unwrap();
    brotli.flush().unwrap();
    // A frame with a checksum and a window of 8 MiB, and a stored block that is not the last.
    let mut frame = b"\x28\xb5\x2f\xfd\x04\x68".to_vec();
    frame.extend_from_slice(&((first.len() as u32) << 3).to_le_bytes()[..3]);
    frame.extend_from_slice(&first);
    // Beginnings of a block, and blocks of a reserved type.
    let bodies = [
        ("deflate", deflated.get_ref().clone(), &[&b""[..], b"\x07"][..]),
        ("br", brotli.get_ref().clone(), &[b""]),
        ("zstd", frame, &[b"", b"\x09", b"\x07\0\0", b"\x05\x01\0\xff"]),
    ];
    for (name, body, ends) in bodies {
        for end in ends {
            let cut = [&body, *end].concat();
            for size in [1, 100, cut.len()] {
                let Some((decoded, outcome)) = decode_to_error(name, &cut, size) else { continue };
                assert_malformed(&outcome.unwrap_err(), name);
                assert!(decoded == first, "{name} {end:?}: {} bytes", decoded.len());
                // The outer coding is whole, and the inner coding is cut.
                let Some((decoded, outcome)) = decode_to_error(&format!("{name}, gzip"), &gzip(&cut), size) else {
                    continue;
                };
                assert_malformed(&outcome.unwrap_err(), name);
                assert!(decoded == first, "{name}, gzip {end:?}: {} bytes", decoded.len());
            }
        }
    }
}

#[test]
fn incomplete_further_member_is_an_error() {
    for (golden, encoded) in golden() {
        let start: &[u8] = match golden.coding {
            "gzip" => b"\x1f\x8b\x08",
            "zstd" => b"\x28\xb5\x2f\xfd",
            _ => continue,
        };
        for length in 1..=start.len() {
            let encoded = [&encoded, &start[..length]].concat();
            assert_malformed(&decode(golden.coding, &encoded, 1).unwrap().unwrap_err(), golden.coding);
        }
    }
}

#[test]
fn wrong_checksum_is_an_error() {
    let mut checked = 0;
    let with_checksum = ["gzip", "deflate", "zstd"];
    for (golden, mut encoded) in golden().filter(|(golden, _)| with_checksum.contains(&golden.coding)) {
        // A raw stream has no checksum, and some frames were made without a checksum.
        let raw = golden.coding == "deflate" && encoded[0] != 0x78;
        if raw || (golden.coding == "zstd" && !golden.parts.is_empty()) {
            continue;
        }
        let at = encoded.len() - if golden.coding == "gzip" { 6 } else { 2 };
        encoded[at] ^= 1;
        assert_malformed(&decode(golden.coding, &encoded, 50).unwrap().unwrap_err(), golden.coding);
        checked += 1;
    }
    assert!(checked > 0 || codings().next().is_none());
}
