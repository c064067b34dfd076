//! The scenarios in a browser, through its own `fetch`.
#![allow(missing_docs)]
#![cfg(target_family = "wasm")]

mod fetch_init;
mod scenarios;

use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

use self::scenarios::{Lab, for_each_scenario};

wasm_bindgen_test_configure!(run_in_browser);

/// The lab runs outside: `cargo run --example serve`, or wherever the variable says at build time.
const LAB: &str = match option_env!("WATERSPOUT_LAB") {
    Some(lab) => lab,
    None => "http://127.0.0.1:8737",
};

macro_rules! browser {
    ($($module:ident::$name:ident,)+) => {$(
        #[wasm_bindgen_test]
        async fn $name() {
            scenarios::$module::$name(Lab::new(LAB, "browser", stringify!($name))).await;
        }
    )+};
}

for_each_scenario!(browser);
