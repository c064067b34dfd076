//! Encoded bodies without their last bytes: which bodies are whole, and which text arrives before the error.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures::executor::block_on;
use waterspout::testing::Script;
use waterspout::{ErrorKind, Phase, Response};

use super::encoding::{gzip, raw_deflate, zlib};
use crate::support::client::{HELLO, once, scripted, send};

/// The number of bytes after the compressed data.
const GZIP_TRAILER: usize = 8;
const ZLIB_TRAILER: usize = 4;

fn brotli(data: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    brotli::CompressorWriter::new(&mut encoded, 4096, 4, 22).write_all(data).unwrap();
    encoded
}

fn without_last(encoded: &[u8], bytes: usize) -> Vec<u8> {
    encoded[..encoded.len() - bytes].to_vec()
}

fn head(coding: &str, framing: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\n{framing}\r\n")
}

fn with_length(coding: &str, body: &[u8], length: usize) -> Vec<u8> {
    [head(coding, &format!("content-length: {length}\r\n")).as_bytes(), body].concat()
}

fn chunked(coding: &str, body: &[u8], end: &str) -> Vec<u8> {
    let head = head(coding, "transfer-encoding: chunked\r\n");
    let chunks = body.chunks(7).map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    [head.into_bytes(), chunks.collect::<Vec<_>>().concat(), end.as_bytes().to_vec()].concat()
}

/// Returns connections on which a complete body arrives: at once, and byte by byte.
fn complete(coding: &str, body: &[u8]) -> Vec<Script> {
    let until_close = [head(coding, "").as_bytes(), body].concat();
    let answers = [with_length(coding, body, body.len()), chunked(coding, body, "0\r\n\r\n"), until_close];
    let scripts = answers.iter().map(|answer| [once(answer), Script::new().expect_head().drip(answer)]);
    scripts.flatten().collect()
}

/// Returns connections that close before the body is complete.
fn closed_early(coding: &str, body: &[u8]) -> Vec<Script> {
    let answers = [with_length(coding, body, body.len() + 1), chunked(coding, body, "")];
    let scripts = answers.iter().map(|answer| [once(answer), Script::new().expect_head().drip(answer)]);
    scripts.flatten().collect()
}

/// Reads a body to its end or its error.
fn read(mut response: Response) -> (String, Option<(ErrorKind, Phase)>) {
    let mut text = Vec::new();
    loop {
        match block_on(response.chunk()) {
            Ok(Some(piece)) => text.extend_from_slice(&piece),
            Ok(None) => return (String::from_utf8(text).unwrap(), None),
            Err(error) => return (String::from_utf8(text).unwrap(), Some((error.kind(), error.phase()))),
        }
    }
}

/// Reads the body of each script.
fn outcomes(scripts: Vec<Script>) -> Vec<(String, Option<(ErrorKind, Phase)>)> {
    scripts.into_iter().map(|script| read(send(scripted([script]).get()).unwrap())).collect()
}

const MALFORMED: Option<(ErrorKind, Phase)> = Some((ErrorKind::Decode, Phase::Body));
const CLOSED: Option<(ErrorKind, Phase)> = Some((ErrorKind::ConnectionClosed, Phase::Body));

#[test]
fn body_without_its_trailer_is_whole() {
    for (coding, encoded, trailer) in [
        ("gzip", gzip(b"hello, hello"), GZIP_TRAILER),
        ("gzip", gzip(b""), GZIP_TRAILER),
        ("gzip", [gzip(b"hello, "), gzip(b"hello")].concat(), GZIP_TRAILER),
        ("deflate", zlib(b"hello, hello"), ZLIB_TRAILER),
    ] {
        let text = outcomes(complete(coding, &encoded)).remove(0).0;
        for missing in 0..=trailer {
            for outcome in outcomes(complete(coding, &without_last(&encoded, missing))) {
                assert_eq!(outcome, (text.clone(), None), "{coding} without {missing} bytes");
            }
        }
    }
}

#[test]
fn connection_is_reused_after_a_body_without_its_trailer() {
    let body = without_last(&gzip(b"hello"), 5);
    for answer in [with_length("gzip", &body, body.len()), chunked("gzip", &body, "0\r\n\r\n")] {
        let wire = scripted([once(&answer).expect_head().send(HELLO)]);
        assert_eq!([wire.text().unwrap(), wire.text().unwrap()], ["hello", "hello"]);
        assert_eq!(wire.connector.connections(), 1);
    }
}

