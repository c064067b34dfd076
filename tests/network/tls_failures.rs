//! Failures of TLS on an open connection: alerts and records that cannot be decrypted.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::executor::block_on;
use futures::{AsyncRead, AsyncWrite, FutureExt, StreamExt, stream};
use futures_rustls::rustls::version::{TLS12, TLS13};
use futures_rustls::rustls::{AlertDescription, Error as TlsError, SupportedProtocolVersion};
use waterspout::platform::native::{Network, TcpClient};
use waterspout::proxy::Proxies;
use waterspout::testing::ManualTimer;
use waterspout::tornado::IoStream;
use waterspout::{
    Agent, Body, BoxFuture, Client, Connector, Error, ErrorKind, Origin, Phase, Response, Result, Retry, Transport,
};

use super::tls::{secret, secret_server};
use crate::support::tls::{Authority, TlsServer, acceptor_of, trusting};

const URL: &str = "http://server.test/";
const EMPTY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// What a read of the client does.
#[derive(Clone)]
enum Step {
    /// Waits until the client has written a head.
    Request,
    Bytes(&'static str),
    Fail(Failure),
}

/// Makes an I/O error.
type Failure = fn() -> io::Error;

/// A connection that follows steps. Its writes fail with `write_failure` after the first head.
#[derive(Clone, Default)]
struct Wire {
    steps: VecDeque<Step>,
    written: Vec<u8>,
    write_failure: Option<Failure>,
}

impl Wire {
    fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect(), ..Self::default() }
    }

    fn failing_writes(self, failure: Failure) -> Self {
        Self { write_failure: Some(failure), ..self }
    }
}

impl Transport for Wire {}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.steps.front().cloned() {
                Some(Step::Request) if self.written.windows(4).any(|end| end == b"\r\n\r\n") => self.written.clear(),
                Some(Step::Request) => return Poll::Pending,
                Some(Step::Bytes(bytes)) => {
                    self.steps.pop_front();
                    buffer[..bytes.len()].copy_from_slice(bytes.as_bytes());
                    return Poll::Ready(Ok(bytes.len()));
                }
                Some(Step::Fail(failure)) => return Poll::Ready(Err(failure())),
                None => return Poll::Ready(Ok(0)),
            }
            self.steps.pop_front();
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(failure) = self.write_failure.filter(|_| !self.written.is_empty()) {
            return Poll::Ready(Err(failure()));
        }
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

/// Gives every origin a copy of the same connection, and counts them.
#[derive(Clone)]
struct Wires(Wire, Arc<AtomicUsize>);

impl Connector for Wires {
    fn connect<'a>(&'a self, _: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Ok(Box::new(self.0.clone()) as Box<dyn Transport>) })
    }
}

/// Makes a client whose connections all follow the same steps, and the count of its connections.
fn client(wire: Wire) -> (Client, Arc<AtomicUsize>) {
    client_on(&ManualTimer::new(), wire)
}

fn client_on(timer: &ManualTimer, wire: Wire) -> (Client, Arc<AtomicUsize>) {
    let count = Arc::<AtomicUsize>::default();
    let retry = Retry::new().attempts(3).base_delay(Duration::ZERO);
    let agent = Agent::new(Wires(wire, count.clone()), timer.clone());
    (Client::builder().backend(agent).timer(timer.clone()).retry(retry).build().unwrap(), count)
}

fn alert() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, TlsError::AlertReceived(AlertDescription::CertificateRequired))
}

/// I/O errors with an error of TLS in any place.
const FAILURES: [Failure; 6] = [
    alert,
    || io::Error::new(io::ErrorKind::InvalidData, TlsError::DecryptError),
    || io::Error::new(io::ErrorKind::UnexpectedEof, TlsError::AlertReceived(AlertDescription::InternalError)),
    || io::Error::new(io::ErrorKind::ConnectionReset, TlsError::HandshakeNotComplete),
    || io::Error::other(alert()),
    || io::Error::other(Error::new(ErrorKind::Io, Phase::Stream, "wrapped").with_source(io::Error::other(alert()))),
];

/// I/O errors without an error of TLS, each with its kind. The first is what `rustls` returns for a connection that
/// ends without `close_notify`.
const OTHERS: [(Failure, ErrorKind); 4] = [
    (|| io::Error::new(io::ErrorKind::UnexpectedEof, "peer closed connection"), ErrorKind::ConnectionClosed),
    (|| io::ErrorKind::ConnectionReset.into(), ErrorKind::ConnectionClosed),
    (|| io::ErrorKind::InvalidData.into(), ErrorKind::Io),
    (|| io::Error::other(io::Error::other("received fatal alert: CertificateRequired")), ErrorKind::Io),
];

