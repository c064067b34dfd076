//! Request bodies that the engine pulls as a stream, for engines that can send a stream.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use js_sys::{Object, Reflect, Uint8Array};
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;

use super::global::{self, ReadableStream};
use super::js_failure::refused;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::body::Body;
use crate::message::progress::Progress;

/// The slowest upload that is not a timeout, in bytes per second. The limit on the head grows by a second for this many
/// bytes, because an engine does not show how much it has sent.
pub(super) const MIN_UPLOAD_RATE: u64 = 32 * 1024;

/// The estimate of how many bytes of a stream an engine has taken and not sent.
const ENGINE_BUFFER: u64 = 512 * 1024;

/// Returns whether this engine can send a request body while it is read. The result is determined once.
///
/// An engine without such streams would send the text `[object ReadableStream]`, which its request shows by a content
/// type.
pub fn can_stream_uploads() -> bool {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    // `detect` runs outside of `get_or_init`: a page may have replaced a constructor with a function that calls this
    // again.
    KNOWN.get().copied().unwrap_or_else(|| {
        let found = detect().unwrap_or(false);
        *KNOWN.get_or_init(|| found)
    })
}

fn detect() -> std::result::Result<bool, JsValue> {
    let duplex_was_read = Rc::new(Cell::new(false));
    let was_read = duplex_was_read.clone();
    let duplex = Closure::<dyn FnMut() -> JsValue>::new(move || {
        was_read.set(true);
        JsValue::from_str("half")
    });
    let init = Object::new();
    let getter = Object::new();
    Reflect::set(&getter, &"get".into(), duplex.as_ref())?;
    Reflect::set(&init, &"method".into(), &"POST".into())?;
    Reflect::set(&init, &"body".into(), ReadableStream::new(&Object::new(), &Object::new())?.as_ref())?;
    // The Fetch standard requires `duplex` with a stream, so an engine that can send a stream reads it.
    Reflect::define_property(&init, &"duplex".into(), &getter)?;
    let request = global::Request::new("http://localhost/", &init)?;
    let headers = global::get(request.as_ref(), "headers")?;
    let has_type = global::call1(&headers, "has", &"content-type".into())?;
    Ok(duplex_was_read.get() && has_type.is_falsy())
}

/// A body that is being sent. A trait object, so that a program that streams no body does not link the code for it.
pub(super) trait Streaming {
    /// Returns the stream for the engine.
    fn stream(&self) -> &JsValue;

    /// Passes chunks to the engine when it asks for them. Ready at the end of the body, or when the engine cancels the
    /// stream.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>>;
}

pub(super) type Upload = Box<dyn Streaming>;

/// Starts streamed uploads.
///
/// It is a trait object that only [`FetchInit::stream_upload`](super::FetchInit::stream_upload) makes: a program that
/// does not call the setter does not link the code for streams. `RetryPolicy` says what the idiom saves in all.
pub(super) trait StartUpload: fmt::Debug + Send + Sync {
    /// Starts to send `body` while it is read, if it is not complete and the engine can. Otherwise `body` is unchanged.
    fn start(&self, body: &mut Body, progress: &Progress) -> Result<Option<Upload>>;
}

