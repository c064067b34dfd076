//! The spans that `tracing` records for requests.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

mod record;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::executor::block_on;
use futures::{FutureExt, StreamExt, stream};
use waterspout::http::{Method, StatusCode};
use waterspout::platform::native::Network;
use waterspout::testing::{ManualTimer, MockBackend, Reply, Script, ScriptedConnector, Server, handler};
use waterspout::{
    Agent, Body, BoxFuture, Builder, Bytes, Client, Error, ErrorKind, Event, Middleware, Next, Phase, Request,
    Response, Result, Retry, Spans,
};

use self::record::{RecordedSpan, Recorder};

/// Sends a request with the client of `builder`, passes its outcome to `work`, and returns the span.
fn span_of(builder: Builder, url: &str, work: impl FnOnce(Result<Response>)) -> RecordedSpan {
    let client = builder.spans(Spans::new()).build().unwrap();
    let recorder = Recorder::default();
    recorder.record(|| work(block_on(client.get(url).send())));
    let mut spans = recorder.spans();
    assert_eq!(spans.len(), 1, "{spans:?}");
    let span = spans.remove(0);
    assert!(span.has_ended, "{span:?}");
    assert_eq!((span.name.as_str(), span.field("otel.kind")), ("request", Some("client")));
    span
}

/// Reads the body to its end.
fn read(outcome: Result<Response>) {
    block_on(outcome.unwrap().text()).unwrap();
}

fn expect_error(outcome: Result<Response>) {
    outcome.unwrap_err();
}

fn read_error(outcome: Result<Response>) {
    block_on(outcome.unwrap().text()).unwrap_err();
}

/// Compares the fields of `wanted`. A field without a value must not be there.
fn assert_fields(span: &RecordedSpan, wanted: &[(&str, Option<&str>)]) {
    for (name, value) in wanted {
        assert_eq!(span.field(name), *value, "{name} of {span:?}");
    }
}

/// A client whose connections follow these scripts.
fn scripted(scripts: impl IntoIterator<Item = Script>) -> Builder {
    Client::builder().backend(Agent::new(ScriptedConnector::new(scripts), ManualTimer::new()))
}

fn answer(head: &str) -> Script {
    Script::new().expect_head().send(format!("HTTP/1.1 {head}\r\n\r\n"))
}

#[test]
fn answered_request_has_the_names_of_the_conventions() {
    let span =
        span_of(scripted([answer("200 OK\r\ncontent-length: 0")]), "http://name:secret@h:81/a?key=secret#b", read);
    assert_fields(
        &span,
        &[
            ("otel.name", Some("GET")),
            ("http.request.method", Some("GET")),
            ("http.request.method_original", None),
            ("http.request.resend_count", None),
            ("http.response.status_code", Some("200")),
            ("url.full", Some("http://h:81/a?key=REDACTED")),
            ("server.address", Some("h")),
            ("server.port", Some("81")),
            ("network.protocol.version", Some("1.1")),
            ("network.protocol.name", None),
            ("network.peer.address", None),
            ("error.type", None),
            ("otel.status_code", None),
        ],
    );
    assert_eq!(span.events, ["started resends=0 waited_ms=0", "head"]);
    assert!(!format!("{span:?}").contains("secret"));
}

#[test]
fn statuses_and_errors_have_an_error_type() {
    let refused = || scripted([Script::refused()]);
    let cut = || scripted([answer("200 OK\r\ncontent-length: 5").send("he").reset()]);
    type Work = fn(Result<Response>);
    let cases: [(Builder, Work, &str, Option<&str>); 4] = [
        (scripted([answer("404 Not Found\r\ncontent-length: 0")]), read, "404", Some("404")),
        (scripted([answer("503 Busy\r\ncontent-length: 0")]), read, "503", Some("503")),
        (refused(), expect_error, "CONNECT", None),
        (cut(), read_error, "CONNECTION_CLOSED", Some("200")),
    ];
    for (builder, work, error_type, status) in cases {
        let span = span_of(builder, "http://h/", work);
        let wanted = [
            ("error.type", Some(error_type)),
            ("otel.status_code", Some("ERROR")),
            ("http.response.status_code", status),
        ];
        assert_fields(&span, &wanted);
        assert_eq!(span.field("otel.status_description").is_some(), status.is_none_or(|status| status == "200"));
    }
}

