//! The smallest program that makes a request in a browser: a text by its URL.

use wasm_bindgen::prelude::*;
use waterspout::{Client, Error};

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

/// The text at `url`.
///
/// # Errors
/// What went wrong, as a text.
#[wasm_bindgen]
pub async fn get_text(url: String) -> Result<String, JsValue> {
    read(&url).await.map_err(|error| error.to_string().into())
}

async fn read(url: &str) -> Result<String, Error> {
    Client::new().get(url).send().await?.text().await
}
