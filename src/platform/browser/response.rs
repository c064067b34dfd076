//! Reads the value that `fetch` returned as a response. A page may have replaced `fetch`, so no member is trusted.

use http::{Method, StatusCode};
use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::abort::AbortGuard;
use super::body::ReadingStream;
use super::global;
use super::js_failure::{body_failed, failed};
use super::upload::Upload;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::body::Body;
use crate::message::request::Request;
use crate::message::response::Response;
use crate::message::response::lazy_headers::{LazyHeaders, RawHeader};
use crate::message::url::Url;

/// Reads `response`, which answers `request`. The body of the request may still be in progress: `upload`.
pub(super) async fn read_response(
    response: &JsValue,
    request: &Request,
    guard: AbortGuard,
    upload: Option<Upload>,
) -> Result<Response> {
    let get = |name: &str| global::get(response, name).map_err(failed);
    let Some(status) = get("status")?.as_f64() else {
        return Err(Error::new(ErrorKind::Network, Phase::Head, "`fetch` returned a value that is not a response"));
    };
    // The cast saturates, and a number that is no status is refused.
    let status = StatusCode::from_u16(status as u16).map_err(|_| without_status(get("type").ok()))?;
    // The URL is empty if the response came from no URL: a service worker may have made it.
    let url = get("url")?.as_string().and_then(|url| Url::parse(&url).ok()).unwrap_or_else(|| request.url().clone());
    let redirected = get("redirected")?.is_truthy();
    let mut headers = raw_headers(&get("headers")?)?;
    // A response to HEAD, a 204 and a 304 have no body. Their headers describe the body of another response, and stay.
    if request.method() != Method::HEAD && ![204, 304].contains(&status.as_u16()) {
        remove_coding(&mut headers);
    }
    let body = body(response, &get("body")?, guard, upload).await?;
    // The target of a redirect may contain credentials.
    let mut builder = Response::builder(status, url.without_credentials()).redirected(redirected);
    // HTTP/2 has no reason phrase, and the member is empty then.
    if let Some(reason) = get("statusText")?.as_string().filter(|reason| !reason.is_empty()) {
        builder = builder.reason(reason);
    }
    builder.lazy_headers(LazyHeaders::raw(headers)).body(body)
}

/// Returns the error for a response without a status, which depends on its `type`.
fn without_status(kind: Option<JsValue>) -> Error {
    let (kind, message) = match kind.and_then(|kind| kind.as_string()).as_deref() {
        Some("opaqueredirect") => {
            let message = "this platform does not show redirects: use `Redirect::Follow` or `Redirect::Error`";
            (ErrorKind::Unsupported, message)
        }
        Some("opaque") => (ErrorKind::Unsupported, "the response is opaque: this page may not read it"),
        _ => (ErrorKind::Network, "the response has no status"),
    };
    Error::new(kind, Phase::Head, message)
}

/// Reads an engine's `Headers`. Their names are checked when the program looks at them: the table of known header names
/// is 6 KB of the module, and a program that never looks does not link it.
pub(super) fn raw_headers(from: &JsValue) -> Result<Vec<RawHeader>> {
    let malformed = || Error::new(ErrorKind::Protocol, Phase::Head, "a header of the response is malformed");
    let entries = global::array_from(from).map_err(failed)?;
    if entries.length() as usize > LazyHeaders::MAX_COUNT {
        return Err(Error::new(ErrorKind::LimitExceeded, Phase::Head, "the response has too many headers"));
    }
    let header = |entry: JsValue| {
        let text = |index: &str| global::get(&entry, index).map_err(failed).map(|text| text.as_string());
        let (name, value) = (text("0")?, text("1")?);
        name.zip(value).and_then(|(name, value)| RawHeader::new(name, value)).ok_or_else(malformed)
    };
    entries.iter().map(header).collect()
}

/// Removes `content-encoding` and `content-length` if the engine has decoded the body, which it does if it knows all
/// codings: they describe the encoded body. A body in an unknown coding keeps both.
fn remove_coding(headers: &mut Vec<RawHeader>) {
    // A page does not see the coding of another origin's response, so there the length stays.
    let mut is_decoded = false;
    for header in headers.iter().filter(|header| header.name == "content-encoding") {
        for coding in header.value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            let is_any_of = |names: &[&str]| names.iter().any(|name| coding.eq_ignore_ascii_case(name.as_bytes()));
            match is_any_of(&["gzip", "x-gzip", "deflate", "br", "zstd"]) {
                true => is_decoded = true,
                false if is_any_of(&["identity", ""]) => {}
                false => return,
            }
        }
    }
    if is_decoded {
        headers.retain(|header| !["content-encoding", "content-length"].contains(&&*header.name));
    }
}

async fn body(response: &JsValue, stream: &JsValue, guard: AbortGuard, upload: Option<Upload>) -> Result<Body> {
    if stream.is_null() {
        guard.disarm();
        return Ok(Body::empty());
    }
    if stream.is_undefined() {
        // This engine has no streams.
        let returned = global::call(response, "arrayBuffer").map_err(body_failed)?;
        let buffer = JsFuture::from(global::promise(&returned)).await.map_err(body_failed)?;
        // `instanceof` would refuse the buffer of another realm. `DataView` throws unless the value is a buffer.
        global::DataView::new(&buffer).map_err(body_failed)?;
        guard.disarm();
        return Ok(Body::from(Uint8Array::new(&buffer).to_vec()));
    }
    Ok(Body::boxed_stream(Box::pin(ReadingStream::new(stream, guard, upload)?), None))
}
