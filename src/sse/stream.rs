//! A stream of events that reconnects when the connection is lost.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures::Stream;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, StatusCode};

use super::parser::Parser;
use super::reconnect_delay::reconnect_delay;
use super::{ReadyState, ServerEvent};
use crate::client::Client;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::body::Body;
use crate::message::request::{CallOptions, Request};
use crate::message::response::Response;
use crate::platform::{self, BoxFuture};

const EVENT_STREAM: &str = "text/event-stream";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The delay before reconnecting, unless the server or the caller sets another.
const DEFAULT_RETRY_DELAY: Duration = Duration::from_secs(3);

/// The maximum delay before reconnecting, unless the caller sets another.
const DEFAULT_MAX_DELAY: Duration = Duration::from_secs(5 * 60);

/// The maximum number of consecutive attempts that may fail.
// A browser tries for ever and reports nothing; here every wait has an end.
const DEFAULT_MAX_ATTEMPTS: u32 = 5;

/// The maximum number of chunks without an event that are read before other tasks may run.
const MAX_CHUNKS_PER_POLL: usize = 16;

/// A stream of events: [`Client::events`].
///
/// The stream connects when it is first polled. When the connection breaks or a time limit passes, the stream waits and
/// reconnects, with the last event's id in the header `last-event-id`. The stream of a `GET` does the same when the
/// server ends the body in good order, as `EventSource` does in a browser. A stream of another method then ends, because
/// the request would be carried out again. [`reconnect`](Self::reconnect) changes both.
///
/// The delay is the server's last `retry`, or else 3 s. It doubles with each consecutive failed attempt after the first,
/// and a random part of up to half is added. A request that sets `last-event-id` itself begins after that event.
///
/// The stream holds a slot of the client while it is connected, and none while it waits. The time limits of the client
/// and the request apply to each connection. `idle_timeout` (20 s) is the maximum silence, so a server with few events
/// should send comments. Otherwise set another limit on the request; zero disables it, and then a dead connection may
/// go unnoticed.
///
/// The stream ends when the server answers with status 204, after any error, and if it does not reconnect.
///
/// # Errors
/// The errors of the request, and
/// - [`Status`](ErrorKind::Status) if the status is not 200, and [`Decode`](ErrorKind::Decode) if the content type is
///   not `text/event-stream`: both are final, as the HTML standard says;
/// - [`LimitExceeded`](ErrorKind::LimitExceeded) for an event beyond [`max_event_size`](Self::max_event_size);
/// - [`BodyNotReplayable`](ErrorKind::BodyNotReplayable) if the stream must reconnect and the request's body can be
///   read only once;
/// - [`Protocol`](ErrorKind::Protocol) if the stream must reconnect and the last event's id has a control character,
///   which is not allowed in a header;
/// - the error of the last attempt, after [`max_attempts`](Self::max_attempts).
///
/// # Cancellation
/// Dropping the stream closes the connection or ends the wait.
///
/// # Platform
/// In a browser the header `last-event-id` causes a CORS preflight for another origin, unlike `EventSource`.
///
/// # Examples
///
/// ```
/// use futures::StreamExt;
/// use http::StatusCode;
/// use waterspout::sse::ReadyState;
/// use waterspout::testing::MockBackend;
/// use waterspout::{Client, Response};
///
/// let backend = MockBackend::new(|request| {
///     // The server ends the stream with a 204 once the client has seen event 7.
///     let status = match request.headers().get("last-event-id") {
///         Some(_) => StatusCode::NO_CONTENT,
///         None => StatusCode::OK,
///     };
///     let builder = Response::builder(status, request.url());
///     let response = builder.header("content-type", "text/event-stream").body("retry: 1\nid: 7\ndata: hello\n\n");
///     Box::pin(async move { response })
/// });
/// # futures::executor::block_on(async {
/// let client = Client::builder().backend(backend).build()?;
/// let mut events = client.get("http://example.com/news").events();
/// assert_eq!(events.next().await.unwrap()?.data, "hello");
/// assert_eq!((events.ready_state(), events.last_event_id()), (ReadyState::Open, "7"));
/// assert!(events.next().await.is_none());
/// assert_eq!(events.ready_state(), ReadyState::Closed);
/// # Ok::<(), waterspout::Error>(())
/// # })?;
/// # Ok::<(), waterspout::Error>(())
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct Events {
    client: Client,
    request: std::result::Result<Request, Option<Error>>,
    /// The options of each call that connects.
    call_options: CallOptions,
    /// The request's body. `None` once a body that can be read only once has been sent.
    body: Option<Body>,
    pub(super) retry_delay: Duration,
    pub(super) max_delay: Duration,
    pub(super) max_attempts: u32,
    /// Whether the stream reconnects. `None` is the default, which depends on the method.
    pub(super) reconnect: Option<bool>,
    pub(super) parser: Parser,
    state: EventsState,
    /// Consecutive attempts that got no stream.
    failures: u32,
    last_error: Option<Error>,
}