#[track_caller]
fn is_tls(error: &Error, phase: Phase) {
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Tls, phase), "{error}");
    assert!(!error.is_retryable() && error.is_network(), "{error}");
}

async fn read(client: &Client) -> Result<String> {
    client.get(URL).await?.text().await
}

#[test]
fn alert_before_the_head_is_a_tls_error() {
    for failure in FAILURES {
        for begun in ["", "HTTP/1.1 200 OK\r\ncontent-"] {
            let steps = [Step::Request, Step::Bytes(begun), Step::Fail(failure)];
            let wire = Wire::new(steps.into_iter().filter(|step| !matches!(step, Step::Bytes(""))));
            let (client, count) = client(wire);
            let error = block_on(read(&client)).unwrap_err();
            is_tls(&error, Phase::Head);
            assert_eq!((error.attempts().len(), count.load(Ordering::Relaxed)), (1, 1));
        }
    }
}

#[test]
fn alert_within_the_body_is_a_tls_error() {
    let heads = ["content-length: 9\r\n\r\n", "transfer-encoding: chunked\r\n\r\n4\r\n", "connection: close\r\n\r\n"];
    for (failure, head) in FAILURES.into_iter().flat_map(|failure| heads.map(|head| (failure, head))) {
        let status = Step::Bytes("HTTP/1.1 200 OK\r\n");
        let wire = Wire::new([Step::Request, status, Step::Bytes(head), Step::Bytes("body"), Step::Fail(failure)]);
        is_tls(&block_on(read(&client(wire).0)).unwrap_err(), Phase::Body);
    }
}

#[test]
fn other_failures_keep_their_kinds() {
    for (failure, kind) in OTHERS {
        let head = Wire::new([Step::Request, Step::Fail(failure)]);
        let body = Step::Bytes("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n");
        let body = Wire::new([Step::Request, body, Step::Fail(failure)]);
        for wire in [head, body] {
            let error = block_on(read(&client(wire).0)).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.is_retryable());
        }
    }
}

