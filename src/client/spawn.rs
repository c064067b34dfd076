//! Requests on a task of their own. Their futures and responses are `Send` on every platform.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::channel::{mpsc, oneshot};
use futures::future::{Either, select};
use futures::{SinkExt, Stream, StreamExt};
use http::{HeaderMap, Method, StatusCode};

use super::Client;
use crate::error::{Error, Result};
use crate::message::body::{self, Body, show_body};
use crate::message::request::{CallOptions, Request, RequestBuilder};
use crate::message::response::{Response, ResponseParts, charset};
use crate::message::url::Url;
use crate::platform;
use crate::runtime::Executor;

/// An item of the channel: a piece of the body, an error, or `None` for the end.
// The end is an item of its own: if the channel closes without it, the task was lost and the body is not complete.
type Piece = Result<Option<Bytes>>;

/// The future response of a request that runs on a task of its own. It is `Send` on every platform.
///
/// [`Client::fetch_spawned`] returns it.
///
/// # Cancellation
/// Dropping it stops the request.
///
/// # Examples
///
/// ```
/// use waterspout::testing::MockBackend;
/// use waterspout::{Client, Request, SendResponse, Spawned};
///
/// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
/// // The request runs from here on, polled or not.
/// let spawned: Spawned = client.fetch_spawned(Request::get("http://example.com/"));
/// let response: SendResponse = futures::executor::block_on(spawned)?;
/// assert_eq!(response.status(), 200);
/// # Ok::<(), waterspout::Error>(())
/// ```
#[must_use = "the request is stopped when this is dropped"]
pub struct Spawned(oneshot::Receiver<Result<SendResponse>>);

/// # Errors
/// As [`Client::fetch`], and [`Cancelled`](crate::ErrorKind::Cancelled) if the executor drops the task, natively if the
/// system refuses the background thread. [`Unsupported`](crate::ErrorKind::Unsupported) in a child of `fork`, see
/// [`platform`].
impl Future for Spawned {
    type Output = Result<SendResponse>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|result| result.unwrap_or_else(|_| Err(task_lost())))
    }
}

/// A response whose body comes from another task, piece by piece. It is `Send` and `Sync` on every platform.
///
/// The task reads a single piece ahead, and then waits until the piece is taken.
///
/// # Cancellation
/// Dropping it stops the download.
///
/// # Examples
///
/// ```
/// use waterspout::testing::MockBackend;
/// use waterspout::{Client, Request};
///
/// # futures::executor::block_on(async {
/// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
/// let response = client.fetch_spawned(Request::get("http://example.com/")).await?.error_for_status()?;
/// println!("{} from {}", response.status(), response.url());
/// assert_eq!(response.text().await?, "hello");
/// # Ok::<(), waterspout::Error>(())
/// # }).unwrap();
/// ```
// A type of its own, because a `Body` may hold values of a JavaScript engine: on wasm no `Response` is `Send`.
pub struct SendResponse(Box<ResponseParts<Relayed>>);

impl SendResponse {
    /// Returns the status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Returns the headers.
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers.map()
    }

    /// Returns the URL that answered, after redirects.
    pub fn url(&self) -> &Url {
        &self.0.url
    }

    /// Returns the method of the request that this response answers, as [`Response::method`] does.
    pub fn method(&self) -> Option<&Method> {
        self.0.method()
    }

    /// Returns the headers of that request, as [`Response::request_headers`] does.
    pub fn request_headers(&self) -> Option<&HeaderMap> {
        self.0.request_headers()
    }

    /// Returns whether a redirect led to this response.
    pub fn redirected(&self) -> bool {
        self.0.redirected
    }

    /// Returns the response, or an error if its status is 400 or above.
    ///
    /// # Errors
    /// As [`Response::error_for_status`].
    pub fn error_for_status(self) -> Result<Self> {
        self.0.error_for_status()?;
        Ok(self)
    }

    /// Returns the next chunk of the body, or `None` after the last.
    ///
    /// # Errors
    /// As [`Response::chunk`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use waterspout::testing::MockBackend;
    /// # use waterspout::{Client, Request};
    /// # futures::executor::block_on(async {
    /// # let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let mut response = client.fetch_spawned(Request::get("http://example.com/")).await?;
    /// let mut length = 0;
    /// while let Some(chunk) = response.chunk().await? {
    ///     length += chunk.len();
    /// }
    /// assert_eq!(length, 5);
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        self.0.body.next().await.transpose().map_err(|error| error.with_url(&self.0.url))
    }

    /// Reads the whole body.
    ///
    /// # Errors
    /// As [`Response::bytes`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use waterspout::testing::MockBackend;
    /// # use waterspout::{Client, Request};
    /// # futures::executor::block_on(async {
    /// # let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let bytes = client.fetch_spawned(Request::get("http://example.com/")).await?.bytes().await?;
    /// assert_eq!(&bytes[..], b"hello");
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn bytes(self) -> Result<Bytes> {
        let ResponseParts { body, body_limit, url, .. } = *self.0;
        let length = body.length;
        body::collect(body, length, body_limit).await.map_err(|error| error.with_url(&url))
    }

    /// Reads the whole body as text, as [`Response::text`] does.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    ///
    /// # Examples
    ///
    /// ```
    /// # use waterspout::testing::MockBackend;
    /// # use waterspout::{Client, Request};
    /// # futures::executor::block_on(async {
    /// # let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let text = client.fetch_spawned(Request::get("http://example.com/")).await?.text().await?;
    /// assert_eq!(text, "hello");
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn text(self) -> Result<String> {
        let label = charset::of(&self.0.headers);
        Ok(charset::decode(label.as_deref(), &self.bytes().await?))
    }

    /// Converts it into a [`Response`], which has more methods. On platforms without threads, a `Response` is not `Send`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use waterspout::testing::MockBackend;
    /// # use waterspout::{Client, Request};
    /// # futures::executor::block_on(async {
    /// # let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let response = client.fetch_spawned(Request::get("http://example.com/")).await?.into_response();
    /// assert!(response.attempts().is_empty());
    /// assert_eq!(response.text().await?, "hello");
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn into_response(self) -> Response {
        let (parts, relayed) = self.0.swap_body(Body::empty());
        let length = relayed.length;
        Response::from_parts(parts).map_body(|_| Body::boxed_stream(Box::pin(relayed), length))
    }
}

