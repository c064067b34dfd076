//! Byte streams that use TLS from the start or from a later point.

use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use async_io::Async;
use futures::future::join;
use futures::{AsyncReadExt, AsyncWriteExt};
use rcgen::{Certificate, KeyPair};
use waterspout::platform::native::{TcpClient, TlsConfig};
use waterspout::testing::ManualTimer;
use waterspout::tornado::IoStream;
use waterspout::{ErrorKind, Phase};

use super::tls::{refused, secret_server};
use crate::support::tls::{Authority, acceptor, trusting};

/// Starts a server that reads a line of plain text, then uses TLS and echoes all bytes. Returns its port and a channel
/// for the line.
fn upgrading(certificate: (Certificate, KeyPair)) -> (u16, mpsc::Receiver<String>) {
    let acceptor = acceptor(certificate, None);
    let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
    let port = listener.get_ref().local_addr().unwrap().port();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        async_io::block_on(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut line = [0; 10];
                if stream.read_exact(&mut line).await.is_err() || stream.write_all(b"go on\r\n").await.is_err() {
                    continue;
                }
                let _ = tell.send(String::from_utf8_lossy(&line).into_owned());
                if let Ok(stream) = acceptor.accept(stream).await {
                    let (from, mut to) = stream.split();
                    let _ = futures::io::copy(from, &mut to).await;
                    let _ = to.close().await;
                }
            }
        })
    });
    (port, told)
}

/// Connects to the server of [`upgrading`] and agrees on the upgrade to TLS.
async fn agreed(port: u16) -> IoStream {
    let stream = TcpClient::new().connect("127.0.0.1", port).await.unwrap();
    stream.write("STARTTLS\r\n").await.unwrap();
    assert_eq!(stream.read_until("\r\n", 100).await.unwrap(), "go on\r\n");
    stream
}

#[test]
fn stream_can_start_tls_after_plain_text() {
    let authority = Authority::new();
    let (port, heard) = upgrading(authority.issue(&["server.test"], |_| {}));
    async_io::block_on(async {
        let stream = agreed(port).await;
        let tls = trusting(&authority);
        let secured = tls.start_tls(&stream, "server.test");
        // The write happens during the handshake.
        let (secured, written) = join(secured, async { stream.write("secret\r\n").await }).await;
        secured.unwrap();
        written.unwrap();
        assert_eq!(stream.read_until("\r\n", 100).await.unwrap(), "secret\r\n");
        stream.shutdown().await.unwrap();
        stream.closed().await.unwrap();
    });
    assert_eq!(heard.recv().unwrap(), "STARTTLS\r\n");
}

#[test]
fn start_tls_is_refused_while_received_bytes_are_unread() {
    let authority = Authority::new();
    let (port, _heard) = upgrading(authority.issue(&["server.test"], |_| {}));
    async_io::block_on(async {
        let stream = TcpClient::new().connect("127.0.0.1", port).await.unwrap();
        stream.write("STARTTLS\r\n").await.unwrap();
        assert_eq!(stream.read_exact(1).await.unwrap(), "g");
        let error = trusting(&authority).start_tls(&stream, "server.test").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
        assert_eq!(stream.read_until("\r\n", 100).await.unwrap(), "o on\r\n");
    });
}

#[test]
fn start_tls_checks_the_certificate_for_the_named_host() {
    let authority = Authority::new();
    let (port, _heard) = upgrading(authority.issue(&["server.test"], |_| {}));
    async_io::block_on(async {
        let stream = agreed(port).await;
        trusting(&authority).start_tls(&stream, "server.test").await.unwrap();
        // The server accepts the next connection only after this stream is closed.
        stream.close();

        let stream = agreed(port).await;
        let outcome = trusting(&authority).start_tls(&stream, "other.test").await;
        refused(outcome.map(|()| String::new()), "not for other.test");
        // The stream sends no more plain text.
        assert_eq!(stream.write("secret").await.unwrap_err().kind(), ErrorKind::Tls);

        let stream = agreed(port).await;
        let careless = trusting(&authority).danger_accept_invalid_certificates(true);
        careless.start_tls(&stream, "other.test").await.unwrap();
    });
}

#[test]
fn tls_stream_is_read_and_written_on_two_threads() {
    const PIECES: usize = 64;
    let authority = Authority::new();
    let (port, _heard) = upgrading(authority.issue(&["server.test"], |_| {}));
    let stream = Arc::new(async_io::block_on(async {
        let stream = agreed(port).await;
        trusting(&authority).start_tls(&stream, "server.test").await.unwrap();
        stream
    }));
    let writing = stream.clone();
    let writer = std::thread::spawn(move || {
        futures::executor::block_on(async {
            for piece in 0..PIECES {
                writing.write(vec![piece as u8; 65_536]).await.unwrap();
            }
        });
    });
    futures::executor::block_on(async {
        for piece in 0..PIECES {
            let bytes = stream.read_exact(65_536).await.unwrap();
            assert!(bytes.iter().all(|byte| *byte == piece as u8), "piece {piece}");
        }
    });
    writer.join().unwrap();
}

#[test]
fn connect_limit_covers_the_tls_handshake() {
    let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
    let port = listener.get_ref().local_addr().unwrap().port();
    let (timer, limit) = (ManualTimer::new(), Duration::from_secs(5));
    let client = TcpClient::new().timer(timer.clone()).timeout(limit);
    let tls = TlsConfig::new().without_system_roots().danger_accept_invalid_certificates(true);
    let error = async_io::block_on(async {
        let silent = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            // The client has begun the handshake.
            stream.read_exact(&mut [0; 1]).await.unwrap();
            timer.advance(limit);
            stream
        };
        join(client.connect_tls("127.0.0.1", port, &tls), silent).await.0.unwrap_err()
    });
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Connect), "{error}");
    assert_eq!(timer.pending(), 0);
}

#[test]
fn stream_can_use_tls_from_the_start() {
    let authority = Authority::new();
    let server = secret_server(authority.issue(&["127.0.0.1"], |_| {}), None);
    let answer = async_io::block_on(async {
        let tls = trusting(&authority);
        let stream = TcpClient::new().connect_tls("127.0.0.1", server.address.port(), &tls).await?;
        stream.write("GET / HTTP/1.1\r\nhost: me\r\nconnection: close\r\n\r\n").await?;
        stream.read_until("\r\n", 1000).await
    });
    assert_eq!(answer.unwrap(), "HTTP/1.1 200 OK\r\n");
}
