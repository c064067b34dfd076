//! Mutated responses of HTTP/1.1, with everything that the agent reads of them: framing, codings, redirects, challenges,
//! cookies, charsets and events.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use futures::StreamExt;
use waterspout::cookies::CookieJar;
use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
use waterspout::{Agent, Client};

use crate::support::polling::run_until_stalled;

use super::mutator::{Mutator, fuzz};

const PLAIN: [&str; 15] = [
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nkeep-alive: timeout=5, max=100\r\n\r\nhello",
    "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 5\r\n\r\nhello",
    "HTTP/1.1 200\r\n\r\nhello until the end",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n\
     5;name=\"value\"\r\nhello\r\n1\r\n!\r\n0\r\nx-sum: 7\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 301 Moved Permanently\r\nlocation: http://b.test:81/x/../y?q=%20#f\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 307 Temporary Redirect\r\nlocation: //b.test/\r\ncontent-length: 3\r\n\r\nabc",
    "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic realm=\"a\", Digest realm=\"b\", nonce=\"c\", qop=\"auth,auth-int\", \
     algorithm=SHA-256, opaque=\"d\", stale=true, charset=UTF-8, userhash=false\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nset-cookie: sid=1; Domain=a.test; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax\r\n\
     set-cookie: __Host-x=\"2\"; Expires=Thu, 01 Jan 2099 00:00:00 GMT\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=\"shift_jis\"\r\ncontent-length: 6\r\n\r\n\x1b\x24\x42\x30\x6c!",
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nid: 1\nevent: a\ndata: b\ndata: c\nretry: 10\n\n: comment\n\n",
    "HTTP/1.1 503 Service Unavailable\r\nretry-after: Thu, 01 Jan 2099 00:00:00 GMT\r\nratelimit-reset: 5\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\nA\r\n0123456789\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n05 ; a\r\nhello\r\n00\r\nx: 1\r\ny: 2\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\ncontent-length: 99\r\n\r\n",
];

/// Encodes a body that a decoder expands a hundredfold.
fn coded(coding: &str) -> Vec<u8> {
    let data = b"0123456789".repeat(1_000);
    let body = match coding {
        "gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&data).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&data).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut body = Vec::new();
            brotli::CompressorWriter::new(&mut body, 4096, 5, 16).write_all(&data).unwrap();
            body
        }
        _ => {
            // A frame of two blocks: raw bytes, and a byte that is repeated.
            let raw = [&[0x28, 0xb5, 0x2f, 0xfd, 0, 0x20, 0x28, 0, 0][..], b"hello"].concat();
            [&raw[..], &[(1_000 << 3 | 3) as u8, (1_000_u32 << 3 >> 8) as u8, 0, b'!']].concat()
        }
    };
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), &body].concat()
}

/// Makes two connections that each send `answer` in pieces and then close, and two that send a good response, for
/// redirects and for the answers to challenges.
fn connector(answer: &[u8], mutator: &mut Mutator) -> ScriptedConnector {
    let mut script = || {
        let (first, second) = answer.split_at(mutator.below(answer.len() + 1));
        Script::new().expect_head().send(first).pause().send(second)
    };
    let good = Script::new().expect_head().send(PLAIN[0]);
    ScriptedConnector::new([script(), script(), good.clone(), good])
}

/// Fetches a URL whose server answers with these bytes. Returns whether the whole response was accepted.
fn is_accepted(answer: &[u8], mutator: &mut Mutator) -> bool {
    let jar = CookieJar::new();
    let agent = Agent::new(connector(answer, mutator), ManualTimer::new()).with_cookies(jar.clone());
    let client = Client::builder().backend(agent).timer(ManualTimer::new()).build().unwrap();
    let method = mutator.pick(&["GET", "GET", "HEAD", "POST"]).parse().unwrap();
    let url = mutator.pick(&["http://a.test/x", "https://b.a.test/"]);
    let is_collected = mutator.below(2) == 0;
    let outcome = run_until_stalled(async {
        let mut response = client.request(method, url).digest_auth("user", "password").await?;
        let _ = format!("{response:?} {:?}", response.history());
        if is_collected {
            return Ok(response.text().await?.len());
        }
        let mut length = 0;
        while let Some(chunk) = response.chunk().await? {
            length += chunk.len();
        }
        let _ = format!("{:?}", response.trailers());
        waterspout::Result::Ok(length)
    });
    let outcome = outcome.expect("the request hangs");
    // The default limit of the expansion is 200, and a text may become three times as long when its charset is decoded.
    assert!(outcome.as_ref().map_or(0, |length| *length) <= 3 * (200 * answer.len() + (1 << 20)));
    // What the jar has stored can be restored.
    let stored = jar.to_json();
    assert_eq!(CookieJar::from_json(&stored).unwrap().len(), jar.len(), "{stored}");
    outcome.inspect_err(|error| drop(format!("{error} {error:?} {}", error.report()))).is_ok()
}