enum EventsState {
    Start,
    Connecting(BoxFuture<'static, Result<Response>>),
    Open { body: Body, unparsed: Bytes },
    Waiting(BoxFuture<'static, ()>),
    Closed,
}

impl Events {
    pub(super) fn new(client: Client, request: Result<Request>, call_options: CallOptions) -> Self {
        let mut request = request.map_err(Some);
        let body = request.as_mut().ok().map(|request| std::mem::take(request.body_mut()));
        let last_id = request.as_ref().ok().and_then(|request| request.headers().get(LAST_EVENT_ID));
        let last_id = last_id.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned()).unwrap_or_default();
        Self {
            client,
            request,
            call_options,
            body,
            retry_delay: DEFAULT_RETRY_DELAY,
            max_delay: DEFAULT_MAX_DELAY,
            max_attempts: DEFAULT_MAX_ATTEMPTS,
            reconnect: None,
            parser: Parser::after(&last_id),
            state: EventsState::Start,
            failures: 0,
            last_error: None,
        }
    }

    /// Returns whether the stream connects, is open or has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::sse::ReadyState;
    /// use waterspout::testing::MockBackend;
    ///
    /// let client = Client::builder().backend(MockBackend::pending()).build()?;
    /// assert_eq!(client.get("http://example.com/news").events().ready_state(), ReadyState::Connecting);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn ready_state(&self) -> ReadyState {
        match self.state {
            EventsState::Open { .. } => ReadyState::Open,
            EventsState::Closed => ReadyState::Closed,
            EventsState::Start | EventsState::Connecting(_) | EventsState::Waiting(_) => ReadyState::Connecting,
        }
    }

