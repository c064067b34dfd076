//! One attempt, made by the engine's own `fetch`.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::body::{ReadingStream, failed as body_failed};
use super::failure::JsFailure;
use super::global::{self, AbortController};
use crate::backend::Backend;
use crate::body::Body;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::future::BoxFuture;
use crate::request::{Redirect, Request};
use crate::response::Response;
use crate::url::Url;

/// The most bytes of a streamed request body that are gathered before sending.
const UPLOAD_LIMIT: u64 = 64 * 1024 * 1024;

/// The [`Backend`] over the engine's global `fetch`; the default in browsers, workers and Node.
///
/// # Platform
/// Engines differ in whether they can send a stream, so a streamed request body is gathered first, up to 64 MiB.
#[derive(Clone, Copy, Debug, Default)]
pub struct FetchBackend;

impl Backend for FetchBackend {
    fn fetch(&self, mut request: Request) -> BoxFuture<'_, Result<Response>> {
        Box::pin(async move {
            if request.authenticator().is_some() {
                let message = "this platform does not let a request answer the server's demand for credentials";
                return Err(Error::request(ErrorKind::Unsupported, message));
            }
            let body = match std::mem::take(request.body_mut()) {
                body if body.is_none() => None,
                body => Some(gather(body).await?),
            };
            let guard = AbortGuard::new()?;
            let js_request = build(&request, body.as_deref(), &guard)?;
            let promise = global::fetch(&js_request).map_err(failed)?;
            let response = JsFuture::from(promise).await.map_err(failed)?;
            answer(&response.unchecked_into(), request.url(), guard).await
        })
    }
}

async fn gather(body: Body) -> Result<Bytes> {
    let declared = body.length();
    let gathered = gather_all(body).await?;
    if declared.is_some_and(|length| length != gathered.len() as u64) {
        let message = format!("the request's body is {} bytes long, not as long as it says", gathered.len());
        return Err(Error::new(ErrorKind::RequestBody, Phase::Head, message));
    }
    Ok(gathered)
}

async fn gather_all(body: Body) -> Result<Bytes> {
    body.collect(UPLOAD_LIMIT).await.map_err(|error| match error.kind() {
        ErrorKind::LimitExceeded => {
            let message = format!("a browser gathers a streamed request body, up to {UPLOAD_LIMIT} bytes");
            Error::request(ErrorKind::LimitExceeded, message)
        }
        _ => error,
    })
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
    set("signal", &guard.0.signal())?;
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
    check_kept(request.headers(), &js_request.headers())?;
    Ok(js_request)
}

/// An engine drops the headers it keeps for itself without a word; the caller should hear of it.
fn check_kept(wanted: &HeaderMap, kept: &global::Headers) -> Result<()> {
    match wanted.keys().find(|name| !kept.has(name.as_str()).unwrap_or(false)) {
        None => Ok(()),
        Some(name) => {
            Err(Error::request(ErrorKind::Unsupported, format!("this platform does not let {name:?} be set")))
        }
    }
}

async fn answer(response: &global::Response, asked: &Url, guard: AbortGuard) -> Result<Response> {
    let status = StatusCode::from_u16(response.status()).map_err(|_| opaque(response))?;
    // A response that no URL answered, such as one made by a service worker, has an empty one.
    let url = Url::parse(&response.url()).unwrap_or_else(|_| asked.clone());
    let headers = headers(&response.headers())?;
    let body = body(response, guard).await?;
    Ok(Response::new(status, url, body).with_headers(headers).with_redirected(response.redirected()))
}

/// Why a response has no status: what it is, the page may not see.
fn opaque(response: &global::Response) -> Error {
    if response.kind() == "opaqueredirect" {
        let message = "this platform does not show redirects; follow them, or make them an error";
        return Error::new(ErrorKind::Unsupported, Phase::Head, message);
    }
    Error::new(ErrorKind::Network, Phase::Head, "the response is opaque: this page may not see it")
}

fn headers(from: &global::Headers) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for entry in &from.entries().map_err(failed)? {
        let entry: Array = entry.map_err(failed)?.unchecked_into();
        let (Some(name), Some(value)) = (entry.get(0).as_string(), entry.get(1).as_string()) else { continue };
        // A header's bytes are shown as the characters of the same numbers.
        let value: Option<Vec<u8>> = value.chars().map(|character| u8::try_from(character).ok()).collect();
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = value.and_then(|value| HeaderValue::from_maybe_shared(Bytes::from(value)).ok());
        let (Ok(name), Some(value)) = (name, value) else {
            return Err(Error::new(ErrorKind::Protocol, Phase::Head, "a header of the response is malformed"));
        };
        headers.append(name, value);
    }
    // The engine has decoded the body: what describes the encoded one is no longer true.
    if headers.remove(CONTENT_ENCODING).is_some() {
        headers.remove(CONTENT_LENGTH);
    }
    Ok(headers)
}

async fn body(response: &global::Response, guard: AbortGuard) -> Result<Body> {
    let stream = response.body();
    if stream.is_null() {
        guard.disarm();
        return Ok(Body::empty());
    }
    if stream.is_undefined() {
        // An engine without streams.
        let promise = response.array_buffer().map_err(body_failed)?;
        let buffer = JsFuture::from(promise).await.map_err(body_failed)?;
        guard.disarm();
        return Ok(Body::from(Uint8Array::new(&buffer).to_vec()));
    }
    Ok(Body::raw_stream(Box::pin(ReadingStream::new(&stream.unchecked_into(), guard)?), None))
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
            self.0.abort();
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
