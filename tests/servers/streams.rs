//! The checks of servers that speak HTTP/2.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use futures::{StreamExt, stream};
use waterspout::http::{HeaderMap, HeaderValue, Version};
use waterspout::{Client, Response};

use crate::process::Running;
use crate::sites::Protocol;

/// The number of requests at once.
const PARALLEL: usize = 64;

/// Returns the client's end of the connection of a response.
fn connection(response: &Response) -> SocketAddr {
    response.connection_info().local_address.unwrap()
}

async fn plain(server: &Running, client: &Client) -> SocketAddr {
    let response = client.get(server.url(server.kind.paths.plain)).await.unwrap();
    let connection = connection(&response);
    assert_eq!(response.text().await.unwrap(), "hello\n");
    connection
}

fn trailers() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("abc"));
    trailers
}

pub async fn the_protocol_is_known(server: &Running) {
    let response = server.client().get(server.url(server.kind.paths.plain)).await.unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    let info = response.connection_info();
    assert_eq!(info.version, Some(Version::HTTP_2));
    let selected = info.tls_info.as_ref().and_then(|tls| tls.alpn_protocol.clone());
    let expected = (server.kind.protocol == Protocol::Http2OverTls).then(|| b"h2".to_vec());
    assert_eq!(selected.map(|protocol| protocol.to_vec()), expected);
}

pub async fn a_thousand_requests_share_few_connections(server: &Running) {
    let agent = server.network().agent();
    let client = Client::builder().backend(agent).max_active(PARALLEL).build().unwrap();
    let requests = stream::iter(0..1_000).map(|_| plain(server, &client)).buffer_unordered(PARALLEL);
    let connections: BTreeSet<_> = requests.collect().await;
    assert!(connections.len() <= 2, "{connections:?}");
}

pub async fn a_cancelled_download_leaves_its_connection(server: &Running) {
    let client = server.client();
    let first = plain(server, &client).await;
    for _ in 0..20 {
        let mut response = client.get(server.url(server.kind.paths.large)).await.unwrap();
        assert!(response.chunk().await.unwrap().is_some());
        drop(response);
        assert_eq!(plain(server, &client).await, first);
    }
}

pub async fn trailers_are_sent(server: &Running) {
    let request = server.put(server.kind.paths.stored, "with-trailers").trailers(trailers());
    server.upload(request.body("with trailers"), "with-trailers", b"with trailers").await;
}

pub async fn trailers_are_received(server: &Running) {
    let request = server.put(server.kind.paths.stored, "echo").trailers(trailers()).body("with trailers");
    let mut response = request.await.unwrap();
    while response.chunk().await.unwrap().is_some() {}
    let (name, value) = server.kind.paths.trailer;
    assert_eq!(response.trailers().unwrap()[name], value);
}
