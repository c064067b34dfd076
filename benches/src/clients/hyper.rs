//! The client of hyper-util, with rustls through hyper-rustls.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::Requests;
use crate::job::Job;
use crate::server;

pub struct HyperRequests {
    client: ClientKind,
    uri: Uri,
}

/// A program that needs no TLS has the plain connector, which is faster.
enum ClientKind {
    Plain(Client<HttpConnector, Full<Bytes>>),
    Tls(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

impl HyperRequests {
    pub fn new(job: &Job) -> Self {
        let uri: Uri = job.url.parse().expect("a URI");
        let mut connector = HttpConnector::new();
        // The other clients disable Nagle's algorithm by default.
        connector.set_nodelay(true);
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_idle_timeout(Duration::from_secs(15));
        let client = if uri.scheme_str() == Some("http") {
            ClientKind::Plain(builder.build(connector))
        } else {
            connector.enforce_http(false);
            let tls = HttpsConnectorBuilder::new().with_tls_config(server::tls_config()).https_only();
            ClientKind::Tls(builder.build(tls.enable_all_versions().wrap_connector(connector)))
        };
        Self { client, uri }
    }

    async fn send(&self, method: &str, body: Bytes) -> Incoming {
        let request = Request::builder().method(method).uri(self.uri.clone()).body(Full::new(body));
        let request = request.expect("a request");
        let response = match &self.client {
            ClientKind::Plain(client) => client.request(request).await,
            ClientKind::Tls(client) => client.request(request).await,
        };
        response.expect("a response").into_body()
    }
}

impl Requests for HyperRequests {
    async fn get(&self) -> usize {
        self.send("GET", Bytes::new()).await.collect().await.expect("a body").to_bytes().len()
    }

    async fn download(&self) -> usize {
        let mut body = self.send("GET", Bytes::new()).await;
        let mut count = 0;
        while let Some(frame) = body.frame().await {
            count += frame.expect("a frame").data_ref().map_or(0, Bytes::len);
        }
        count
    }

    async fn upload(&self) -> usize {
        self.send("POST", server::upload_body()).await.collect().await.expect("a body").to_bytes().len()
    }
}
