//! The debug output of requests, responses and errors: short, and without secrets.

use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use waterspout::http::{HeaderMap, HeaderValue, StatusCode, Version};
use waterspout::testing::{ManualTimer, MockBackend};
use waterspout::{Body, Client, Error, ErrorKind, Phase, Redirect, Request, Response, Retry, Url};

use crate::support::client::{answers, scripted, send};

const URL: &str = "http://me:secret@example.com/search?token=secret&page=secret#secret";
const SHOWN: &str = "http://example.com/search?token=***&page=***#***";

/// Checks that the text is a short line without secrets.
fn check(text: &str) {
    assert!(!text.contains("secret") && !text.contains("c2VjcmV0"), "{text}");
    assert!(!text.contains("None") && !text.contains("Some("), "{text}");
    assert!(text.len() < 300 && !text.contains('\n'), "{} characters: {text}", text.len());
}

#[test]
fn debug_output_of_a_request_is_a_short_line() {
    let plain = Request::get("http://example.com/").build().unwrap();
    assert_eq!(format!("{plain:?}"), "Request { method: GET, url: Url(http://example.com/), body: Empty }");

    let request = || {
        Request::post(URL)
            .header("accept", "text/html")
            .header("authorization", "Basic c2VjcmV0")
            .header("cookie", "id=secret")
            .header("set-cookie", "id=secret")
            .header("referer", URL)
            .body("a secret")
    };
    let text = format!("{:?}", request().build().unwrap());
    check(&text);
    for part in ["POST", SHOWN, "\"accept\": \"text/html\"", "\"authorization\": Sensitive", "Text(8 bytes)"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let text = format!("{:?}", request());
    check(&text);
    assert!(text.starts_with("RequestBuilder { method: POST, url: "), "{text}");

    let client = Client::new();
    check(&format!("{:?}", client.get(URL)));
    // A mistake made while building is shown in place of the request.
    let text = format!("{:?}", client.get("http://exa[mple/?secret"));
    check(&text);
    assert!(text.contains("InvalidUrl"), "{text}");
}

#[test]
fn debug_output_of_a_request_has_the_options_that_are_set() {
    let request = Request::get("http://example.com/").timeout(Duration::from_secs(5)).redirect(Redirect::Manual);
    let request = request.priority(-1).basic_auth("me", "secret").build().unwrap();
    let text = format!("{request:?}");
    check(&text);
    assert!(text.contains("options: RequestOptions { timeout: 5s, priority: -1, redirect: Manual }"), "{text}");
    assert_eq!(format!("{:?}", waterspout::RequestOptions::default()), "RequestOptions");

    let pieces = futures::stream::iter([Ok::<_, std::io::Error>("secret")]);
    let request = Request::put("http://example.com/").body(Body::stream(pieces)).build().unwrap();
    assert!(format!("{request:?}").contains("body: Stream }"), "{request:?}");
}

#[test]
fn debug_output_of_a_response_is_a_short_line() {
    let head = "HTTP/1.1 302 Found\r\nlocation: /p?token=secret#secret\r\nset-cookie: id=secret; Path=/\r\n\
                content-type: text/html\r\ncontent-length: 6\r\n\r\nsecret";
    let wire = scripted([answers([head, head])]);
    let response = send(wire.client.get(URL).redirect(Redirect::Manual)).unwrap();
    let text = format!("{response:?}");
    check(&text);
    let parts = ["Response { status: 302", SHOWN, "text/html", "\"set-cookie\": Sensitive", "/p?token=***", "6 bytes"];
    for part in parts {
        assert!(text.contains(part), "{part} in {text}");
    }
    let request = Request::get(URL).redirect(Redirect::Manual);
    let text = format!("{:?}", block_on(wire.client.fetch_spawned(request)).unwrap());
    check(&text);
    assert!(text.starts_with("SendResponse { status: 302, url: "), "{text}");

    let url = Url::parse("http://example.com/").unwrap();
    let response = Response::builder(StatusCode::OK, url).version(Version::HTTP_2).body("").unwrap();
    let expected = "Response { status: 200, version: HTTP/2.0, url: Url(http://example.com/), body: Text(0 bytes) }";
    assert_eq!(format!("{response:?}"), expected);
}

#[test]
fn debug_output_hides_urls_in_headers() {
    for name in ["location", "content-location", "referer", "link", "refresh"] {
        for value in [
            "http://h/p?token=secret",
            "http://me:secret@h/p",
            "/p?secret",
            "/p#secret",
            "<http://h/p?token=secret>; rel=next",
            "5; url=http://h/?token=secret",
            "http://h/p?mail=a@secret",
        ] {
            let response = Response::builder(StatusCode::OK, "http://h/").header(name, value).body("").unwrap();
            check(&format!("{response:?}"));
        }
    }
    let mut key = HeaderValue::from_static("secret");
    key.set_sensitive(true);
    let headers = HeaderMap::from_iter([("x-api-key".parse().unwrap(), key)]);
    check(&format!("{:?}", Response::builder(StatusCode::OK, "http://h/").headers(headers).body("").unwrap()));
}

#[test]
fn debug_output_of_an_error_says_what_is_known() {
    let error = Response::builder(StatusCode::NOT_FOUND, URL).body("").unwrap().error_for_status().unwrap_err();
    let text = format!("{error:?}");
    check(&text);
    assert_eq!(
        text,
        format!(
            "Error {{ status: 404, kind: Status, phase: Head, message: \"the server answered with an error\", \
             reason: \"Not Found\", url: {SHOWN} }}"
        )
    );

    let error = Error::new(ErrorKind::Io, Phase::Body, "the connection failed");
    let expected = "Error { kind: Io, phase: Body, message: \"the connection failed\"";
    assert_eq!(format!("{error:?}"), format!("{expected} }}"));
    let error = error.with_source(std::io::Error::other("cable cut"));
    let text = format!("{error:?}");
    assert!(text.starts_with(&format!("{expected}, source: ")) && text.contains("cable cut"), "{text}");
}

#[test]
fn debug_output_of_an_error_names_the_limit_and_the_attempts() {
    let timer = ManualTimer::new();
    let client = Client::builder().timer(timer.clone()).backend(MockBackend::pending()).build().unwrap();
    let mut request = client.get("http://example.com/").timeout(Duration::from_secs(5)).send().boxed();
    assert!((&mut request).now_or_never().is_none());
    timer.advance(Duration::from_secs(5));
    let text = format!("{:?}", request.now_or_never().unwrap().unwrap_err());
    check(&text);
    assert!(text.contains("timeout: request (5s)"), "{text}");

    let refused = || Error::new(ErrorKind::Connect, Phase::Connect, "refused");
    let backend = MockBackend::new(move |_| async move { Err(refused()) }.boxed());
    let retry = Retry::new().attempts(2).base_delay(Duration::ZERO);
    let client = Client::builder().backend(backend).timer(timer).retry(retry).build().unwrap();
    let text = format!("{:?}", block_on(client.get("http://example.com/").send()).unwrap_err());
    check(&text);
    assert!(text.contains("attempts: [Connect after 0ns, Connect after 0ns]"), "{text}");
}
