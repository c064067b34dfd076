//! The scenarios in Node, through its own `fetch`.
#![allow(missing_docs)]
#![cfg(target_family = "wasm")]

mod scenarios;

use wasm_bindgen_test::wasm_bindgen_test;

use self::scenarios::{Lab, for_each_scenario};

macro_rules! node {
    ($($module:ident::$name:ident,)+) => {$(
        #[wasm_bindgen_test]
        async fn $name() {
            scenarios::$module::$name(Lab::new(env!("WATERSPOUT_LAB"), "node", stringify!($name))).await;
        }
    )+};
}

for_each_scenario!(node);
