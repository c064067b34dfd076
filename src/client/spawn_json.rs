//! The JSON body of a [`SendResponse`]. Behind the feature `json`.

use serde::de::DeserializeOwned;

use super::SendResponse;
use crate::error::Result;
use crate::message::json::decode_json;

impl SendResponse {
    /// Reads the whole body as JSON, as [`Response::json`](crate::Response::json) does.
    ///
    /// # Errors
    /// As [`Response::json`](crate::Response::json).
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, Request};
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text("[1, 2]")).build()?;
    /// let numbers: Vec<u32> = client.fetch_spawned(Request::get("http://example.com/")).await?.json().await?;
    /// assert_eq!(numbers, [1, 2]);
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn json<T: DeserializeOwned>(self) -> Result<T> {
        let url = self.url().clone();
        decode_json(&self.bytes().await?, &url)
    }
}
