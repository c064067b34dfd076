//! What a server receives: the length and the type of a body, for each method, and header values beyond ASCII.

use waterspout::http::{HeaderMap, HeaderValue, Method};
use waterspout::multipart::Form;
use waterspout::{Body, Bytes, Client, ErrorKind, Phase, Request, RequestBuilder};

use super::engines::headers_are_utf8;
use super::{FETCH, Lab};

/// The methods that the Fetch standard forbids.
const FORBIDDEN: [&str; 6] = ["TRACE", "CONNECT", "TRACK", "trace", "Connect", "tRaCk"];

fn request(lab: &Lab, method: &str, experiment: &str) -> RequestBuilder<Client> {
    Client::new().request(Method::from_bytes(method.as_bytes()).unwrap(), lab.url(experiment))
}

/// Returns the bytes of a header that the server received, as the lab writes them: decimal numbers.
async fn received(request: RequestBuilder<Client>) -> String {
    request.await.unwrap().text().await.unwrap()
}

fn decimal(bytes: &[u8]) -> String {
    bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(" ")
}

pub async fn a_text_body_has_the_type_of_fetch(lab: Lab) {
    let fetch = decimal(b"text/plain;charset=UTF-8");
    for body in [Body::from("text"), Body::from(""), Body::from("h\u{e9}".to_owned()), Body::from(String::new())] {
        assert_eq!(received(request(&lab, "POST", "header/content-type").body(body)).await, fetch);
    }
    assert_eq!(received(request(&lab, "DELETE", "header/content-type").body("text")).await, fetch);
    // A copy for a retry and a body that is set without the builder have it too.
    let copy = Body::from("text").try_clone().unwrap();
    let mut request = Request::put(lab.url("header/content-type")).build().unwrap();
    *request.body_mut() = copy;
    assert_eq!(Client::new().fetch(request).await.unwrap().text().await.unwrap(), fetch);
}

pub async fn a_body_of_bytes_has_no_type(lab: Lab) {
    for body in [Body::from(vec![b'a']), Body::from(Bytes::from("a")), Body::from(&b"a"[..]), Body::empty()] {
        assert_eq!(received(request(&lab, "POST", "header/content-type").body(body)).await, "");
    }
}

pub async fn the_type_of_the_caller_wins(lab: Lab) {
    let own = decimal(b"application/x-own");
    let post = || request(&lab, "POST", "header/content-type");
    assert_eq!(received(post().header("content-type", "application/x-own").body("text")).await, own);
    assert_eq!(received(post().body("text").header("content-type", "application/x-own")).await, own);
    let form = decimal(b"application/x-www-form-urlencoded");
    assert_eq!(received(post().form_pairs([("a", "b")])).await, form);
    assert_eq!(received(post().json(&"text")).await, decimal(b"application/json"));
    let multipart = received(post().multipart(Form::new().text("a", "b"))).await;
    assert!(multipart.starts_with(&decimal(b"multipart/form-data; boundary=")), "{multipart}");
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/x-own"));
    let client = Client::builder().default_headers(headers).build().unwrap();
    assert_eq!(received(client.post(lab.url("header/content-type")).body("text")).await, own);
}

pub async fn a_method_that_expects_a_body_declares_a_length_of_zero(lab: Lab) {
    // RFC 9110, section 8.6. The Fetch standard says so for POST and PUT alone.
    for method in if FETCH { &["POST", "PUT"][..] } else { &["POST", "PUT", "PATCH"] } {
        assert_eq!(received(request(&lab, method, "header/content-length")).await, decimal(b"0"), "{method}");
    }
    for method in ["GET", "DELETE", "OPTIONS"] {
        assert_eq!(received(request(&lab, method, "header/content-length")).await, "", "{method}");
    }
}

pub async fn every_method_but_head_may_have_a_body_and_fetch_refuses_get_too(lab: Lab) {
    let allowed = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "GET"];
    // The Fetch standard forbids the body of a GET. RFC 9110, section 9.3.1, gives it no meaning and allows it.
    let (allowed, refused) = if FETCH { (&allowed[..6], &["HEAD", "GET"][..]) } else { (&allowed[..], &["HEAD"][..]) };
    for method in allowed {
        let response = request(&lab, method, "echo").body("payload").await.unwrap();
        assert_eq!(response.headers()["x-method"], *method);
        assert_eq!(response.text().await.unwrap(), "payload", "{method}");
        assert_eq!(received(request(&lab, method, "header/content-length").body("payload")).await, decimal(b"7"));
    }
    for method in refused {
        for body in [Body::from("payload"), Body::from(""), Body::from(Vec::new())] {
            let error = request(&lab, method, "echo").body(body).await.unwrap_err();
            assert_eq!((error.kind(), error.phase()), (ErrorKind::InvalidRequest, Phase::Request), "{method}");
            assert!(error.to_string().contains(method), "{error}");
        }
    }
}

pub async fn a_method_that_the_standard_forbids_is_refused(lab: Lab) {
    for method in FORBIDDEN {
        for request in [request(&lab, method, "echo"), request(&lab, method, "echo").body("payload")] {
            let error = request.await.unwrap_err();
            assert_eq!((error.kind(), error.phase()), (ErrorKind::InvalidRequest, Phase::Request), "{method}");
            assert!(error.to_string().contains(method), "{error}");
        }
    }
}

pub async fn a_header_of_text_is_sent_as_utf_8(lab: Lab) {
    for text in ["caf\u{e9}", "\u{20ac}\u{1f600}"] {
        let twice: String = text.bytes().map(char::from).collect();
        // An engine that converts values to UTF-8 converts each byte.
        let expected = if headers_are_utf8() { decimal(twice.as_bytes()) } else { decimal(text.as_bytes()) };
        let request = request(&lab, "GET", "header/x-text").header("x-text", text);
        assert_eq!(received(request).await, expected, "{text}");
    }
}

pub async fn all_header_bytes_beyond_ascii_are_sent_and_received(lab: Lab) {
    let bytes: Vec<u8> = (0x80..=0xff).collect();
    let as_text: String = bytes.iter().copied().map(char::from).collect();
    let sent = received(request(&lab, "GET", "header/x-bytes").header("x-bytes", bytes.clone())).await;
    assert_eq!(sent, decimal(if headers_are_utf8() { as_text.as_bytes() } else { &bytes }));
    let response = request(&lab, "GET", "header-bytes").await.unwrap();
    if !headers_are_utf8() {
        assert_eq!(response.headers()["x-bytes"].as_bytes(), bytes);
    }
}