    /// Returns the id of the last complete event, after which the stream continues when it reconnects.
    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }

    /// Returns the error that ended the last connection or attempt, while the stream reconnects. `None` while the
    /// stream is connected, and if the server ended the connection.
    pub fn last_error(&self) -> Option<&Error> {
        self.last_error.as_ref()
    }

    /// Starts an attempt to connect.
    fn connect(&mut self) -> Result<()> {
        let request = self.next_request()?;
        let (client, call_options) = (self.client.clone(), self.call_options.clone());
        self.state = EventsState::Connecting(Box::pin(async move { client.run(request, call_options).await }));
        Ok(())
    }

    /// Returns the request of the next attempt, with the id after which to continue.
    fn next_request(&mut self) -> Result<Request> {
        let original = match &mut self.request {
            Ok(request) => request,
            Err(error) => return Err(error.take().unwrap_or_else(|| Error::cancelled("the stream has ended"))),
        };
        let body = match self.body.as_ref().and_then(Body::try_clone) {
            Some(body) => body,
            // The first attempt uses such a body up.
            None => self.body.take().ok_or_else(|| {
                let message = "the stream of events cannot reconnect: the request's body can be read only once";
                Error::new(ErrorKind::BodyNotReplayable, Phase::Head, message).with_url(original.url())
            })?,
        };
        let mut request = original.clone_head();
        *request.body_mut() = body;
        let headers = request.headers_mut();
        // The caller's own `accept` stays.
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static(EVENT_STREAM));
        let id = self.parser.last_event_id();
        if id.is_empty() {
            headers.remove(LAST_EVENT_ID);
        } else if headers.get(LAST_EVENT_ID).is_none_or(|own| String::from_utf8_lossy(own.as_bytes()) != id) {
            // The caller's own value stays until the server sends an id: it may have bytes that the text lacks.
            let id = HeaderValue::from_bytes(id.as_bytes()).map_err(|error| {
                let message = "the last event's id has a control character and cannot be sent in a header";
                Error::new(ErrorKind::Protocol, Phase::Head, message).with_source(error).with_url(original.url())
            })?;
            headers.insert(LAST_EVENT_ID, id);
        }
        Ok(request)
    }

    /// Checks the head of a response, and opens the stream or ends it.
    fn open(&mut self, response: Response) -> Result<()> {
        match response.status() {
            StatusCode::OK => {}
            // By this status a server tells its clients to stop reconnecting (HTML standard, section 9.2).
            StatusCode::NO_CONTENT => {
                self.state = EventsState::Closed;
                return Ok(());
            }
            status => return Err(Error::for_status(status, response.reason()).with_url(response.url())),
        }
        let content_type =
            response.headers().get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let content_type = content_type.unwrap_or_default();
        if !content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(EVENT_STREAM) {
            let message = format!("the response's content type is {content_type:?}, not {EVENT_STREAM:?}");
            return Err(Error::new(ErrorKind::Decode, Phase::Head, message).with_url(response.url()));
        }
        self.parser.restart();
        self.failures = 0;
        self.last_error = None;
        self.state = EventsState::Open { body: response.into_body(), unparsed: Bytes::new() };
        Ok(())
    }

    /// Polls for the next event of the open connection. Ready with `None` at its end.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<ServerEvent>>> {
        let EventsState::Open { body, unparsed } = &mut self.state else { return Poll::Ready(None) };
        for _ in 0..MAX_CHUNKS_PER_POLL {
            let mut input: &[u8] = unparsed;
            let event = self.parser.next(&mut input).transpose();
            let parsed = unparsed.len().saturating_sub(input.len());
            unparsed.advance(parsed);
            if event.is_some() {
                return Poll::Ready(event);
            }
            match ready!(Pin::new(&mut *body).poll_next(cx)) {
                Some(Ok(chunk)) => *unparsed = chunk,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        // A body that is always ready, such as a flood of comments, must not keep the executor's thread.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Ends the stream after a body that ended in good order, or begins the wait for the next attempt.
    fn end_body(&mut self) -> Result<()> {
        // Only a repeated GET has no effect on the server. A repeated POST can be a second order.
        let is_get = self.request.as_ref().is_ok_and(|request| request.method() == Method::GET);
        if self.reconnect.unwrap_or(is_get) {
            return self.wait_to_reconnect(None);
        }
        self.state = EventsState::Closed;
        Ok(())
    }

    /// Begins the wait for the next attempt.
    ///
    /// # Errors
    /// Returns `error` if another attempt is not allowed or cannot succeed, or if too many attempts have failed.
    fn wait_to_reconnect(&mut self, error: Option<Error>) -> Result<()> {
        // The end of a connection that was open is not a failed attempt.
        let failed = matches!(self.state, EventsState::Connecting(_));
        self.failures = self.failures.saturating_add(u32::from(failed));
        let exhausted = failed && self.max_attempts > 0 && self.failures >= self.max_attempts;
        let is_last = exhausted || self.reconnect == Some(false);
        self.last_error = match error {
            Some(error) if is_last || !is_transient(&error) => return Err(error),
            error => error,
        };
        // The first failure causes the same delay as the end of a stream.
        let doublings = self.failures.saturating_sub(1);
        let base = self.parser.retry().unwrap_or(self.retry_delay);
        let delay = reconnect_delay(base, doublings, self.max_delay, platform::random());
        // The new state drops the connection.
        self.state = EventsState::Waiting(self.client.sleep(delay));
        Ok(())
    }

    /// Advances the state until there is an event, an error or the end.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<ServerEvent>>> {
        loop {
            match &mut self.state {
                EventsState::Closed => return Poll::Ready(Ok(None)),
                EventsState::Start => self.connect()?,
                EventsState::Waiting(wait) => {
                    ready!(wait.as_mut().poll(cx));
                    self.connect()?;
                }
                EventsState::Connecting(attempt) => match ready!(attempt.as_mut().poll(cx)) {
                    Ok(response) => self.open(response)?,
                    Err(error) => self.wait_to_reconnect(Some(error))?,
                },
                EventsState::Open { .. } => match ready!(self.poll_open(cx)).transpose() {
                    Ok(Some(event)) => return Poll::Ready(Ok(Some(event))),
                    Ok(None) => self.end_body()?,
                    Err(error) => self.wait_to_reconnect(Some(error))?,
                },
            }
        }
    }
}

/// Returns whether another attempt may succeed after this error.
fn is_transient(error: &Error) -> bool {
    // A bad certificate stays bad. TLS that fails within an open stream is a lost connection: the server has accepted
    // the client before.
    let is_refused = error.kind() == ErrorKind::Tls && error.phase() != Phase::Body;
    (error.is_network() && !is_refused) || error.is_timeout()
}

impl Stream for Events {
    type Item = Result<ServerEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let event = ready!(self.poll_event(cx));
        if event.is_err() {
            self.state = EventsState::Closed;
        }
        Poll::Ready(event.transpose())
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("ready_state", &self.ready_state())
            .field("last_event_id", &self.last_event_id())
            .finish_non_exhaustive()
    }
}
