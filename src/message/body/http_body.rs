//! Bodies of the crate `http_body`, which hyper, axum, tonic and tower share. Behind the feature `http-body`.

use std::any::Any;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures::{Stream, stream};
use http::HeaderMap;
use http_body::{Frame, SizeHint};

use super::{Body, BodyKind};
use crate::error::{Error, ErrorKind, Phase, Result, Source};
use crate::message::trailers::Trailers;
use crate::runtime::MaybeSend;

impl Body {
    /// Returns a body that reads `body`, a body of the crate `http_body`, once. It exists with the feature `http-body`.
    ///
    /// A [`Body`] is returned as it is. An exact [`size_hint`](http_body::Body::size_hint) is the length of the body, and
    /// a body that is [at its end](http_body::Body::is_end_stream) is [no body](Self::empty).
    ///
    /// Trailers are sent if the length of the body is unknown, or if the request has a `trailer` header. A body with a
    /// known length is otherwise sent with its `content-length`, which leaves no room for trailers in HTTP/1.1.
    ///
    /// # Errors
    /// On sending: [`RequestBody`](ErrorKind::RequestBody) with the error of `body` as its source. On reading, an [`Error`]
    /// of this crate stays as it is.
    ///
    /// # Platform
    /// A browser cannot send trailers: there the trailers of `body` are dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Body;
    ///
    /// // A `String` is a body of `http_body`.
    /// let body = Body::http_body("hello".to_owned());
    /// assert_eq!(body.length(), Some(5));
    /// # futures::executor::block_on(async {
    /// assert_eq!(body.collect(100).await?, "hello");
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn http_body<B>(body: B) -> Self
    where
        B: http_body::Body<Error: Into<Source>> + MaybeSend + 'static,
    {
        let mut body = Some(body);
        if let Some(own) = (&mut body as &mut dyn Any).downcast_mut::<Option<Self>>() {
            return own.take().unwrap_or_default();
        }
        match body {
            Some(body) if !body.is_end_stream() => Self::foreign(Box::pin(body), None),
            _ => Self::empty(),
        }
    }

    /// As [`http_body`](Self::http_body), and keeps a body that is ready as bytes in memory: such a body can be sent
    /// again, for example on another connection.
    #[allow(dead_code, reason = "only the feature `tower` calls it")]
    pub(crate) async fn ready_http_body<B>(body: B) -> Self
    where
        B: http_body::Body<Error: Into<Source>> + MaybeSend + 'static,
    {
        if (&body as &dyn Any).is::<Self>() || body.is_end_stream() {
            return Self::http_body(body);
        }
        let mut body = Box::pin(body);
        // The first frame is polled by the caller's task, which polls the body again if the frame is not ready.
        match poll_fn(|cx| Poll::Ready(body.as_mut().poll_frame(cx))).await {
            Poll::Pending => Self::foreign(body, None),
            Poll::Ready(None) => Self::empty(),
            Poll::Ready(Some(frame)) => match FrameContent::of(frame) {
                Ok(FrameContent::Data(bytes)) if body.is_end_stream() => bytes.into(),
                content => Self::foreign(body, Some(content)),
            },
        }
    }

    /// Reads `first`, which was taken from `body` before, and then the rest of `body`.
    fn foreign<B>(mut body: Pin<Box<B>>, mut first: Option<Result<FrameContent>>) -> Self
    where
        B: http_body::Body<Error: Into<Source>> + MaybeSend + 'static,
    {
        let taken = match &first {
            Some(Ok(FrameContent::Data(bytes))) => bytes.len() as u64,
            _ => 0,
        };
        let length = body.size_hint().exact().map(|left| left.saturating_add(taken));
        let trailers = Trailers::new();
        let cell = trailers.clone();
        let mut has_ended = false;
        let chunks = stream::poll_fn(move |cx| {
            while !has_ended {
                let content = match first.take() {
                    Some(content) => Some(content),
                    None => ready!(body.as_mut().poll_frame(cx)).map(FrameContent::of),
                };
                match content {
                    Some(Ok(FrameContent::Data(bytes))) => return Poll::Ready(Some(Ok(bytes))),
                    Some(Ok(FrameContent::Trailers(fields))) => {
                        cell.set(fields);
                    }
                    Some(Ok(FrameContent::Unknown)) => {}
                    Some(Err(error)) => {
                        has_ended = true;
                        return Poll::Ready(Some(Err(error)));
                    }
                    None => has_ended = true,
                }
            }
            Poll::Ready(None)
        });
        Self::boxed_stream(Box::pin(chunks), length).with_trailers(trailers)
    }
}

/// What is in a frame of a body.
enum FrameContent {
    Data(Bytes),
    Trailers(HeaderMap),
    /// A later version of `http_body` may have more kinds of frames.
    Unknown,
}

impl FrameContent {
    fn of<D: Buf>(frame: std::result::Result<Frame<D>, impl Into<Source>>) -> Result<Self> {
        let content = match frame.map_err(body_failed)?.into_data() {
            // Copies nothing if the data is `Bytes` already.
            Ok(mut data) => Self::Data(data.copy_to_bytes(data.remaining())),
            Err(frame) => frame.into_trailers().map_or(Self::Unknown, Self::Trailers),
        };
        Ok(content)
    }
}

fn body_failed(error: impl Into<Source>) -> Error {
    match error.into().downcast::<Error>() {
        Ok(error) => *error,
        Err(source) => Error::new(ErrorKind::RequestBody, Phase::Head, "the request's body failed").with_source(source),
    }
}

/// Yields the chunks, and then the trailers of a body that [`http_body`](Body::http_body) has made, or that comes from a
/// response which was converted into an `http::Response`.
///
/// # Examples
///
/// ```
/// use http_body::Body as _;
/// use waterspout::Body;
///
/// let body = Body::from("hello");
/// assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(5), false));
/// ```
impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        if let Some(chunk) = ready!(self.as_mut().poll_next(cx)) {
            return Poll::Ready(Some(chunk.map(Frame::data)));
        }
        // From here on the body is at its end, and `is_end_stream` says so.
        let ended = std::mem::take(&mut *self);
        let fields = ended.trailers().and_then(Trailers::get).cloned();
        Poll::Ready(fields.map(|fields| Ok(Frame::trailers(fields))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            BodyKind::Empty => true,
            BodyKind::Bytes(bytes) | BodyKind::Text(bytes, _) => bytes.is_empty(),
            // A stream must be read to its end even if no byte is left: its end frees the slot and the connection.
            BodyKind::Factory { .. } | BodyKind::Stream { .. } | BodyKind::Engine(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
