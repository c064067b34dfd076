//! Slots: how long a request keeps its slot, and when the next request gets it.

use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::join3;
use waterspout::http::StatusCode;
use waterspout::testing::{ManualTimer, MockBackend, Script, ScriptedConnector};
use waterspout::{Agent, Client, Rate, Response};

use crate::support::client::{HELLO, URL, redirect, scripted_client, seconds};

#[test]
fn redirects_of_a_request_share_a_slot_and_a_token() {
    let answers = [
        "HTTP/1.1 302 Found\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ];
    let script = answers.iter().fold(Script::new(), |script, answer| script.expect_head().send(answer.as_bytes()));
    let timer = ManualTimer::new();
    let agent = Agent::new(ScriptedConnector::new([script]), timer.clone());
    let limits = Client::builder().max_active(1).max_active_per_origin(1).rate_limit(Rate::new(1, seconds(1000)));
    let client = limits.backend(agent).timer(timer).build().unwrap();
    assert_eq!(block_on(async { client.get("http://a/").await.unwrap().text().await.unwrap() }), "ok");
    assert_eq!(client.stats().waits.count(), 1);
}

#[test]
fn request_keeps_its_slot_through_all_redirects() {
    let hops = ["/1", "/2", "/z"].map(|to| redirect(302, to));
    let all = hops.into_iter().chain([HELLO; 3].map(str::to_owned));
    // Each response lets its request wait, so that other requests could start if a slot were free.
    let script = all.fold(Script::new(), |script, answer| script.expect_head().pause().send(answer));
    let wire = scripted_client(Client::builder().max_active(1), [script]);
    let get = |path: &str| wire.client.get(format!("http://example.com{path}")).send();
    let (first, second, third) = block_on(join3(get("/a"), get("/b"), get("/c")));
    assert_eq!(first.unwrap().url().path(), "/z");
    assert!(second.is_ok() && third.is_ok());
    let sent = wire.sent(0);
    let paths: Vec<_> = sent.lines().filter_map(|line| line.strip_suffix(" HTTP/1.1")).collect();
    assert_eq!(paths, ["GET /a", "GET /1", "GET /2", "GET /z", "GET /b", "GET /c"]);
    assert_eq!((wire.client.stats().active, wire.client.stats().queued), (0, 0));
}

#[test]
fn slot_freed_on_another_thread_wakes_the_next_request() {
    let (release, released) = oneshot::channel::<()>();
    let released = Arc::new(Mutex::new(Some(released)));
    let backend = MockBackend::new(move |request| {
        let released = released.lock().unwrap().take();
        async move {
            if let Some(released) = released {
                released.await.unwrap();
            }
            Ok(Response::new(StatusCode::OK, request.url().clone(), ""))
        }
        .boxed()
    });
    let client = Client::builder().max_active(1).backend(backend).build().unwrap();
    let threads = [client.clone(), client.clone()]
        .map(|client| std::thread::spawn(move || block_on(client.get(URL).send()).unwrap().status()));
    while client.stats().queued == 0 {
        std::thread::yield_now();
    }
    release.send(()).unwrap();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap() == 200));
}
