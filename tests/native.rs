//! The scenarios over native sockets, by `futures::executor::block_on`, in a process without a runtime.
#![allow(missing_docs)]
#![cfg(not(target_family = "wasm"))]

#[path = "../examples/lab/mod.rs"]
mod lab;
mod scenarios;

use std::future::Future;
use std::sync::OnceLock;

use waterspout::testing::Server;

use self::scenarios::{Lab, for_each_scenario};

/// Runs a scenario. All scenarios share a lab and run in parallel.
#[allow(clippy::unwrap_used, reason = "without a server there is nothing to test")]
fn run<F: Future>(name: &str, scenario: impl FnOnce(Lab) -> F) -> F::Output {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let server = SERVER.get_or_init(|| Server::start(lab::Lab::default()).unwrap());
    futures::executor::block_on(scenario(Lab::new(&server.url(""), "native", name)))
}

macro_rules! native {
    ($($module:ident::$name:ident,)+) => {$(
        #[test]
        fn $name() {
            run(stringify!($name), scenarios::$module::$name);
        }
    )+};
}

for_each_scenario!(native);
