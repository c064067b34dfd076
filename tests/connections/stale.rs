//! The race between a request and a server that closes the connection, for each moment, method and kind of body.

use std::fmt::Debug;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures::executor::block_on;
use futures::{AsyncRead, AsyncWrite, stream};
use http::Method;
use waterspout::testing::ManualTimer;
use waterspout::{Agent, Body, BoxFuture, Client, Connector, ErrorKind, Origin, Result, Transport};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

/// When the server closes an idle connection, as seen from the next request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Moment {
    /// The close can be noticed before anything is written.
    BeforeCheckout,
    /// The first write fails.
    BeforeWrite,
    /// The head is accepted, and the write after it fails.
    AfterHead,
    /// The whole request is accepted, and no response comes.
    AfterRequest,
    /// In the middle of the response's head.
    MidHead,
    /// In the middle of the response's body.
    MidBody,
    /// After the whole response.
    AfterAnswer,
}

const MOMENTS: [Moment; 7] = [
    Moment::BeforeCheckout,
    Moment::BeforeWrite,
    Moment::AfterHead,
    Moment::AfterRequest,
    Moment::MidHead,
    Moment::MidBody,
    Moment::AfterAnswer,
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    None,
    Bytes,
    Factory,
    Stream,
}

impl Kind {
    fn body(self) -> Body {
        let pieces = || stream::iter(["some ", "body"].map(Ok::<_, io::Error>));
        match self {
            Self::None => Body::empty(),
            Self::Bytes => Body::from("some body"),
            // With a length: a small body without a length is gathered before anything is written.
            Self::Factory => Body::factory(pieces).with_length(9),
            Self::Stream => Body::stream(pieces()).with_length(9),
        }
    }

    fn replayable(self) -> bool {
        self != Self::Stream
    }
}

#[derive(Default)]
struct Seen {
    /// What each connection received.
    requests: Vec<Vec<u8>>,
}

/// The first connection answers a request and then fails at `moment`. All other connections answer every request.
#[derive(Clone)]
struct Server {
    moment: Moment,
    reset: bool,
    seen: Arc<Mutex<Seen>>,
}

struct Wire {
    server: Server,
    index: usize,
    /// The number of whole requests answered so far; `pending` holds the bytes received since.
    answered: usize,
    pending: Vec<u8>,
    output: Vec<u8>,
    closing: bool,
}

impl Connector for Server {
    fn connect<'a>(&'a self, _: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        Box::pin(async move {
            let mut seen = self.seen.lock().unwrap();
            seen.requests.push(Vec::new());
            let index = seen.requests.len() - 1;
            let (pending, output) = (Vec::new(), Vec::new());
            let wire = Wire { server: self.clone(), index, answered: 0, pending, output, closing: false };
            Ok(Box::new(wire) as Box<dyn Transport>)
        })
    }
}

impl Wire {
    /// Returns the moment at which the current request fails, if it fails.
    fn fate(&self) -> Option<Moment> {
        (self.index == 0 && self.answered == 1).then_some(self.server.moment)
    }

    fn closed<T>(&self, end: T) -> Poll<io::Result<T>> {
        Poll::Ready(if self.server.reset { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(end) })
    }

    /// Answers the request in `pending` if it is complete.
    fn answer(&mut self) {
        let text = String::from_utf8_lossy(&self.pending).into_owned();
        let Some(head) = text.find("\r\n\r\n") else { return };
        let has_body = text.to_ascii_lowercase().contains("content-length: 9");
        if self.pending.len() < head + 4 + if has_body { 9 } else { 0 } {
            return;
        }
        let cut = match self.fate() {
            Some(Moment::AfterRequest) => 0,
            Some(Moment::MidHead) => 20,
            Some(Moment::MidBody) => ANSWER.len() - 2,
            _ => ANSWER.len(),
        };
        self.closing = cut < ANSWER.len() || self.fate() == Some(Moment::AfterAnswer);
        self.output.extend_from_slice(&ANSWER[..cut]);
        self.pending.clear();
        self.answered += 1;
    }
}

impl Transport for Wire {
    fn is_idle(&mut self) -> bool {
        self.fate() != Some(Moment::BeforeCheckout)
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let count = self.output.len().min(buffer.len());
        if count > 0 {
            buffer[..count].copy_from_slice(&self.output[..count]);
            self.output.drain(..count);
            return Poll::Ready(Ok(count));
        }
        let failed = matches!(self.fate(), Some(Moment::BeforeWrite | Moment::AfterHead));
        if self.closing || failed { self.closed(0) } else { Poll::Pending }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.fate() {
            Some(Moment::BeforeWrite) => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            Some(Moment::AfterHead) if self.pending.ends_with(b"\r\n\r\n") => {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            _ => {}
        }
        self.server.seen.lock().unwrap().requests[self.index].extend_from_slice(bytes);
        self.pending.extend_from_slice(bytes);
        if self.fate() != Some(Moment::AfterHead) {
            self.answer();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Sends two requests. Returns the error of the second request, if it fails, and the number of connections.
fn outcome(moment: Moment, reset: bool, method: &Method, kind: Kind) -> (Option<ErrorKind>, usize) {
    let server = Server { moment, reset, seen: Arc::default() };
    let agent = Agent::new(server.clone(), ManualTimer::new());
    let client = Client::builder().backend(agent).timer(ManualTimer::new()).build().unwrap();
    let url = "http://example.com/";
    let first = block_on(async { client.get(url).await?.text().await });
    assert_eq!(first.unwrap(), "hello");
    let second = block_on(async { client.request(method.clone(), url).body(kind.body()).await?.text().await });
    let connections = server.seen.lock().unwrap().requests.len();
    (second.err().map(|error| error.kind()), connections)
}

/// Returns the outcome that RFC 9110, section 9.2.2, demands.
fn expected(moment: Moment, method: &Method, kind: Kind) -> (Option<ErrorKind>, usize) {
    let closed = (Some(ErrorKind::ConnectionClosed), 1);
    let may_repeat = match moment {
        // The client notices the close in time, or the close does not matter.
        Moment::BeforeCheckout => return (None, 2),
        Moment::AfterAnswer => return (None, 1),
        // The response had begun.
        Moment::MidHead | Moment::MidBody => return closed,
        // No byte was sent.
        Moment::BeforeWrite => true,
        // A server that has received a whole request, or a part of its body, may have acted on it.
        Moment::AfterHead | Moment::AfterRequest => method.is_idempotent(),
    };
    if may_repeat && kind.replayable() { (None, 2) } else { closed }
}

#[test]
fn request_is_replayed_only_if_the_server_cannot_have_acted_on_it() {
    let methods =
        [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE, Method::POST, Method::PATCH];
    let mut cases = 0;
    for (moment, reset) in MOMENTS.into_iter().flat_map(|moment| [(moment, false), (moment, true)]) {
        for method in &methods {
            let bodiless = [Method::GET, Method::HEAD].contains(method);
            let kinds =
                if bodiless { &[Kind::None][..] } else { &[Kind::None, Kind::Bytes, Kind::Factory, Kind::Stream] };
            for kind in kinds {
                // A response to HEAD has no body that could break off.
                if *method == Method::HEAD && [Moment::MidBody, Moment::AfterAnswer].contains(&moment) {
                    continue;
                }
                let got = outcome(moment, reset, method, *kind);
                assert_eq!(got, expected(moment, method, *kind), "{moment:?}, reset {reset}, {method}, {kind:?}");
                cases += 1;
            }
        }
    }
    assert!(cases > 280, "{cases}");
}
