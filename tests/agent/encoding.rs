//! Content codings in the agent, over scripted connections: the codings that requests offer, the decoded bodies, and
//! the effect on headers, connection and slot.

use std::error::Error as _;
use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use futures::FutureExt;
use futures::executor::block_on;
use waterspout::testing::Script;
use waterspout::{Client, ErrorKind, Phase, RequestBuilder};

use crate::support::client::scripted_agent;
use crate::support::client::{HELLO, URL, once, scripted, send};

const MIB: usize = 1 << 20;

pub(super) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn raw_deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// Builds a response with these header lines, the body's length and the body.
fn whole(lines: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\n{lines}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A connection that answers with these header lines and chunks, and answers the next request with [`HELLO`].
fn chunked(lines: &str, chunks: &[Vec<u8>]) -> Script {
    let head = format!("HTTP/1.1 200 OK\r\n{lines}transfer-encoding: chunked\r\n\r\n");
    let script = Script::new().expect_head().send(head);
    let framed = chunks.iter().map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    framed.fold(script, Script::send).send("0\r\n\r\n").expect_head().send(HELLO)
}

const GZIP: &str = "content-encoding: gzip\r\n";

#[test]
fn decoded_body_loses_content_encoding_and_content_length() {
    for (lines, body) in [
        (GZIP, gzip(b"hello")),
        ("Content-Encoding: X-GZip\r\n", gzip(b"hello")),
        ("content-encoding: deflate\r\n", zlib(b"hello")),
        ("content-encoding: deflate\r\n", raw_deflate(b"hello")),
        ("content-encoding: identity, gzip\r\n", gzip(b"hello")),
        ("content-encoding: gzip, deflate\r\n", zlib(&gzip(b"hello"))),
        ("content-encoding: deflate\r\ncontent-encoding: gzip\r\n", gzip(&zlib(b"hello"))),
        (GZIP, [gzip(b"he"), gzip(b""), gzip(b"llo")].concat()),
    ] {
        let streamed: Vec<_> = body.chunks(3).map(<[u8]>::to_vec).collect();
        let dripping = Script::new().expect_head().drip(&whole(lines, &body));
        for script in [once(whole(lines, &body)), chunked(lines, &streamed), dripping] {
            let wire = scripted([script]);
            let response = send(wire.get()).unwrap();
            for gone in ["content-encoding", "content-length"] {
                assert!(!response.headers().contains_key(gone), "{lines}");
            }
            assert!([None, Some(5)].contains(&response.content_length()), "{lines}");
            assert_eq!(block_on(response.text()).unwrap(), "hello", "{lines}");
        }
    }
}

#[test]
fn a_body_in_an_unknown_coding_is_left_as_it_is() {
    for coding in ["foo", "gzip, foo", "foo, gzip", "identity"] {
        let wire = scripted([once(whole(&format!("content-encoding: {coding}\r\n"), b"hello"))]);
        let response = send(wire.get()).unwrap();
        assert_eq!(response.headers()["content-encoding"], coding);
        assert_eq!(
            (&response.headers()["content-length"], response.content_length()),
            (&"5".parse().unwrap(), Some(5))
        );
        assert_eq!(block_on(response.text()).unwrap(), "hello");
    }
}

#[test]
fn accept_encoding_lists_the_codings_that_are_compiled_in() {
    let wire = scripted([once(HELLO)]);
    wire.text().unwrap();
    let written = wire.connector.written(0);
    let mut offer = "gzip, deflate".to_owned();
    for (coding, compiled_in) in [(", br", cfg!(feature = "brotli")), (", zstd", cfg!(feature = "zstd"))] {
        offer.push_str(if compiled_in { coding } else { "" });
    }
    assert!(written.contains(&format!("\r\naccept-encoding: {offer}\r\n")), "{written}");
}

#[test]
fn accept_encoding_of_the_request_is_sent_unchanged_and_the_body_is_decoded() {
    for wish in ["gzip", "identity", "br;q=0.5, *;q=0"] {
        let wire = scripted([once(whole(GZIP, &gzip(b"hello")))]);
        let response = block_on(wire.get().header("accept-encoding", wish).send()).unwrap();
        assert_eq!(block_on(response.text()).unwrap(), "hello");
        let written = wire.connector.written(0);
        assert!(written.contains(&format!("accept-encoding: {wish}\r\n")), "{written}");
        assert_eq!(written.matches("accept-encoding").count(), 1, "{written}");
    }
}

#[test]
fn range_request_asks_for_identity() {
    let wire = scripted([once(HELLO)]);
    block_on(wire.get().header("range", "bytes=0-4").send()).unwrap();
    let written = wire.connector.written(0);
    assert!(written.contains("accept-encoding: identity\r\n"), "{written}");
}

#[test]
fn body_without_decompression_keeps_its_bytes_and_headers() {
    let encoded = gzip(b"hello");
    let wire = scripted([once(whole(GZIP, &encoded)).expect_head().send(whole(GZIP, &encoded))]);
    let response = block_on(wire.get().decompress(false).header("accept-encoding", "gzip").send()).unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    assert_eq!(response.headers()["content-length"], encoded.len().to_string().as_str());
    assert_eq!(block_on(response.bytes()).unwrap(), encoded);
    // Without decompression the agent offers no coding: the caller would have to decode it.
    block_on(wire.get().decompress(false).send()).unwrap();
    assert_eq!(wire.connector.written(0).matches("accept-encoding").count(), 1);
}

#[test]
fn responses_without_a_body_keep_their_encoding_headers_and_are_no_errors() {
    for (method, status) in [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Not Modified")] {
        let lines = if status.starts_with("204") { GZIP.to_owned() } else { format!("{GZIP}content-length: 34\r\n") };
        let wire = scripted([once(format!("HTTP/1.1 {status}\r\n{lines}\r\n")).expect_head().send(HELLO)]);
        let response = block_on(wire.client.request(method.parse().unwrap(), URL).send()).unwrap();
        assert_eq!(response.headers()["content-encoding"], "gzip");
        assert_eq!(block_on(response.bytes()).unwrap(), "");
        assert_eq!(wire.text().unwrap(), "hello");
        assert_eq!(wire.connector.connections(), 1, "{method} {status}");
    }
}

#[test]
fn an_encoded_body_of_no_bytes_is_empty() {
    for script in [once(whole(GZIP, b"")), chunked(GZIP, &[])] {
        assert_eq!(scripted([script]).text().unwrap(), "");
    }
}

#[test]
fn bytes_after_the_end_of_gzip_are_ignored_and_the_connection_is_reused() {
    let body = [gzip(b"hello"), vec![b'x'; 100]].concat();
    for script in [once(whole(GZIP, &body)), chunked(GZIP, &[body[..20].to_vec(), body[20..].to_vec()])] {
        let wire = scripted([script.expect_head().send(HELLO)]);
        assert_eq!([wire.text().unwrap(), wire.text().unwrap()], ["hello", "hello"]);
        assert_eq!(wire.connector.connections(), 1);
    }
}

#[test]
fn a_body_that_cannot_be_decoded_is_an_error_with_a_cause_and_closes_its_connection() {
    let encoded = gzip(b"hello");
    for (lines, body) in [
        (GZIP, &b"this is not gzip"[..]),
        (GZIP, &encoded[..encoded.len() - 9]),
        (GZIP, &encoded[..1]),
        ("content-encoding: deflate\r\n", b"\x78\x9c\xff\xff\xff\xff"),
        ("content-encoding: deflate, gzip\r\n", &encoded),
    ] {
        for script in [once(whole(lines, body)).expect_head().send(HELLO), chunked(lines, &[body.to_vec()])] {
            let wire = scripted([script, once(HELLO)]);
            // The head arrives without an error. Only reading the body fails.
            let response = send(wire.get()).unwrap();
            assert_eq!(response.status(), 200);
            let error = block_on(response.text()).unwrap_err();
            assert_eq!((error.kind(), error.phase()), (ErrorKind::Decode, Phase::Body), "{error}");
            assert!(error.source().is_some() && error.url() == Some(URL), "{error:?}");
            // Whether the body came whole makes no difference.
            let transfer = error.transfer();
            assert_eq!(
                (transfer.bytes_sent, transfer.bytes_received.is_some()),
                (Some(wire.sent(0).len() as u64), true)
            );
            assert!(wire.connector.open() == 0 && wire.client.stats().active == 0);
            assert_eq!(wire.text().unwrap(), "hello");
            assert_eq!(wire.connector.connections(), 2);
        }
    }
}

#[test]
fn gzip_body_cut_in_its_data_is_a_decode_error() {
    let encoded = gzip(b"hello, hello, hello");
    // The last eight bytes are the trailer.
    for length in 1..encoded.len() - 8 {
        // The response has no length, so only the decoder can notice that bytes are missing.
        let answer = [format!("HTTP/1.1 200 OK\r\n{GZIP}\r\n").as_bytes(), &encoded[..length]].concat();
        let error = scripted([once(answer)]).text().unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Decode, Phase::Body), "{length}: {error}");
    }
}

