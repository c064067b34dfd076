//! Large response bodies.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures::executor::block_on;

use crate::memory::Server;

/// Downloads a chunked body of 1,024 chunks of 1 KiB.
pub fn chunked(count: usize) {
    let chunk = format!("400\r\n{}\r\n", "0123456789abcdef".repeat(64));
    let body = chunk.repeat(1024);
    let response = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}0\r\n\r\n");
    download(response.into_bytes(), 1 << 20, count);
}

/// Downloads a compressed body of 256 KiB.
pub fn gzip(count: usize) {
    let text = words(256 << 10);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&text).expect("a write to memory");
    let body = encoder.finish().expect("a write to memory");
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", body.len());
    download([head.into_bytes(), body].concat(), text.len(), count);
}

/// Returns text of this length, with words in a fixed order that looks like chance.
fn words(length: usize) -> Vec<u8> {
    const WORDS: [&str; 8] = ["request ", "response ", "a ", "header ", "of ", "the ", "connection ", "body\n"];
    let mut state = 1_u32;
    let mut text = Vec::with_capacity(length + 16);
    while text.len() < length {
        // The generator of Numerical Recipes.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.extend_from_slice(WORDS[(state >> 29) as usize].as_bytes());
    }
    text.truncate(length);
    text
}

/// Downloads the body of `response`, which has `length` bytes, `count` times.
fn download(response: Vec<u8>, length: usize, count: usize) {
    let client = Server::new(response).client(1);
    block_on(async {
        for _ in 0..count {
            let mut response = client.get("http://example.com/").await.expect("a response");
            let mut received = 0;
            while let Some(chunk) = response.chunk().await.expect("a chunk") {
                received += chunk.len();
            }
            assert_eq!(received, length);
        }
    });
}
