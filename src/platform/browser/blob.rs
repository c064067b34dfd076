//! A `Blob` or `File` of the page as a body or as a part of a form, without a copy into the memory of the module.

use bytes::Bytes;
use futures::{StreamExt, stream};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::global::{self, DataView, EngineBlob};
use super::js_failure::{JsFailure, refused};
use super::request::{gather, too_large};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::body::Body;
use crate::message::body::engine::{EngineBody, EngineObject};
use crate::message::multipart::Part;
use crate::message::progress::Progress;
use crate::runtime::{BoxFuture, BoxStream};

/// The largest number of bytes that are read from a blob at once, by a backend that is not the engine's.
const READ_SIZE: u64 = 64 * 1024;

/// The largest whole number that a JavaScript number holds exactly.
const MAX_SIZE: f64 = 9_007_199_254_740_991.0;

/// A `Blob` or `File` of the page, as the body of a request or as a part of a form.
///
/// The engine sends its bytes itself, so they never enter the memory of the module, however large the file is. The
/// length is known, and the body can be sent again after a redirect or for a retry.
///
/// As a body it is sent with its type as the `content-type`, unless the request has a `content-type`. As a
/// [`Part`] it has its type, or else `application/octet-stream`, and the name of the file, or else `blob`. Both are as
/// in the Fetch standard and in its `FormData`. A form with such a part reads only its streams into memory, up to
/// [`FetchInit::upload_limit`](super::FetchInit::upload_limit).
///
/// # Errors
/// The conversion from a value fails with [`InvalidRequest`](ErrorKind::InvalidRequest) if the value is not a `Blob` of
/// this engine. On sending: [`Network`](ErrorKind::Network) if the engine cannot read the file any more, because it was
/// changed or deleted.
///
/// # Platform
/// Only the engine's `fetch` sends a blob without a copy. Another backend, such as an [`Agent`](crate::Agent) with a
/// connector of its own, reads it in pieces of at most 64 KiB.
///
/// # Examples
///
/// ```
/// use wasm_bindgen::JsValue;
/// use waterspout::multipart::{Form, Part};
/// use waterspout::platform::browser::Blob;
/// use waterspout::{Client, Response, Result};
///
/// /// Uploads the file that an `<input type="file">` of the page holds.
/// async fn upload(client: &Client, file: JsValue) -> Result<Response> {
///     client.put("/files/1").body(Blob::try_from(file)?).await
/// }
///
/// async fn upload_form(client: &Client, file: JsValue) -> Result<Response> {
///     let form = Form::new().text("title", "A picture").part("file", Part::from(Blob::try_from(file)?));
///     client.post("/files").multipart(form).await
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Blob {
    value: JsValue,
    size: u64,
}

impl Blob {
    /// Returns the number of bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the type, such as `image/png`, or `None` if the blob has no type.
    pub fn content_type(&self) -> Option<String> {
        let kind = global::get_as("Blob", &self.value, "type").ok()?;
        kind.as_string().filter(|kind| !kind.is_empty())
    }

    /// Returns the name of the file, or `None` for a `Blob` that is not a `File`.
    pub fn file_name(&self) -> Option<String> {
        global::get_as("File", &self.value, "name").ok()?.as_string()
    }

    /// Reads the bytes from `start` to `end`.
    async fn read(&self, start: u64, end: u64) -> std::result::Result<Bytes, JsValue> {
        let [start, end] = [start, end].map(|at| JsValue::from_f64(at as f64));
        let piece = global::call2(&self.value, "slice", &start, &end)?;
        let returned = global::call(&piece, "arrayBuffer")?;
        let buffer = JsFuture::from(global::promise(&returned)).await?;
        // `DataView` throws unless the value is a buffer, also the buffer of another realm.
        DataView::new(&buffer)?;
        Ok(Uint8Array::new(&buffer).to_vec().into())
    }

    /// Reads the next piece. Returns `None` after the last piece.
    async fn next_piece(self, start: u64) -> Result<Option<(Bytes, (Self, u64))>> {
        if start >= self.size {
            return Ok(None);
        }
        let end = self.size.min(start + READ_SIZE);
        let fail = |message: &str| Error::new(ErrorKind::RequestBody, Phase::Head, message.to_owned());
        let bytes = self.read(start, end).await.map_err(|thrown| {
            fail("the request's blob cannot be read; its file may have changed").with_source(JsFailure::from(thrown))
        })?;
        if bytes.len() as u64 != end - start {
            return Err(fail("the request's blob does not have the bytes that its size declares"));
        }
        Ok(Some((bytes, (self, end))))
    }
}

