//! The checks. Each check sends requests to a server and examines the responses.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_io::Timer;
use futures::future::join_all;
use futures::{StreamExt, stream};
use waterspout::agent::Config;
use waterspout::auth::digest::DigestAuth;
use waterspout::cookies::CookieJar;
use waterspout::http::{HeaderMap, StatusCode};
use waterspout::{Body, Bytes, Client, ErrorKind, RequestBuilder, Response, Result};

use crate::contents::{LARGE, summary};
use crate::process::Running;
use crate::sites::Uploads;

/// The size of the chunks of an upload, in bytes.
const CHUNK: usize = 64 * 1024;

/// The length of an upload for which the size does not matter, in bytes.
pub const SMALL: usize = 1 << 20;

/// The number of requests that a client runs at once.
const SLOTS: usize = 16;

impl Running {
    /// Returns a client with a cookie jar. It waits for `100 Continue` without a limit, so a body that is sent proves
    /// that the server sent `100 Continue`.
    pub fn client(&self) -> Client {
        let config = Config::new().continue_timeout(Duration::ZERO);
        let agent = self.network().agent().with_cookies(CookieJar::new()).with_config(config);
        Client::builder().backend(agent).max_active(SLOTS).build().unwrap()
    }

    pub fn get(&self, client: &Client, path: &str) -> RequestBuilder<Client> {
        client.get(self.url(path))
    }

    /// Returns the status and the whole body of a response.
    pub async fn text(&self, client: &Client, path: &str) -> (u16, String) {
        read(self.get(client, path).await).await
    }

    /// Returns the client's port. Each connection has a different port, and most servers name it.
    pub async fn peer(&self, client: &Client) -> u16 {
        let response = self.get(client, self.kind.paths.plain).await.unwrap();
        let port = response.connection_info().local_address.unwrap().port();
        assert!(["", &port.to_string()].contains(&header(response.headers(), "x-peer")), "{port}: {response:?}");
        assert_eq!(response.text().await.unwrap(), "hello\n");
        port
    }

    /// Uploads a body to a path that leads to `stored` + `name`, and checks that the server received it.
    pub async fn upload(&self, request: RequestBuilder<Client>, name: &str, body: &[u8]) {
        let response = request.await.unwrap();
        assert!(response.status().is_success(), "{response:?}");
        match self.kind.paths.uploads {
            Uploads::Summarized => assert_eq!(response.text().await.unwrap(), summary(body)),
            Uploads::Echoed => assert!(response.bytes().await.unwrap() == body),
            Uploads::Kept => {
                response.bytes().await.unwrap();
                let path = format!("{}{name}", self.kind.paths.stored);
                let stored = self.get(&self.client(), &path).await.unwrap().bytes().await.unwrap();
                assert!(stored == body, "{} bytes of {}", stored.len(), body.len());
            }
        }
    }

    /// Returns the body of a large download or upload.
    pub fn large(&self) -> Bytes {
        LARGE.slice(..self.kind.paths.large_bytes)
    }

    pub fn put(&self, path: &str, name: &str) -> RequestBuilder<Client> {
        self.client().put(self.url(&format!("{path}{name}")))
    }
}

async fn read(response: Result<Response>) -> (u16, String) {
    let response = response.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

pub fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

pub fn chunks(body: Bytes) -> impl Iterator<Item = Result<Bytes>> + Send + 'static {
    (0..body.len()).step_by(CHUNK).map(move |at| Ok(body.slice(at..body.len().min(at + CHUNK))))
}

/// Returns a body of unknown length that can be sent again.
fn in_chunks(body: &Bytes) -> Body {
    let body = body.clone();
    Body::factory(move || stream::iter(chunks(body.clone())))
}

pub async fn a_plain_response_is_read(server: &Running) {
    let response = server.get(&server.client(), server.kind.paths.plain).await.unwrap();
    assert_eq!((response.status(), response.reason()), (StatusCode::OK, Some("OK")));
    // Node sends no length over HTTP/2.
    assert!(server.kind.is_http2() || response.content_length() == Some(6), "{response:?}");
    assert_eq!(response.text().await.unwrap(), "hello\n");
}

pub async fn a_gzip_response_is_decoded(server: &Running) {
    let (path, part) = server.kind.paths.gzip;
    let (status, text) = server.text(&server.client(), path).await;
    assert!(status == 200 && text.contains(part), "{status} {text}");
    let raw = server.get(&server.client(), path).header("accept-encoding", "gzip").decompress(false).await.unwrap();
    assert_eq!(header(raw.headers(), "content-encoding"), "gzip");
    assert!(raw.bytes().await.unwrap().starts_with(b"\x1f\x8b"));
}

