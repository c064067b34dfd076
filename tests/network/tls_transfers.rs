//! What TLS reads from and writes to the connection below it, with a server in the same thread.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use bytes::{Buf, BufMut, BytesMut};
use futures::executor::block_on;
use futures::{AsyncRead, AsyncWrite};
use futures_rustls::pki_types::PrivateKeyDer;
use futures_rustls::pki_types::pem::PemObject;
use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::version::{TLS12, TLS13};
use futures_rustls::rustls::{ServerConfig, ServerConnection, SupportedProtocolVersion};
use waterspout::tornado::IoStream;
use waterspout::{Bytes, ErrorKind, Transport};

use crate::support::tls::{Authority, trusting};

/// The server, and the bytes on their way to the client.
struct Peer {
    session: ServerConnection,
    /// The bytes that the server has sent and the client has not read.
    sent: BytesMut,
    /// The decrypted bytes that the server has received.
    received: Vec<u8>,
    /// Maximum number of bytes that a read of the client returns.
    max_read: usize,
    has_ended: bool,
    reads: usize,
    writes: usize,
    reader: Option<Waker>,
}

/// The client's end of the connection, and the test's access to the server.
#[derive(Clone)]
struct Wire(Arc<Mutex<Peer>>);

impl Wire {
    fn peer(&self) -> MutexGuard<'_, Peer> {
        self.0.lock().unwrap()
    }

    /// Lets the server send a body in records of at most 16 KiB.
    fn send(&self, body: &[u8]) {
        let mut peer = self.peer();
        peer.session.writer().write_all(body).unwrap();
        peer.advance();
    }

    /// Takes what the server has received.
    fn received(&self) -> Vec<u8> {
        std::mem::take(&mut self.peer().received)
    }
}