#[test]
fn body_without_its_last_data_is_an_error() {
    for (coding, encoded, trailer) in [
        ("gzip", gzip(b"hello, hello"), GZIP_TRAILER),
        ("deflate", zlib(b"hello, hello"), ZLIB_TRAILER),
        ("deflate", raw_deflate(b"hello, hello"), 0),
    ] {
        for missing in trailer + 1..encoded.len() {
            for (text, error) in outcomes(complete(coding, &without_last(&encoded, missing))) {
                assert_eq!(error, MALFORMED, "{coding} without {missing} bytes");
                assert!("hello, hello".starts_with(&text), "{text}");
            }
        }
    }
}

#[test]
fn present_bytes_of_a_trailer_are_checked() {
    let cases = [("gzip", gzip(b"hello"), GZIP_TRAILER), ("deflate", zlib(b"hello"), ZLIB_TRAILER)];
    for (coding, encoded, trailer) in cases {
        for wrong in 0..trailer {
            let mut encoded = encoded.clone();
            let at = encoded.len() - trailer + wrong;
            encoded[at] ^= 1;
            for missing in 0..trailer - wrong {
                for outcome in outcomes(complete(coding, &without_last(&encoded, missing))) {
                    assert_eq!(outcome, ("hello".to_owned(), MALFORMED), "{coding}: byte {wrong} without {missing}");
                }
            }
        }
    }
}

#[test]
fn text_before_a_cut_member_is_delivered() {
    let whole = gzip(b"hello, ");
    let second = gzip(b"hello");
    // From the first byte of the second member to the last byte of its data.
    for length in 1..second.len() - GZIP_TRAILER {
        let body = [&whole[..], &second[..length]].concat();
        for (text, error) in outcomes(complete("gzip", &body)) {
            assert!(text.starts_with("hello, ") && "hello, hello".starts_with(&text), "{length}: {text}");
            assert_eq!(error, MALFORMED, "{length}");
        }
    }
    // Without the first trailer, the second member stands where the trailer is expected.
    let body = [&without_last(&whole, GZIP_TRAILER)[..], &second].concat();
    for outcome in outcomes(complete("gzip", &body)) {
        assert_eq!(outcome, ("hello, ".to_owned(), MALFORMED));
    }
}

#[test]
fn text_before_the_error_is_delivered_through_all_codings() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(b"hello, ").unwrap();
    encoder.flush().unwrap();
    let first = encoder.get_ref().len();
    encoder.write_all(b"hello").unwrap();
    let encoded = encoder.finish().unwrap();
    let cut = &encoded[..first];
    let mut invalid = cut.to_vec();
    // A block of the reserved type 3.
    invalid.push(0xff);
    for (body, expected) in [(cut, "hello, "), (&invalid, "hello, ")] {
        for outcome in outcomes(complete("gzip", body)) {
            assert_eq!(outcome, (expected.to_owned(), MALFORMED));
        }
        // The outer coding is whole, and the inner coding is cut.
        for outcome in outcomes(complete("gzip, deflate", &zlib(body))) {
            assert_eq!(outcome, (expected.to_owned(), MALFORMED));
        }
    }
}

#[test]
fn closed_connection_is_an_error_after_the_text() {
    for missing in 0..=GZIP_TRAILER {
        for outcome in outcomes(closed_early("gzip", &without_last(&gzip(b"hello"), missing))) {
            assert_eq!(outcome, ("hello".to_owned(), CLOSED), "{missing}");
        }
    }
    // Malformed framing is an error even if the encoded data has ended.
    let body = chunked("gzip", &gzip(b"hello"), "zz\r\n");
    assert_eq!(outcomes(vec![once(body)]), [("hello".to_owned(), Some((ErrorKind::Protocol, Phase::Body)))]);
}

#[cfg(feature = "brotli")]
#[test]
fn brotli_body_that_is_cut_is_an_error_after_its_text() {
    let mut encoded = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut encoded, 4096, 4, 22);
    encoder.write_all(b"hello, ").unwrap();
    encoder.flush().unwrap();
    encoder.write_all(b"hello").unwrap();
    drop(encoder);
    for (text, error) in outcomes(complete("br", &without_last(&encoded, 1))) {
        assert!(text.starts_with("hello, "), "{text}");
        assert_eq!(error, MALFORMED);
    }
    assert_eq!(outcomes(complete("br", &brotli(b"hello")))[0], ("hello".to_owned(), None));
}
