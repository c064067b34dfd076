//! Small requests over connections in memory.

use std::cell::Cell;

use futures::executor::block_on;
use futures::future::join_all;
use waterspout::{Bytes, Client, Result};

use crate::memory::Server;

const URL: &str = "http://example.com/";
const RESPONSE: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\r\nHello, world!";

/// A body of 1 KiB, whose last bytes occur nowhere else in a request.
const UPLOAD: &[u8] = &{
    let mut body = [b'a'; 1024];
    body[1023] = b'\0';
    body
};

async fn get(client: &Client) -> Result<Bytes> {
    client.get(URL).await?.bytes().await
}

/// Sends requests, the next after the end of the last.
pub fn get_1(count: usize) {
    let client = Server { responds_late: true, ..Server::new(RESPONSE) }.client(1);
    block_on(async {
        for _ in 0..count {
            assert_eq!(get(&client).await.expect("a response").len(), 13);
        }
    });
}

/// Sends requests, 64 at once.
pub fn get_64(count: usize) {
    let client = Server::new(RESPONSE).client(64);
    let left = Cell::new(count);
    block_on(join_all((0..64).map(|_| async {
        while left.get() > 0 {
            left.set(left.get() - 1);
            assert_eq!(get(&client).await.expect("a response").len(), 13);
        }
    })));
}

/// Sends requests with a body.
pub fn post(count: usize) {
    let client = Server { request_end: b"\0", ..Server::new(RESPONSE) }.client(1);
    let body = Bytes::from_static(UPLOAD);
    block_on(async {
        for _ in 0..count {
            let response = client.post(URL).body(body.clone()).await.expect("a response");
            assert_eq!(response.bytes().await.expect("a body").len(), 13);
        }
    });
}

/// Sends requests whose responses have 50 headers.
pub fn headers(count: usize) {
    let lines: String = (0..49).map(|number| format!("x-header-{number}: value {number} of a response\r\n")).collect();
    let response = format!("HTTP/1.1 200 OK\r\n{lines}content-length: 13\r\n\r\nHello, world!");
    let client = Server::new(response).client(1);
    block_on(async {
        for _ in 0..count {
            let response = client.get(URL).await.expect("a response");
            assert_eq!(response.headers().len(), 50);
            assert_eq!(response.bytes().await.expect("a body").len(), 13);
        }
    });
}
