//! A client on tokio: its errors without a runtime, runtimes that end, idle connections, TLS, proxies and Unix sockets.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
#![cfg(not(target_family = "wasm"))]

mod address_filter;
mod context;
mod idle_connections;
mod many_requests;
mod routes;
mod runtimes;
#[path = "../support/mod.rs"]
mod support;
mod timer;

use std::future::Future;
use std::net::TcpListener;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use waterspout::testing::{Reply, Server, handler};
use waterspout::{Client, Result};

/// How long a future may take before the test fails.
const LIMIT: Duration = Duration::from_secs(20);

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn multi_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Starts a server that answers with the number of the connection.
fn numbering() -> Server {
    Server::start(handler(|request| {
        let number = request.connection();
        Box::pin(async move { Reply::text(number.to_string()) })
    }))
    .unwrap()
}

/// Returns a listener that never answers: the system accepts the connections.
fn silent() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

fn client() -> Client {
    Client::builder().tokio().build().unwrap()
}

async fn text(client: &Client, url: impl AsRef<str>) -> Result<String> {
    client.get(url.as_ref()).await?.text().await
}

/// Runs `future` on `runtime`, and fails if it hangs.
fn within_limit<T>(runtime: &Runtime, future: impl Future<Output = T>) -> T {
    runtime.block_on(async { tokio::time::timeout(LIMIT, future).await.expect("the future hangs") })
}
