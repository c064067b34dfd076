//! A response's body, pulled from the engine's stream chunk by chunk.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::{Future, Stream};
use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::failure::JsFailure;
use super::fetch::AbortGuard;
use super::global;
use crate::error::{Error, ErrorKind, Phase, Result};

/// Reads a `ReadableStream`; a chunk is asked for when one is polled for. Dropped before the end, it aborts the fetch.
pub(super) struct ReadingStream {
    reader: JsValue,
    pending: Option<JsFuture>,
    guard: Option<AbortGuard>,
}

impl ReadingStream {
    pub(super) fn new(stream: &JsValue, guard: AbortGuard) -> Result<Self> {
        let reader = global::call(stream, "getReader").map_err(failed)?;
        Ok(Self { reader, pending: None, guard: Some(guard) })
    }

    /// The fetch has ended: there is nothing left to abort.
    fn end(&mut self) {
        self.guard.take().into_iter().for_each(AbortGuard::disarm);
    }
}

impl Stream for ReadingStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        while this.guard.is_some() {
            let pending = match &mut this.pending {
                Some(pending) => pending,
                None => match global::call(&this.reader, "read") {
                    Ok(returned) => this.pending.insert(global::promise(&returned).into()),
                    Err(thrown) => {
                        this.guard = None;
                        return Poll::Ready(Some(Err(failed(thrown))));
                    }
                },
            };
            let read = ready!(Pin::new(pending).poll(cx));
            this.pending = None;
            match read.map_err(failed).and_then(|result| chunk(&result)) {
                Ok(Some(bytes)) if bytes.is_empty() => {}
                Ok(Some(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Ok(None) => this.end(),
                Err(error) => {
                    this.guard = None;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        Poll::Ready(None)
    }
}

/// Reads `{ done, value }`; the bytes are copied, since the engine may reuse its buffer.
fn chunk(result: &JsValue) -> Result<Option<Bytes>> {
    let get = |name: &str| global::get(result, name).map_err(failed);
    if get("done")?.is_truthy() {
        return Ok(None);
    }
    let value = get("value")?;
    if !ArrayBuffer::is_view(&value) {
        return Err(failed(JsValue::from_str("a piece of the body is not bytes")));
    }
    // Made anew, since an array of another realm is no instance of this one's.
    Ok(Some(Uint8Array::new(&value).to_vec().into()))
}

pub(super) fn failed(thrown: JsValue) -> Error {
    Error::new(ErrorKind::Network, Phase::Body, "the download failed").with_source(JsFailure::from(thrown))
}
