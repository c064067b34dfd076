//! A request as the engine wants it, and what it may not ask of an engine.

use bytes::Bytes;
use http::HeaderMap;
use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::JsValue;

use super::abort::AbortGuard;
use super::answer::fields;
use super::failure::refused;
use super::global;
use super::init::{FetchInit, PRIORITY};
use super::upload::{Upload, misdeclared};
use crate::error::{Error, ErrorKind, Result};
use crate::message::body::Body;
use crate::message::progress::Progress;
use crate::message::request::{Redirect, Request};

/// What is sent as the body.
pub(super) enum Sending {
    Nothing,
    Bytes(Bytes),
    Stream(Upload),
}

impl Sending {
    /// Takes the body of `request`; gathers it if it is a stream that cannot be sent, or should not.
    pub(super) async fn new(request: &mut Request, init: &FetchInit) -> Result<Self> {
        let mut body = std::mem::take(request.body_mut());
        if body.is_none() {
            return Ok(Self::Nothing);
        }
        if let Some(upload) = init.start_upload(&mut body, request.progress())? {
            return Ok(Self::Stream(upload));
        }
        Ok(Self::Bytes(gather(body, request.progress(), init.most_gathered()).await?))
    }
}

/// Refuses what an engine keeps to itself.
pub(super) fn check(request: &Request) -> Result<()> {
    let refuse = |message: &'static str| Err(Error::request(ErrorKind::Unsupported, message));
    if request.trailers().is_some() {
        return refuse("this platform cannot send trailers");
    }
    if request.options().expect_continue == Some(true) && !request.body().is_none() {
        return refuse("this platform cannot ask the server before it sends a body");
    }
    if request.options().decompress == Some(false) {
        return refuse("this platform always decodes bodies: `decompress` cannot be switched off");
    }
    if request.authenticator().is_some() {
        return refuse("this platform does not let a request answer the server's demand for credentials");
    }
    request.options().extensions.check("fetch")
}

/// Bytes that are there already are no stream, and have no limit; nor has what is made of such, as a form is.
async fn gather(mut body: Body, progress: &Progress, most: u64) -> Result<Bytes> {
    let (declared, complete) = (body.length(), body.is_complete());
    let most = if complete { declared.unwrap_or(most) } else { most };
    if declared.is_some_and(|length| length > most) {
        return Err(too_large(most));
    }
    let mut gathered = Vec::new();
    while let Some(chunk) = body.chunk().await? {
        progress.add(chunk.len());
        // One that an agent has in memory may yet be decoded, to any number of pieces.
        if complete && body.is_none() {
            return Ok(chunk);
        }
        gathered.extend_from_slice(&chunk);
        if gathered.len() as u64 > most {
            return Err(too_large(most));
        }
    }
    let length = gathered.len() as u64;
    if declared.is_some_and(|declared| declared != length) { Err(misdeclared(length)) } else { Ok(gathered.into()) }
}

fn too_large(most: u64) -> Error {
    let message = format!(
        "the request's body is a stream, which is gathered before it is sent, and longer than {most} bytes; raise \
         `FetchInit::upload_limit`, or stream it by `FetchInit::stream_upload`"
    );
    Error::request(ErrorKind::LimitExceeded, message)
}

/// The engine's own request.
pub(super) fn build(
    request: &Request,
    init: &FetchInit,
    sending: &Sending,
    guard: &AbortGuard,
) -> Result<global::Request> {
    let made = make(request, init, sending, guard).map_err(refused)?;
    check_kept(request.headers(), made.as_ref())?;
    check_known(init, made.as_ref())?;
    Ok(made)
}

fn make(
    request: &Request,
    init: &FetchInit,
    sending: &Sending,
    guard: &AbortGuard,
) -> std::result::Result<global::Request, JsValue> {
    let headers = global::Headers::new()?;
    for (name, value) in request.headers() {
        headers.append(name.as_str(), &global::characters(value.as_bytes()))?;
    }
    let members = Object::new();
    let set = |name: &str, value: &JsValue| Reflect::set(&members, &name.into(), value);
    set("method", &request.method().as_str().into())?;
    set("headers", headers.as_ref())?;
    set("signal", &guard.signal()?)?;
    match sending {
        Sending::Nothing => {}
        Sending::Bytes(bytes) => {
            // Not the array itself: Node 20 cannot send one again after a second redirect.
            let blob = global::Blob::new(&Array::of1(&Uint8Array::from(&**bytes)))?;
            set("body", blob.as_ref())?;
        }
        Sending::Stream(upload) => {
            set("body", upload.stream())?;
            set("duplex", &"half".into())?;
        }
    }
    let redirect = match request.options().redirect {
        Some(Redirect::Error) => Some("error"),
        Some(Redirect::Manual) => Some("manual"),
        Some(Redirect::Follow) | None => None,
    };
    if let Some(redirect) = redirect {
        set("redirect", &redirect.into())?;
    }
    for (name, value) in init.members() {
        set(name, &value.into())?;
    }
    global::Request::new(request.url().as_str(), &members)
}

/// An engine drops the headers it keeps for itself without a word; the caller should hear of it.
fn check_kept(wanted: &HeaderMap, made: &JsValue) -> Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let kept = fields(&global::get(made, "headers").map_err(refused)?)?;
    match wanted.keys().find(|wanted| !kept.iter().any(|field| field.name == wanted.as_str())) {
        None => Ok(()),
        Some(name) => Err(Error::request(
            ErrorKind::Unsupported,
            format!("this platform does not let \"{}\" be set", name.as_str()),
        )),
    }
}

/// Nor does it say that it has never heard of an option: then its requests do not have it.
fn check_known(init: &FetchInit, made: &JsValue) -> Result<()> {
    for (name, _) in init.members().iter().filter(|(name, _)| *name != PRIORITY) {
        if global::get(made, name).map_err(refused)?.is_undefined() {
            let message = format!("this engine does not know the option `{name}` of `fetch`");
            return Err(Error::request(ErrorKind::Unsupported, message));
        }
    }
    Ok(())
}
