//! Bodies, of requests and of responses: nothing, bytes, or a stream that can or cannot be started again.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures::{AsyncRead, Stream, StreamExt, TryStreamExt, stream};

use crate::error::{Error, ErrorKind, Phase, Result, Source};
use crate::runtime::{BoxStream, MaybeSend};

/// The most bytes asked of a reader at once.
const READ_SIZE: usize = 64 * 1024;

/// A request's or a response's body.
///
/// Strings, byte vectors and [`Bytes`] convert into it. As a [`Stream`] it yields its chunks.
pub struct Body(Inner);

enum Inner {
    Empty,
    Bytes(Bytes),
    Factory {
        start: Arc<dyn Factory>,
        len: Option<u64>,
        /// Whether its pieces are in memory.
        local: bool,
    },
    /// The lock is never taken: it makes a body that is being sent `Sync`.
    Stream {
        stream: Mutex<BoxStream<'static, Result<Bytes>>>,
        len: Option<u64>,
        /// Whether it is made of what is in memory, so that nobody is waited for.
        local: bool,
    },
}

/// Starts the stream of a replayable body.
trait Factory: Send + Sync {
    fn start(&self) -> BoxStream<'static, Result<Bytes>>;
}

impl<F> Factory for F
where
    F: Fn() -> BoxStream<'static, Result<Bytes>> + Send + Sync,
{
    fn start(&self) -> BoxStream<'static, Result<Bytes>> {
        self()
    }
}

/// A body that can be started any number of times; unlike one that runs, it goes from thread to thread everywhere.
#[derive(Clone)]
enum Replay {
    Bytes(Bytes),
    Factory(Arc<dyn Factory>),
}

impl Replay {
    fn start(self) -> Body {
        match self {
            Self::Bytes(bytes) => bytes.into(),
            Self::Factory(start) => Body(Inner::Factory { start, len: None, local: false }),
        }
    }
}

impl Body {
    /// No body.
    pub const fn empty() -> Self {
        Self(Inner::Empty)
    }

    /// A body that is read from `stream` once; a redirect or a retry that needs it again fails.
    ///
    /// Without a length it is sent chunked.
    pub fn stream<S, B, E>(stream: S) -> Self
    where
        S: Stream<Item = Result<B, E>> + MaybeSend + 'static,
        B: Into<Bytes> + 'static,
        E: Into<Source> + 'static,
    {
        Self::raw_stream(caller_stream(stream), None)
    }

    /// A body that each attempt reads from a new stream made by `factory`.
    pub fn factory<F, S, B, E>(factory: F) -> Self
    where
        F: Fn() -> S + Send + Sync + 'static,
        S: Stream<Item = Result<B, E>> + MaybeSend + 'static,
        B: Into<Bytes> + 'static,
        E: Into<Source> + 'static,
    {
        Self(Inner::Factory { start: Arc::new(move || caller_stream(factory())), len: None, local: false })
    }

    /// A body that is read from `reader` once, 64 KiB at a time.
    pub fn reader(reader: impl AsyncRead + MaybeSend + Unpin + 'static) -> Self {
        Self::stream(stream::try_unfold((reader, BytesMut::new()), |(mut reader, mut buffer)| async move {
            buffer.resize(READ_SIZE, 0);
            let count = poll_fn(|cx| Pin::new(&mut reader).poll_read(cx, &mut buffer)).await?;
            let chunk = buffer.split_to(count).freeze();
            Ok::<_, std::io::Error>((count > 0).then_some((chunk, (reader, buffer))))
        }))
    }

    /// The same body with its length in bytes declared, so that it is sent with a `Content-Length`.
    ///
    /// A stream that turns out longer or shorter fails the request. Bytes know their length; theirs stays.
    pub fn with_length(mut self, length: u64) -> Self {
        match &mut self.0 {
            Inner::Factory { len, .. } | Inner::Stream { len, .. } => *len = Some(length),
            Inner::Empty | Inner::Bytes(_) => {}
        }
        self
    }

