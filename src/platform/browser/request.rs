//! Builds the engine's request, and refuses options that an engine cannot honour.

use http::Method;
use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::JsValue;

use super::abort::AbortGuard;
use super::fetch_init::{FetchInit, PRIORITY};
use super::global;
use super::js_failure::refused;
use super::response::raw_headers;
use super::upload::{Upload, misdeclared};
use crate::error::{Error, ErrorKind, Result};
use crate::message::body::Body;
use crate::message::body::engine::EngineObject;
use crate::message::progress::Progress;
use crate::message::request::{Redirect, Request};
use crate::runtime::BoxFuture;

/// The body of a request as it is given to the engine.
pub(super) enum OutgoingBody {
    Nothing,
    /// An object that the engine reads itself.
    Object(EngineObject),
    Stream(Upload),
}

impl OutgoingBody {
    /// Takes the body of `request`. A stream is gathered unless it can and should be sent while it is read.
    ///
    /// Returns `None` for a request without a body.
    pub(super) fn take<'a>(
        request: &mut Request,
        init: &'a FetchInit,
        progress: &'a Progress,
    ) -> Option<BoxFuture<'a, Result<Self>>> {
        let (body, support) = request.take_body();
        let support = support.0.filter(|_| !body.is_none())?;
        Some(support.prepare(body, init, progress))
    }

    /// Returns the length of a body that the engine sends without telling how far it is.
    pub(super) fn unseen_length(&self) -> u64 {
        match self {
            Self::Object(object) => object.length,
            Self::Nothing | Self::Stream(_) => 0,
        }
    }
}

/// The code that gives the body of a request to the engine.
///
/// It is set only where a request may get a body: a browser program without request bodies does not link it.
/// `RetryPolicy` says what the idiom saves in all.
#[derive(Clone, Copy, Default)]
pub(crate) struct LinkedBodySupport(Option<&'static dyn PrepareBody>);

impl LinkedBodySupport {
    /// Links the code, because a body may be added.
    pub(crate) fn link(&mut self) {
        self.0 = Some(&BodyPreparation);
    }
}

trait PrepareBody: Send + Sync {
    /// Prepares `body` for the engine.
    fn prepare<'a>(
        &self,
        body: Body,
        init: &'a FetchInit,
        progress: &'a Progress,
    ) -> BoxFuture<'a, Result<OutgoingBody>>;
}

struct BodyPreparation;

impl PrepareBody for BodyPreparation {
    fn prepare<'a>(
        &self,
        mut body: Body,
        init: &'a FetchInit,
        progress: &'a Progress,
    ) -> BoxFuture<'a, Result<OutgoingBody>> {
        Box::pin(async move {
            if let Some(upload) = init.start_upload(&mut body, progress)? {
                return Ok(OutgoingBody::Stream(upload));
            }
            // Every engine can send a gathered body, and the error of its limit names the option.
            let max = init.max_gathered();
            let object = match body.into_engine() {
                Ok(body) => body.into_object(progress.clone(), max).await,
                Err(body) => gather(body, progress, max).await,
            };
            object.map(OutgoingBody::Object)
        })
    }
}

/// Refuses options that an engine does not give to a page. An option never silently does nothing.
pub(super) fn check(request: &Request) -> Result<()> {
    let refuse = |message: &'static str| Err(Error::request(ErrorKind::Unsupported, message));
    // The Fetch standard forbids it (the constructor of `Request`). `validate` refuses the body of a HEAD.
    if request.method() == Method::GET && !request.body().is_none() {
        let message = "this platform does not send a GET request with a body: send a POST, or leave out the body";
        return Err(Error::request(ErrorKind::InvalidRequest, message));
    }
    // Trailers and `expect_continue` belong to a single request, so they are options of a request on every platform.
    // The settings of an agent (`agent::Config`) do not exist here, so there is none to ignore.
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
        return refuse("this platform does not let a request answer a challenge of the server");
    }
    request.options().extensions.check("fetch")
}

