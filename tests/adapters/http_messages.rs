//! Conversions between the messages of this crate and of the crate `http`.

use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use futures::{StreamExt, stream};
use waterspout::auth::Authenticate;
use waterspout::http::{self, Extensions, HeaderMap, HeaderValue, StatusCode, Version};
use waterspout::testing::MockBackend;
use waterspout::{
    Body, BoxFuture, Bytes, Client, ConnectionInfo, ErrorKind, Middleware, Next, Request, RequestOptions, Response,
    Trailers, Url,
};

use crate::support::client::{HELLO, URL, headers, once, scripted, scripted_client};

/// Answers no challenge.
#[derive(Debug)]
struct NoCredentials;

impl Authenticate for NoCredentials {
    fn answer(&self, _: &Request, _: &HeaderMap, _: usize) -> waterspout::Result<Option<HeaderValue>> {
        Ok(None)
    }
}

fn collect(body: Body) -> Bytes {
    block_on(body.collect(1000)).unwrap()
}

#[test]
fn request_keeps_method_uri_headers_and_body() {
    let builder = || http::Request::builder().method("PURGE").uri("http://example.com/a?b=c").header("x-a", "1");
    let stream = || Body::stream(stream::iter(["he", "llo"]).map(Ok::<_, std::io::Error>));
    let requests = [
        Request::try_from(builder().header("x-a", "2").body("hello").unwrap()),
        Request::try_from(builder().header("x-a", "2").body("hello".to_owned()).unwrap()),
        Request::try_from(builder().header("x-a", "2").body(Bytes::from("hello")).unwrap()),
        Request::try_from(builder().header("x-a", "2").body(b"hello".to_vec()).unwrap()),
        Request::try_from(builder().header("x-a", "2").body(stream()).unwrap()),
    ];
    for request in requests {
        let mut request = request.unwrap();
        assert_eq!((request.method().as_str(), request.url().as_str()), ("PURGE", "http://example.com/a?b=c"));
        assert_eq!(request.headers().get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(collect(std::mem::take(request.body_mut())), "hello");
    }
    let request = Request::try_from(builder().body(()).unwrap()).unwrap();
    assert!(request.body().is_none());
}

#[test]
fn request_comes_back_with_options_trailers_authenticator_and_extensions() {
    let mut request = http::Request::post(URL).extension(7_u8).body(Body::from("hello")).unwrap();
    for turn in 0..3 {
        let mut own = Request::try_from(request).unwrap();
        let extensions = own.options().extension::<Extensions>().unwrap();
        assert_eq!(extensions.get(), Some(&7_u8));
        if turn == 0 {
            own.options_mut().timeout = Some(Duration::from_secs(9));
            *own.trailers_mut() = Some(Trailers::from(headers(&[("checksum", "abc")])));
            own.set_authenticator(Some(Arc::new(NoCredentials)));
            *own.url_mut() = Url::parse("http://user@example.com/a#fragment").unwrap();
        }
        assert_eq!(own.options().timeout, Some(Duration::from_secs(9)));
        assert_eq!(own.trailers().unwrap().get().unwrap()["checksum"], "abc");
        assert!(own.authenticator().is_some());
        request = own.try_into().unwrap();
        assert_eq!(request.uri(), "http://user@example.com/a");
        assert!(request.extensions().get::<RequestOptions>().is_some());
    }
    assert_eq!(collect(request.into_body()), "hello");
}

#[test]
fn request_with_a_bad_uri_is_a_typed_error() {
    let kind = |uri: &str| Request::try_from(http::Request::get(uri).body(()).unwrap()).err().unwrap().kind();
    assert_eq!(kind("/path"), ErrorKind::InvalidUrl);
    assert_eq!(kind("ftp://example.com/"), ErrorKind::UnsupportedScheme);
    let long = Url::parse(&format!("http://example.com/{}", "a".repeat(70_000))).unwrap();
    let request = Request::new(http::Method::GET, long);
    assert_eq!(http::Request::try_from(request).unwrap_err().kind(), ErrorKind::InvalidUrl);
}

#[test]
fn content_length_that_agrees_with_the_body_is_its_length() {
    let stream = || Body::stream(stream::iter(["he", "llo"]).map(Ok::<_, std::io::Error>));
    for body in [Body::from("hello"), stream()] {
        let wire = scripted([once(HELLO)]);
        let request = http::Request::put(URL).header("content-length", "5").body(body).unwrap();
        block_on(wire.client.fetch(Request::try_from(request).unwrap())).unwrap();
        assert_eq!(
            (wire.sent_headers(0, "content-length"), wire.sent_head_and_rest().1),
            (vec!["5".into()], "hello".into())
        );
    }
    for lengths in [&["4"][..], &["5", "5"], &["+5"]] {
        let mut request = http::Request::put(URL).body(Body::from("hello")).unwrap();
        for length in lengths {
            request.headers_mut().append("content-length", length.parse().unwrap());
        }
        let wire = scripted([once(HELLO)]);
        let error = block_on(wire.client.fetch(Request::try_from(request).unwrap())).unwrap_err();
        assert_eq!((error.kind(), wire.connector.connections()), (ErrorKind::InvalidRequest, 0), "{lengths:?}");
    }
}

/// Sends the number in the extensions as a header.
struct NumberHeader;

impl Middleware for NumberHeader {
    fn handle<'a>(&'a self, mut request: Request, next: Next<'a>) -> BoxFuture<'a, waterspout::Result<Response>> {
        let number = request.options().extension::<Extensions>().and_then(|extensions| extensions.get::<u8>().copied());
        request.headers_mut().insert("x-number", HeaderValue::from(u16::from(number.unwrap_or_default())));
        next.run(request)
    }
}

#[test]
fn extensions_of_a_request_reach_middleware_and_no_backend_refuses_them() {
    let wire = scripted_client(Client::builder().middleware(NumberHeader), [once(HELLO)]);
    let request = http::Request::get(URL).extension(7_u8).body(()).unwrap();
    let response = block_on(wire.client.fetch(Request::try_from(request).unwrap())).unwrap();
    assert_eq!((response.status().as_u16(), wire.sent_headers(0, "x-number")), (200, vec!["7".to_owned()]));
}

#[test]
fn response_keeps_status_version_headers_extensions_and_body() {
    let facts = || ConnectionInfo::default();
    let mut response = http::Response::builder()
        .status(207)
        .version(Version::HTTP_2)
        .header("x-a", "1")
        .header("x-a", "2")
        .extension(Url::parse(URL).unwrap())
        .extension(facts())
        .extension(Trailers::from(headers(&[("checksum", "abc")])))
        .extension(7_u8)
        .body(Body::from("hello"))
        .unwrap();
    for _ in 0..2 {
        let own = Response::try_from(response).unwrap();
        assert_eq!((own.status().as_u16(), own.version(), own.url().as_str()), (207, Version::HTTP_2, URL));
        assert_eq!(own.headers().get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!((own.connection_info(), &own.trailers().unwrap()["checksum"]), (facts(), &"abc".parse().unwrap()));
        assert_eq!(own.http_extensions().unwrap().get(), Some(&7_u8));
        response = own.into();
        assert_eq!((response.status().as_u16(), response.extensions().get()), (207, Some(&7_u8)));
    }
    assert_eq!(collect(response.into_body()), "hello");
}

#[test]
fn response_without_a_url_is_a_typed_error() {
    let error = Response::try_from(http::Response::new("hello")).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidUrl);
    assert!(error.to_string().contains("insert a `waterspout::Url`"), "{error}");
}

#[test]
fn mock_answers_with_a_response_of_http() {
    let backend = MockBackend::new(|request| {
        let response = http::Response::builder().status(201).extension(request.url().clone()).body("made").unwrap();
        Box::pin(async { response.try_into() })
    });
    let client = Client::builder().backend(backend).build().unwrap();
    let response: http::Response<Body> = block_on(client.post(URL).send()).unwrap().into();
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.extensions().get::<Url>().unwrap().as_str(), URL);
    assert_eq!(collect(response.into_body()), "made");
}

#[test]
fn converted_body_holds_the_slot_until_it_is_dropped() {
    let wire = scripted([once("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello")]);
    let response: http::Response<Body> = block_on(wire.get().send()).unwrap().into();
    assert_eq!(wire.client.stats().active, 1);
    drop(response);
    assert_eq!((wire.client.stats().active, wire.connector.open()), (0, 0));
}

#[test]
fn trailers_of_a_response_become_trailers_of_the_next_request() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nchecksum: abc\r\n\r\n";
    let wire = scripted([once(chunked), once(HELLO)]);
    block_on(async {
        let (_, body) = http::Response::from(wire.get().await.unwrap()).into_parts();
        wire.client.put("http://other.example/").body(body).await.unwrap();
    });
    assert!(wire.sent(1).ends_with("\r\n\r\n5\r\nhello\r\n0\r\nchecksum: abc\r\n\r\n"), "{}", wire.sent(1));
}
