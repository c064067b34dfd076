//! Replies of proxies: CONNECT, SOCKS 4 and SOCKS 5.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{AsyncRead, AsyncWrite};
use waterspout::ErrorKind;
use waterspout::http::StatusCode;
use waterspout::proxy::{Proxy, ProxyScheme};

use crate::choices::{Choices, single_bytes, whole};
use crate::polling::run_until_stalled;

/// The proxies and the hosts of the tunnels. The first byte of the input selects a pair.
const TUNNELS: [(&str, &str); 8] = [
    ("http://user:secret@proxy.test", "origin.test"),
    ("socks5h://user:secret@proxy.test", "origin.test"),
    ("socks5h://proxy.test", "[2606:4700::1]"),
    ("socks5://proxy.test", "93.184.216.34"),
    ("socks4a://user@proxy.test", "origin.test"),
    ("socks4://proxy.test", "93.184.216.34"),
    ("https://proxy.test", "[::1]"),
    ("socks4a://proxy.test", "93.184.216.34"),
];

/// Opens a tunnel through a proxy that replies with the bytes after the first byte of `input`.
///
/// Checks that the split of the bytes changes nothing, and that no byte behind the reply is taken: it belongs to the
/// origin. Only bytes that come together with a reply to CONNECT may be refused: the origin cannot have sent them.
pub fn run(input: &[u8]) {
    let Some((selector, reply)) = input.split_first() else { return };
    let (proxy, host) = TUNNELS[usize::from(*selector) % TUNNELS.len()];
    let proxy = Proxy::parse(proxy).expect("the proxies are valid");
    let mut choices = Choices::of(input);
    let expected = open(&proxy, host, single_bytes(reply));
    for pieces in [whole(reply), choices.split(reply)] {
        compare(&proxy, &open(&proxy, host, pieces), &expected);
    }
    // If the tunnel is open, the same reply with other bytes behind it opens it, too.
    if expected.error.is_none() {
        let end = reply.len() - expected.unread.len();
        let changed = [&reply[..end], b"bytes of the origin"].concat();
        let expected = Tunnel { unread: b"bytes of the origin".to_vec(), ..expected };
        assert_eq!(open(&proxy, host, single_bytes(&changed)), expected);
        compare(&proxy, &open(&proxy, host, choices.split(&changed)), &expected);
    }
}

/// Compares the outcome of other pieces with the outcome of single bytes.
fn compare(proxy: &Proxy, split: &Tunnel, expected: &Tunnel) {
    let is_connect = matches!(proxy.scheme(), ProxyScheme::Http | ProxyScheme::Https);
    if is_connect && expected.error.is_none() && !expected.unread.is_empty() {
        if let Some((.., text)) = &split.error {
            assert!(text.ends_with("sends more than the head that opens a tunnel"), "{text}");
            return;
        }
    }
    assert_eq!(split, expected);
}

#[derive(Debug, PartialEq, Eq)]
struct Tunnel {
    error: Option<(ErrorKind, Option<StatusCode>, String)>,
    /// The bytes of the proxy that were not read. They are not compared after an error: the connection is closed then.
    unread: Vec<u8>,
    written: Vec<u8>,
}

fn open(proxy: &Proxy, host: &str, pieces: Vec<Vec<u8>>) -> Tunnel {
    let mut stream = ProxyStream { unread: pieces.into(), is_paused: false, written: Vec::new() };
    let outcome = run_until_stalled(proxy.tunnel(&mut stream, host, 443)).expect("the tunnel hangs");
    let error = outcome.err().map(|error| {
        assert_eq!(error.kind(), ErrorKind::Proxy, "{error}");
        (error.kind(), error.status(), error.report().to_string())
    });
    let unread = if error.is_some() { Vec::new() } else { Vec::from(stream.unread).concat() };
    Tunnel { error, unread, written: stream.written }
}

/// A connection to a proxy that sends these pieces and then closes.
struct ProxyStream {
    unread: VecDeque<Vec<u8>>,
    /// Whether the read before this read returned pending.
    is_paused: bool,
    written: Vec<u8>,
}

impl AsyncRead for ProxyStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.is_paused = !this.is_paused;
        if this.is_paused {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(piece) = this.unread.front_mut() else { return Poll::Ready(Ok(0)) };
        let count = buffer.len().min(piece.len());
        buffer[..count].copy_from_slice(&piece[..count]);
        piece.drain(..count);
        if piece.is_empty() {
            this.unread.pop_front();
        }
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for ProxyStream {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