#[test]
fn timeout_names_the_limit_of_its_phase() {
    const SECOND: Duration = Duration::from_secs(1);
    let silent = || Script::new().expect_head();
    let with_clock = |timer: &ManualTimer, scripts: Vec<Script>| {
        let agent = Agent::new(ScriptedConnector::new(scripts), timer.clone());
        Client::builder().timer(timer.clone()).backend(agent).max_active(1)
    };
    let head = |builder: Builder| builder.head_timeout(SECOND);
    let total = |builder: Builder| builder.total_timeout(SECOND);
    let body = |builder: Builder| builder.idle_timeout(SECOND);
    type Limit = fn(Builder) -> Builder;
    let cases: [(Limit, Script, &str); 3] = [
        (head, silent().silence(), "response's head"),
        (total, silent().silence(), "response's head"),
        (body, answer("200 OK\r\ncontent-length: 5").silence(), "body"),
    ];
    for (limit, script, phase) in cases {
        let timer = ManualTimer::new();
        let client = limit(with_clock(&timer, vec![script])).spans(Spans::new()).build().unwrap();
        let recorder = Recorder::default();
        recorder.record(|| {
            let mut request = async { client.get("http://h/").send().await?.text().await }.boxed();
            assert!((&mut request).now_or_never().is_none());
            timer.advance(SECOND);
            assert!(request.now_or_never().unwrap().unwrap_err().is_timeout());
        });
        let span = recorder.spans().remove(0);
        assert_fields(&span, &[("error.type", Some("TIMEOUT")), ("otel.status_code", Some("ERROR"))]);
        let description = span.field("otel.status_description").unwrap();
        assert!(span.has_ended && description.contains(phase), "{description}");
    }
}

#[test]
fn queued_request_that_times_out_has_a_span() {
    let timer = ManualTimer::new();
    let second = Duration::from_secs(1);
    let builder = Client::builder().timer(timer.clone()).max_active(1).queue_timeout(second);
    let client = builder.backend(MockBackend::pending()).spans(Spans::new()).build().unwrap();
    let recorder = Recorder::default();
    recorder.record(|| {
        let mut running = client.get("http://h/").send().boxed();
        assert!((&mut running).now_or_never().is_none());
        let mut waiting = client.get("http://h/").send().boxed();
        assert!((&mut waiting).now_or_never().is_none());
        timer.advance(second);
        waiting.now_or_never().unwrap().unwrap_err();
        assert!(!recorder.spans()[0].has_ended);
        drop(running);
    });
    let [running, waiting] = <[RecordedSpan; 2]>::try_from(recorder.spans()).unwrap();
    assert_eq!(waiting.events, ["queued"]);
    assert_fields(&waiting, &[("error.type", Some("TIMEOUT"))]);
    assert_eq!(running.events, ["started resends=0 waited_ms=0", "cancelled"]);
    assert_fields(&running, &[("error.type", Some("CANCELLED")), ("otel.status_code", Some("ERROR"))]);
    assert!(running.has_ended && waiting.has_ended);
}