/// All starters are equal, so that options of `fetch` can be compared: there is a single implementation.
impl PartialEq for dyn StartUpload {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for dyn StartUpload {}

/// The only implementation of [`StartUpload`].
#[derive(Debug)]
pub(super) struct StreamUpload;

impl StartUpload for StreamUpload {
    fn start(&self, body: &mut Body, progress: &Progress) -> Result<Option<Upload>> {
        if !body.has_stream() || !can_stream_uploads() {
            return Ok(None);
        }
        Ok(Some(Box::new(PulledStream::new(std::mem::take(body), progress.clone())?)))
    }
}

/// A stream that the engine pulls. The body is read only while this is polled, and a pull of the engine wakes the
/// polling task. So the upload stops with its request, and goes on while the body of an early response is read.
struct PulledStream {
    stream: ReadableStream,
    body: Body,
    declared: Option<u64>,
    sent: u64,
    has_ended: bool,
    progress: Progress,
    shared: Rc<PullState>,
    // Alive for as long as the engine may call them.
    _callbacks: [Closure<dyn FnMut(JsValue)>; 3],
}

/// The state that the engine's callbacks and the future share.
#[derive(Default)]
struct PullState {
    controller: RefCell<JsValue>,
    /// Whether the engine waits for a chunk.
    is_pulled: Cell<bool>,
    is_cancelled: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl PullState {
    fn wake(&self) {
        let waker = self.waker.take();
        waker.into_iter().for_each(Waker::wake);
    }
}

impl PulledStream {
    fn new(body: Body, progress: Progress) -> Result<Self> {
        let shared = Rc::<PullState>::default();
        let starting = shared.clone();
        let pulling = shared.clone();
        let cancelling = shared.clone();
        let callbacks = [
            Closure::<dyn FnMut(JsValue)>::new(move |controller| {
                starting.controller.replace(controller);
            }),
            Closure::<dyn FnMut(JsValue)>::new(move |_| {
                pulling.is_pulled.set(true);
                pulling.wake();
            }),
            Closure::<dyn FnMut(JsValue)>::new(move |_| {
                cancelling.is_cancelled.set(true);
                cancelling.wake();
            }),
        ];
        let source = Object::new();
        let strategy = Object::new();
        for (name, callback) in ["start", "pull", "cancel"].into_iter().zip(&callbacks) {
            Reflect::set(&source, &name.into(), callback.as_ref()).map_err(refused)?;
        }
        // With a high water mark of zero the engine pulls only when it needs a chunk, so the body is not read ahead.
        Reflect::set(&strategy, &"highWaterMark".into(), &0.into()).map_err(refused)?;
        let stream = ReadableStream::new(&source, &strategy).map_err(refused)?;
        let declared = body.length();
        progress.exchange().begin(declared);
        Ok(Self { stream, body, declared, sent: 0, has_ended: false, progress, shared, _callbacks: callbacks })
    }

    fn enqueue(&mut self, bytes: &Bytes) -> Result<()> {
        let length = bytes.len() as u64;
        self.sent += length;
        if self.declared.is_some_and(|declared| self.sent > declared) {
            return Err(misdeclared(self.sent));
        }
        if length == 0 {
            return Ok(());
        }
        // Before the call, because the engine may pull the next chunk within it.
        self.shared.is_pulled.set(false);
        let chunk = Uint8Array::from(&**bytes);
        let controller = self.shared.controller.borrow().clone();
        global::call1(&controller, "enqueue", chunk.as_ref()).map_err(refused)?;
        self.progress.add(bytes.len());
        self.progress.exchange().send(length);
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        if self.declared.is_some_and(|declared| self.sent != declared) {
            return Err(misdeclared(self.sent));
        }
        let controller = self.shared.controller.borrow().clone();
        // The call throws if the engine has cancelled the stream, which is closed then.
        let _ = global::call(&controller, "close");
        // The engine still has to send what it has taken: the limit on the head grows by the time for that.
        self.progress.allow(Duration::from_secs(self.sent.min(ENGINE_BUFFER) / MIN_UPLOAD_RATE));
        self.end();
        Ok(())
    }

    /// Drops the body.
    fn end(&mut self) {
        self.has_ended = true;
        self.body = Body::empty();
    }

    /// Errors the stream: it never calls back any more, and the engine fails the request.
    fn fail(&mut self) {
        if !std::mem::replace(&mut self.has_ended, true) {
            let controller = self.shared.controller.borrow().clone();
            let reason = js_sys::Error::new("the request's body was dropped");
            let _ = global::call1(&controller, "error", reason.as_ref());
        }
    }
}

impl Streaming for PulledStream {
    fn stream(&self) -> &JsValue {
        self.stream.as_ref()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        loop {
            if self.has_ended || self.shared.is_cancelled.get() {
                self.end();
                return Poll::Ready(Ok(()));
            }
            let replaced = self.shared.waker.replace(Some(cx.waker().clone()));
            drop(replaced);
            if !self.shared.is_pulled.get() {
                return Poll::Pending;
            }
            let next = ready!(Pin::new(&mut self.body).poll_next(cx));
            // The code that makes the chunks may have cancelled the stream.
            if self.shared.is_cancelled.get() {
                continue;
            }
            let passed = match next {
                Some(chunk) => chunk.and_then(|chunk| self.enqueue(&chunk)),
                None => self.close(),
            };
            if let Err(error) = passed {
                self.fail();
                return Poll::Ready(Err(error));
            }
        }
    }
}

impl Drop for PulledStream {
    fn drop(&mut self) {
        self.fail();
    }
}

/// Returns the error for a body that does not have its declared length.
pub(super) fn misdeclared(length: u64) -> Error {
    let message = format!("the request's body has {length} bytes or more, and not its declared length");
    Error::new(ErrorKind::RequestBody, Phase::Head, message)
}