impl Peer {
    /// Moves the server's records to the connection.
    fn advance(&mut self) {
        while self.session.wants_write() {
            self.session.write_tls(&mut (&mut self.sent).writer()).unwrap();
        }
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl Transport for Wire {}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut peer = self.peer();
        peer.reads += 1;
        let count = peer.sent.len().min(buffer.len()).min(peer.max_read);
        if count == 0 && !peer.has_ended {
            peer.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        peer.sent.copy_to_slice(&mut buffer[..count]);
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, mut bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut peer = self.peer();
        peer.writes += 1;
        let count = bytes.len();
        while !bytes.is_empty() {
            peer.session.read_tls(&mut bytes).unwrap();
            // The server fails if the client sends an alert.
            if peer.session.process_new_packets().is_ok() {
                let Peer { session, received, .. } = &mut *peer;
                let _ = session.reader().read_to_end(received);
            }
        }
        peer.advance();
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Connects a stream with TLS of this version to a server.
fn connected(version: &'static SupportedProtocolVersion, max_read: usize) -> (IoStream, Wire) {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(&["server.test"], |_| {});
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let config = builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let mut session = ServerConnection::new(Arc::new(config)).unwrap();
    session.set_buffer_limit(None);
    let peer = Peer {
        session,
        sent: BytesMut::new(),
        received: Vec::new(),
        max_read,
        has_ended: false,
        reads: 0,
        writes: 0,
        reader: None,
    };
    let wire = Wire(Arc::new(Mutex::new(peer)));
    let stream = IoStream::new(wire.clone());
    block_on(trusting(&authority).start_tls(&stream, "server.test")).unwrap();
    (stream, wire)
}

/// Returns bytes whose order a test can check.
fn pattern(length: usize) -> Vec<u8> {
    (0..length as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[test]
fn read_takes_all_records_that_have_arrived() {
    const BODY: usize = 16 * 1024 * 1024;
    let body = pattern(BODY);
    for version in [&TLS12, &TLS13] {
        let (stream, wire) = connected(version, usize::MAX);
        let before = wire.peer().reads;
        wire.send(&body);
        assert!(block_on(stream.read_exact(BODY)).unwrap() == body, "{version:?}");
        let reads = wire.peer().reads - before;
        // Each read has room for 256 KiB, once the first reads have found that as much arrives.
        assert!(reads <= BODY / (256 * 1024) + 12, "{reads} reads with {version:?}");
    }
}

#[test]
fn bytes_are_the_same_however_records_are_split() {
    let body = pattern(300_000);
    for version in [&TLS12, &TLS13] {
        for max_read in [1, 5, 6, 1000, 16_389, 16_406, 40_000, usize::MAX] {
            let (stream, wire) = connected(version, max_read);
            // The records have other lengths than the reads of the stream.
            for piece in body.chunks(13_001) {
                wire.send(piece);
            }
            let mut received = Vec::new();
            for count in [1, 4095, 16_384, 100_000, 179_520] {
                received.extend_from_slice(&block_on(stream.read_exact(count)).unwrap());
            }
            assert!(received == body, "{version:?} in reads of {max_read}");
        }
    }
}

#[test]
fn upload_writes_several_records_at_once() {
    const BODY: usize = 4 * 1024 * 1024;
    let body = pattern(BODY);
    for version in [&TLS12, &TLS13] {
        let (stream, wire) = connected(version, usize::MAX);
        let before = wire.peer().writes;
        block_on(async { stream.write(Bytes::from(body.clone())).await }).unwrap();
        let writes = wire.peer().writes - before;
        assert!(wire.received() == body, "{version:?}");
        assert!(writes <= BODY / (64 * 1024) + 2, "{writes} writes with {version:?}");
    }
}

#[test]
fn stream_ends_after_close_notify_alone() {
    for (says_so, version) in [(true, &TLS12), (true, &TLS13), (false, &TLS12), (false, &TLS13)] {
        let (stream, wire) = connected(version, usize::MAX);
        wire.send(b"all there is");
        if says_so {
            wire.peer().session.send_close_notify();
            wire.peer().advance();
        }
        wire.peer().has_ended = true;
        let text = block_on(stream.read_exact(12)).unwrap();
        assert_eq!(text, "all there is");
        let outcome = block_on(stream.read_until_close());
        match says_so {
            true => assert_eq!(outcome.unwrap(), ""),
            false => assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Io),
        }
    }
}

#[test]
fn bytes_before_a_damaged_record_are_read_and_the_server_is_told() {
    for version in [&TLS12, &TLS13] {
        let (stream, wire) = connected(version, usize::MAX);
        wire.send(b"before");
        wire.send(b"behind");
        *wire.peer().sent.last_mut().unwrap() ^= 1;
        let writes = wire.peer().writes;
        assert_eq!(block_on(stream.read_exact(6)).unwrap(), "before");
        let error = block_on(stream.read_exact(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
        assert!(wire.peer().writes > writes, "no alert was sent");
    }
}

#[test]
fn keys_can_change_in_the_middle_of_a_transfer() {
    let (stream, wire) = connected(&TLS13, 1000);
    for round in 0..3 {
        wire.send(b"before");
        wire.peer().session.refresh_traffic_keys().unwrap();
        wire.send(b"behind");
        assert_eq!(block_on(stream.read_exact(12)).unwrap(), "beforebehind", "round {round}");
        // The answer to the server's change comes before the bytes, which have the new keys.
        block_on(async { stream.write("answer").await }).unwrap();
        assert_eq!(wire.received(), b"answer");
    }
}

#[test]
fn bytes_that_arrive_during_a_write_are_kept() {
    let (stream, wire) = connected(&TLS13, usize::MAX);
    for round in 0..3 {
        wire.send(b"early");
        block_on(async { stream.write(pattern(200_000)).await }).unwrap();
        assert!(wire.received() == pattern(200_000), "round {round}");
        assert_eq!(block_on(stream.read_exact(5)).unwrap(), "early");
    }
}

/// Sends plain bytes in place of the server's part of the handshake. Returns the error of the client.
fn answered_with(records: &[u8]) -> ErrorKind {
    let (_, wire) = connected(&TLS13, usize::MAX);
    let stream = IoStream::new(wire.clone());
    wire.peer().sent = records.into();
    wire.peer().has_ended = true;
    block_on(trusting(&Authority::new()).start_tls(&stream, "server.test")).unwrap_err().kind()
}

#[test]
fn endless_message_of_the_handshake_is_refused() {
    // The header of a handshake message of 65,000 bytes, and then a byte of it in each record.
    let mut records = vec![22, 3, 3, 0, 4, 2, 0, 0xfd, 0xe8];
    for _ in 0..60_000 {
        records.extend_from_slice(&[22, 3, 3, 0, 1, 0]);
    }
    let (_, wire) = connected(&TLS13, usize::MAX);
    let stream = IoStream::new(wire.clone());
    let sent = records.len();
    wire.peer().sent = records[..].into();
    block_on(trusting(&Authority::new()).start_tls(&stream, "server.test")).unwrap_err();
    let taken = sent - wire.peer().sent.len();
    assert!(taken < sent, "the client has taken all {taken} bytes");
}

#[test]
fn damaged_handshake_is_an_error() {
    let mut cases: Vec<Vec<u8>> = vec![
        Vec::new(),
        vec![22],
        vec![22, 3, 3, 0xff, 0xff],
        vec![23, 3, 3, 0, 1, 0],
        vec![21, 3, 3, 0, 2, 2, 40],
        vec![20, 3, 3, 0, 1, 1],
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        vec![22, 3, 3, 0, 4, 2, 0xff, 0xff, 0xff],
    ];
    // The same, and more of it behind.
    cases.extend(cases.clone().into_iter().map(|case| case.repeat(3000)));
    for case in cases {
        assert_eq!(answered_with(&case), ErrorKind::Tls, "{:?}", &case[..case.len().min(10)]);
    }
}