/// Sends a body in two pieces, so that a write follows the first write.
async fn upload(client: &Client) -> Result<Response> {
    let pieces = stream::iter([Ok::<_, io::Error>("one"), Ok("two")]).then(|piece| async {
        // The pieces are not joined.
        let mut is_first = true;
        futures::future::poll_fn(move |cx| {
            cx.waker().wake_by_ref();
            if std::mem::take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        piece
    });
    client.post(URL).body(Body::stream(pieces)).await
}

#[test]
fn alert_explains_a_write_that_fails() {
    let closed: Failure = || io::ErrorKind::BrokenPipe.into();
    let reset: Failure = || io::ErrorKind::ConnectionReset.into();
    for failure in FAILURES {
        for wire in [
            // The server has sent the alert before it closed the connection.
            Wire::new([Step::Request, Step::Fail(failure)]).failing_writes(closed),
            // The transport reports the alert to the write.
            Wire::new([Step::Request, Step::Fail(reset)]).failing_writes(failure),
            Wire::new([Step::Request]).failing_writes(failure),
        ] {
            is_tls(&block_on(upload(&client(wire).0)).unwrap_err(), Phase::Head);
        }
    }
    let wire = Wire::new([Step::Request, Step::Fail(reset)]).failing_writes(closed);
    assert_eq!(block_on(upload(&client(wire).0)).unwrap_err().kind(), ErrorKind::ConnectionClosed);
}

#[test]
fn response_before_an_alert_is_received() {
    let wire = Wire::new([Step::Request, Step::Bytes(EMPTY), Step::Fail(alert)]).failing_writes(alert);
    assert_eq!(block_on(upload(&client(wire).0)).unwrap().status(), 200);
}

#[test]
fn alert_on_a_reused_connection_is_a_tls_error() {
    for failure in FAILURES {
        let (client, count) =
            client(Wire::new([Step::Request, Step::Bytes(EMPTY), Step::Request, Step::Fail(failure)]));
        block_on(async {
            assert_eq!(read(&client).await.unwrap(), "");
            let error = read(&client).await.unwrap_err();
            is_tls(&error, Phase::Head);
            assert_eq!(error.transfer().connection_reused, Some(true));
        });
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn connection_with_an_alert_while_idle_is_replaced() {
    let (client, count) = client(Wire::new([Step::Request, Step::Bytes(EMPTY), Step::Fail(alert)]));
    block_on(async {
        for _ in 0..2 {
            assert_eq!(read(&client).await.unwrap(), "");
        }
    });
    assert_eq!(count.load(Ordering::Relaxed), 2);
}

#[test]
fn events_reconnect_after_an_alert_in_an_open_stream() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let wire = Wire::new([Step::Request, Step::Bytes(head), Step::Bytes("data: x\n\n"), Step::Fail(alert)]);
    let timer = ManualTimer::new();
    let (client, count) = client_on(&timer, wire);
    let mut events = client.get(URL).events();
    for connections in 1..=3 {
        let event = loop {
            match events.next().now_or_never() {
                Some(event) => break event.unwrap().unwrap(),
                // The delay before the next connection.
                None => timer.advance(Duration::from_secs(10)),
            }
        };
        assert_eq!((event.data.as_str(), count.load(Ordering::Relaxed)), ("x", connections));
    }
}

#[test]
fn alert_on_a_stream_is_a_tls_error() {
    for failure in FAILURES {
        let reading = IoStream::new(Wire::new([Step::Bytes("data"), Step::Fail(failure)]));
        is_tls(&block_on(reading.read_exact(5)).unwrap_err(), Phase::Stream);
        let writing = IoStream::new(Wire::new([Step::Request]).failing_writes(failure));
        block_on(writing.write("one")).unwrap();
        is_tls(&block_on(writing.write("two")).unwrap_err(), Phase::Stream);
        let waiting = IoStream::new(Wire::new([Step::Fail(failure)]));
        is_tls(&block_on(waiting.closed()).unwrap_err(), Phase::Stream);
    }
    let cut = IoStream::new(Wire::new([Step::Bytes("data"), Step::Fail(OTHERS[0].0)]));
    assert_eq!(block_on(cut.read_exact(5)).unwrap_err().kind(), ErrorKind::Io);
}

/// Starts a server that requires a client certificate.
fn requiring(authority: &Authority, version: &'static SupportedProtocolVersion) -> TlsServer {
    let certificate = authority.issue(&["127.0.0.1"], |_| {});
    TlsServer::start(acceptor_of(&[version], certificate, Some(authority.roots())), secret())
}

#[test]
fn missing_client_certificate_is_a_tls_error() {
    let authority = Authority::new();
    // In TLS 1.3 the client learns after its handshake that the server refuses the certificate.
    for (version, phase) in [(&TLS12, Phase::Connect), (&TLS13, Phase::Head)] {
        let server = requiring(&authority, version);
        let client = Client::builder().backend(Network::new().tls(trusting(&authority)).agent()).build().unwrap();
        let url = format!("https://{}/", server.address);
        for request in [client.get(&url), client.post(&url).body(vec![7; 4_000_000])] {
            let error = async_io::block_on(async { request.await?.text().await }).unwrap_err();
            is_tls(&error, phase);
            assert!(error.report().to_string().contains("alert"), "{error}");
        }
    }
}

#[test]
fn proxy_that_refuses_by_an_alert_is_not_retried() {
    let authority = Authority::new();
    let origin = secret_server(authority.issue(&["127.0.0.1"], |_| {}), None);
    for version in [&TLS12, &TLS13] {
        let proxy = requiring(&authority, version);
        let proxies = Proxies::all(format!("https://{}", proxy.address).as_str()).unwrap();
        let network = Network::new().proxies(proxies).tls(trusting(&authority));
        let client = Client::builder().backend(network.agent()).build().unwrap();
        let url = format!("https://{}/", origin.address);
        let error = async_io::block_on(async { client.get(url).await?.text().await }).unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Proxy, false), "{error}");
        assert!(error.report().to_string().contains("alert"), "{error}");
    }
}

#[test]
fn stream_learns_that_its_client_certificate_is_missing() {
    let authority = Authority::new();
    let server = requiring(&authority, &TLS13);
    let error = async_io::block_on(async {
        let tls = trusting(&authority);
        let stream = TcpClient::new().connect_tls("127.0.0.1", server.address.port(), &tls).await.unwrap();
        stream.read_exact(1).await.unwrap_err()
    });
    is_tls(&error, Phase::Stream);
}