#[test]
fn retry_then_success_is_a_single_span_with_the_count() {
    let count = AtomicUsize::new(0);
    let backend = MockBackend::new(move |request| {
        let outcome = match count.fetch_add(1, Ordering::Relaxed) {
            0 => Err(Error::new(ErrorKind::Io, Phase::Head, "cut")),
            1 => Ok(Response::new(StatusCode::SERVICE_UNAVAILABLE, request.url().clone(), "")),
            _ => Ok(Response::new(StatusCode::ACCEPTED, request.url().clone(), "")),
        };
        async { outcome }.boxed()
    });
    let retry = Retry::new().base_delay(Duration::ZERO);
    let span = span_of(Client::builder().backend(backend).retry(retry), "http://h/", read);
    let wanted = [
        ("http.request.resend_count", Some("2")),
        ("http.response.status_code", Some("202")),
        ("error.type", None),
        ("otel.status_code", None),
        // A mock has no connection.
        ("network.protocol.version", None),
    ];
    assert_fields(&span, &wanted);
    let events: Vec<_> = span.events.iter().map(String::as_str).collect();
    assert_eq!(
        events,
        [
            "started resends=0 waited_ms=0",
            "retrying delay_ms=0 error.type=IO",
            "started resends=1 waited_ms=0",
            "retrying delay_ms=0 http.response.status_code=503",
            "started resends=2 waited_ms=0",
            "head",
        ]
    );
}

