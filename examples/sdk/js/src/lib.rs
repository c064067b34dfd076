//! The typed client for JavaScript: a class `Lab` with methods that return promises.

use js_sys::{Error, Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use waterspout::Client;
use waterspout_example_sdk::{self as sdk, Remote, Store};

/// A connection to the server.
#[wasm_bindgen]
pub struct Lab(Remote);

/// An item in the server's store.
#[wasm_bindgen(getter_with_clone)]
pub struct Item {
    /// The name of the item.
    pub name: String,
    /// The available sizes.
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
        let base = base.parse().map_err(|error: waterspout::Error| js_error(&error.into()))?;
        Ok(Self(Remote::new(client, base)))
    }

    /// Returns the item of the day.
    pub fn item(&self) -> Promise {
        self.run(async |store| Ok(js_item(store.item().await?)))
    }

    /// Stores an item and returns the stored item.
    pub fn save(&self, name: String, sizes: Vec<u32>) -> Promise {
        self.run(async move |store| Ok(js_item(store.save(&sdk::Item { name, sizes }).await?)))
    }

    /// Downloads `count` bytes and returns the sum of their values. Calls `on_progress` after each chunk with the
    /// number of bytes received so far.
    pub fn download(&self, count: u32, on_progress: Function) -> Promise {
        self.run(async move |store| {
            // An exception of the callback does not stop the download.
            let report = |count: u64| drop(on_progress.call1(&JsValue::UNDEFINED, &JsValue::from(count as f64)));
            Ok(JsValue::from(store.download(u64::from(count), report).await?.sum as f64))
        })
    }

    /// Requests an item that does not exist. The promise is always rejected with an error that has the `name`
    /// `NotFound`.
    pub fn missing(&self) -> Promise {
        self.run(async |store| Ok(js_item(store.missing().await?)))
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
        _ => ("Unexpected", error.to_string()),
    };
    let converted = Error::new(&message);
    converted.set_name(name);
    converted.into()
}
