//! JSON bodies, both ways. Behind the feature `json`.

use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::request::RequestBuilder;
use crate::message::response::Response;
use crate::message::url::Url;

impl<C> RequestBuilder<C> {
    /// Sets the body to `value` as JSON, and the `content-type` unless there is one.
    ///
    /// # Errors
    /// On sending: [`InvalidRequest`](ErrorKind::InvalidRequest) if `value` cannot be written as JSON.
    pub fn json(self, value: &impl Serialize) -> Self {
        self.edit(|request| {
            let text = serde_json::to_vec(value).map_err(|error| {
                Error::request(ErrorKind::InvalidRequest, "the body cannot be written as JSON").with_source(error)
            })?;
            *request.body_mut() = text.into();
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().entry(CONTENT_TYPE).or_insert(json);
            Ok(())
        })
    }
}

impl Response {
    /// The whole body, read as JSON.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes), and [`Decode`](ErrorKind::Decode) if it is not JSON of this shape.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T> {
        let url = self.url().clone();
        decode_json(&self.bytes().await?, &url)
    }
}

pub(crate) fn decode_json<T: DeserializeOwned>(bytes: &[u8], url: &Url) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        let message = "the body is not JSON of the expected shape, seen";
        Error::new(ErrorKind::Decode, Phase::Body, message).with_source(error).with_url(url)
    })
}
