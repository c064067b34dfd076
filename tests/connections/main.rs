//! The pool of connections: reuse, idle limits, background connects, replays, and the facts that responses report.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
#![cfg(not(target_family = "wasm"))]

mod connecting;
mod counts;
mod dropped_tasks;
mod early_data;
mod idle;
mod idle_memory;
mod information;
mod keep_alive;
mod reentrancy;
mod replay;
mod request_timeout;
mod reuse;
mod routes;
mod stale;
#[path = "../support/mod.rs"]
mod support;
mod waiting;

use waterspout::Client;
use waterspout::agent::{Agent, Config};
use waterspout::testing::{ManualTimer, Script, ScriptedConnector};

use crate::support::client::{URL, text};
use crate::support::executor::ManualExecutor;
use std::time::Duration;

/// A client over scripted connections whose agent has an executor for background work.
struct PooledClient {
    client: Client,
    connector: ScriptedConnector,
    timer: ManualTimer,
    executor: ManualExecutor,
}

fn pooled(config: Config, scripts: impl IntoIterator<Item = Script>) -> PooledClient {
    let (connector, timer, executor) = (ScriptedConnector::new(scripts), ManualTimer::new(), ManualExecutor::default());
    let agent = Agent::new(connector.clone(), timer.clone()).with_config(config).with_executor(executor.clone());
    let client = Client::builder().backend(agent).timer(timer.clone()).build().unwrap();
    PooledClient { client, connector, timer, executor }
}

impl PooledClient {
    fn fetch(&self) -> String {
        text(self.client.get(URL)).unwrap()
    }

    /// Runs the agent's tasks until none can continue without time passing.
    fn run_tasks(&self) {
        self.executor.run();
        assert_eq!(self.executor.panics(), 0, "a task of the agent has panicked");
    }

    fn pass(&self, time: Duration) {
        self.run_tasks();
        self.timer.advance(time);
        self.run_tasks();
    }
}