#[test]
fn connection_is_reused_after_a_decoded_body() {
    let encoded = gzip(&b"0123456789".repeat(1000));
    let chunks: Vec<_> = encoded.chunks(20).map(<[u8]>::to_vec).collect();
    let wire = scripted([chunked(GZIP, &chunks)]);
    assert_eq!(wire.text().unwrap().len(), 10_000);
    assert_eq!(wire.text().unwrap(), "hello");
    assert_eq!((wire.connector.connections(), wire.connector.open()), (1, 1));
}

#[test]
fn complete_encoded_response_frees_connection_and_slot_before_it_is_read() {
    for length in [5, 900_000] {
        let wire = scripted([once(whole(GZIP, &gzip(&vec![b'x'; length]))).expect_head().send(HELLO)]);
        let unread = send(wire.get()).unwrap();
        assert!(wire.client.stats().active == 0, "{length}");
        assert_eq!(wire.text().unwrap(), "hello");
        assert_eq!(wire.connector.connections(), 1);
        assert_eq!(block_on(unread.bytes()).unwrap().len(), length);
    }
}

#[test]
fn pieces_are_of_64_kib_at_most() {
    let data: Vec<u8> = (0..2 * MIB).map(|index| ((index * index) >> 9) as u8).collect();
    let encoded = gzip(&data);
    for script in [once(whole(GZIP, &encoded)), chunked(GZIP, std::slice::from_ref(&encoded))] {
        let mut response = send(scripted([script]).get()).unwrap();
        let mut read = Vec::new();
        while let Some(chunk) = block_on(response.chunk()).unwrap() {
            assert!(!chunk.is_empty() && chunk.len() <= 64 * 1024, "{}", chunk.len());
            read.extend_from_slice(&chunk);
        }
        assert!(read == data);
    }
}