/// Gathers a body of at most `max` bytes in a blob of the engine. A body that is complete, such as bytes or a form, has
/// no limit.
pub(super) async fn gather(mut body: Body, progress: &Progress, max: u64) -> Result<EngineObject> {
    let declared = body.length();
    let is_complete = body.is_complete();
    let max = if is_complete { declared.unwrap_or(max) } else { max };
    if declared.is_some_and(|length| length > max) {
        return Err(too_large(max));
    }
    let mut gathered = Vec::new();
    while let Some(chunk) = body.chunk().await? {
        progress.add(chunk.len());
        // A complete body has more pieces if it was received in memory by an agent and is still being decoded.
        if is_complete && body.is_none() {
            return blob_of(&chunk);
        }
        gathered.extend_from_slice(&chunk);
        if gathered.len() as u64 > max {
            return Err(too_large(max));
        }
    }
    let length = gathered.len() as u64;
    if declared.is_some_and(|declared| declared != length) { Err(misdeclared(length)) } else { blob_of(&gathered) }
}

/// Copies bytes into a blob, which every engine can send.
fn blob_of(bytes: &[u8]) -> Result<EngineObject> {
    // A blob and not the array: Node 20 cannot send an array again after a second redirect.
    let blob = global::EngineBlob::new(&Array::of1(&Uint8Array::from(bytes))).map_err(refused)?;
    Ok(EngineObject { value: blob.into(), length: bytes.len() as u64 })
}

pub(super) fn too_large(max: u64) -> Error {
    let message = format!(
        "the request's body is a stream, which is gathered before it is sent, and longer than {max} bytes; raise \
         `FetchInit::upload_limit`, or stream it by `FetchInit::stream_upload`"
    );
    Error::request(ErrorKind::LimitExceeded, message)
}

/// Makes the engine's request.
pub(super) fn build(
    request: &Request,
    init: &FetchInit,
    outgoing: &OutgoingBody,
    guard: &AbortGuard,
) -> Result<global::Request> {
    let made = make(request, init, outgoing, guard).map_err(refused)?;
    check_headers(request, made.as_ref())?;
    check_options(init, made.as_ref())?;
    Ok(made)
}

fn make(
    request: &Request,
    init: &FetchInit,
    outgoing: &OutgoingBody,
    guard: &AbortGuard,
) -> std::result::Result<global::Request, JsValue> {
    let headers = global::Headers::new()?;
    for (name, value) in request.header_list() {
        headers.append(name, &global::characters(value.as_bytes()))?;
    }
    let members = Object::new();
    let set = |name: &str, value: &JsValue| Reflect::set(&members, &name.into(), value);
    set("method", &request.method().as_str().into())?;
    set("headers", headers.as_ref())?;
    set("signal", &guard.signal()?)?;
    match outgoing {
        OutgoingBody::Nothing => {}
        OutgoingBody::Object(object) => set("body", &object.value).map(drop)?,
        OutgoingBody::Stream(upload) => {
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

/// Refuses headers that the engine has dropped silently because a page may not set them.
fn check_headers(request: &Request, made: &JsValue) -> Result<()> {
    let wanted = request.header_list();
    if wanted.is_empty() {
        return Ok(());
    }
    let kept = raw_headers(&global::get(made, "headers").map_err(refused)?)?;
    match wanted.iter().find(|(name, _)| !kept.iter().any(|header| header.name == *name)) {
        None => Ok(()),
        Some((name, _)) => {
            Err(Error::request(ErrorKind::Unsupported, ["this platform does not let \"", name, "\" be set"].concat()))
        }
    }
}

/// Refuses options that the engine does not know: its request has no such member, and it reports no error.
fn check_options(init: &FetchInit, made: &JsValue) -> Result<()> {
    for (name, _) in init.members().iter().filter(|(name, _)| *name != PRIORITY) {
        if global::get(made, name).map_err(refused)?.is_undefined() {
            let message = ["this engine does not know the option `", name, "` of `fetch`"].concat();
            return Err(Error::request(ErrorKind::Unsupported, message));
        }
    }
    Ok(())
}
