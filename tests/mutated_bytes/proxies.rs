//! Mutated replies of proxies.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{AsyncRead, AsyncWrite};
use waterspout::ErrorKind;
use waterspout::proxy::Proxy;

use crate::support::polling::run_until_stalled;

use super::mutator::fuzz;

/// A connection to a proxy that sends these bytes, a few at a time, and accepts all bytes.
struct ProxyStream<'a> {
    unread: &'a [u8],
    piece: usize,
}

impl AsyncRead for ProxyStream<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let count = buffer.len().min(self.piece).min(self.unread.len());
        let (read, unread) = self.unread.split_at(count);
        buffer[..count].copy_from_slice(read);
        self.unread = unread;
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for ProxyStream<'_> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Opens a tunnel through proxies of these schemes, which send mutated replies.
fn check(schemes: &[&str], host: &str, replies: &[&[u8]]) {
    fuzz(replies, |reply, mutator| {
        let proxy = Proxy::parse(&format!("{}://user@proxy.test", mutator.pick(schemes))).unwrap();
        let mut stream = ProxyStream { unread: reply, piece: mutator.below(20) + 1 };
        match run_until_stalled(proxy.tunnel(&mut stream, host, 443)).expect("the tunnel hangs") {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Proxy, "{error}");
                false
            }
        }
    });
}

#[test]
fn mutated_replies_to_connect_end_without_a_panic() {
    check(
        &["http", "https"],
        "origin.test",
        &[
            b"HTTP/1.1 200 Connection established\r\n\r\n",
            b"HTTP/1.0 200\r\nproxy-agent: tiny\r\nconnection: keep-alive\r\n\r\n",
            b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=\"a\"\r\ncontent-length: 2\r\n\r\nno",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        ],
    );
}

#[test]
fn mutated_replies_of_socks_5_end_without_a_panic() {
    let replies: [&[u8]; 5] = [
        b"\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x01\xbb",
        b"\x05\x02\x01\x00\x05\x00\x00\x03\x06a.test\x01\xbb",
        b"\x05\x00\x05\x00\x00\x04\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01\xbb",
        b"\x05\x00\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00",
        b"\x05\xff",
    ];
    check(&["socks5h"], "origin.test", &replies);
    check(&["socks5", "socks5h"], "[2606:4700::1]", &replies);
}

#[test]
fn mutated_replies_of_socks_4_end_without_a_panic() {
    let replies: [&[u8]; 3] =
        [b"\x00\x5a\x01\xbb\x00\x00\x00\x00", b"\x00\x5b\x00\x00\x00\x00\x00\x00", b"\x00\x5d\x01\xbb\x7f\x00\x00\x01"];
    check(&["socks4a"], "origin.test", &replies);
    check(&["socks4", "socks4a"], "93.184.216.34", &replies);
}