impl TryFrom<JsValue> for Blob {
    type Error = Error;

    fn try_from(value: JsValue) -> Result<Self> {
        let refuse = || Error::request(ErrorKind::InvalidRequest, "the value is not a `Blob` or `File` of this engine");
        let size =
            global::get_as("Blob", &value, "size").map_err(|thrown| refuse().with_source(JsFailure::from(thrown)))?;
        // A page may have replaced the getter, so its result may be any value.
        let size = size.as_f64().filter(|size| (0.0..=MAX_SIZE).contains(size)).ok_or_else(refuse)?;
        Ok(Self { value, size: size as u64 })
    }
}

impl From<Blob> for Body {
    fn from(blob: Blob) -> Self {
        Self::from_engine(blob)
    }
}

impl From<Blob> for Part {
    fn from(blob: Blob) -> Self {
        // "blob" is the name that `FormData` gives to a blob without a name.
        let name = blob.file_name().unwrap_or_else(|| "blob".to_owned());
        let content_type = blob.content_type();
        let part = Self::new(blob).file_name(name);
        match content_type {
            Some(content_type) => part.content_type(content_type),
            None => part,
        }
    }
}

impl EngineBody for Blob {
    fn length(&self) -> Option<u64> {
        Some(self.size)
    }

    fn try_clone(&self) -> Option<Box<dyn EngineBody>> {
        Some(Box::new(self.clone()))
    }

    fn has_stream(&self) -> bool {
        false
    }

    fn joiner(&self) -> fn(Vec<Body>) -> Body {
        BlobParts::join
    }

    fn into_object(self: Box<Self>, progress: Progress, _max: u64) -> BoxFuture<'static, Result<EngineObject>> {
        progress.add(usize::try_from(self.size).unwrap_or(usize::MAX));
        Box::pin(async move { Ok(EngineObject { value: self.value, length: self.size }) })
    }

    fn start(&mut self) -> BoxStream<'static, Result<Bytes>> {
        Box::pin(stream::try_unfold((self.clone(), 0), |(blob, start)| blob.next_piece(start)))
    }
}

/// The joined parts of a form, of which at least a single part is a blob.
struct BlobParts(Vec<Body>);

impl BlobParts {
    fn join(bodies: Vec<Body>) -> Body {
        Body::from_engine(Self(bodies))
    }
}

impl EngineBody for BlobParts {
    fn length(&self) -> Option<u64> {
        Body::total_length(&self.0)
    }

    fn try_clone(&self) -> Option<Box<dyn EngineBody>> {
        let parts: Option<Vec<_>> = self.0.iter().map(Body::try_clone).collect();
        Some(Box::new(Self(parts?)))
    }

    fn has_stream(&self) -> bool {
        self.0.iter().any(Body::has_stream)
    }

    fn joiner(&self) -> fn(Vec<Body>) -> Body {
        Self::join
    }

    fn into_object(self: Box<Self>, progress: Progress, max: u64) -> BoxFuture<'static, Result<EngineObject>> {
        Box::pin(async move {
            let pieces = Array::new();
            let (mut length, mut streamed) = (0u64, 0u64);
            for part in self.0 {
                let is_stream = part.has_stream();
                let object = part_object(part, &progress, max).await?;
                length = length.saturating_add(object.length);
                // The limit is for the streams of a form together: only their bytes pass through the module's memory.
                if is_stream {
                    streamed = streamed.saturating_add(object.length);
                    if streamed > max {
                        return Err(too_large(max));
                    }
                }
                pieces.push(&object.value);
            }
            let value = EngineBlob::new(&pieces).map_err(refused)?.into();
            Ok(EngineObject { value, length })
        })
    }

    fn start(&mut self) -> BoxStream<'static, Result<Bytes>> {
        Box::pin(stream::iter(std::mem::take(&mut self.0)).flatten())
    }
}

/// Returns the object of a single part: the blob itself, or a blob of its bytes.
async fn part_object(part: Body, progress: &Progress, max: u64) -> Result<EngineObject> {
    match part.into_engine() {
        Ok(blob) => blob.into_object(progress.clone(), max).await,
        Err(body) => gather(body, progress, max).await,
    }
}
