//! JSON bodies of requests and responses. Behind the feature `json`.

use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::request::RequestBuilder;
use crate::message::response::Response;
use crate::message::response::text::without_byte_order_mark;
use crate::message::url::Url;

impl<C> RequestBuilder<C> {
    /// Sets the body to `value` as JSON, and the `content-type` unless it is already set.
    ///
    /// # Errors
    /// On sending: [`InvalidRequest`](ErrorKind::InvalidRequest) if `value` cannot be written as JSON.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Request;
    ///
    /// let request = Request::post("http://example.com/").json(&["a", "b"]).build()?;
    /// assert_eq!(request.headers()["content-type"], "application/json");
    /// assert_eq!(request.body().length(), Some(9));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
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
    /// Reads the whole body as JSON. A UTF-8 byte order mark before it is skipped.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes), and [`Decode`](ErrorKind::Decode) if the body is not JSON, is cut short, or is JSON of
    /// another shape than `T`. The text of the error says which, with the line and the column in bytes. Its
    /// [source](std::error::Error::source) is the error of `serde_json`, which names what was found and expected.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text(r#"{"stars": 5}"#)).build()?;
    /// let rating: HashMap<String, u32> = client.get("http://example.com/").await?.json().await?;
    /// assert_eq!(rating["stars"], 5);
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub async fn json<T: DeserializeOwned>(self) -> Result<T> {
        let url = self.url().clone();
        decode_json(&self.bytes().await?, &url)
    }
}

/// Reads `bytes`, the body of a response from `url`, as JSON.
pub(crate) fn decode_json<T: DeserializeOwned>(bytes: &[u8], url: &Url) -> Result<T> {
    // A parser may ignore the mark (RFC 8259, section 8.1), and `json()` of the Fetch standard does.
    let json = without_byte_order_mark(bytes);
    serde_json::from_slice(json).map_err(|error| {
        let failure = match error.classify() {
            _ if json.trim_ascii().is_empty() => "the body is empty, and not JSON",
            Category::Eof => "the body is JSON that is cut short",
            Category::Data => "the body is JSON of another shape than the requested type",
            // Reading from memory is no I/O.
            Category::Syntax | Category::Io => "the body is not JSON",
        };
        let message = format!("{failure} (line {}, column {})", error.line(), error.column());
        Error::new(ErrorKind::Decode, Phase::Body, message).with_source(error).with_url(url)
    })
}
