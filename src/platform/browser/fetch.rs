//! One attempt, made by the engine's own `fetch`.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use js_sys::{Array, ArrayBuffer, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::body::{ReadingStream, failed as body_failed};
use super::failure::JsFailure;
use super::global::{self, AbortController};
use crate::backend::Backend;
use crate::body::Body;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::future::BoxFuture;
use crate::progress::Progress;
use crate::request::{Redirect, Request};
use crate::response::Response;
use crate::url::Url;

/// The most bytes of a streamed request body of unknown length that are gathered before sending.
const UPLOAD_LIMIT: usize = 64 * 1024 * 1024;

/// The bytes of a body that are given a second more to be sent: how far an upload is cannot be seen.
const SLOWEST_UPLOAD: u64 = 32 * 1024;

/// The [`Backend`] over the engine's global `fetch`; the default in browsers, workers and Node.
///
/// # Platform
/// Engines differ in whether they can send a stream, so a streamed request body is gathered first, up to 64 MiB unless it
/// has a length.
#[derive(Clone, Copy, Debug, Default)]
pub struct FetchBackend;

impl Backend for FetchBackend {
    fn fetch(&self, mut request: Request) -> BoxFuture<'_, Result<Response>> {
        Box::pin(async move {
            check_body(&request)?;
            request.options().settings.check("fetch")?;
            if request.options().decompress == Some(false) {
                let message = "this platform always decodes bodies: `decompress` cannot be switched off";
                return Err(Error::request(ErrorKind::Unsupported, message));
            }
            if request.authenticator().is_some() {
                let message = "this platform does not let a request answer the server's demand for credentials";
                return Err(Error::request(ErrorKind::Unsupported, message));
            }
            let body = match std::mem::take(request.body_mut()) {
                body if body.is_none() => None,
                body => Some(gather(body, request.progress()).await?),
            };
            let length = body.as_ref().map_or(0, |body| body.len() as u64);
            request.progress().allow(Duration::from_secs(length / SLOWEST_UPLOAD));
            let guard = AbortGuard::new()?;
            let js_request = build(&request, body.as_deref(), &guard)?;
            let returned = global::fetch(&js_request).map_err(failed)?;
            let response = JsFuture::from(global::promise(&returned)).await.map_err(failed)?;
            request.progress().begin_exchange(Some(length));
            request.progress().send(length);
            answer(&response, &request, guard).await
        })
    }
}

/// Refuses what an engine keeps to itself about sending a body.
fn check_body(request: &Request) -> Result<()> {
    let refuse = |message: &'static str| Err(Error::request(ErrorKind::Unsupported, message));
    if request.trailers().is_some() {
        return refuse("this platform cannot send trailers");
    }
    if request.options().expect_continue == Some(true) && !request.body().is_none() {
        return refuse("this platform cannot ask the server before it sends a body");
    }
    Ok(())
}

async fn gather(mut body: Body, progress: &Progress) -> Result<Bytes> {
    let declared = body.length();
    let mut gathered = BytesMut::new();
    while let Some(chunk) = body.chunk().await? {
        progress.add(chunk.len());
        gathered.extend_from_slice(&chunk);
        if gathered.len() > UPLOAD_LIMIT && declared.is_none() {
            let message = format!("a browser gathers a streamed request body, up to {UPLOAD_LIMIT} bytes");
            return Err(Error::request(ErrorKind::LimitExceeded, message));
        }
    }
    if declared.is_some_and(|length| length != gathered.len() as u64) {
        let message = format!("the request's body is {} bytes long, not as long as it says", gathered.len());
        return Err(Error::new(ErrorKind::RequestBody, Phase::Head, message));
    }
    Ok(gathered.freeze())
}

fn build(request: &Request, body: Option<&[u8]>, guard: &AbortGuard) -> Result<global::Request> {
    let headers = global::Headers::new().map_err(refused)?;
    for (name, value) in request.headers() {
        let value: String = value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
        headers.append(name.as_str(), &value).map_err(refused)?;
    }
    let init = Object::new();
    let set = |name: &str, value: &JsValue| Reflect::set(&init, &JsValue::from_str(name), value).map_err(refused);
    set("method", &JsValue::from_str(request.method().as_str()))?;
    set("headers", headers.as_ref())?;
    set("signal", &global::get(guard.0.as_ref(), "signal").map_err(refused)?)?;
    if let Some(body) = body {
        // Not the array itself: Node 20 cannot send one again after a second redirect.
        let blob = global::Blob::new(&Array::of1(&Uint8Array::from(body))).map_err(refused)?;
        set("body", blob.as_ref())?;
    }
    let redirect = match request.options().redirect {
        Some(Redirect::Error) => Some("error"),
        Some(Redirect::Manual) => Some("manual"),
        Some(Redirect::Follow) | None => None,
    };
    if let Some(redirect) = redirect {
        set("redirect", &JsValue::from_str(redirect))?;
    }
    let js_request = global::Request::new(request.url().as_str(), &init).map_err(refused)?;
    check_kept(request.headers(), &global::get(js_request.as_ref(), "headers").map_err(refused)?)?;
    Ok(js_request)
}

/// An engine drops the headers it keeps for itself without a word; the caller should hear of it.
fn check_kept(wanted: &HeaderMap, kept: &JsValue) -> Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let kept = headers(kept)?;
    match wanted.keys().find(|name| !kept.contains_key(*name)) {
        None => Ok(()),
        Some(name) => {
            Err(Error::request(ErrorKind::Unsupported, format!("this platform does not let {name:?} be set")))
        }
    }
}