#[test]
fn limits_count_decoded_bytes() {
    let answer = |length| whole(GZIP, &gzip(&vec![b'x'; length]));
    for streamed in [false, true] {
        for (length, fits) in [(100, true), (101, false)] {
            let encoded = gzip(&vec![b'x'; length]);
            let script = if streamed { chunked(GZIP, &[encoded]) } else { once(answer(length)) };
            let limits: [fn(RequestBuilder<Client>) -> _; 2] = [|get| get.body_limit(100), |get| get.stream_limit(100)];
            for limit in limits {
                let wire = scripted([script.clone()]);
                let outcome = block_on(async { limit(wire.get()).await?.bytes().await });
                let outcome = outcome.map(|bytes| bytes.len()).map_err(|error| (error.kind(), error.phase()));
                let too_much = (ErrorKind::LimitExceeded, Phase::Body);
                assert_eq!(outcome, if fits { Ok(length) } else { Err(too_much) });
                assert_eq!(wire.client.stats().active, 0);
            }
        }
    }
}

#[test]
fn a_stream_limit_covers_reading_chunk_by_chunk() {
    let chunks: Vec<_> = gzip(&vec![0; MIB]).chunks(100).map(<[u8]>::to_vec).collect();
    let wire = scripted([chunked(GZIP, &chunks)]);
    let mut response = block_on(wire.get().stream_limit(200_000).send()).unwrap();
    let mut read = 0;
    let error = loop {
        match block_on(response.chunk()) {
            Ok(chunk) => read += chunk.unwrap().len(),
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), error.phase()), (ErrorKind::LimitExceeded, Phase::Body));
    assert!(error.to_string().contains("200000 bytes"), "{error}");
    assert!((100_000..=200_000).contains(&read), "{read}");
    assert_eq!(error.transfer().bytes_received, Some(read as u64));
    assert!(wire.connector.open() == 0 && wire.client.stats().active == 0);
    // The body has ended after the error.
    assert!(block_on(response.chunk()).unwrap().is_none());
}

#[test]
fn a_stream_limit_counts_plain_bodies_too() {
    for (most, fits) in [(5, true), (4, false), (0, false)] {
        let wire = scripted([once(HELLO)]);
        let mut response = block_on(wire.get().stream_limit(most).send()).unwrap();
        assert_eq!(block_on(response.chunk()).is_ok(), fits, "{most}");
    }
}

#[test]
fn decompression_bomb_fails_unless_its_expansion_is_allowed() {
    let bomb = gzip(&vec![0; 8 * MIB]);
    let chunks: Vec<_> = bomb.chunks(1000).map(<[u8]>::to_vec).collect();
    for (most, passes) in [(200, false), (1100, true), (0, true)] {
        let wire = scripted_agent(
            |agent| agent.with_config(waterspout::agent::Config::new().max_expansion(most)),
            [chunked(GZIP, &chunks)],
        );
        let outcome = block_on(async { wire.get().await?.bytes().await });
        assert_eq!(outcome.as_ref().is_ok_and(|bytes| bytes.len() == 8 * MIB), passes, "{most}");
        assert_eq!(outcome.is_err_and(|error| error.kind() == ErrorKind::LimitExceeded), !passes, "{most}");
        assert_eq!(wire.connector.open(), usize::from(passes));
    }
    let error = scripted([chunked(GZIP, &chunks)]).text().unwrap_err();
    assert!(error.kind() == ErrorKind::LimitExceeded && error.phase() == Phase::Body, "the default: {error}");
}

#[test]
fn body_that_decodes_to_nothing_yields_to_other_tasks() {
    let wire = scripted([chunked(GZIP, &vec![gzip(b""); 1000])]);
    let mut response = send(wire.get()).unwrap();
    // All bytes have been received. The reader yields all the same, so that time limits are checked.
    assert!(response.chunk().now_or_never().is_none());
    assert!(block_on(response.chunk()).unwrap().is_none());
}

#[test]
fn an_encoded_redirect_is_followed() {
    let body = gzip(b"moved");
    let head = format!("HTTP/1.1 302 Found\r\nlocation: /next\r\n{GZIP}content-length: {}\r\n\r\n", body.len());
    let wire = scripted([once([head.as_bytes(), &body].concat()).expect_head().send(whole(GZIP, &gzip(b"hello")))]);
    assert_eq!(wire.text().unwrap(), "hello");
    assert_eq!(wire.connector.connections(), 1);
}
