//! The scenarios over the sockets, the timer and the executor of tokio, in runtimes of both kinds.
#![allow(missing_docs)]
#![cfg(not(target_family = "wasm"))]

#[path = "../examples/lab/mod.rs"]
mod lab;
mod scenarios;

use std::future::Future;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};
use waterspout::testing::Server;

use self::scenarios::{Lab, for_each_scenario};

/// Runs a scenario in a runtime of its own. All scenarios share a lab and run in parallel.
#[allow(clippy::unwrap_used, reason = "without a server there is nothing to test")]
fn run<F: Future>(runtime: &Runtime, platform: &str, name: &str, scenario: impl FnOnce(Lab) -> F) -> F::Output {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        // Every client of the scenarios has this default.
        waterspout::tornado::configure(waterspout::Builder::tokio).unwrap();
        Server::start(lab::Lab::default()).unwrap()
    });
    runtime.block_on(scenario(Lab::new(&server.url(""), platform, name)))
}

macro_rules! current_thread {
    ($($module:ident::$name:ident,)+) => {
        #[allow(clippy::unwrap_used)]
        mod current_thread {$(
            #[test]
            fn $name() {
                let runtime = super::Builder::new_current_thread().enable_all().build().unwrap();
                super::run(&runtime, "tokio-current-thread", stringify!($name), super::scenarios::$module::$name);
            }
        )+}
    };
}

macro_rules! multi_thread {
    ($($module:ident::$name:ident,)+) => {
        #[allow(clippy::unwrap_used)]
        mod multi_thread {$(
            #[test]
            fn $name() {
                let runtime = super::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
                super::run(&runtime, "tokio-multi-thread", stringify!($name), super::scenarios::$module::$name);
            }
        )+}
    };
}

for_each_scenario!(current_thread);
for_each_scenario!(multi_thread);
