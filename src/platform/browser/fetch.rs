//! One attempt, made by the engine's own `fetch`.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::abort::AbortGuard;
use super::answer::answer;
use super::failure::failed;
use super::global;
use super::init::FetchInit;
use super::request::{Sending, build, check};
use super::upload::{SLOWEST_UPLOAD, Upload};
use crate::backend::Backend;
use crate::error::Result;
use crate::message::request::Request;
use crate::message::response::Response;
use crate::runtime::BoxFuture;

/// The [`Backend`] over the engine's global `fetch`; the default in browsers, workers and Node.
///
/// What it understands beyond the portable options is [`FetchInit`].
///
/// # Platform
/// Engines differ in whether they can send a stream, so a streamed request body is gathered first, up to 64 MiB, unless
/// [`FetchInit::stream_upload`] says otherwise.
///
/// # Errors
/// With what the engine threw as the source, a [`JsFailure`](super::JsFailure): [`Network`](crate::ErrorKind::Network), which covers name
/// look-up, connection, TLS, CORS and broken responses; [`Cancelled`](crate::ErrorKind::Cancelled) if the page or its service worker
/// aborted; [`Timeout`](crate::ErrorKind::Timeout), without a limit of ours, if the engine says so;
/// [`Unsupported`](crate::ErrorKind::Unsupported) for a response that the page may not see.
#[derive(Clone, Copy, Debug, Default)]
pub struct FetchBackend;

impl Backend for FetchBackend {
    fn fetch(&self, request: Request) -> BoxFuture<'_, Result<Response>> {
        Box::pin(attempt(request))
    }
}

async fn attempt(mut request: Request) -> Result<Response> {
    check(&request)?;
    let init = request.options_mut().take_extension::<FetchInit>().unwrap_or_default();
    let sending = Sending::new(&mut request, &init).await?;
    let guard = AbortGuard::new()?;
    let js_request = build(&request, &init, &sending, &guard)?;
    let length = match &sending {
        Sending::Bytes(bytes) => bytes.len() as u64,
        Sending::Nothing | Sending::Stream(_) => 0,
    };
    request.progress().allow(Duration::from_secs(length / SLOWEST_UPLOAD));
    let returned = global::fetch(&js_request).map_err(failed)?;
    let mut fetch = JsFuture::from(global::promise(&returned));
    let mut upload = match sending {
        Sending::Stream(upload) => Some(upload),
        Sending::Nothing | Sending::Bytes(_) => None,
    };
    let response = poll_fn(|cx| {
        if let Poll::Ready(Err(error)) = poll_upload(&mut upload, cx) {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut fetch).poll(cx).map_err(failed)
    });
    let response: JsValue = response.await?;
    if length > 0 {
        let exchange = request.progress().exchange();
        exchange.begin(Some(length));
        exchange.send(length);
    }
    answer(&response, &request, guard, upload).await
}

/// Moves an upload on; it is dropped once it has ended.
pub(super) fn poll_upload(upload: &mut Option<Upload>, cx: &mut Context<'_>) -> Poll<Result<()>> {
    let Some(running) = upload else { return Poll::Ready(Ok(())) };
    let moved = running.poll(cx);
    if moved.is_ready() {
        *upload = None;
    }
    moved
}
