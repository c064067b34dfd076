//! The typed client for JavaScript: a class `Lab` with methods that return promises.

use js_sys::{Error, Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use waterspout::{Client, Url};
use waterspout_example_sdk::{self as sdk, Remote, Store};

#[wasm_bindgen]
pub struct Lab(Remote);

#[wasm_bindgen(getter_with_clone)]
pub struct Item {
    pub name: String,
    pub sizes: Vec<u32>,
}

#[wasm_bindgen]
impl Lab {
    /// Calls the server at `base` with at most `max_active` requests at once.
    ///
    /// # Errors
    /// Throws an error with the `name` `INVALID_URL` if `base` is not a URL, and with `INVALID_REQUEST` if `max_active`
    /// is 0.
    #[wasm_bindgen(constructor)]
    pub fn new(base: &str, max_active: usize) -> Result<Lab, JsValue> {
        let client = Client::builder().max_active(max_active).build().map_err(|error| js_error(&error.into()))?;
        let base = Url::parse(base).and_then(|base| base.join("/lab/")).map_err(|error| js_error(&error.into()))?;
        Ok(Self(Remote { client, base }))
    }

    pub fn item(&self, id: String) -> Promise {
        self.run(async move |store| Ok(js_item(store.item(&id).await?)))
    }

    pub fn save(&self, name: String, sizes: Vec<u32>) -> Promise {
        self.run(async move |store| Ok(js_item(store.save(&sdk::Item { name, sizes }).await?)))
    }

    /// Downloads `count` bytes and returns the sum of their values. Calls `on_progress` after each chunk with the
    /// number of bytes received so far.
    pub fn download(&self, count: u32, on_progress: Function) -> Promise {
        self.run(async move |store| {
            let mut received = 0;
            let mut sum = 0;
            let add = |chunk: &[u8]| {
                received += chunk.len();
                sum += chunk.iter().map(|byte| u64::from(*byte)).sum::<u64>();
                // An exception of the callback does not stop the download.
                drop(on_progress.call1(&JsValue::UNDEFINED, &JsValue::from(received as f64)));
            };
            store.download(u64::from(count), add).await?;
            Ok(JsValue::from(sum as f64))
        })
    }

    /// Returns a promise for the result of `call`.
    fn run(&self, call: impl AsyncFnOnce(Remote) -> sdk::Result<JsValue> + 'static) -> Promise {
        let store = self.0.clone();
        future_to_promise(async move { call(store).await.map_err(|error| js_error(&error)) })
    }
}

fn js_item(item: sdk::Item) -> JsValue {
    Item { name: item.name, sizes: item.sizes }.into()
}

/// Converts an error to a JavaScript `Error`. Its `name` is the kind of the failure, so that a program can react to it.
fn js_error(error: &sdk::Error) -> JsValue {
    let (name, message) = match error {
        sdk::Error::NotFound => ("NotFound", error.to_string()),
        sdk::Error::Http(error) => (error.kind().code(), error.report().to_string()),
    };
    let converted = Error::new(&message);
    converted.set_name(name);
    converted.into()
}
