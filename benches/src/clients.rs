//! The measured clients. Each runs through its public API, on a single thread.

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::server::SMALL_BODY;

/// A measured client.
pub trait Client {
    fn name(&self) -> &'static str;
    /// Sends `requests` small requests, `connections` of them at once.
    fn small(&self, address: &str, connections: usize, requests: usize);
    /// Downloads a body of `length` bytes.
    fn large(&self, address: &str, length: usize);
}

/// Returns all clients, in the order of the table.
pub fn all() -> Vec<Box<dyn Client>> {
    vec![Box::new(Waterspout), Box::new(HyperUtil), Box::new(Reqwest)]
}

/// Calls `request` until `requests` of them are complete, with `connections` calls at once.
async fn run_concurrently<F: Future<Output = usize>>(connections: usize, requests: usize, request: impl Fn() -> F) {
    let left = Cell::new(requests);
    join_all((0..connections.min(requests)).map(|_| async {
        while left.get() > 0 {
            left.set(left.get() - 1);
            assert_eq!(request().await, SMALL_BODY.len());
        }
    }))
    .await;
}

/// The client of this project.
pub struct Waterspout;

impl Client for Waterspout {
    fn name(&self) -> &'static str {
        "waterspout"
    }

    fn small(&self, address: &str, connections: usize, requests: usize) {
        let client = waterspout::Client::builder().max_active(connections).build().expect("a client");
        let url = waterspout::Url::parse(&format!("http://{address}/")).expect("a URL");
        async_io::block_on(run_concurrently(connections, requests, || async {
            client.get(&url).send().await.expect("a response").bytes().await.expect("a body").len()
        }));
    }

    fn large(&self, address: &str, length: usize) {
        let client = waterspout::Client::builder().build().expect("a client");
        async_io::block_on(async {
            let mut response = client.get(format!("http://{address}/large")).await.expect("a response");
            let mut count = 0;
            while let Some(chunk) = response.chunk().await.expect("a chunk") {
                count += chunk.len();
            }
            assert_eq!(count, length);
        });
    }
}

/// Returns a runtime on the current thread: hyper-util and reqwest need tokio.
fn tokio_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

struct HyperUtil;

impl HyperUtil {
    fn client() -> legacy::Client<HttpConnector, Empty<Bytes>> {
        let mut connector = HttpConnector::new();
        // The other two clients disable Nagle's algorithm by default.
        connector.set_nodelay(true);
        legacy::Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(15)).build(connector)
    }
}

impl Client for HyperUtil {
    fn name(&self) -> &'static str {
        "hyper-util"
    }

    fn small(&self, address: &str, connections: usize, requests: usize) {
        let uri: http::Uri = format!("http://{address}/").parse().expect("a URI");
        tokio_runtime().block_on(async {
            let client = Self::client();
            run_concurrently(connections, requests, || async {
                let response = client.get(uri.clone()).await.expect("a response");
                response.into_body().collect().await.expect("a body").to_bytes().len()
            })
            .await;
        });
    }

    fn large(&self, address: &str, length: usize) {
        let uri: http::Uri = format!("http://{address}/large").parse().expect("a URI");
        tokio_runtime().block_on(async {
            let mut body = Self::client().get(uri).await.expect("a response").into_body();
            let mut count = 0;
            while let Some(frame) = body.frame().await {
                count += frame.expect("a frame").data_ref().map_or(0, Bytes::len);
            }
            assert_eq!(count, length);
        });
    }
}

struct Reqwest;

impl Client for Reqwest {
    fn name(&self) -> &'static str {
        "reqwest"
    }

    fn small(&self, address: &str, connections: usize, requests: usize) {
        let client = reqwest::Client::builder().build().expect("a client");
        let url = reqwest::Url::parse(&format!("http://{address}/")).expect("a URL");
        tokio_runtime().block_on(run_concurrently(connections, requests, || async {
            client.get(url.clone()).send().await.expect("a response").bytes().await.expect("a body").len()
        }));
    }

    fn large(&self, address: &str, length: usize) {
        let client = reqwest::Client::builder().build().expect("a client");
        tokio_runtime().block_on(async {
            let mut response = client.get(format!("http://{address}/large")).send().await.expect("a response");
            let mut count = 0;
            while let Some(chunk) = response.chunk().await.expect("a chunk") {
                count += chunk.len();
            }
            assert_eq!(count, length);
        });
    }
}