pub async fn a_chunked_response_is_read(server: &Running) {
    let (path, part) = server.kind.paths.chunked;
    let response = server.get(&server.client(), path).header("accept-encoding", "identity").await.unwrap();
    let framing = if server.kind.is_http2() { "" } else { "chunked" };
    assert_eq!(header(response.headers(), "transfer-encoding"), framing);
    // Over HTTP/2 the whole body may come with the head, and then its length is known.
    if !server.kind.is_http2() {
        assert_eq!(response.content_length(), None);
    }
    let text = response.text().await.unwrap();
    assert!(text.contains(part), "{text}");
}

pub async fn a_connection_is_reused(server: &Running) {
    let (client, other) = (server.client(), server.client());
    let peer = server.peer(&client).await;
    let elsewhere = server.peer(&other).await;
    assert_ne!(elsewhere, peer);
    for _ in 0..5 {
        assert_eq!(server.peer(&client).await, peer);
    }
    assert_eq!(server.peer(&other).await, elsewhere);
}

/// Checks only that there are far fewer connections than requests. A busy server may close idle connections, as Apache
/// does while its threads start. Another test checks that there are no more connections than concurrent requests,
/// against a server that closes none.
pub async fn parallel_requests_share_connections(server: &Running) {
    let client = server.client();
    let peers: BTreeSet<_> = join_all((0..20 * SLOTS).map(|_| server.peer(&client))).await.into_iter().collect();
    assert!((1..=5 * SLOTS).contains(&peers.len()), "{peers:?}");
}

pub async fn a_range_request_returns_the_range(server: &Running) {
    let client = server.client();
    for (range, content_range, part) in [
        ("bytes=2-4", "bytes 2-4/26", "cde"),
        ("bytes=23-", "bytes 23-25/26", "xyz"),
        ("bytes=-3", "bytes 23-25/26", "xyz"),
    ] {
        let response = server.get(&client, server.kind.paths.letters).header("range", range).await.unwrap();
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(header(response.headers(), "content-range"), content_range);
        assert_eq!(response.text().await.unwrap(), part);
    }
    let beyond = server.get(&client, server.kind.paths.letters).header("range", "bytes=26-").await.unwrap();
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    // Most servers send the whole length, but they need not (RFC 9110, section 15.5.17).
    assert!(["", "bytes */26"].contains(&header(beyond.headers(), "content-range")), "{beyond:?}");
}

pub async fn redirects_are_followed(server: &Running) {
    let url = server.url(server.kind.paths.redirect);
    let response = server.client().get(&url).await.unwrap();
    assert!(response.redirected() && response.url().as_str() != url, "{response:?}");
    assert_eq!(read(Ok(response)).await, (200, "hello\n".to_owned()));
}

pub async fn a_308_redirect_keeps_the_body(server: &Running) {
    let body = LARGE.slice(..SMALL);
    let request = server.client().put(server.url(server.kind.paths.moved)).body(body.clone());
    server.upload(request, "moved", &body).await;
}

pub async fn cookies_are_stored_and_sent(server: &Running) {
    let paths = &server.kind.paths;
    let (client, other) = (server.client(), server.client());
    assert_eq!(server.text(&client, paths.cookie).await.0, 200);
    let (shown, part) = paths.cookie_shown;
    for (client, has_cookie) in [(&client, true), (&other, false)] {
        let response = server.get(client, shown).await.unwrap();
        let saw = header(response.headers(), "x-saw").to_owned() + &response.text().await.unwrap();
        assert_eq!(saw.contains(part), has_cookie, "{saw}");
    }
}

pub async fn basic_credentials_are_accepted(server: &Running) {
    let client = server.client();
    let path = server.kind.paths.basic;
    let closed = server.get(&client, path).await.unwrap();
    assert_eq!(closed.status(), StatusCode::UNAUTHORIZED);
    assert!(header(closed.headers(), "www-authenticate").starts_with("Basic realm="), "{closed:?}");
    let wrong = server.get(&client, path).basic_auth("Aladdin", "open-seed").await;
    assert_eq!(read(wrong).await.0, 401);
    let right = server.get(&client, path).basic_auth("Aladdin", "open-sesame").await;
    assert_eq!(read(right).await.0, 200);
    let url = server.url(path).replacen("://", "://Aladdin:open-sesame@", 1);
    assert_eq!(read(client.get(url).await).await.0, 200);
}

pub async fn a_digest_challenge_is_answered(server: &Running) {
    for path in server.kind.paths.digest {
        let client = server.client();
        let wrong = server.get(&client, path).digest_auth("Aladdin", "open-seed").await;
        assert_eq!(read(wrong).await.0, 401);
        let account = DigestAuth::new("Aladdin", "open-sesame").unwrap();
        for _ in 0..3 {
            let right = server.get(&client, path).authenticator(account.clone()).await;
            assert_eq!(read(right).await.0, 200, "{path}");
        }
    }
}

