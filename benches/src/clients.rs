//! The clients, each through its public API, on one thread.

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// A client to be measured.
pub trait Client {
    fn name(&self) -> &'static str;
    /// Makes `requests` small requests, as many at once as there are `connections`.
    fn small(&self, address: &str, connections: usize, requests: usize);
    /// Downloads `length` bytes.
    fn large(&self, address: &str, length: usize);
}

pub fn all() -> Vec<Box<dyn Client>> {
    vec![Box::new(Waterspout), Box::new(HyperUtil), Box::new(Reqwest)]
}

/// Runs `request` until all are made, `connections` at once.
async fn share<F: Future<Output = usize>>(connections: usize, requests: usize, request: impl Fn() -> F) {
    let left = Cell::new(requests);
    join_all((0..connections.min(requests)).map(|_| async {
        while left.get() > 0 {
            left.set(left.get() - 1);
            assert_eq!(request().await, 13);
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
        async_io::block_on(share(connections, requests, || async {
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

fn tokio() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

struct HyperUtil;

impl HyperUtil {
    fn client() -> legacy::Client<HttpConnector, Empty<Bytes>> {
        let mut connector = HttpConnector::new();
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
        tokio().block_on(async {
            let client = Self::client();
            share(connections, requests, || async {
                let response = client.get(uri.clone()).await.expect("a response");
                response.into_body().collect().await.expect("a body").to_bytes().len()
            })
            .await;
        });
    }

    fn large(&self, address: &str, length: usize) {
        let uri: http::Uri = format!("http://{address}/large").parse().expect("a URI");
        tokio().block_on(async {
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
        tokio().block_on(share(connections, requests, || async {
            client.get(url.clone()).send().await.expect("a response").bytes().await.expect("a body").len()
        }));
    }

    fn large(&self, address: &str, length: usize) {
        let client = reqwest::Client::builder().build().expect("a client");
        tokio().block_on(async {
            let mut response = client.get(format!("http://{address}/large")).send().await.expect("a response");
            let mut count = 0;
            while let Some(chunk) = response.chunk().await.expect("a chunk") {
                count += chunk.len();
            }
            assert_eq!(count, length);
        });
    }
}
