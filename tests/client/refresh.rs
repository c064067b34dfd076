//! The token refresh of the examples: a middleware that requests a new token once for all refused requests.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::join_all;
use futures::{FutureExt, stream};
use waterspout::http::StatusCode;
use waterspout::testing::MockBackend;
use waterspout::{Body, Bytes, Client, Response};

use crate::support::client::URL;

#[path = "../../examples/refresh/token.rs"]
mod token;

use self::token::Refresh;

/// A server that accepts the newest token only. The first refresh waits for the channel `hold`, if there is a channel.
struct Guarded {
    refreshes: Arc<AtomicUsize>,
    backend: MockBackend,
}

fn guarded(hold: Option<oneshot::Receiver<()>>) -> Guarded {
    let refreshes = Arc::new(AtomicUsize::new(0));
    let count = refreshes.clone();
    let hold = Mutex::new(hold);
    let backend = MockBackend::new(move |mut request| {
        let count = count.clone();
        let hold = if request.url().path() == "/token" { hold.lock().unwrap().take() } else { None };
        async move {
            if request.url().path() == "/token" {
                if let Some(hold) = hold {
                    hold.await.ok();
                }
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                return Ok(Response::new(StatusCode::OK, request.url().clone(), format!("token-{number}")));
            }
            let body = std::mem::take(request.body_mut()).collect(100).await?;
            let good = format!("Bearer token-{}", count.load(Ordering::SeqCst));
            let known = request.headers().get("authorization").is_some_and(|value| value.as_bytes() == good.as_bytes());
            let code = if known && count.load(Ordering::SeqCst) > 0 { 200 } else { 401 };
            Ok(Response::new(StatusCode::from_u16(code).unwrap(), request.url().clone(), body))
        }
        .boxed()
    });
    Guarded { refreshes, backend }
}

#[test]
fn single_refresh_serves_all_refused_requests() {
    let (release, hold) = oneshot::channel();
    let server = guarded(Some(hold));
    // The requests occupy all slots. A refresh that needed a slot would wait forever.
    let client = Client::builder()
        .backend(server.backend.clone())
        .middleware(Refresh::new("http://example.com/token".try_into().unwrap()))
        .build()
        .unwrap();
    let mut all = join_all((0..10).map(|index| {
        let client = client.clone();
        async move { client.put(URL).body(format!("body {index}")).await?.error_for_status()?.text().await }
    }))
    .boxed();
    assert!((&mut all).now_or_never().is_none());
    release.send(()).unwrap();
    let texts = block_on(all);
    for (index, text) in texts.into_iter().enumerate() {
        assert_eq!(text.unwrap(), format!("body {index}"));
    }
    assert_eq!(server.refreshes.load(Ordering::SeqCst), 1);
    assert_eq!(block_on(client.get(URL).send()).unwrap().status(), 200);
    assert_eq!(server.refreshes.load(Ordering::SeqCst), 1);
}

#[test]
fn refresh_of_a_dropped_request_is_done_by_the_next_request() {
    let (_release, hold) = oneshot::channel();
    let server = guarded(Some(hold));
    let refresh = Refresh::new("http://example.com/token".try_into().unwrap());
    let client = Client::builder().backend(server.backend.clone()).middleware(refresh).build().unwrap();
    let mut first = client.get(URL).send().boxed();
    let mut second = client.get(URL).send().boxed();
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    drop(first);
    assert_eq!(block_on(second).unwrap().status(), 200);
    assert_eq!(server.refreshes.load(Ordering::SeqCst), 1);
}

#[test]
fn request_whose_body_cannot_be_replayed_returns_the_401() {
    let server = guarded(None);
    let refresh = Refresh::new("http://example.com/token".try_into().unwrap());
    let client = Client::builder().backend(server.backend).middleware(refresh).build().unwrap();
    let once = Body::stream(stream::iter([Ok::<_, std::io::Error>(Bytes::from("once"))]));
    assert_eq!(block_on(client.put(URL).body(once).send()).unwrap().status(), 401);
}