    /// These bodies one after the other: of known length, and replayable, if all of them are.
    pub(crate) fn concat(bodies: Vec<Self>) -> Self {
        let len = bodies.iter().map(Self::length).try_fold(0u64, |sum, length| sum.checked_add(length?));
        let replays: Option<Vec<_>> = bodies.iter().map(Self::replay).collect();
        match replays {
            None => Self::raw_stream(Box::pin(stream::iter(bodies).flatten()), len),
            Some(replays) => {
                let local = replays.iter().all(|replay| matches!(replay, Replay::Bytes(_)));
                let start = move || -> BoxStream<'static, Result<Bytes>> {
                    let bodies = replays.clone().into_iter().map(Replay::start);
                    Box::pin(stream::iter(bodies).flatten())
                };
                Self(Inner::Factory { start: Arc::new(start), len, local })
            }
        }
    }

    /// What starts the body again, if anything can.
    fn replay(&self) -> Option<Replay> {
        match &self.0 {
            Inner::Empty => Some(Replay::Bytes(Bytes::new())),
            Inner::Bytes(bytes) => Some(Replay::Bytes(bytes.clone())),
            Inner::Factory { start, .. } => Some(Replay::Factory(start.clone())),
            Inner::Stream { .. } => None,
        }
    }

    /// A response's body, whose errors are already ours.
    pub(crate) fn raw_stream(stream: BoxStream<'static, Result<Bytes>>, len: Option<u64>) -> Self {
        Self(Inner::Stream { stream: Mutex::new(stream), len, local: false })
    }

    /// A response's body that nothing more has to be received for.
    pub(crate) fn local_stream(stream: BoxStream<'static, Result<Bytes>>) -> Self {
        Self(Inner::Stream { stream: Mutex::new(stream), len: None, local: true })
    }

    /// The length in bytes of what is still to be read, if it is known.
    pub fn length(&self) -> Option<u64> {
        match &self.0 {
            Inner::Empty => Some(0),
            Inner::Bytes(bytes) => Some(bytes.len() as u64),
            Inner::Factory { len, .. } | Inner::Stream { len, .. } => *len,
        }
    }

    /// Whether there is no body at all; an empty string is one.
    pub fn is_none(&self) -> bool {
        matches!(self.0, Inner::Empty)
    }

    /// Whether the whole body is in memory, be it to be decoded yet.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(
            self.0,
            Inner::Empty | Inner::Bytes(_) | Inner::Factory { local: true, .. } | Inner::Stream { local: true, .. }
        )
    }

    /// The same body from its beginning, or `None` if it can be read only once.
    pub fn try_clone(&self) -> Option<Self> {
        match &self.0 {
            Inner::Empty => Some(Self(Inner::Empty)),
            Inner::Bytes(bytes) => Some(Self(Inner::Bytes(bytes.clone()))),
            Inner::Factory { start, len, local } => {
                Some(Self(Inner::Factory { start: start.clone(), len: *len, local: *local }))
            }
            Inner::Stream { .. } => None,
        }
    }

    /// The next chunk, or `None` after the last.
    ///
    /// # Cancellation
    /// Dropping the future loses nothing: the chunk stays in the body.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        self.next().await.transpose()
    }

    /// The whole body in one piece.
    ///
    /// # Errors
    /// [`LimitExceeded`](ErrorKind::LimitExceeded) as soon as there are more than `limit` bytes, and whatever
    /// reading the body fails with.
    pub async fn collect(self, limit: u64) -> Result<Bytes> {
        let length = self.length();
        collect(self, length, limit).await
    }
}

/// All of `pieces`, which are `length` bytes if that is known, unless there are more than `limit`.
pub(crate) async fn collect(
    mut pieces: impl Stream<Item = Result<Bytes>> + Unpin,
    length: Option<u64>,
    limit: u64,
) -> Result<Bytes> {
    if length.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let first = pieces.next().await.transpose()?.unwrap_or_default();
    check(first.len(), limit)?;
    let Some(second) = pieces.next().await.transpose()? else { return Ok(first) };
    let mut all = Vec::from(first);
    all.extend_from_slice(&second);
    check(all.len(), limit)?;
    while let Some(chunk) = pieces.next().await.transpose()? {
        all.extend_from_slice(&chunk);
        check(all.len(), limit)?;
    }
    Ok(all.into())
}

fn check(length: usize, limit: u64) -> Result<()> {
    if length as u64 > limit { Err(too_large(limit)) } else { Ok(()) }
}

fn too_large(limit: u64) -> Error {
    let message = format!("the body is larger than the limit of {limit} bytes; raise `body_limit` or stream it");
    Error::new(ErrorKind::LimitExceeded, Phase::Body, message)
}

fn caller_stream<S, B, E>(stream: S) -> BoxStream<'static, Result<Bytes>>
where
    S: Stream<Item = Result<B, E>> + MaybeSend + 'static,
    B: Into<Bytes> + 'static,
    E: Into<Source> + 'static,
{
    Box::pin(stream.map_ok(Into::into).map_err(|error| {
        Error::new(ErrorKind::RequestBody, Phase::Head, "the request's body failed").with_source(error)
    }))
}

impl Stream for Body {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match &mut self.0 {
                Inner::Empty => return Poll::Ready(None),
                Inner::Bytes(bytes) => {
                    let bytes = std::mem::take(bytes);
                    self.0 = Inner::Empty;
                    return Poll::Ready(if bytes.is_empty() { None } else { Some(Ok(bytes)) });
                }
                Inner::Factory { start, len, .. } => *self = Self::raw_stream(start.start(), *len),
                Inner::Stream { stream, len, .. } => {
                    let stream = stream.get_mut().unwrap_or_else(PoisonError::into_inner);
                    let item = stream.as_mut().poll_next(cx);
                    if let (Poll::Ready(Some(Ok(chunk))), Some(left)) = (&item, len) {
                        *left = left.saturating_sub(chunk.len() as u64);
                    }
                    return item;
                }
            }
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self(Inner::Bytes(bytes.into()))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = match &self.0 {
            Inner::Empty => "Empty",
            Inner::Bytes(_) => "Bytes",
            Inner::Factory { .. } => "Factory",
            Inner::Stream { .. } => "Stream",
        };
        f.debug_struct(form).field("length", &self.length()).finish()
    }
}