/// The nonces of the server are valid for a second or for a single request. Its log shows which requests it refused.
pub async fn a_stale_nonce_is_replaced(server: &Running) {
    let client = server.client();
    let account = DigestAuth::new("Aladdin", "open-sesame").unwrap();
    for _ in 0..2 {
        let response = server.get(&client, server.kind.paths.stale).authenticator(account.clone()).await;
        assert_eq!(read(response).await.0, 200);
        Timer::after(Duration::from_millis(2100)).await;
    }
    let log = server.folder.read("access.log");
    let seen = log.lines().filter(|line| line.split(' ').nth(1) == Some(server.kind.paths.stale));
    let seen: Vec<_> = seen.map(|line| (line[..3].to_owned(), line.contains("Digest username"))).collect();
    let expected = [("401", false), ("200", true), ("401", true), ("200", true)];
    assert_eq!(seen, expected.map(|(status, answered)| (status.to_owned(), answered)));
}

pub async fn a_large_upload_arrives_whole(server: &Running) {
    let large = server.large();
    let body = in_chunks(&large).with_length(large.len() as u64);
    server.upload(server.put(server.kind.paths.stored, "large").body(body), "large", &large).await;
}

pub async fn a_large_chunked_upload_arrives_whole(server: &Running) {
    let large = server.large();
    let request = server.put(server.kind.paths.stored, "chunked").body(in_chunks(&large));
    server.upload(request, "chunked", &large).await;
}

pub async fn a_body_waits_for_100_continue(server: &Running) {
    let body = LARGE.slice(..SMALL);
    let request = server.put(server.kind.paths.stored, "asked").body(body.clone()).expect_continue(true);
    let started = Instant::now();
    server.upload(request, "asked", &body).await;
    assert!(started.elapsed() < Duration::from_secs(15), "the server did not send 100 Continue");
}

pub async fn a_refused_body_is_not_sent(server: &Running) {
    let (path, status) = server.kind.paths.refused;
    let chunks_read = Arc::<AtomicUsize>::default();
    let count = chunks_read.clone();
    let counted = stream::iter(chunks(LARGE.clone())).inspect(move |_| _ = count.fetch_add(1, Ordering::Relaxed));
    let body = Body::stream(counted).with_length(LARGE.len() as u64);
    let response = server.put(path, "").body(body).expect_continue(true).await;
    assert_eq!(read(response).await.0, status);
    assert_eq!(chunks_read.load(Ordering::Relaxed), 0);
}

/// The server refuses the body without a `100 Continue` exchange, and does not read it to the end.
pub async fn a_refusal_is_read_while_the_body_is_sent(server: &Running) {
    let (path, status) = server.kind.paths.refused;
    for _ in 0..5 {
        let body = in_chunks(&LARGE);
        let with_length = body.try_clone().unwrap().with_length(LARGE.len() as u64);
        for body in [body, with_length] {
            let client = server.client();
            let response = client.put(server.url(path)).body(body).await;
            assert_eq!(read(response).await.0, status);
            assert_eq!(server.text(&client, server.kind.paths.plain).await, (200, "hello\n".to_owned()));
        }
    }
}

pub async fn a_response_to_head_has_no_body(server: &Running) {
    let client = server.client();
    for (path, length) in [(server.kind.paths.letters, "26"), (server.kind.paths.plain, "6")] {
        let response = client.head(server.url(path)).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(["", length].contains(&header(response.headers(), "content-length")), "{response:?}");
        assert_eq!(response.bytes().await.unwrap().len(), 0);
        // A body would be read as the beginning of the next response on the same connection.
        assert_eq!(server.text(&client, server.kind.paths.plain).await, (200, "hello\n".to_owned()));
    }
}

pub async fn a_404_is_a_response(server: &Running) {
    let client = server.client();
    let response = server.get(&client, server.kind.paths.missing).await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(response.error_for_status_ref().unwrap_err().kind(), ErrorKind::Status);
    response.bytes().await.unwrap();
    assert_eq!(server.text(&client, server.kind.paths.plain).await, (200, "hello\n".to_owned()));
}

pub async fn a_large_download_arrives_whole(server: &Running) {
    let mut response = server.get(&server.client(), server.kind.paths.large).await.unwrap();
    let large = server.large();
    assert_eq!(response.content_length(), Some(large.len() as u64));
    read_to_end(&mut response, &large).await;
}

/// Reads the rest of a response, which must be the rest of `body`.
pub async fn read_to_end(response: &mut Response, body: &[u8]) {
    let mut rest = body;
    while let Some(chunk) = response.chunk().await.unwrap() {
        let at = body.len() - rest.len();
        rest = rest.strip_prefix(&*chunk).unwrap_or_else(|| panic!("the {} bytes from {at} differ", chunk.len()));
    }
    assert_eq!(rest.len(), 0, "the end is missing");
}