/// Reads what `fetch` gave; a page may have replaced it, so it may be anything.
async fn answer(response: &JsValue, asked: &Request, guard: AbortGuard) -> Result<Response> {
    let get = |name: &str| global::get(response, name).map_err(failed);
    let Some(status) = get("status")?.as_f64() else {
        return Err(Error::new(ErrorKind::Network, Phase::Head, "what `fetch` gave is not a response"));
    };
    // The cast saturates; what is no status is refused.
    let status = StatusCode::from_u16(status as u16).map_err(|_| opaque(get("type").ok()))?;
    // A response that no URL answered, such as one made by a service worker, has an empty one.
    let url = get("url")?.as_string().and_then(|url| Url::parse(&url).ok()).unwrap_or_else(|| asked.url().clone());
    let redirected = get("redirected")?.is_truthy();
    let mut headers = headers(&get("headers")?)?;
    // The headers of an answer that never has a body describe the one that another answer would have.
    if asked.method() != Method::HEAD && ![204, 304].contains(&status.as_u16()) {
        forget_coding(&mut headers);
    }
    let body = body(response, &get("body")?, guard).await?;
    let answer = Response::new(status, url, body).with_headers(headers).with_redirected(redirected);
    // Empty over HTTP/2, which has no such phrase.
    let reason = get("statusText")?.as_string().filter(|reason| !reason.is_empty());
    Ok(match reason.filter(|reason| Some(&**reason) != status.canonical_reason()) {
        Some(reason) => answer.with_reason(reason),
        None => answer,
    })
}

/// Why a response has no status: what it is, the page may not see.
fn opaque(kind: Option<JsValue>) -> Error {
    if kind.and_then(|kind| kind.as_string()).as_deref() == Some("opaqueredirect") {
        let message = "this platform does not show redirects; follow them, or make them an error";
        return Error::new(ErrorKind::Unsupported, Phase::Head, message);
    }
    Error::new(ErrorKind::Network, Phase::Head, "the response is opaque: this page may not see it")
}

fn headers(from: &JsValue) -> Result<HeaderMap> {
    let malformed = || Error::new(ErrorKind::Protocol, Phase::Head, "a header of the response is malformed");
    let mut headers = HeaderMap::new();
    let entries = js_sys::try_iter(from).map_err(failed)?;
    for entry in entries.into_iter().flatten() {
        let entry: Array = entry.map_err(failed)?.dyn_into().map_err(failed)?;
        let name = entry.get(0).as_string().and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok());
        let value = entry.get(1).as_string().and_then(|value| header_value(&value));
        headers.append(name.ok_or_else(malformed)?, value.ok_or_else(malformed)?);
    }
    Ok(headers)
}

/// A header's bytes are shown as the characters of the same numbers.
fn header_value(shown: &str) -> Option<HeaderValue> {
    let bytes: Option<Vec<u8>> = shown.chars().map(|character| u8::try_from(character).ok()).collect();
    HeaderValue::from_maybe_shared(Bytes::from(bytes?)).ok()
}

/// The engine has decoded the body, if it knows all the codings: what describes the encoded one is no longer true.
fn forget_coding(headers: &mut HeaderMap) {
    let values: Vec<_> = headers.get_all(CONTENT_ENCODING).iter().map(HeaderValue::as_bytes).collect();
    let all = values.join(&b',').to_ascii_lowercase();
    let mut names = all.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let known: [&[u8]; 7] = [b"gzip", b"x-gzip", b"deflate", b"br", b"zstd", b"identity", b""];
    let decoded = names.clone().any(|name| !known[5..].contains(&name));
    if decoded && names.all(|name| known.contains(&name)) {
        headers.remove(CONTENT_ENCODING);
        headers.remove(CONTENT_LENGTH);
    }
}

async fn body(response: &JsValue, stream: &JsValue, guard: AbortGuard) -> Result<Body> {
    if stream.is_null() {
        guard.disarm();
        return Ok(Body::empty());
    }
    if stream.is_undefined() {
        // An engine without streams.
        let returned = global::call(response, "arrayBuffer").map_err(body_failed)?;
        let buffer = JsFuture::from(global::promise(&returned)).await.map_err(body_failed)?;
        let buffer = buffer.dyn_into::<ArrayBuffer>().map_err(body_failed)?;
        guard.disarm();
        return Ok(Body::from(Uint8Array::new(&buffer).to_vec()));
    }
    Ok(Body::raw_stream(Box::pin(ReadingStream::new(stream, guard)?), None))
}

/// Aborts a fetch when dropped, unless it has ended.
pub(super) struct AbortGuard(AbortController, bool);

impl AbortGuard {
    fn new() -> Result<Self> {
        Ok(Self(AbortController::new().map_err(refused)?, true))
    }

    /// Lets the fetch be: an abort after its end could still be seen by others.
    pub(super) fn disarm(mut self) {
        self.1 = false;
    }
}

impl Drop for AbortGuard {
    fn drop(&mut self) {
        if self.1 {
            // An abort that throws has nobody to tell.
            let _ = self.0.abort();
        }
    }
}

fn failed(thrown: JsValue) -> Error {
    Error::new(ErrorKind::Network, Phase::Head, "the fetch failed").with_source(JsFailure::from(thrown))
}

fn refused(thrown: JsValue) -> Error {
    let failure = JsFailure::from(thrown);
    Error::request(ErrorKind::InvalidRequest, "the engine refused the request").with_source(failure)
}
