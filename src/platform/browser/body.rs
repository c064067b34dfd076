//! The body of a response, read from the engine's stream chunk by chunk.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::{Future, Stream};
use js_sys::{Array, ArrayBuffer, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::abort::AbortGuard;
use super::fetch::poll_upload;
use super::global::{self, ByteArray};
use super::js_failure::body_failed;
use super::upload::Upload;
use crate::error::{Error, ErrorKind, Phase, Result};

/// Reads a `ReadableStream`. A chunk is requested when the stream is polled. Dropping it before the end aborts the
/// fetch and cancels the stream.
pub(super) struct ReadingStream {
    reader: JsValue,
    /// The read in progress.
    pending: Option<JsFuture>,
    /// Set until the fetch has ended.
    guard: Option<AbortGuard>,
    /// The body of the request, if it is still being sent: a server may answer before it has the whole request.
    upload: Option<Upload>,
}

impl ReadingStream {
    pub(super) fn new(stream: &JsValue, guard: AbortGuard, upload: Option<Upload>) -> Result<Self> {
        let reader = global::call(stream, "getReader").map_err(body_failed)?;
        Ok(Self { reader, pending: None, guard: Some(guard), upload })
    }

    /// Returns the next chunk that is not empty, or `None` at the end.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        loop {
            if let Poll::Ready(Err(error)) = poll_upload(&mut self.upload, cx) {
                return Poll::Ready(Err(error));
            }
            let pending = match &mut self.pending {
                Some(pending) => pending,
                None => {
                    let returned = global::call(&self.reader, "read").map_err(body_failed)?;
                    self.pending.insert(global::promise(&returned).into())
                }
            };
            let read = ready!(Pin::new(pending).poll(cx));
            self.pending = None;
            let chunk = chunk(&read.map_err(body_failed)?)?;
            if chunk.as_ref().is_none_or(|chunk| !chunk.is_empty()) {
                return Poll::Ready(Ok(chunk));
            }
        }
    }

    /// Marks the end of the fetch, so that it is not aborted.
    fn end(&mut self) {
        self.guard.take().into_iter().for_each(AbortGuard::disarm);
        self.upload = None;
    }

    /// Aborts the fetch, and cancels the stream: a stream that a page or a service worker has made does not react to
    /// the abort.
    fn stop(&mut self) {
        let Some(guard) = self.guard.take() else { return };
        drop(guard);
        self.upload = None;
        if let Ok(returned) = global::call(&self.reader, "cancel") {
            // An unhandled rejection would be reported to the page.
            let _ = Promise::all_settled(&Array::of1(&global::promise(&returned)));
        }
    }
}

impl Stream for ReadingStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.guard.is_none() {
            return Poll::Ready(None);
        }
        let item = ready!(self.poll_chunk(cx)).transpose();
        match &item {
            Some(Ok(_)) => {}
            Some(Err(_)) => self.stop(),
            None => self.end(),
        }
        Poll::Ready(item)
    }
}

impl Drop for ReadingStream {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Reads a result `{ done, value }`. The bytes are copied, because the engine may reuse its buffer.
fn chunk(result: &JsValue) -> Result<Option<Bytes>> {
    if !result.is_object() {
        return Err(Error::new(
            ErrorKind::Network,
            Phase::Body,
            "the body's stream returned a value that is not a result",
        ));
    }
    let get = |of: &JsValue, name: &str| global::get(of, name).map_err(body_failed);
    if get(result, "done")?.is_truthy() {
        return Ok(None);
    }
    let value = get(result, "value")?;
    if !ArrayBuffer::is_view(&value) {
        return Err(Error::new(ErrorKind::Network, Phase::Body, "a chunk of the body is not bytes"));
    }
    // A new view over the same memory: the value may come from another realm, or be a view of other numbers than bytes.
    let buffer = get(&value, "buffer")?;
    let offset = get(&value, "byteOffset")?;
    let length = get(&value, "byteLength")?;
    let bytes = ByteArray::new(&buffer, &offset, &length).map_err(body_failed)?;
    Ok(Some(bytes.unchecked_into::<js_sys::Uint8Array>().to_vec().into()))
}
