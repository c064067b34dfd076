//! The smallest program that makes a request in a browser: it fetches the text at a URL.

use wasm_bindgen::prelude::*;
use waterspout::{Client, Error};

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

/// Returns the text at `url`.
///
/// # Errors
/// The promise is rejected with the text of the error and its causes, as a string.
#[wasm_bindgen]
pub async fn get_text(url: String) -> Result<String, JsValue> {
    fetch_text(&url).await.map_err(|error| error.report().to_string().into())
}

async fn fetch_text(url: &str) -> Result<String, Error> {
    Client::new().get(url).send().await?.text().await
}
