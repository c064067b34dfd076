//! Answers the request on a stream.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use futures::FutureExt;
use h2::RecvStream;
use http::header::COOKIE;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request};

use super::StreamSource;
use super::action_queue::ActionQueue;
use super::output::{ReplyStream, StreamStop};
use super::source::SharedResponse;
use crate::testing::server::connection::MAX_SKIPPED;
use crate::testing::server::head::{Head, check_expect};
use crate::testing::server::request::{Incoming, RequestSource};
use crate::testing::server::{Handler, Reply};

/// What a stream needs of its connection.
pub(super) struct StreamContext<'a> {
    pub(super) handler: &'a dyn Handler,
    /// The number of the connection.
    pub(super) connection: u64,
    pub(super) opens_windows: bool,
    pub(super) queue: ActionQueue,
}

/// Answers a request. Ends early if the client resets the stream: the handler's future is dropped then.
pub(super) async fn answer(context: StreamContext<'_>, request: Request<RecvStream>, response: SharedResponse) {
    let (parts, body) = request.into_parts();
    let source = StreamSource::new(body, response.clone(), context.opens_windows);
    let output = ReplyStream::new(response.clone(), context.queue.clone(), parts.method == Method::HEAD);
    let expectation = check_expect(&parts.headers);
    let mut incoming = Incoming::new(RequestSource::Http2(source), context.connection, head(parts));
    let answered = match expectation {
        Err(refusal) => Ok(Reply::new(refusal.status, refusal.message)),
        Ok(()) => handle(context.handler, &mut incoming, &response).await,
    };
    let sent = match answered {
        Ok(reply) => output.send(reply).await,
        Err(stop) => Err(stop),
    };
    match sent {
        Ok(()) if context.opens_windows => skip_body(&mut incoming).await,
        Err(StreamStop::Reset(code)) => incoming.record_reset(code.0),
        Ok(()) | Err(StreamStop::Ended) => {}
    }
}

fn head(mut parts: Parts) -> Head {
    join_cookies(&mut parts.headers);
    let authority = parts.uri.authority().map(|authority| authority.as_str().to_owned());
    let target = match parts.uri.path_and_query() {
        Some(path) => path.as_str().to_owned(),
        // A CONNECT request has no path (RFC 9113, section 8.5).
        None => authority.clone().unwrap_or_default(),
    };
    Head { method: parts.method, target, version: parts.version, headers: parts.headers, authority }
}

/// Joins the fields of `cookie` by `; `, as handlers expect the header (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<_> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1 {
        // Always valid: it consists of values.
        if let Ok(joined) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
            headers.insert(COOKIE, joined);
        }
    }
}

/// Runs the handler until it has an answer, or the client resets the stream.
async fn handle(
    handler: &dyn Handler,
    incoming: &mut Incoming,
    response: &SharedResponse,
) -> Result<Reply, StreamStop> {
    // A handler that panics must not end the server: the test sees status 500.
    let mut handled = pin!(AssertUnwindSafe(async { handler.handle(incoming).await }).catch_unwind());
    poll_fn(|cx| {
        if let Poll::Ready(reset) = response.lock().poll_reset(cx) {
            return Poll::Ready(Err(StreamStop::of(reset)));
        }
        handled.as_mut().poll(cx).map(|reply| Ok(reply.unwrap_or_else(|_| Reply::new(500, "the handler panicked"))))
    })
    .await
}

/// Reads the unread rest of a body after the reply, as far as it is at most 1 MiB. If a rest is left, h2 resets the
/// stream with NO_ERROR (RFC 9113, section 8.1).
async fn skip_body(incoming: &mut Incoming) {
    if !incoming.can_keep_alive(MAX_SKIPPED) {
        return;
    }
    let mut left = MAX_SKIPPED;
    while let Ok(Some(chunk)) = incoming.chunk().await {
        let length = Bytes::len(&chunk) as u64;
        if length > left {
            return;
        }
        left -= length;
    }
}
