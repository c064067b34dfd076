//! A stream of events that connects again when the connection is lost.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures::Stream;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, StatusCode};

use super::Event;
use super::delay::delay;
use super::parser::Parser;
use crate::client::Client;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::body::Body;
use crate::message::request::{Request, RequestBuilder};
use crate::message::response::Response;
use crate::platform::{self, BoxFuture};

const EVENT_STREAM: &str = "text/event-stream";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How long to wait before connecting again, unless the server or the caller says otherwise.
const DEFAULT_RETRY: Duration = Duration::from_secs(3);
const DEFAULT_MAX_DELAY: Duration = Duration::from_secs(5 * 60);
const DEFAULT_MAX_ATTEMPTS: u32 = 5;

/// How many pieces without an event are read before other tasks have their turn.
const PIECES: usize = 16;

impl Client {
    /// The events that the server sends in answer to `request`, as a stream that connects again when it is lost.
    ///
    /// See [`Events`](crate::sse::Events).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use futures::StreamExt;
    /// use waterspout::{Client, Request, Result};
    ///
    /// # async fn run() -> Result<()> {
    /// let mut events = Client::new().events(Request::get("http://example.com/news"));
    /// while let Some(event) = events.next().await {
    ///     println!("{}", event?.data);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn events(&self, request: impl TryInto<Request, Error: Into<Error>>) -> Events {
        Events::new(self.clone(), request.try_into().map_err(Into::into))
    }
}

impl RequestBuilder<Client> {
    /// The events that the server sends in answer: [`Client::events`].
    pub fn events(self) -> Events {
        let (client, request) = self.into_parts();
        Events::new(client, request)
    }
}

/// What a stream of events is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// It connects, or waits before it does.
    Connecting,
    /// Events come as the server sends them.
    Open,
    /// It has ended.
    Closed,
}

/// A stream of events: [`Client::events`].
///
/// It connects when it is first polled. When the connection ends, by the server's will or not, or a time limit passes, it
/// waits and connects again, with the last event's id in the header `last-event-id`. It waits for as long as the server's
/// last `retry` says, or else 3 s, doubled with each attempt in a row that fails, and up to half more at random. A request
/// that sets `last-event-id` itself begins there.
///
/// A client's slot is held while it is connected, not while it waits. The client's and the request's time limits count for
/// each connection: `idle_timeout` (20 s) is the longest silence, so a server that has little to say should send comments,
/// or the request set another limit, zero for none; then a dead connection may go unnoticed.
///
/// It ends when the server answers with status 204, and after any error. Errors, beyond those of the request:
/// - [`Status`](ErrorKind::Status) if the status is not 200, [`Decode`](ErrorKind::Decode) if the content type is not
///   `text/event-stream`: both are final, as the HTML standard has it;
/// - [`LimitExceeded`](ErrorKind::LimitExceeded) for an event beyond [`max_event_size`](Self::max_event_size);
/// - [`BodyNotReplayable`](ErrorKind::BodyNotReplayable) when it must connect again and the request's body is a one-shot
///   stream;
/// - [`Protocol`](ErrorKind::Protocol) when it must connect again and the last event's id has a control character, which no
///   header can have;
/// - what the last attempt failed with, after [`max_attempts`](Self::max_attempts).
///
/// # Cancellation
/// Dropping it closes the connection or ends the wait.
///
/// # Platform
/// In a browser the header `last-event-id` makes a request to another origin ask first (CORS), which `EventSource` does
/// not.
#[must_use = "streams do nothing unless polled"]
pub struct Events {
    client: Client,
    request: Result<Request, Option<Error>>,
    /// The request's body; nothing once it has been sent and cannot be again.
    body: Option<Body>,
    retry: Duration,
    max_delay: Duration,
    max_attempts: u32,
    parser: Parser,
    step: Step,
    /// Attempts in a row that got no stream.
    failures: u32,
    last_error: Option<Error>,
}

enum Step {
    Start,
    Connecting(BoxFuture<'static, Result<Response>>),
    Open { body: Body, rest: Bytes },
    Waiting(BoxFuture<'static, ()>),
    Closed,
}

impl Events {
    fn new(client: Client, request: Result<Request>) -> Self {
        let mut request = request.map_err(Some);
        let body = request.as_mut().ok().map(|request| std::mem::take(request.body_mut()));
        let last_id = request.as_ref().ok().and_then(|request| request.headers().get(LAST_EVENT_ID));
        let last_id = last_id.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned()).unwrap_or_default();
        Self {
            client,
            request,
            body,
            retry: DEFAULT_RETRY,
            max_delay: DEFAULT_MAX_DELAY,
            max_attempts: DEFAULT_MAX_ATTEMPTS,
            parser: Parser::after(&last_id),
            step: Step::Start,
            failures: 0,
            last_error: None,
        }
    }

    /// Sets the largest event in bytes. Default: 1 MiB.
    pub fn max_event_size(mut self, bytes: usize) -> Self {
        self.parser = self.parser.max_event_size(bytes);
        self
    }

    /// Sets how many attempts in a row may fail to get a stream before it gives up; zero means any number. Default: 5.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// Sets how long to wait before connecting again, until the server says otherwise. Default: 3 s; the least is 100 ms.
    pub fn retry_delay(mut self, delay: Duration) -> Self {
        self.retry = delay;
        self
    }

    /// Sets the longest wait before connecting again, whatever the server says, before chance adds to it. Default: 5 min.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// What the stream is doing.
    pub fn state(&self) -> State {
        match self.step {
            Step::Open { .. } => State::Open,
            Step::Closed => State::Closed,
            Step::Start | Step::Connecting(_) | Step::Waiting(_) => State::Connecting,
        }
    }

    /// The id to go on from: of the last event that was whole.
    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }

    /// Why it is connecting again: what ended the last connection or attempt. `None` while all is well, and if the server
    /// ended it.
    pub fn last_error(&self) -> Option<&Error> {
        self.last_error.as_ref()
    }

    /// Starts an attempt.
    fn connect(&mut self) -> Result<()> {
        let request = self.attempt()?;
        let client = self.client.clone();
        self.step = Step::Connecting(Box::pin(async move { client.fetch(request).await }));
        Ok(())
    }

    /// The request, with where to go on from.
    fn attempt(&mut self) -> Result<Request> {
        let original = match &mut self.request {
            Ok(request) => request,
            Err(error) => return Err(error.take().unwrap_or_else(|| Error::cancelled("the stream has ended"))),
        };
        let body = match self.body.as_ref().and_then(Body::try_clone) {
            Some(body) => body,
            None => self.body.take().ok_or_else(|| {
                let message =
                    "the events cannot be asked for again: the request's body is a stream that can be read once";
                Error::new(ErrorKind::BodyNotReplayable, Phase::Head, message).with_url(original.url())
            })?,
        };
        let mut request = original.clone_head();
        *request.body_mut() = body;
        let headers = request.headers_mut();
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static(EVENT_STREAM));
        let id = self.parser.last_event_id();
        if id.is_empty() {
            headers.remove(LAST_EVENT_ID);
        } else {
            let id = HeaderValue::from_bytes(id.as_bytes()).map_err(|error| {
                let message = "the last event's id has a control character and cannot be sent";
                Error::new(ErrorKind::Protocol, Phase::Head, message).with_source(error).with_url(original.url())
            })?;
            headers.insert(LAST_EVENT_ID, id);
        }
        Ok(request)
    }

    /// Looks at an answer's head, and opens the stream or ends it.
    fn open(&mut self, response: Response) -> Result<()> {
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NO_CONTENT => {
                self.step = Step::Closed;
                return Ok(());
            }
            status => return Err(Error::for_status(status, response.reason()).with_url(response.url())),
        }
        let kind =
            response.headers().get(CONTENT_TYPE).map(|kind| String::from_utf8_lossy(kind.as_bytes()).into_owned());
        let kind = kind.unwrap_or_default();
        if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(EVENT_STREAM) {
            let message = format!("the response's content type is {kind:?}, not {EVENT_STREAM:?}");
            return Err(Error::new(ErrorKind::Decode, Phase::Head, message).with_url(response.url()));
        }
        self.parser.restart();
        self.failures = 0;
        self.last_error = None;
        self.step = Step::Open { body: response.into_body(), rest: Bytes::new() };
        Ok(())
    }

    /// The next event of the open connection; `None` at its end.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        let Step::Open { body, rest } = &mut self.step else { return Poll::Ready(None) };
        for _ in 0..PIECES {
            let mut input: &[u8] = rest;
            let event = self.parser.next(&mut input).transpose();
            let read = rest.len().saturating_sub(input.len());
            rest.advance(read);
            if event.is_some() {
                return Poll::Ready(event);
            }
            match ready!(Pin::new(&mut *body).poll_next(cx)) {
                Some(Ok(chunk)) => *rest = chunk,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Waits for the next attempt, unless `error` is one that will not pass.
    fn reconnect(&mut self, error: Option<Error>) -> Result<()> {
        let failed = matches!(self.step, Step::Connecting(_));
        self.failures = self.failures.saturating_add(u32::from(failed));
        let exhausted = failed && self.max_attempts > 0 && self.failures >= self.max_attempts;
        self.last_error = match error {
            Some(error) if exhausted || !may_pass(&error) => return Err(error),
            error => error,
        };
        // The first failure of a row waits no longer than the end of a stream does.
        let doublings = self.failures.saturating_sub(1);
        let base = self.parser.retry().unwrap_or(self.retry);
        let delay = delay(base, doublings, self.max_delay, platform::random());
        // The connection is dropped with the step before.
        self.step = Step::Waiting(self.client.sleep(delay));
        Ok(())
    }

    /// One step; ready when there is something to tell.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Event>>> {
        loop {
            match &mut self.step {
                Step::Closed => return Poll::Ready(Ok(None)),
                Step::Start => self.connect()?,
                Step::Waiting(wait) => {
                    ready!(wait.as_mut().poll(cx));
                    self.connect()?;
                }
                Step::Connecting(attempt) => match ready!(attempt.as_mut().poll(cx)) {
                    Ok(response) => self.open(response)?,
                    Err(error) => self.reconnect(Some(error))?,
                },
                Step::Open { .. } => match ready!(self.poll_open(cx)).transpose() {
                    Ok(Some(event)) => return Poll::Ready(Ok(Some(event))),
                    Ok(None) => self.reconnect(None)?,
                    Err(error) => self.reconnect(Some(error))?,
                },
            }
        }
    }
}

/// Whether another attempt may do better.
fn may_pass(error: &Error) -> bool {
    // A certificate does not get better by being looked at again.
    (error.is_network() && error.kind() != ErrorKind::Tls) || error.is_timeout()
}

impl Stream for Events {
    type Item = Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let event = ready!(self.poll_step(cx));
        if event.is_err() {
            self.step = Step::Closed;
        }
        Poll::Ready(event.transpose())
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("state", &self.state())
            .field("last_event_id", &self.last_event_id())
            .finish_non_exhaustive()
    }
}
