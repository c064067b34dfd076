//! What a response says of its request if a custom backend or a middleware made the response.

use futures::executor::block_on;
use waterspout::http::{HeaderMap, Method, StatusCode};
use waterspout::testing::MockBackend;
use waterspout::{
    Backend, BoxFuture, CallContext, Client, Middleware, Next, Request, Response, ResponseBuilder, Result,
};

use crate::support::client::URL;

/// A backend that answers with the response of a function.
struct Answers(fn(ResponseBuilder) -> ResponseBuilder);

impl Backend for Answers {
    fn fetch(&self, request: Request, _: CallContext) -> BoxFuture<'_, Result<Response>> {
        let builder = Response::builder(StatusCode::OK, request.url());
        Box::pin(async move { (self.0)(builder).body("hello") })
    }
}

fn answered(method: &Method, change: fn(ResponseBuilder) -> ResponseBuilder) -> Response {
    let client = Client::builder().backend(Answers(change)).build().unwrap();
    block_on(client.request(method.clone(), URL).send()).unwrap()
}

#[test]
fn method_is_the_callers_unless_the_backend_knows_better() {
    for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT] {
        let keeps = method == Method::GET || method == Method::HEAD;
        assert_eq!(answered(&method, |builder| builder).method(), Some(&method));
        let redirected = answered(&method, |builder| builder.redirected(true));
        assert_eq!(redirected.method(), keeps.then_some(&method), "a redirect may have changed the method");
        let told = answered(&method, |builder| builder.redirected(true).method(Method::PATCH));
        assert_eq!(told.method(), Some(&Method::PATCH));
    }
}

#[test]
fn headers_are_known_if_the_backend_sets_them() {
    assert_eq!(answered(&Method::GET, |builder| builder).request_headers(), None);
    let headers = |builder: ResponseBuilder| {
        let secret = ("authorization".parse().unwrap(), "secret".parse().unwrap());
        builder.request_headers(HeaderMap::from_iter([secret]))
    };
    let response = answered(&Method::GET, headers);
    assert_eq!(response.request_headers().unwrap()["authorization"], "secret");
    assert!(!format!("{response:?}").contains("secret"), "{response:?}");
}

#[test]
fn response_that_no_client_has_returned_knows_no_request() {
    let response = Response::builder(StatusCode::OK, URL).body("").unwrap();
    assert_eq!((response.method(), response.request_headers()), (None, None));
}

#[test]
fn request_is_that_which_the_middleware_sent() {
    struct Rewrites;
    impl Middleware for Rewrites {
        fn handle<'a>(&'a self, mut request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
            *request.method_mut() = Method::PATCH;
            request.headers_mut().insert("x-added", "1".parse().unwrap());
            next.run(request)
        }
    }
    let client = Client::builder().middleware(Rewrites).backend(MockBackend::text("")).build().unwrap();
    let response = block_on(client.post(URL).body("text").send()).unwrap();
    assert_eq!(response.method(), Some(&Method::PATCH));
    let headers = response.request_headers().unwrap();
    assert_eq!(headers["x-added"], "1");
    assert_eq!(headers["content-type"], "text/plain;charset=UTF-8");
}

#[test]
fn text_that_a_middleware_sets_has_a_type() {
    struct Translates;
    impl Middleware for Translates {
        fn handle<'a>(&'a self, mut request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
            *request.body_mut() = "text".into();
            next.run(request)
        }
    }
    let client = Client::builder().middleware(Translates).backend(MockBackend::text("")).build().unwrap();
    let response = block_on(client.post(URL).body(vec![1]).send()).unwrap();
    assert_eq!(response.request_headers().unwrap()["content-type"], "text/plain;charset=UTF-8");
}
