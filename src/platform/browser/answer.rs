//! What `fetch` gave, as a response. A page may have replaced it, so it may be anything.

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode};
use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::abort::AbortGuard;
use super::body::ReadingStream;
use super::failure::{body_failed, failed};
use super::global;
use super::upload::Upload;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::body::Body;
use crate::message::request::Request;
use crate::message::response::Response;
use crate::message::response::lazy_headers::{LazyHeaders, RawHeader};
use crate::message::url::Url;

/// Reads `response`, the answer to `asked`, whose body may still be on its way up as well.
pub(super) async fn answer(
    response: &JsValue,
    asked: &Request,
    guard: AbortGuard,
    upload: Option<Upload>,
) -> Result<Response> {
    let get = |name: &str| global::get(response, name).map_err(failed);
    let Some(status) = get("status")?.as_f64() else {
        return Err(Error::new(ErrorKind::Network, Phase::Head, "what `fetch` gave is not a response"));
    };
    // The cast saturates; what is no status is refused.
    let status = StatusCode::from_u16(status as u16).map_err(|_| hidden(get("type").ok()))?;
    // A response that no URL answered, such as one made by a service worker, has an empty one.
    let url = get("url")?.as_string().and_then(|url| Url::parse(&url).ok()).unwrap_or_else(|| asked.url().clone());
    let redirected = get("redirected")?.is_truthy();
    let mut fields = fields(&get("headers")?)?;
    // The headers of an answer that never has a body describe the one that another answer would have.
    if asked.method() != Method::HEAD && ![204, 304].contains(&status.as_u16()) {
        forget_coding(&mut fields);
    }
    let body = body(response, &get("body")?, guard, upload).await?;
    // The target of a redirect may have had credentials.
    let mut answer = Response::builder(status, url.without_credentials()).redirected(redirected);
    // Empty over HTTP/2, which has no such phrase.
    if let Some(reason) = get("statusText")?.as_string().filter(|reason| !reason.is_empty()) {
        answer = answer.reason(reason);
    }
    answer.lazy_headers(LazyHeaders::raw(fields)).body(body)
}

/// Why a response has no status.
fn hidden(kind: Option<JsValue>) -> Error {
    let (kind, message) = match kind.and_then(|kind| kind.as_string()).as_deref() {
        Some("opaqueredirect") => {
            let message = "this platform does not show redirects; follow them, or make them an error";
            (ErrorKind::Unsupported, message)
        }
        Some("opaque") => (ErrorKind::Unsupported, "the response is opaque: this page may not see it"),
        _ => (ErrorKind::Network, "the response has no status"),
    };
    Error::new(kind, Phase::Head, message)
}

/// The engine's headers, one by one.
pub(super) fn fields(from: &JsValue) -> Result<Vec<RawHeader>> {
    let malformed = || Error::new(ErrorKind::Protocol, Phase::Head, "a header of the response is malformed");
    let entries = global::array_from(from).map_err(failed)?;
    if entries.length() as usize > LazyHeaders::MAX_COUNT {
        return Err(Error::new(ErrorKind::LimitExceeded, Phase::Head, "the response has too many headers"));
    }
    let field = |entry: JsValue| {
        let text = |index: &str| global::get(&entry, index).map_err(failed).map(|text| text.as_string());
        let (name, value) = (text("0")?, text("1")?.and_then(|value| header_value(&value)));
        name.zip(value).and_then(|(name, value)| RawHeader::new(name, value)).ok_or_else(malformed)
    };
    entries.iter().map(field).collect()
}

/// A header's bytes are shown as the characters of the same numbers.
fn header_value(shown: &str) -> Option<HeaderValue> {
    let bytes: Option<Vec<u8>> = shown.chars().map(|character| u8::try_from(character).ok()).collect();
    HeaderValue::from_maybe_shared(Bytes::from(bytes?)).ok()
}

/// The engine has decoded the body, if it knows all the codings: what describes the encoded one is no longer true.
fn forget_coding(fields: &mut Vec<RawHeader>) {
    let values = fields.iter().filter(|field| field.name == "content-encoding").map(|field| field.value.as_bytes());
    let all = values.collect::<Vec<_>>().join(&b',').to_ascii_lowercase();
    let mut names = all.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let known: [&[u8]; 7] = [b"gzip", b"x-gzip", b"deflate", b"br", b"zstd", b"identity", b""];
    let decoded = names.clone().any(|name| !known[5..].contains(&name));
    if decoded && names.all(|name| known.contains(&name)) {
        fields.retain(|field| !["content-encoding", "content-length"].contains(&&*field.name));
    }
}

async fn body(response: &JsValue, stream: &JsValue, guard: AbortGuard, upload: Option<Upload>) -> Result<Body> {
    if stream.is_null() {
        guard.disarm();
        return Ok(Body::empty());
    }
    if stream.is_undefined() {
        // An engine without streams.
        let returned = global::call(response, "arrayBuffer").map_err(body_failed)?;
        let buffer = JsFuture::from(global::promise(&returned)).await.map_err(body_failed)?;
        // What is no buffer, or one of another realm, is told by its inside.
        global::DataView::new(&buffer).map_err(body_failed)?;
        guard.disarm();
        return Ok(Body::from(Uint8Array::new(&buffer).to_vec()));
    }
    Ok(Body::boxed_stream(Box::pin(ReadingStream::new(stream, guard, upload)?), None))
}
