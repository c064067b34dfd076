//! JSON bodies of a [`SendResponse`]. Behind the feature `json`.

use serde::de::DeserializeOwned;

use super::SendResponse;
use crate::error::Result;
use crate::message::json::decode_json;

impl SendResponse {
    /// The whole body, read as JSON.
    ///
    /// # Errors
    /// As [`Response::json`].
    pub async fn json<T: DeserializeOwned>(self) -> Result<T> {
        let url = self.url().clone();
        decode_json(&self.bytes().await?, &url)
    }
}
