//! Credentials in headers: debug output hides them, however they came into the request.

use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::executor::block_on;
use waterspout::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use waterspout::testing::MockBackend;
use waterspout::{BoxFuture, Client, Middleware, Next, Request, RequestBuilder, Response, Result};

use crate::support::client::URL;

const SECRET: &str = "tell-nothing";

const NAMES: [&str; 6] =
    ["authorization", "cookie", "proxy-authorization", "Authorization", "COOKIE", "Proxy-Authorization"];

fn pair(name: &str) -> (HeaderName, HeaderValue) {
    (name.parse().unwrap(), HeaderValue::from_static(SECRET))
}

/// A map in which the name has two values.
fn map(name: &str) -> HeaderMap {
    let mut headers = HeaderMap::from_iter([pair(name), ("x-plain".parse().unwrap(), "shown".parse().unwrap())]);
    headers.append(pair(name).0, pair(name).1);
    headers
}

/// A way of a header into a request.
type Road = fn(RequestBuilder, &str) -> RequestBuilder;

const ROADS: [(&str, Road); 5] = [
    ("header", |builder, name| builder.header(name, SECRET).header("x-plain", "shown")),
    ("header twice", |builder, name| builder.header(name, SECRET).header(name, SECRET).header("x-plain", "shown")),
    ("headers", |builder, name| builder.headers(map(name))),
    ("headers over header", |builder, name| builder.header(name, "other").headers(map(name))),
    ("headers and header", |builder, name| builder.headers(map(name)).header(name, SECRET)),
];

fn check(text: &str, context: &str) {
    assert!(!text.contains(SECRET), "{context}: {text}");
    assert!(text.contains("shown") && text.contains("Sensitive"), "{context}: {text}");
}

#[test]
fn debug_output_of_a_request_hides_credentials() {
    for name in NAMES {
        for (road, add) in ROADS {
            let builder = add(Request::get(URL), name);
            check(&format!("{builder:?}"), &format!("{road}, builder, {name}"));
            let request = builder.build().unwrap();
            check(&format!("{request:?}"), &format!("{road}, {name}"));
            check(&format!("{request:#?}"), &format!("{road}, {name}"));
            check(&format!("{:?}", request.headers()), &format!("{road}, headers, {name}"));
            check(&format!("{:?}", request.try_clone().unwrap()), &format!("{road}, copy, {name}"));
        }
        // A map that the caller changes is not marked until the request is sent. The request hides its values anyway.
        let mut request = Request::get(URL).header("x-plain", "shown").build().unwrap();
        request.headers_mut().extend(map(name));
        check(&format!("{request:?}"), &format!("headers_mut, {name}"));
    }
    // A value that the caller has marked stays hidden, and all other values are shown.
    let mut key = HeaderValue::from_static(SECRET);
    key.set_sensitive(true);
    let request = Request::get(URL).headers(HeaderMap::from_iter([("x-api-key".parse().unwrap(), key)]));
    check(&format!("{:?}", request.header("x-plain", "shown").build().unwrap()), "x-api-key");
    assert!(!format!("{:?}", Request::get(URL).headers(map("set-cookie")).build().unwrap()).contains(SECRET));
    for name in ["x-authorization", "x-set-cookie", "accept"] {
        assert!(format!("{:?}", Request::get(URL).headers(map(name)).build().unwrap()).contains(SECRET), "{name}");
    }
}

/// Inserts a header into each request, and notes what it sees.
struct Inserting(&'static str, Arc<Mutex<Vec<String>>>);

impl Middleware for Inserting {
    fn handle<'a>(&'a self, mut request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        self.1.lock().unwrap().push(format!("{:?}", request.headers()));
        if !self.0.is_empty() {
            request.headers_mut().extend(map(self.0));
        }
        next.run(request)
    }
}

/// Sends a request, and returns the headers that the middleware and the backend see, as debug output.
fn seen(name: &str, inserted: &'static str, defaults: &[HeaderMap], change: impl FnOnce(&mut Request)) -> Vec<String> {
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let notes = seen.clone();
    let backend = MockBackend::new(move |request| {
        notes.lock().unwrap().push(format!("{:?}", request.headers()));
        for value in request.headers().get_all("x-plain") {
            assert!(!value.is_sensitive());
        }
        let response = Response::new(StatusCode::OK, request.url().clone(), "");
        async move { Ok(response) }.boxed()
    });
    let mut builder = Client::builder().backend(backend).middleware(Inserting(inserted, seen.clone()));
    for headers in defaults {
        builder = builder.default_headers(headers.clone());
    }
    assert!(!format!("{builder:?}").contains(SECRET), "{name}");
    let client = builder.build().unwrap();
    let mut request = Request::get(URL).header("x-plain", "shown").build().unwrap();
    change(&mut request);
    block_on(client.fetch(request)).unwrap();
    assert!(!format!("{client:?}").contains(SECRET), "{name}");
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 2);
    seen
}

#[test]
fn sent_request_has_its_credentials_marked() {
    for name in ["authorization", "cookie", "proxy-authorization"] {
        let other = HeaderMap::from_iter([("x-other".parse().unwrap(), HeaderValue::from_static("1"))]);
        for defaults in [vec![map(name)], vec![other.clone(), map(name)], vec![map(name), other.clone()]] {
            for text in seen(name, "", &defaults, |_| {}) {
                check(&text, &format!("default_headers, {name}"));
            }
        }
        for text in seen(name, "", &[], |request| request.headers_mut().extend(map(name))) {
            check(&text, &format!("headers_mut, {name}"));
        }
        // The middleware inserts after it has looked, so only the backend sees the header.
        check(&seen(name, name, &[], |_| {})[1], &format!("middleware, {name}"));
    }
}
