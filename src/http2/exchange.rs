//! An exchange on a stream: from the request's head to the response's head. The body is sent meanwhile.

use std::future::{Future, poll_fn};
use std::task::{Context, Poll, ready};

use http::{HeaderMap, Method, Request, StatusCode};

use super::failure::Http2Failure;
use super::response_fields::{BodyLength, InformationalHeads, check_head};
use super::stream::{Handles, Http2Stream};
use super::upload::{Http2Upload, RemainingHttp2Upload};
use crate::error::{Error, Phase};
use crate::http1::Http1Limits;
use crate::http1::exchange::InformationalCallback;
use crate::message::progress::Progress;

/// A request as an exchange needs it.
pub(crate) struct Http2Request<'a, W> {
    pub(crate) head: Request<()>,
    /// `None` for a request without a body.
    pub(crate) upload: Option<Http2Upload<W>>,
    pub(crate) method: &'a Method,
    /// The limits of this request's response.
    pub(crate) limits: &'a Http1Limits,
    /// The informational responses so far.
    pub(crate) informational: InformationalHeads,
    pub(crate) progress: &'a Progress,
    /// Called with each informational response.
    pub(crate) on_informational: Option<InformationalCallback<'a>>,
}

/// The head of a response. Its body is received on the stream.
pub(crate) struct Http2Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// How long the body may be.
    pub(crate) length: BodyLength,
    /// The rest of the request, if the server still wants it.
    pub(crate) upload: Option<Box<RemainingHttp2Upload>>,
}

/// Sends a request and receives the head of its response.
pub(crate) async fn exchange<W: Future<Output = ()> + Unpin>(
    stream: &mut Http2Stream,
    request: &mut Http2Request<'_, W>,
) -> Result<Http2Response, Http2Failure> {
    let mut is_open = false;
    poll_fn(|cx| {
        let polled = if is_open {
            stream.poll(cx, |handles, stream_cx, cx| poll_head(handles, stream_cx, cx, request))
        } else {
            is_open = true;
            let head = std::mem::take(&mut request.head);
            request.progress.add(head_length(&head));
            let ends = request.upload.is_none();
            stream.open(cx, head, ends, |handles, stream_cx, cx| poll_head(handles, stream_cx, cx, request))?
        };
        match polled {
            Poll::Ready(Ok(response)) => {
                stream.expect_body(response.length, *request.limits);
                Poll::Ready(Ok(response))
            }
            Poll::Ready(Err(Stopped::Failed(failure))) => Poll::Ready(Err(failure)),
            Poll::Ready(Err(Stopped::Stream(error))) => Poll::Ready(Err(stream.failure(error, Phase::Head))),
            // `h2` leaves a stream open whose connection ended in good order before the stream was opened.
            Poll::Pending => stream.orphaned(Phase::Head).map_or(Poll::Pending, |failure| Poll::Ready(Err(failure))),
        }
    })
    .await
}

/// Why an exchange stopped.
enum Stopped {
    Failed(Http2Failure),
    Stream(h2::Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Sends the body and looks for heads.
fn poll_head<W: Future<Output = ()> + Unpin>(
    handles: &mut Handles,
    stream_cx: &mut Context<'_>,
    cx: &mut Context<'_>,
    request: &mut Http2Request<'_, W>,
) -> Poll<Result<Http2Response, Stopped>> {
    loop {
        let was_waiting = request.upload.as_ref().is_some_and(|upload| upload.is_waiting());
        if let Some(upload) = request.upload.as_mut().filter(|upload| !upload.is_waiting()) {
            if let Poll::Ready(Err(error)) = upload.poll_send(handles, stream_cx, cx, request.progress) {
                return Poll::Ready(Err(error.into()));
            }
        }
        let Some(response) = handles.response.as_mut() else { return Poll::Pending };
        while let Poll::Ready(Some(informational)) = response.poll_informational(stream_cx) {
            let head = informational.map_err(Stopped::Stream)?;
            request.progress.exchange().answer();
            request.informational.check(head.status(), head.headers(), request.limits)?;
            request.progress.add_informational();
            if let Some(callback) = request.on_informational {
                callback(head.status(), head.headers());
            }
            if head.status() == StatusCode::CONTINUE {
                if let Some(upload) = &mut request.upload {
                    upload.stop_waiting();
                }
            }
        }
        if let Poll::Ready(response) = std::pin::Pin::new(response).poll(stream_cx) {
            let (head, body) = response.map_err(Stopped::Stream)?.into_parts();
            request.progress.exchange().answer();
            let length = check_head(request.method, head.status, &head.headers, request.limits)?;
            handles.response = None;
            handles.receive = Some(body);
            // With a status of 400 or above, the server does not want the rest of the request, as over HTTP/1.1.
            let goes_on = handles.send.is_some() && head.status.as_u16() < 400;
            let rest = request.upload.take().filter(|upload| goes_on && !upload.is_waiting());
            let upload = rest.map(|mut upload| Box::new(upload.take_remaining()));
            return Poll::Ready(Ok(Http2Response { status: head.status, headers: head.headers, length, upload }));
        }
        match request.upload.as_mut() {
            // Once the time for `100 Continue` is over, the body is sent.
            Some(upload) if upload.is_waiting() => ready!(upload.poll_continue_wait(cx)),
            // `100 Continue` came in this turn. Nothing else wakes the request, so the body is sent now.
            Some(_) if was_waiting => {}
            _ => return Poll::Pending,
        }
    }
}

/// Returns about how many bytes a head has, for the count of sent bytes.
fn head_length(head: &Request<()>) -> usize {
    let fields = head.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    head.uri().path().len() + fields.sum::<usize>()
}
