//! Layers of `tower` and `tower-http` in front of a client.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::executor::block_on;
use futures::{FutureExt, StreamExt, stream};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use tower::timeout::error::Elapsed;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
use tower_http::follow_redirect::FollowRedirectLayer;
use tower_http::set_header::SetRequestHeaderLayer;
use tower_http::trace::TraceLayer;
use waterspout::http::{self, HeaderValue, StatusCode};
use waterspout::testing::{MockBackend, Script};
use waterspout::{Body, Bytes, Client, Error, ErrorKind, Redirect, Request, RequestOptions, Response, Result, Url};

use crate::support::client::{HELLO, URL, answers, once, redirect, scripted, scripted_client};

type HttpRequest = http::Request<Body>;
type HttpResponse = http::Response<Body>;

fn get(url: &str) -> HttpRequest {
    http::Request::get(url).body(Body::empty()).unwrap()
}

async fn text<B>(response: http::Response<B>) -> String
where
    B: http_body::Body<Data = Bytes, Error: std::fmt::Debug>,
{
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[test]
fn headers_are_set_and_requests_are_changed_in_front_of_a_client() {
    let wire = scripted([once(HELLO)]);
    let agent = SetRequestHeaderLayer::overriding(http::header::USER_AGENT, HeaderValue::from_static("layered"));
    let service = ServiceBuilder::new()
        .layer(agent)
        .layer(TraceLayer::new_for_http())
        .map_request(|mut request: HttpRequest| {
            *request.uri_mut() = "http://example.com/mapped".parse().unwrap();
            request
        })
        .service(wire.client.clone());
    let response = block_on(service.oneshot(get("http://example.com/original"))).unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(block_on(text(response)), "hello");
    let head = wire.sent_head_and_rest().0;
    assert!(head.starts_with("GET /mapped ") && head.contains("\r\nuser-agent: layered"), "{head}");
}

#[test]
fn layers_also_take_the_requests_of_this_crate() {
    let wire = scripted([once(HELLO)]);
    let service = ServiceBuilder::new()
        .map_request(|mut request: Request| {
            request.headers_mut().insert("x-layer", HeaderValue::from_static("1"));
            request
        })
        .concurrency_limit(1)
        .service(wire.client.clone());
    let response: Response = block_on(service.oneshot(Request::get(URL).build().unwrap())).unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(wire.sent_headers(0, "x-layer"), ["1"]);
}

#[test]
fn timeout_of_a_layer_stops_the_request() {
    let client = Client::builder().backend(MockBackend::pending()).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let service = ServiceBuilder::new().timeout(Duration::from_millis(1)).service(client.clone());
    let error = runtime.block_on(async { service.oneshot(get(URL)).await }).unwrap_err();
    assert!(error.is::<Elapsed>(), "{error}");
    assert_eq!(client.stats().active, 0);
}

#[test]
fn error_of_the_client_passes_the_layers() {
    let wire = scripted([Script::refused()]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let service = ServiceBuilder::new().timeout(Duration::from_secs(60)).service(wire.client.clone());
    let error = runtime.block_on(async { service.oneshot(get(URL)).await }).unwrap_err();
    assert_eq!(error.downcast_ref::<Error>().unwrap().kind(), ErrorKind::Connect);
    let error = block_on(wire.client.clone().oneshot(get("/relative"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidUrl);
}

#[test]
fn concurrency_limit_of_a_layer_holds_back_the_next_call() {
    let client = Client::builder().backend(MockBackend::pending()).build().unwrap();
    let mut service = ServiceBuilder::new().concurrency_limit(1).service(client.clone());
    block_on(ServiceExt::<HttpRequest>::ready(&mut service)).unwrap();
    let mut first = service.call(get(URL));
    assert!((&mut first).now_or_never().is_none());
    let mut second = service.clone();
    assert!(ServiceExt::<HttpRequest>::ready(&mut second).now_or_never().is_none());
    assert_eq!(client.stats().active, 1);
    drop(first);
    assert!(ServiceExt::<HttpRequest>::ready(&mut second).now_or_never().is_some());
}

/// Retries a 503 a number of times.
#[derive(Clone)]
struct Attempts(usize);

impl tower::retry::Policy<HttpRequest, HttpResponse, Error> for Attempts {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut HttpRequest, result: &mut Result<HttpResponse>) -> Option<Ready<()>> {
        let is_busy = result.as_ref().is_ok_and(|response| response.status() == StatusCode::SERVICE_UNAVAILABLE);
        self.0 = self.0.checked_sub(usize::from(is_busy))?;
        is_busy.then(|| ready(()))
    }

    fn clone_request(&mut self, request: &HttpRequest) -> Option<HttpRequest> {
        let mut copy = http::Request::new(request.body().try_clone()?);
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.headers_mut() = request.headers().clone();
        *copy.extensions_mut() = request.extensions().clone();
        Some(copy)
    }
}

#[test]
fn retry_of_a_layer_sends_the_body_again() {
    let busy = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n";
    let wire = scripted([answers([busy, busy, HELLO])]);
    let service = ServiceBuilder::new().retry(Attempts(2)).service(wire.client.clone());
    let request = http::Request::put(URL).body(Body::from(b"body")).unwrap();
    let response = block_on(service.oneshot(request)).unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(wire.sent(0).matches("\r\n\r\nbody").count(), 3);
}

#[test]
fn redirects_are_followed_by_a_layer_if_the_client_leaves_them() {
    let builder = Client::builder().redirect(Redirect::Manual);
    let wire = scripted_client(builder, [answers([redirect(302, "/b"), redirect(302, "/c"), HELLO.to_owned()])]);
    let service = ServiceBuilder::new().layer(FollowRedirectLayer::new()).service(wire.client.clone());
    let response = block_on(service.oneshot(get("http://example.com/a"))).unwrap();
    assert_eq!(response.extensions().get::<Url>().unwrap().path(), "/c");
    assert_eq!(block_on(text(response)), "hello");
    let lines = wire.sent(0).lines().filter(|line| line.starts_with("GET ")).count();
    assert_eq!(lines, 3);
}

#[test]
fn options_in_the_extensions_hold_for_the_request() {
    let wire = scripted([once(redirect(302, "/b"))]);
    let mut options = RequestOptions::default();
    options.redirect = Some(Redirect::Manual);
    let mut request = get(URL);
    request.extensions_mut().insert(options);
    assert_eq!(block_on(wire.client.clone().oneshot(request)).unwrap().status(), 302);
}

#[test]
fn trailers_pass_the_layers_in_both_directions() {
    let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nanswer: 1\r\n\r\n";
    let wire = scripted([once(answer)]);
    let fields = crate::support::client::headers(&[("asked", "1")]);
    let frames = [Ok::<_, Infallible>(Frame::data(Bytes::from("body"))), Ok(Frame::trailers(fields))];
    let request = http::Request::put(URL).body(StreamBody::new(stream::iter(frames))).unwrap();
    let service = ServiceBuilder::new().layer(TraceLayer::new_for_http()).service(wire.client.clone());
    let collected = block_on(async { service.oneshot(request).await.unwrap().into_body().collect().await.unwrap() });
    assert_eq!(collected.trailers().unwrap()["answer"], "1");
    assert_eq!(wire.sent_head_and_rest().1, "4\r\nbody\r\n0\r\nasked: 1\r\n\r\n");
}

#[test]
fn ready_body_is_sent_again_and_a_stream_is_not() {
    let again = || [once(redirect(307, "/b")).expect_head().send(HELLO)];
    let wire = scripted(again());
    let request = http::Request::put(URL).body(Full::new(Bytes::from("body"))).unwrap();
    assert_eq!(block_on(wire.client.clone().oneshot(request)).unwrap().status(), 200);
    assert_eq!(wire.sent(0).matches("\r\n\r\nbody").count(), 2);

    let wire = scripted(again());
    let chunks = stream::iter(["bo", "dy"]).map(|chunk| Ok::<_, Infallible>(Frame::data(Bytes::from(chunk))));
    let request = http::Request::put(URL).body(StreamBody::new(chunks)).unwrap();
    let error = block_on(wire.client.clone().oneshot(request)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BodyNotReplayable);
}

#[test]
fn body_that_is_not_ready_is_sent_whole() {
    let wire = scripted([once(HELLO)]);
    let polls = Arc::new(AtomicUsize::new(0));
    let count = polls.clone();
    let chunks = stream::poll_fn(move |cx| match count.fetch_add(1, Ordering::Relaxed) {
        0 | 2 => {
            cx.waker().wake_by_ref();
            std::task::Poll::Pending
        }
        1 | 3 => std::task::Poll::Ready(Some(Ok::<_, Infallible>(Frame::data(Bytes::from("body"))))),
        _ => std::task::Poll::Ready(None),
    });
    let request = http::Request::put(URL).body(StreamBody::new(chunks)).unwrap();
    assert_eq!(block_on(wire.client.clone().oneshot(request)).unwrap().status(), 200);
    assert_eq!(wire.sent_head_and_rest().1.matches("body").count(), 2);
}

#[test]
fn client_replaces_another_service_behind_the_same_layers() {
    let fake = service_fn(|_: HttpRequest| async { Ok::<_, Error>(http::Response::new(Body::from("fake"))) });
    let wire = scripted([once(HELLO)]);
    let trace = || ServiceBuilder::new().layer(TraceLayer::new_for_http());
    assert_eq!(block_on(async { text(trace().service(fake).oneshot(get(URL)).await.unwrap()).await }), "fake");
    let real = trace().service(wire.client.clone());
    assert_eq!(block_on(async { text(real.oneshot(get(URL)).await.unwrap()).await }), "hello");
}
