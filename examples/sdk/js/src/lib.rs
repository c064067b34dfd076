//! The typed client for JavaScript: `new Lab(url)`, whose methods return promises.

use js_sys::{Error, Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use waterspout::Client;
use waterspout_example_sdk::{self as sdk, Remote, Store};

/// The server.
#[wasm_bindgen]
pub struct Lab(Remote);

/// A thing that the server knows.
#[wasm_bindgen(getter_with_clone)]
pub struct Item {
    /// What it is called.
    pub name: String,
    /// The sizes it comes in.
    pub sizes: Vec<u32>,
}

#[wasm_bindgen]
impl Lab {
    /// The server at `base`; at most `active` requests run at once.
    #[wasm_bindgen(constructor)]
    pub fn new(base: &str, active: usize) -> Result<Lab, JsValue> {
        let client = Client::builder().max_active(active).build().map_err(|error| thrown(&error.into()))?;
        let base = base.parse().map_err(|error: waterspout::Error| thrown(&error.into()))?;
        Ok(Self(Remote::new(client, base)))
    }

    /// The item of the day.
    pub fn item(&self) -> Promise {
        self.ask(async |store| Ok(given(store.item().await?)))
    }

    /// Stores an item and returns it as the server has it.
    pub fn save(&self, name: String, sizes: Vec<u32>) -> Promise {
        self.ask(async move |store| Ok(given(store.save(&sdk::Item { name, sizes }).await?)))
    }

    /// Receives `count` bytes, calls `seen` with the count so far, and returns their sum.
    pub fn download(&self, count: u32, seen: Function) -> Promise {
        self.ask(async move |store| {
            let tell = |count: u64| drop(seen.call1(&JsValue::UNDEFINED, &JsValue::from(count as f64)));
            Ok(JsValue::from(store.download(u64::from(count), tell).await?.sum as f64))
        })
    }

    /// Always a rejection whose `name` is `NotFound`.
    pub fn missing(&self) -> Promise {
        self.ask(async |store| Ok(given(store.missing().await?)))
    }

    fn ask(&self, question: impl AsyncFnOnce(Remote) -> sdk::Result<JsValue> + 'static) -> Promise {
        let store = self.0.clone();
        future_to_promise(async move { question(store).await.map_err(|error| thrown(&error)) })
    }
}

fn given(item: sdk::Item) -> JsValue {
    Item { name: item.name, sizes: item.sizes }.into()
}

/// An `Error` whose `name` says what a program can act on.
fn thrown(error: &sdk::Error) -> JsValue {
    let name = match error {
        sdk::Error::NotFound => "NotFound",
        sdk::Error::Http(error) => error.kind().code(),
        _ => "Unexpected",
    };
    let thrown = Error::new(&error.to_string());
    thrown.set_name(name);
    thrown.into()
}
