//! Defaults for all clients of the process.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::executor::block_on;
use futures::{FutureExt, StreamExt, stream};
use waterspout::http::{HeaderMap, HeaderValue, StatusCode};
use waterspout::platform::native::Network;
use waterspout::testing::{ManualTimer, MockBackend, Reply, Server, handler};
use waterspout::tornado::{configure, reset_configuration};
use waterspout::{Builder, Client, ErrorKind, Request, Response};

/// Exclusive use of the process's defaults for a test. Dropping it resets the defaults.
struct ExclusiveDefaults(#[allow(dead_code, reason = "it is held")] MutexGuard<'static, ()>);

impl ExclusiveDefaults {
    fn new() -> Self {
        static LOCK: Mutex<()> = Mutex::new(());
        Self(LOCK.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for ExclusiveDefaults {
    fn drop(&mut self) {
        reset_configuration();
    }
}

const URL: &str = "http://a.example/";

/// A backend that answers with the user agent and the time limits of the request.
fn mirror() -> MockBackend {
    MockBackend::new(|request| {
        let agent = request.headers().get("user-agent").and_then(|agent| agent.to_str().ok()).unwrap_or("none");
        let text = format!("{agent} {:?} {:?}", request.options().timeout, request.options().idle_timeout);
        let response = Response::new(StatusCode::OK, request.url().clone(), text);
        Box::pin(async move { Ok(response) })
    })
}

fn agent(name: &'static str) -> HeaderMap {
    HeaderMap::from_iter([("user-agent".parse().unwrap(), HeaderValue::from_static(name))])
}

fn said(client: &Client, request: Request) -> String {
    block_on(async { client.fetch(request).await.unwrap().text().await.unwrap() })
}

fn get() -> Request {
    Request::get(URL).build().unwrap()
}

#[test]
fn process_defaults_yield_to_client_and_request_settings() {
    let _defaults = ExclusiveDefaults::new();
    let seconds = Duration::from_secs;
    configure(move |builder| builder.backend(mirror()).timeout(seconds(7)).default_headers(agent("process"))).unwrap();
    // Built-in settings, process defaults, client settings, request settings: each level replaces the levels before it.
    assert_eq!(said(&Client::new(), get()), "process Some(7s) Some(20s)");
    let client = Client::builder().timeout(seconds(3)).default_headers(agent("client")).build().unwrap();
    assert_eq!(said(&client, get()), "client Some(3s) Some(20s)");
    let request = Request::get(URL).timeout(seconds(1)).header("user-agent", "request").build().unwrap();
    assert_eq!(said(&client, request), "request Some(1s) Some(20s)");
    let request = Request::get(URL).idle_timeout(seconds(2)).build().unwrap();
    assert_eq!(said(&Client::default(), request), "process Some(7s) Some(2s)");
}

#[test]
fn configure_does_not_change_existing_clients() {
    let _defaults = ExclusiveDefaults::new();
    configure(|builder| builder.backend(MockBackend::text("first"))).unwrap();
    let client = Client::new();
    configure(|builder| builder.backend(MockBackend::text("second"))).unwrap();
    assert_eq!((said(&client, get()), said(&Client::new(), get())), ("first".to_owned(), "second".to_owned()));
}

#[test]
fn the_number_of_slots_is_ten_unless_set_and_the_builder_wins() {
    let _defaults = ExclusiveDefaults::new();
    let active = |client: Client| {
        let running: Vec<_> = (0..20).map(|_| client.get(URL).send().boxed()).collect();
        let mut running = stream::iter(running).buffer_unordered(20);
        assert!(running.next().now_or_never().is_none());
        client.stats().active
    };
    assert_eq!(active(Client::builder().backend(MockBackend::pending()).build().unwrap()), 10);
    configure(|builder| builder.backend(MockBackend::pending()).max_active(7)).unwrap();
    assert_eq!(active(Client::new()), 7);
    assert_eq!(active(Client::builder().max_active(14).build().unwrap()), 14);
}

#[test]
fn default_builder_ignores_the_process_defaults() {
    let _defaults = ExclusiveDefaults::new();
    configure(|builder| builder.default_headers(agent("process"))).unwrap();
    let client = waterspout::Builder::default().backend(mirror()).build().unwrap();
    assert_eq!(said(&client, get()), "none None Some(20s)");
}

#[test]
fn reset_configuration_removes_the_defaults() {
    let _defaults = ExclusiveDefaults::new();
    configure(|builder| builder.default_headers(agent("process"))).unwrap();
    reset_configuration();
    let client = Client::builder().backend(mirror()).build().unwrap();
    assert_eq!(said(&client, get()), "none None Some(20s)");
}

#[test]
fn refused_defaults_keep_the_previous_defaults() {
    let _defaults = ExclusiveDefaults::new();
    configure(|builder| builder.backend(MockBackend::text("before"))).unwrap();
    let error = configure(|builder| builder.max_active(0)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.to_string().contains("max_active"), "{error}");
    assert_eq!(said(&Client::new(), get()), "before");
}

#[test]
fn defaults_that_become_invalid_give_a_client_a_single_slot() {
    let _defaults = ExclusiveDefaults::new();
    let calls = Mutex::new(0);
    configure(move |builder| {
        let mut calls = calls.lock().unwrap();
        *calls += 1;
        builder.backend(MockBackend::text("still")).max_active(if *calls == 1 { 1 } else { 0 })
    })
    .unwrap();
    assert_eq!(said(&Client::new(), get()), "still");
}

#[test]
fn network_of_the_builder_replaces_a_default_backend() {
    let _defaults = ExclusiveDefaults::new();
    let server = Server::start(handler(|_| async { Reply::text("network") }.boxed())).unwrap();
    configure(|builder| builder.backend(MockBackend::text("backend"))).unwrap();
    let request = || Request::get(server.url("/")).build().unwrap();
    let client = Client::builder().network(Network::new()).build().unwrap();
    assert_eq!((said(&Client::new(), request()), said(&client, request())), ("backend".into(), "network".into()));
    // A backend that the program sets itself is no default.
    let error = Client::builder().network(Network::new()).backend(MockBackend::text("other")).build().unwrap_err();
    assert!(error.to_string().contains("`Builder::network`"), "{error}");
}

#[test]
fn backend_of_the_builder_replaces_default_network_settings() {
    let _defaults = ExclusiveDefaults::new();
    configure(|builder| builder.network(Network::new()).proxy("http://proxy.example")).unwrap();
    let client = Client::builder().backend(MockBackend::text("backend")).build().unwrap();
    assert_eq!(said(&client, get()), "backend");
    let error = Client::builder().backend(MockBackend::text("other")).network(Network::new()).build().unwrap_err();
    assert!(error.to_string().contains("`Builder::network`") && !error.to_string().contains("proxy"), "{error}");
}

#[test]
fn network_settings_of_the_builder_add_to_the_defaults() {
    let _defaults = ExclusiveDefaults::new();
    let server = Server::start(handler(|_| async { Reply::text("network") }.boxed())).unwrap();
    configure(|builder| builder.resolve("a.example", [127, 0, 0, 1])).unwrap();
    let client = Client::builder().resolve("b.example", [127, 0, 0, 1]).build().unwrap();
    for host in ["a.example", "b.example"] {
        let url = format!("http://{host}:{}/", server.address().port());
        assert_eq!(said(&client, Request::get(url).build().unwrap()), "network");
    }
}

#[test]
fn conflicting_defaults_are_refused() {
    let _defaults = ExclusiveDefaults::new();
    let error = configure(|builder| builder.backend(MockBackend::text("")).network(Network::new())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(configure(|builder| builder.proxy("ftp://proxy.example")).is_err());
    assert!(configure(|builder| builder.user_agent("a\nb")).is_err());
}

#[test]
fn requests_fail_with_the_error_of_defaults_that_become_invalid() {
    let changes: [fn(Builder) -> Builder; 3] = [
        |builder| builder.proxy("ftp://proxy.example"),
        |builder| builder.backend(MockBackend::text("unused")).network(Network::new()),
        |builder| builder.user_agent("a\nb"),
    ];
    for change in changes {
        let _defaults = ExclusiveDefaults::new();
        let expected = change(Builder::default()).build().unwrap_err();
        let calls = Mutex::new(0);
        configure(move |builder| {
            let mut calls = calls.lock().unwrap();
            *calls += 1;
            if *calls == 1 { builder } else { change(builder) }
        })
        .unwrap();
        let client = Client::new();
        for _ in 0..2 {
            let error = block_on(client.fetch(get())).unwrap_err();
            assert_eq!(error.kind(), expected.kind());
            // The error of the request names the URL before its cause.
            let message = expected.to_string();
            assert!(error.to_string().starts_with(message.split(": ").next().unwrap()), "{error}");
        }
    }
}

#[test]
fn process_defaults_can_set_the_timer() {
    let _defaults = ExclusiveDefaults::new();
    let timer = ManualTimer::new();
    let clock = timer.clone();
    configure(move |builder| {
        builder.timer(clock.clone()).backend(MockBackend::pending()).timeout(Duration::from_secs(5))
    })
    .unwrap();
    let mut page = Client::new().get(URL).send().boxed();
    assert!((&mut page).now_or_never().is_none());
    timer.advance(Duration::from_secs(5));
    assert!(page.now_or_never().unwrap().unwrap_err().is_timeout());
}

#[test]
fn threads_can_set_defaults_while_other_threads_build_clients() {
    let _defaults = ExclusiveDefaults::new();
    configure(|builder| builder.backend(MockBackend::text("one"))).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for _ in 0..200 {
                    match thread {
                        0 => configure(|builder| builder.backend(MockBackend::text("one"))).unwrap(),
                        1 => configure(|builder| builder.backend(MockBackend::text("two"))).unwrap(),
                        _ => assert!(["one", "two"].contains(&&*said(&Client::new(), get()))),
                    }
                }
            });
        }
    });
}
