//! A request's body as a stream that the engine pulls from, for engines that can send one.

use std::cell::{Cell, RefCell};
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

use super::failure::refused;
use super::global::{self, ReadableStream};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::body::Body;
use crate::message::progress::Progress;

/// The bytes of a body that are given a second more to be sent: how far the engine is cannot be seen.
pub(super) const SLOWEST_UPLOAD: u64 = 32 * 1024;

/// How much of a stream an engine is thought to have taken and not sent.
const ENGINE_BUFFER: u64 = 512 * 1024;

/// Whether this engine sends a request body while it is read. It is tried once.
///
/// Engines without such streams send the text `[object ReadableStream]` instead, and say so by a content type.
pub fn can_stream_uploads() -> bool {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    // Not while it is initialized: what a page has put in the engine's place may ask again from within.
    KNOWN.get().copied().unwrap_or_else(|| {
        let found = detect().unwrap_or(false);
        *KNOWN.get_or_init(|| found)
    })
}

fn detect() -> std::result::Result<bool, JsValue> {
    let asked = Rc::new(Cell::new(false));
    let seen = asked.clone();
    let duplex = Closure::<dyn FnMut() -> JsValue>::new(move || {
        seen.set(true);
        JsValue::from_str("half")
    });
    let (init, getter) = (Object::new(), Object::new());
    Reflect::set(&getter, &"get".into(), duplex.as_ref())?;
    Reflect::set(&init, &"method".into(), &"POST".into())?;
    Reflect::set(&init, &"body".into(), ReadableStream::new(&Object::new(), &Object::new())?.as_ref())?;
    Reflect::define_property(&init, &"duplex".into(), &getter)?;
    let request = global::Request::new("http://localhost/", &init)?;
    let headers = global::get(request.as_ref(), "headers")?;
    let has_type = global::call1(&headers, "has", &"content-type".into())?;
    Ok(asked.get() && has_type.is_falsy())
}

/// A body on its way. A trait, so that a program which streams none does not link it.
pub(super) trait Streaming {
    /// What the engine is given.
    fn stream(&self) -> &JsValue;

    /// Hands on what the engine asks for; ready at the body's end, or once the engine wants no more.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>>;
}

pub(super) type Upload = Box<dyn Streaming>;

/// Sends `body` while it is read, if it has to be waited for and the engine can; else it stays.
pub(super) fn start(body: &mut Body, progress: &Progress) -> Result<Option<Upload>> {
    if body.is_complete() || !can_stream_uploads() {
        return Ok(None);
    }
    Ok(Some(Box::new(Pulled::new(std::mem::take(body), progress.clone())?)))
}

/// It moves only while it is polled; the engine's pulls wake who polls it.
struct Pulled {
    stream: ReadableStream,
    body: Body,
    declared: Option<u64>,
    sent: u64,
    ended: bool,
    progress: Progress,
    shared: Rc<Shared>,
    _callbacks: [Closure<dyn FnMut(JsValue)>; 3],
}

/// What the engine's callbacks and the future share.
#[derive(Default)]
struct Shared {
    controller: RefCell<JsValue>,
    wanted: Cell<bool>,
    cancelled: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Shared {
    fn wake(&self) {
        let waker = self.waker.take();
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Pulled {
    fn new(body: Body, progress: Progress) -> Result<Self> {
        let shared = Rc::<Shared>::default();
        let (starting, pulling, cancelling) = (shared.clone(), shared.clone(), shared.clone());
        let callbacks = [
            Closure::<dyn FnMut(JsValue)>::new(move |controller| {
                starting.controller.replace(controller);
            }),
            Closure::<dyn FnMut(JsValue)>::new(move |_| {
                pulling.wanted.set(true);
                pulling.wake();
            }),
            Closure::<dyn FnMut(JsValue)>::new(move |_| {
                cancelling.cancelled.set(true);
                cancelling.wake();
            }),
        ];
        let (source, strategy) = (Object::new(), Object::new());
        for (name, callback) in ["start", "pull", "cancel"].into_iter().zip(&callbacks) {
            Reflect::set(&source, &name.into(), callback.as_ref()).map_err(refused)?;
        }
        // Nothing is asked of the body before the engine asks.
        Reflect::set(&strategy, &"highWaterMark".into(), &0.into()).map_err(refused)?;
        let stream = ReadableStream::new(&source, &strategy).map_err(refused)?;
        let declared = body.length();
        progress.exchange().begin(declared);
        Ok(Self { stream, body, declared, sent: 0, ended: false, progress, shared, _callbacks: callbacks })
    }

    fn enqueue(&mut self, piece: &Bytes) -> Result<()> {
        let length = piece.len() as u64;
        self.sent += length;
        if self.declared.is_some_and(|declared| self.sent > declared) {
            return Err(misdeclared(self.sent));
        }
        if length == 0 {
            return Ok(());
        }
        // Within the call the engine may already ask for more.
        self.shared.wanted.set(false);
        let chunk = Uint8Array::from(&**piece);
        let controller = self.shared.controller.borrow().clone();
        global::call1(&controller, "enqueue", chunk.as_ref()).map_err(refused)?;
        self.progress.add(piece.len());
        self.progress.exchange().send(length);
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        if self.declared.is_some_and(|declared| self.sent != declared) {
            return Err(misdeclared(self.sent));
        }
        let controller = self.shared.controller.borrow().clone();
        // A stream that the engine has cancelled is closed already.
        let _ = global::call(&controller, "close");
        self.progress.allow(Duration::from_secs(self.sent.min(ENGINE_BUFFER) / SLOWEST_UPLOAD));
        self.end();
        Ok(())
    }

    /// The body is not needed any more.
    fn end(&mut self) {
        self.ended = true;
        self.body = Body::empty();
    }

    /// An errored stream never calls back, and the engine takes its request for failed.
    fn give_up(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            let controller = self.shared.controller.borrow().clone();
            let reason = js_sys::Error::new("the request's body was given up");
            let _ = global::call1(&controller, "error", reason.as_ref());
        }
    }
}

impl Streaming for Pulled {
    fn stream(&self) -> &JsValue {
        self.stream.as_ref()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        loop {
            if self.ended || self.shared.cancelled.get() {
                self.end();
                return Poll::Ready(Ok(()));
            }
            let before = self.shared.waker.replace(Some(cx.waker().clone()));
            drop(before);
            if !self.shared.wanted.get() {
                return Poll::Pending;
            }
            let next = ready!(Pin::new(&mut self.body).poll_next(cx));
            // Whoever makes the pieces may have the engine want no more.
            if self.shared.cancelled.get() {
                continue;
            }
            let moved = match next {
                Some(piece) => piece.and_then(|piece| self.enqueue(&piece)),
                None => self.close(),
            };
            if let Err(error) = moved {
                self.give_up();
                return Poll::Ready(Err(error));
            }
        }
    }
}

impl Drop for Pulled {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// Why a body that is not as long as it says fails its request.
pub(super) fn misdeclared(length: u64) -> Error {
    let message = format!("the request's body is {length} bytes long or more, not as long as it says");
    Error::new(ErrorKind::RequestBody, Phase::Head, message)
}