/// Shows the status, the URL, the headers and the body, as the debug output of [`Response`] does.
impl fmt::Debug for SendResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.show(f.debug_struct("SendResponse"))
    }
}

/// The receiving side of a body's channel.
struct Relayed {
    pieces: mpsc::Receiver<Piece>,
    /// The length of the whole body, if it is known.
    length: Option<u64>,
    has_ended: bool,
    /// Dropping this tells the task to stop reading the body. No value is ever sent.
    _reader: oneshot::Receiver<Infallible>,
}

impl fmt::Debug for Relayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show_body(f, "Stream", self.length)
    }
}

impl Stream for Relayed {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let piece = ready!(Pin::new(&mut self.pieces).poll_next(cx)).unwrap_or_else(|| Err(task_lost()));
        self.has_ended = !matches!(piece, Ok(Some(_)));
        Poll::Ready(piece.transpose())
    }
}

fn task_lost() -> Error {
    Error::cancelled("the executor dropped the task that ran the request")
}

/// Runs on the task: sends the request, then passes its body on until the reader is dropped.
async fn relay(
    client: Client,
    request: Result<Request>,
    call_options: CallOptions,
    mut caller: oneshot::Sender<Result<SendResponse>>,
) {
    let fetch = async { client.run(request?, call_options).await };
    let result = match select(pin!(caller.cancellation()), pin!(fetch)).await {
        // The caller dropped the `Spawned`: returning drops the request, which stops it.
        Either::Left(_) => return,
        Either::Right((result, _)) => result,
    };
    let response = match result {
        Ok(response) => response,
        Err(error) => return drop(caller.send(Err(error))),
    };
    // The body stays on this task and its pieces go through the channel: on wasm, a body is not `Send`.
    let (parts, body) = response.into_parts().swap_body(());
    // With capacity 0, the channel holds a piece for its only sender.
    let (to, pieces) = mpsc::channel(0);
    let (mut reader, _reader) = oneshot::channel();
    let (parts, ()) = parts.swap_body(Relayed { pieces, length: body.length(), has_ended: false, _reader });
    // Polled beside the body, the cancellation ends a wait for the next piece as soon as the reader is dropped.
    if caller.send(Ok(SendResponse(Box::new(parts)))).is_ok() {
        select(pin!(reader.cancellation()), pin!(pass(body, to))).await;
    }
}

/// Passes the pieces of a body on until its end, an error, or until the reader is dropped.
async fn pass(mut body: Body, mut to: mpsc::Sender<Piece>) {
    loop {
        let piece = body.chunk().await;
        let more = matches!(piece, Ok(Some(_)));
        // Waits until the previous piece has been taken.
        if to.send(piece).await.is_err() || !more {
            return;
        }
    }
}

impl Client {
    /// Sends a request on a task of its own. The returned future and the response are `Send` on every platform, as some
    /// traits require of their futures. The request has started when this returns, and its limits count from this call.
    ///
    /// If the future need not be `Send`, [`fetch`](Self::fetch) costs less.
    ///
    /// # Platform
    /// Natively, the task runs on a thread of the library, which is never the thread of an
    /// [`EventLoop`](crate::tornado::EventLoop). So a callback that blocks delays neither the request nor its limits. In a
    /// browser, it runs on the event loop of the calling thread, because the engine's values must stay there. Its result
    /// can go to any thread.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch), from the future.
    ///
    /// # Cancellation
    /// Dropping the future or the response stops the request soon after.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, Request};
    ///
    /// fn assert_send<T: Send>(it: T) -> T {
    ///     it
    /// }
    ///
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let text = assert_send(async move {
    ///     client.fetch_spawned(Request::get("http://example.com/")).await?.text().await
    /// });
    /// assert_eq!(futures::executor::block_on(text)?, "hello");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn fetch_spawned(&self, request: impl TryInto<Request, Error: Into<Error>>) -> Spawned {
        self.spawn(request.try_into().map_err(Into::into), CallOptions::default())
    }

    fn spawn(&self, request: Result<Request>, call_options: CallOptions) -> Spawned {
        self.spawn_on(&self.0.executor, request, call_options)
    }

    fn spawn_on(&self, executor: &dyn Executor, request: Result<Request>, mut call_options: CallOptions) -> Spawned {
        let (caller, result) = oneshot::channel();
        // A forked child has no thread that could run the task.
        let request = platform::check_process().and(request);
        if let Err(error) = request {
            let _ = caller.send(Err(error));
        } else {
            // The task may start much later, and the limits count from this call.
            call_options.called_at = Some(self.now());
            executor.spawn(Box::pin(relay(self.clone(), request, call_options, caller)));
        }
        Spawned(result)
    }
}

impl RequestBuilder<Client> {
    /// Sends the request on a task of its own, see [`Client::fetch_spawned`].
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let response = client.post("http://example.com/").body("data").send_spawned().await?;
    /// assert_eq!(response.status(), 200);
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn send_spawned(self) -> Spawned {
        let (client, request, call_options) = self.into_parts();
        client.spawn(request, call_options)
    }
}

impl fmt::Debug for Spawned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawned").finish_non_exhaustive()
    }
}
