//! The scenarios in Node, through Node's `fetch`.
#![allow(missing_docs)]
#![cfg(target_family = "wasm")]

mod blobs;
#[path = "guide/browser.rs"]
mod guide_snippets;
mod scenarios;

use wasm_bindgen_test::wasm_bindgen_test;

use self::scenarios::{Lab, for_each_scenario};

/// The URL of the lab, which runs in a process of its own (`cargo run --example serve`). `WATERSPOUT_LAB` at build time
/// overrides it.
const LAB: &str = match option_env!("WATERSPOUT_LAB") {
    Some(lab) => lab,
    None => "http://127.0.0.1:8737",
};

macro_rules! node {
    ($($module:ident::$name:ident,)+) => {$(
        #[wasm_bindgen_test]
        async fn $name() {
            scenarios::$module::$name(Lab::new(LAB, "node", stringify!($name))).await;
        }
    )+};
}

for_each_scenario!(node);
