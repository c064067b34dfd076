//! The scenarios whose outcome may differ between a page and a shared worker, run in a shared worker.
#![allow(missing_docs)]
#![cfg(target_family = "wasm")]

mod scenarios;

use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

use self::scenarios::{Lab, for_each_worker_scenario};

wasm_bindgen_test_configure!(run_in_shared_worker);

/// The URL of the lab, which runs in a process of its own (`cargo run --example serve`). `WATERSPOUT_LAB` at build time
/// overrides it.
const LAB: &str = match option_env!("WATERSPOUT_LAB") {
    Some(lab) => lab,
    None => "http://127.0.0.1:8737",
};

macro_rules! worker {
    ($($module:ident::$name:ident,)+) => {$(
        #[wasm_bindgen_test]
        async fn $name() {
            scenarios::$module::$name(Lab::new(LAB, "shared_worker", stringify!($name))).await;
        }
    )+};
}

for_each_worker_scenario!(worker);
