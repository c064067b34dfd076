//! The backend that makes each attempt with the engine's own `fetch`.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::abort::AbortGuard;
use super::fetch_init::FetchInit;
use super::global;
use super::js_failure::failed;
use super::request::{OutgoingBody, build, check};
use super::response::read_response;
use super::upload::{MIN_UPLOAD_RATE, Upload};
use crate::backend::Backend;
use crate::error::Result;
use crate::message::call_context::CallContext;
use crate::message::request::Request;
use crate::message::response::Response;
use crate::runtime::BoxFuture;

/// The [`Backend`] over the engine's global `fetch`. It is the default in browsers, workers and Node.
///
/// Options that only `fetch` has are in [`FetchInit`].
///
/// # Platform
/// Not every engine can send a stream, so a streamed request body is gathered before it is sent, up to 64 MiB, unless
/// [`FetchInit::stream_upload`] is set. A [`Blob`](super::Blob) of the page is sent by the engine without a copy.
///
/// # Errors
/// The source of each error is the value that the engine threw, a [`JsFailure`](super::JsFailure). The kinds are:
///
/// - [`Network`](crate::ErrorKind::Network) for name look-up, connection, TLS, CORS and broken responses.
/// - [`Cancelled`](crate::ErrorKind::Cancelled) if the page or its service worker aborted the fetch.
/// - [`Timeout`](crate::ErrorKind::Timeout), without a limit of the client, if the engine reports a timeout.
/// - [`Unsupported`](crate::ErrorKind::Unsupported) for a response that the page may not read.
#[derive(Clone, Copy, Debug, Default)]
pub struct FetchBackend;

impl Backend for FetchBackend {
    fn fetch(&self, request: Request, context: CallContext) -> BoxFuture<'_, Result<Response>> {
        Box::pin(attempt(request, context))
    }
}

async fn attempt(mut request: Request, context: CallContext) -> Result<Response> {
    check(&request)?;
    // The client has added it already, unless the program uses this backend without a client.
    request.add_content_type();
    let init = request.options().extensions.handle::<FetchInit>().unwrap_or_default();
    let outgoing = match OutgoingBody::take(&mut request, &init, context.progress()) {
        Some(preparation) => preparation.await?,
        None => OutgoingBody::Nothing,
    };
    let guard = AbortGuard::new()?;
    let js_request = build(&request, &init, &outgoing, &guard)?;
    let length = outgoing.unseen_length();
    // A page is told neither how far an upload is nor when a connection is open. So the limit on the head grows by a
    // second for each 32 KiB of the body.
    context.progress().allow(Duration::from_secs(length / MIN_UPLOAD_RATE));
    let returned = global::fetch(&js_request).map_err(failed)?;
    let mut fetch = JsFuture::from(global::promise(&returned));
    let mut upload = match outgoing {
        OutgoingBody::Stream(upload) => Some(upload),
        OutgoingBody::Nothing | OutgoingBody::Object(_) => None,
    };
    let response = poll_fn(|cx| {
        if let Poll::Ready(Err(error)) = poll_upload(&mut upload, cx) {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut fetch).poll(cx).map_err(failed)
    });
    let response: JsValue = response.await?;
    if length > 0 {
        // The engine does not show the upload, so its bytes count as sent when the head has arrived.
        let exchange = context.progress().exchange();
        exchange.begin(Some(length));
        exchange.send(length);
    }
    let mut response = read_response(&response, &request, guard, upload).await?;
    // After a redirect the engine may have changed the method and removed headers, which it does not show.
    if !response.redirected() {
        response.set_request(&mut request, None);
    }
    Ok(response)
}

/// Polls an upload, which is dropped when it has ended.
pub(super) fn poll_upload(upload: &mut Option<Upload>, cx: &mut Context<'_>) -> Poll<Result<()>> {
    let Some(running) = upload else { return Poll::Ready(Ok(())) };
    let poll = running.poll(cx);
    if poll.is_ready() {
        *upload = None;
    }
    poll
}