#[test]
fn redirects_are_events_of_the_span_and_count_as_resends() {
    let redirect = |to: &str| format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
    let script = Script::new()
        .expect_head()
        .send(redirect("/b?key=secret"))
        .expect_head()
        .send(redirect("/c"))
        .expect_head()
        .send("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    let span = span_of(scripted([script]), "http://h/a", read);
    let wanted = [
        ("http.request.resend_count", Some("2")),
        ("http.response.status_code", Some("404")),
        ("url.full", Some("http://h/a")),
    ];
    assert_fields(&span, &wanted);
    assert_eq!(
        span.events,
        [
            "started resends=0 waited_ms=0",
            "redirected http.response.status_code=302 url.full=http://h/b?key=***",
            "redirected http.response.status_code=302 url.full=http://h/c",
            "head",
        ]
    );
}

#[test]
fn span_ends_with_the_body() {
    let (piece, body) = futures::channel::mpsc::unbounded::<Result<Bytes>>();
    let body = std::sync::Mutex::new(Some(Body::stream(body)));
    let backend = MockBackend::new(move |request| {
        let response = Response::new(StatusCode::OK, request.url().clone(), body.lock().unwrap().take().unwrap());
        async { Ok(response) }.boxed()
    });
    let client = Client::builder().backend(backend).spans(Spans::new()).build().unwrap();
    let recorder = Recorder::default();
    recorder.record(|| {
        let mut body = block_on(client.get("http://h/").send()).unwrap().into_body();
        piece.unbounded_send(Ok("hello".into())).unwrap();
        block_on(body.next()).unwrap().unwrap();
        assert!(!recorder.spans()[0].has_ended);
        drop(piece);
        assert!(block_on(body.next()).is_none());
        assert!(recorder.spans()[0].has_ended);
    });
    assert_eq!(recorder.spans()[0].events, ["started resends=0 waited_ms=0", "head"]);
}

#[test]
fn dropped_body_cancels_the_request_without_an_error() {
    let backend = MockBackend::new(|request| {
        let body = Body::stream(stream::iter(["piece", "more"].map(|piece| Ok::<_, Error>(Bytes::from(piece)))));
        async move { Ok(Response::new(StatusCode::OK, request.url().clone(), body)) }.boxed()
    });
    let span = span_of(Client::builder().backend(backend), "http://h/", |outcome| drop(outcome.unwrap()));
    assert_eq!(span.events, ["started resends=0 waited_ms=0", "head", "cancelled"]);
    assert_fields(
        &span,
        &[("http.response.status_code", Some("200")), ("error.type", None), ("otel.status_code", None)],
    );
}

#[test]
fn body_that_cannot_be_decoded_is_an_error_however_it_arrives() {
    let head = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 8\r\n\r\n";
    let whole = || Script::new().expect_head().send(format!("{head}not gzip"));
    let in_pieces = || Script::new().expect_head().send(head).pause().send("not ").pause().send("gzip");
    for script in [whole(), in_pieces()] {
        let span = span_of(scripted([script]), "http://h/", read_error);
        assert_eq!(span.events, ["started resends=0 waited_ms=0", "head"]);
        assert_fields(&span, &[("error.type", Some("DECODE")), ("otel.status_code", Some("ERROR"))]);
    }
    let span = span_of(scripted([whole()]), "http://h/", |outcome| drop(outcome.unwrap()));
    assert_eq!(span.events, ["started resends=0 waited_ms=0", "head", "cancelled"]);
}

#[test]
fn request_that_is_dropped_before_its_retry_has_no_status() {
    let backend = MockBackend::new(|request| {
        let response = Response::new(StatusCode::SERVICE_UNAVAILABLE, request.url().clone(), "");
        async { Ok(response) }.boxed()
    });
    let retry = Retry::new().base_delay(Duration::from_secs(5));
    let builder = Client::builder().backend(backend).timer(ManualTimer::new()).spans(Spans::new()).retry(retry);
    let client = builder.build().unwrap();
    let recorder = Recorder::default();
    recorder.record(|| assert!(client.get("http://h/").send().now_or_never().is_none()));
    let span = &recorder.spans()[0];
    assert_fields(span, &[("http.response.status_code", None), ("error.type", Some("CANCELLED"))]);
}

#[test]
fn http2_shows_its_version_and_the_address_of_the_server() {
    let server = Server::start(handler(|_| async { Reply::text("hello") }.boxed())).unwrap();
    let builder = Client::builder().network(Network::new().http2_prior_knowledge());
    let span = span_of(builder, &server.url("/"), read);
    let port = server.url("/").rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    let wanted = [
        ("network.protocol.version", Some("2")),
        ("network.peer.address", Some("127.0.0.1")),
        ("network.peer.port", Some(port.as_str())),
        ("server.port", Some(port.as_str())),
    ];
    assert_fields(&span, &wanted);
}

#[test]
fn unknown_method_and_template_form_the_name() {
    let client = |spans| Client::builder().backend(MockBackend::text("")).spans(spans).build().unwrap();
    let template = || Spans::new().url_template(|url| url.path().starts_with("/users/").then(|| "/users/{id}".into()));
    let purge = Method::from_bytes(b"PURGE").unwrap();
    let recorder = Recorder::default();
    recorder.record(|| {
        for (method, spans) in [(Method::PUT, template()), (purge.clone(), template()), (purge, Spans::new())] {
            block_on(client(spans.show_query()).request(method, "http://h/users/7?page=2&sig=secret").send()).unwrap();
        }
    });
    let names = [
        ("PUT /users/{id}", "PUT", None),
        ("HTTP /users/{id}", "_OTHER", Some("PURGE")),
        ("HTTP", "_OTHER", Some("PURGE")),
    ];
    for (span, (name, method, original)) in recorder.spans().iter().zip(names) {
        let wanted = [
            ("otel.name", Some(name)),
            ("http.request.method", Some(method)),
            ("http.request.method_original", original),
            ("url.template", name.contains('{').then_some("/users/{id}")),
            ("url.full", Some("http://h/users/7?page=2&sig=REDACTED")),
        ];
        assert_fields(span, &wanted);
    }
    assert_eq!(recorder.spans().len(), 3);
}

/// Records an event at each of its steps.
struct Chatty;

impl Middleware for Chatty {
    fn handle<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        tracing::info!("called");
        Box::pin(async move {
            tracing::info!("polled");
            next.run(request).await
        })
    }
}

#[test]
fn middleware_and_observer_run_within_the_span() {
    let observer = |event: &Event<'_>| tracing::info!("observed {:?}", event.stage);
    let builder = Client::builder().backend(MockBackend::text("")).observer(observer).middleware(Chatty);
    let span = span_of(builder, "http://h/", read);
    let wanted = [
        "started resends=0 waited_ms=0",
        "observed Started",
        "called",
        "polled",
        "head",
        "observed Head",
        "observed Done",
    ];
    assert_eq!(span.events, wanted);
}
