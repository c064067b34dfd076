//! Requests on a task of their own, whose futures and responses go from thread to thread on every platform.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::channel::{mpsc, oneshot};
use futures::future::{Either, select};
use futures::{SinkExt, Stream, StreamExt};
use http::{HeaderMap, StatusCode};

use super::Client;
use crate::error::{Error, Result};
use crate::message::body::{self, Body};
use crate::message::request::{Request, RequestBuilder};
use crate::message::response::{self, Response, ResponseParts};
use crate::message::url::Url;
use crate::platform;
use crate::runtime::Executor;

/// What goes through the channel: a piece, or the end, so that a task that is lost is not taken for one.
type Piece = Result<Option<Bytes>>;

/// A response to come, of a request that runs on a task of its own: a future that is `Send` everywhere.
///
/// # Cancellation
/// Dropping it stops the request.
#[must_use = "the request is stopped when this is dropped"]
pub struct Spawned(oneshot::Receiver<Result<SendResponse>>);

/// # Errors
/// As [`Client::fetch`], and [`Cancelled`](crate::ErrorKind::Cancelled) if the task is lost.
impl Future for Spawned {
    type Output = Result<SendResponse>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|result| result.unwrap_or_else(|_| Err(lost())))
    }
}

/// A response whose body comes from another task, piece by piece: `Send` and `Sync` everywhere.
///
/// That task reads one piece ahead and then waits until it is taken.
///
/// # Cancellation
/// Dropping it stops the download.
#[derive(Debug)]
pub struct SendResponse(Box<ResponseParts<Relayed>>);

impl SendResponse {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers.map()
    }

    /// The URL that answered, after redirects.
    pub fn url(&self) -> &Url {
        &self.0.url
    }

    /// Whether a redirect led here.
    pub fn redirected(&self) -> bool {
        self.0.redirected
    }

    /// The response, unless its status is 400 or above.
    ///
    /// # Errors
    /// As [`Response::error_for_status`].
    pub fn error_for_status(self) -> Result<Self> {
        self.0.error_for_status()?;
        Ok(self)
    }

    /// The next chunk of the body, or `None` after the last.
    ///
    /// # Errors
    /// As [`Response::chunk`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        self.0.body.next().await.transpose().map_err(|error| error.with_url(&self.0.url))
    }

    /// The whole body.
    ///
    /// # Errors
    /// As [`Response::bytes`].
    pub async fn bytes(self) -> Result<Bytes> {
        let ResponseParts { body, body_limit, url, .. } = *self.0;
        let length = body.length;
        body::collect(body, length, body_limit).await.map_err(|error| error.with_url(&url))
    }

    /// The whole body as UTF-8, read as by [`Response::text`].
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    pub async fn text(self) -> Result<String> {
        Ok(response::decode_text(&self.bytes().await?))
    }

    /// The response as one that has all there is to ask; where there are no threads it is not `Send`.
    pub fn into_response(self) -> Response {
        let (parts, relayed) = self.0.swap_body(Body::empty());
        let length = relayed.length;
        Response::from_parts(parts).map_body(|_| Body::boxed_stream(Box::pin(relayed), length))
    }
}

/// The receiving side of a body.
#[derive(Debug)]
struct Relayed {
    pieces: mpsc::Receiver<Piece>,
    length: Option<u64>,
    ended: bool,
    /// Dropped with this, it tells the task that nobody reads any more.
    _reader: oneshot::Receiver<Infallible>,
}

impl Stream for Relayed {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let piece = ready!(Pin::new(&mut self.pieces).poll_next(cx)).unwrap_or_else(|| Err(lost()));
        self.ended = !matches!(piece, Ok(Some(_)));
        Poll::Ready(piece.transpose())
    }
}

fn lost() -> Error {
    Error::cancelled("the task that ran the request is gone")
}

/// What the task does: the request, then its body as far as somebody reads it.
async fn relay(client: Client, request: Result<Request>, mut asker: oneshot::Sender<Result<SendResponse>>) {
    let fetch = async { client.run(request?).await };
    let result = match select(pin!(asker.cancellation()), pin!(fetch)).await {
        Either::Left(_) => return,
        Either::Right((result, _)) => result,
    };
    let response = match result {
        Ok(response) => response,
        Err(error) => return drop(asker.send(Err(error))),
    };
    let (parts, body) = response.into_parts().swap_body(());
    let (to, pieces) = mpsc::channel(0);
    let (mut reader, _reader) = oneshot::channel();
    let (parts, ()) = parts.swap_body(Relayed { pieces, length: body.length(), ended: false, _reader });
    if asker.send(Ok(SendResponse(Box::new(parts)))).is_ok() {
        select(pin!(reader.cancellation()), pin!(pass(body, to))).await;
    }
}

async fn pass(mut body: Body, mut to: mpsc::Sender<Piece>) {
    loop {
        let piece = body.chunk().await;
        let more = matches!(piece, Ok(Some(_)));
        // Sending waits until the piece before has been taken.
        if to.send(piece).await.is_err() || !more {
            return;
        }
    }
}

impl Client {
    /// Sends a request on a task of its own: what is returned, and the response, are `Send` on every platform, as some
    /// traits demand of their futures. The request is under way when this returns.
    ///
    /// Natively the task runs on a thread of the library's own. In a browser it runs on the loop of the thread that calls
    /// this, where the engine's values must stay; what comes of it goes to any other. If all that is wanted is a future, and
    /// nobody demands that it be `Send`, [`fetch`](Self::fetch) costs less.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch), from the future.
    ///
    /// # Cancellation
    /// Dropping the future, or the response, stops the request soon after.
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
        self.spawn(request.try_into().map_err(Into::into))
    }

    fn spawn(&self, request: Result<Request>) -> Spawned {
        let (asker, result) = oneshot::channel();
        platform::default_executor().spawn(Box::pin(relay(self.clone(), request, asker)));
        Spawned(result)
    }
}

impl RequestBuilder<Client> {
    /// Sends the request on a task of its own, see [`Client::fetch_spawned`].
    pub fn send_spawned(self) -> Spawned {
        let (client, request) = self.into_parts();
        client.spawn(request)
    }
}

impl fmt::Debug for Spawned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawned").finish_non_exhaustive()
    }
}
