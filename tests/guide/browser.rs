//! The snippets of `docs/` for browsers, and their tests in Node. `tests/guide.rs` compares them with the pages.
#![allow(clippy::unwrap_used, unreachable_pub)]

use wasm_bindgen_test::wasm_bindgen_test;
use waterspout::{Client, ErrorKind};

use super::{LAB, Lab};

mod greeting {
    use wasm_bindgen::prelude::*;
    use waterspout::Client;

    async fn fetch(url: &str) -> waterspout::Result<String> {
        Client::new().get(url).await?.error_for_status()?.text().await
    }

    /// JavaScript calls this function and gets a promise.
    #[wasm_bindgen]
    pub async fn greeting(url: String) -> Result<String, JsError> {
        fetch(&url).await.map_err(|error| JsError::new(&error.report().to_string()))
    }
}

fn client_with_cookies() -> waterspout::Result<waterspout::Client> {
    use waterspout::Client;
    use waterspout::platform::browser::{Cache, Credentials, FetchInit};

    let init = FetchInit::new().credentials(Credentials::Include).cache(Cache::NoStore);
    Client::builder().fetch_init(init).build()
}

async fn upload(client: &waterspout::Client, url: &str, file: wasm_bindgen::JsValue) -> waterspout::Result<u16> {
    use waterspout::multipart::{Form, Part};
    use waterspout::platform::browser::Blob;

    let form = Form::new().text("title", "A picture").part("file", Part::from(Blob::try_from(file)?));
    Ok(client.post(url).multipart(form).await?.status().as_u16())
}

async fn stream(client: &waterspout::Client, url: &str) -> waterspout::Result<u16> {
    use futures::stream;
    use waterspout::Body;
    use waterspout::platform::browser::FetchInit;

    let lines = || stream::iter(["first\n", "second\n"].map(Ok::<_, std::io::Error>));
    let init = FetchInit::new().stream_upload(true).upload_limit(1024 * 1024);
    Ok(client.put(url).body(Body::factory(lines)).fetch_init(init).await?.status().as_u16())
}

fn thrown(error: &waterspout::Error) -> Option<(&str, &str)> {
    use std::error::Error as _;
    use waterspout::platform::browser::JsFailure;

    let failure = error.source()?.downcast_ref::<JsFailure>()?;
    Some((failure.name(), failure.message()))
}

#[wasm_bindgen_test]
async fn function_for_javascript_returns_the_text() {
    let lab = Lab::new(LAB, "guide", "greeting");
    assert_eq!(greeting::greeting(lab.url("hello")).await.unwrap(), "hello");
}

#[wasm_bindgen_test]
async fn bodies_of_the_page_are_sent() {
    let lab = Lab::new(LAB, "guide", "upload");
    let client = client_with_cookies().unwrap();
    let file = js_sys::eval("new Blob(['picture'], { type: 'image/png' })").unwrap();
    assert_eq!(upload(&client, &lab.url("echo"), file).await.unwrap(), 200);
    assert_eq!(stream(&client, &lab.url("echo")).await.unwrap(), 200);
}

#[wasm_bindgen_test]
async fn thrown_value_is_the_source_of_the_error() {
    let error = Client::new().get("http://127.0.0.1:1/").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert_eq!(thrown(&error).unwrap().0, "TypeError");
}
