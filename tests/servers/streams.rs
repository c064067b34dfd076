//! The checks of servers that speak HTTP/2.

use std::collections::BTreeSet;

use futures::future::join_all;
use futures::{StreamExt, stream};
use waterspout::http::{HeaderMap, HeaderValue, StatusCode, Version};
use waterspout::{Body, Client};

use crate::checks::{SMALL, chunks, header};
use crate::contents::LARGE;
use crate::kind::Protocol;
use crate::process::Running;
use crate::programs::MANY;

/// The number of requests at once.
pub const PARALLEL: usize = 64;

impl Running {
    /// Returns a client that runs [`PARALLEL`] requests at once.
    pub fn parallel_client(&self) -> Client {
        Client::builder().backend(self.network().agent()).max_active(PARALLEL).build().unwrap()
    }
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

pub async fn sixty_four_requests_share_a_connection(server: &Running) {
    let client = server.parallel_client();
    let first = server.peer(&client).await;
    let connections = join_all((0..PARALLEL).map(|_| server.peer(&client))).await;
    assert!(connections.iter().all(|connection| *connection == first), "{first}: {connections:?}");
}

pub async fn a_thousand_requests_share_few_connections(server: &Running) {
    let client = server.parallel_client();
    let requests = stream::iter(0..1_000).map(|_| server.peer(&client)).buffer_unordered(PARALLEL);
    let connections: BTreeSet<_> = requests.collect().await;
    assert!(connections.len() <= 2, "{connections:?}");
}

pub async fn a_cancelled_download_leaves_its_connection(server: &Running) {
    let client = server.client();
    let first = server.peer(&client).await;
    for _ in 0..20 {
        let mut response = client.get(server.url(server.kind.paths.large)).await.unwrap();
        assert!(response.chunk().await.unwrap().is_some());
        drop(response);
        assert_eq!(server.peer(&client).await, first);
    }
}

/// The bodies end before, at and behind the window that a stream begins with, and have a piece alone or many.
pub async fn bodies_of_each_size_arrive_whole(server: &Running) {
    for length in [0, 1, 65_534, 65_535, 65_536, SMALL] {
        let body = LARGE.slice(..length);
        for one_shot in [Body::stream(stream::iter(chunks(body.clone()))), body.clone().into()] {
            server.upload(server.put(server.kind.paths.stored, "sized").body(one_shot), "sized", &body).await;
        }
    }
}

pub async fn responses_without_a_body_are_read(server: &Running) {
    let (client, paths) = (server.client(), &server.kind.paths);
    let known = server.get(&client, paths.letters).await.unwrap();
    let (etag, modified) = (header(known.headers(), "etag"), header(known.headers(), "last-modified"));
    let unchanged = match etag {
        "" => server.get(&client, paths.letters).header("if-modified-since", modified),
        _ => server.get(&client, paths.letters).header("if-none-match", etag),
    };
    for (request, status) in
        [(unchanged, StatusCode::NOT_MODIFIED), (server.get(&client, paths.empty), StatusCode::NO_CONTENT)]
    {
        let response = request.await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.bytes().await.unwrap().len(), 0);
    }
    server.peer(&client).await;
}

pub async fn many_fields_are_sent(server: &Running) {
    let cookies: Vec<_> = (0..40).map(|number| format!("c{number}={}", "v".repeat(40))).collect();
    let cookies = cookies.join("; ");
    let mut request = server.get(&server.client(), server.kind.paths.cookie_shown.0).header("cookie", &*cookies);
    for number in 0..50 {
        request = request.header(&*format!("x-many-{number}"), "v".repeat(64));
    }
    let response = request.await.unwrap();
    let shown = header(response.headers(), "x-saw").to_owned() + &response.text().await.unwrap();
    assert!(shown.contains(&cookies), "{shown}");
}

pub async fn many_fields_are_received(server: &Running) {
    let client = server.client();
    for _ in 0..2 {
        let response = server.get(&client, server.kind.paths.many).await.unwrap();
        let many = response.headers().iter().filter(|(name, _)| name.as_str().starts_with("x-many-"));
        assert_eq!(many.filter(|(_, value)| *value == &*"v".repeat(64)).count(), MANY, "{response:?}");
        response.bytes().await.unwrap();
    }
}

pub async fn trailers_are_sent(server: &Running) {
    let request = server.put(server.kind.paths.stored, "with-trailers").trailers(trailers());
    server.upload(request.body("with trailers"), "with-trailers", b"with trailers").await;
}

pub async fn trailers_are_received(server: &Running) {
    let request = server.put(server.kind.paths.stored, "echo").trailers(trailers()).body("with trailers");
    // Some servers send no trailers without it (RFC 9110, section 6.5.1).
    let request = request.header("te", "trailers");
    let mut response = request.await.unwrap();
    while response.chunk().await.unwrap().is_some() {}
    let (name, value) = server.kind.paths.trailer;
    assert_eq!(response.trailers().unwrap()[name], value);
}