#[test]
fn mutated_responses_end_without_a_panic() {
    fuzz(&PLAIN.map(str::as_bytes), is_accepted);
}

#[test]
fn mutated_chunks_end_without_a_panic() {
    let seeds: [&[u8]; 3] = [
        b"1\r\na\r\n2\r\nbc\r\n3;name=\"value\"\r\ndef\r\nA\r\n0123456789\r\n0\r\n\r\n",
        b"05 ; a\r\nhello\r\n00\r\nx: 1\r\ny: 2\r\n\r\n",
        b"0;last\r\nx-sum: 7\r\n\r\n",
    ];
    fuzz(&seeds, |body, mutator| {
        is_accepted(&[b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", body].concat(), mutator)
    });
}

#[test]
fn mutated_codings_end_without_a_panic() {
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let body = coded(coding);
        // The body ends with the connection, so that a change of its length is no error of the framing.
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\n\r\n");
        fuzz(&[&body], |body, mutator| is_accepted(&[head.as_bytes(), body].concat(), mutator));
    }
}

#[test]
fn mutated_fields_end_without_a_panic() {
    let values: [(&str, &[&[u8]]); 5] = [
        (
            "401 Unauthorized\r\nwww-authenticate",
            &[
                b"Basic realm=\"a\", Digest realm=\"b\", nonce=\"c\", qop=\"auth,auth-int\", algorithm=SHA-256",
                b"Digest realm=\"a\\\"b\", nonce=\"\", opaque=\"d\", stale=true, charset=UTF-8, userhash=true, qop=auth",
                b"Negotiate abc==, Digest nonce=x, algorithm=MD5-sess, realm=y",
            ],
        ),
        ("302 Found\r\nlocation", &[b"http://b.test:81/x/../y?q=%20#f", b"//user:pass@b.test", b"../a b\xc3\xa9", b"?"]),
        (
            "200 OK\r\nset-cookie",
            &[b"sid=1; Domain=a.test; Path=/; Max-Age=60; Secure", b"a=\xff; Expires=Thu, 01 Jan 2099 00:00:00 GMT"],
        ),
        ("200 OK\r\ncontent-type", &[b"text/html; charset=\"shift_jis\"", b"text/plain;charset=utf-16le;x=y"]),
        ("200 OK\r\nkeep-alive", &[b"timeout=5, max=100", b"timeout=\"3\";x"]),
    ];
    for (start, seeds) in values {
        fuzz(seeds, |value, mutator| {
            let answer = [b"HTTP/1.1 ", start.as_bytes(), b": ", value, b"\r\ncontent-length: 3\r\n\r\nabc"].concat();
            is_accepted(&answer, mutator)
        });
    }
}

#[test]
fn mutated_event_streams_end_without_a_panic() {
    let seeds: Vec<&[u8]> = [10, 10, 0].iter().map(|seed: &usize| PLAIN[*seed].as_bytes()).collect();
    fuzz(&seeds, |answer, mutator| {
        let timer = ManualTimer::new();
        let agent = Agent::new(connector(answer, mutator), timer.clone());
        let client = Client::builder().backend(agent).timer(timer).build().unwrap();
        let mut events = client.get("http://a.test/").events().reconnect(false).max_event_size(1_000);
        let mut seen = 0;
        run_until_stalled(async {
            while let Some(Ok(event)) = events.next().await {
                assert!(event.data.len() <= 1_000);
                seen += 1;
            }
        })
        .expect("the stream hangs");
        seen > 0
    });
}
