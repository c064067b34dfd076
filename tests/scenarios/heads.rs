//! Heads of requests and responses: methods, statuses, URLs and headers.

use std::time::{Duration, SystemTime};

use waterspout::http::{HeaderMap, HeaderValue, Method};
use waterspout::{Client, ErrorKind, Request};

use super::Lab;
use super::engines::headers_are_utf8;

pub async fn get_returns_status_headers_and_text(lab: Lab) {
    let client = Client::new();
    let page = client.get(lab.url("hello")).header("accept", "text/plain").await.unwrap();
    assert_eq!(page.status(), 200);
    assert_eq!(page.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(page.url().as_str(), lab.url("hello"));
    assert!(!page.redirected());
    assert_eq!(page.text().await.unwrap(), "hello");
}

pub async fn every_method_reaches_the_server(lab: Lab) {
    let client = Client::new();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"] {
        let request = Request::new(Method::from_bytes(method.as_bytes()).unwrap(), lab.url("echo").parse().unwrap());
        let response = client.fetch(request).await.unwrap();
        assert_eq!(response.headers()["x-method"], method);
    }
}

pub async fn a_head_response_has_headers_and_no_body(lab: Lab) {
    let response = Client::new().head(lab.url("bytes/1000")).await.unwrap();
    assert_eq!(response.headers()["content-length"], "1000");
    assert_eq!(response.bytes().await.unwrap().len(), 0);
}

pub async fn a_status_of_400_or_above_is_a_response(lab: Lab) {
    let client = Client::new();
    for status in [400, 404, 500, 503, 599] {
        let response = client.get(lab.url(&format!("status/{status}"))).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.text().await.unwrap(), format!("status {status}"));
    }
}

pub async fn error_for_status_keeps_good_responses_and_names_bad_statuses(lab: Lab) {
    let client = Client::new();
    assert!(client.get(lab.url("hello")).await.unwrap().error_for_status().is_ok());
    let response = client.get(lab.url("status/404")).await.unwrap();
    let error = response.error_for_status_ref().unwrap_err();
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::Status, 404));
    assert!(error.to_string().contains("404 Not Found"), "{error}");
    assert_eq!(response.text().await.unwrap(), "status 404");
}

pub async fn the_query_reaches_the_server_as_written(lab: Lab) {
    let text = Client::new().get(lab.url("head?a=1&a=%20%C3%A9&b")).await.unwrap().text().await.unwrap();
    assert!(text.starts_with("GET /lab/head?a=1&a=%20%C3%A9&b\n"), "{text}");
}

pub async fn the_fragment_stays_here(lab: Lab) {
    let response = Client::new().get(lab.url("head#fragment")).await.unwrap();
    assert!(response.text().await.unwrap().starts_with("GET /lab/head\n"));
}

pub async fn request_headers_reach_the_server(lab: Lab) {
    let request =
        Client::new().get(lab.url("head")).header("x-one", "1").header("x-two", "a\tb").header("accept", "x/y");
    let text = request.await.unwrap().text().await.unwrap();
    for line in ["\nx-one: 1\n", "\nx-two: a\tb\n", "\naccept: x/y\n"] {
        assert!(text.contains(line), "{line:?} in {text}");
    }
}

pub async fn default_headers_yield_to_the_headers_of_the_request(lab: Lab) {
    let mut headers = HeaderMap::new();
    headers.insert("x-one", HeaderValue::from_static("client"));
    headers.insert("x-two", HeaderValue::from_static("client"));
    let client = Client::builder().default_headers(headers).build().unwrap();
    let text = client.get(lab.url("head")).header("x-two", "request").await.unwrap().text().await.unwrap();
    assert!(text.contains("\nx-one: client\n") && text.contains("\nx-two: request\n"), "{text}");
    assert!(!text.contains("x-two: client"), "{text}");
}

pub async fn repeated_response_headers_are_all_there(lab: Lab) {
    let response = Client::new().get(lab.url("headers")).await.unwrap();
    let values: Vec<_> = response.headers().get_all("x-twice").iter().map(|value| value.to_str().unwrap()).collect();
    // A browser joins repeated headers into a single value.
    assert_eq!(values.join(", "), "one, two");
}

pub async fn header_bytes_beyond_ascii_survive(lab: Lab) {
    let response = Client::new().get(lab.url("latin1")).await.unwrap();
    // The last byte is not valid UTF-8, so an engine that decodes UTF-8 replaces it.
    let expected: &[u8] = if headers_are_utf8() { "caf\u{fffd}".as_bytes() } else { b"caf\xe9" };
    assert_eq!(response.headers()["x-latin1"].as_bytes(), expected);
}

pub async fn header_bytes_beyond_ascii_are_sent_as_they_are(lab: Lab) {
    let value = HeaderValue::from_bytes(b"caf\xe9").unwrap();
    let request = Client::new().get(lab.url("header/x-latin1")).header("x-latin1", value);
    let expected = if headers_are_utf8() { "99 97 102 195 169" } else { "99 97 102 233" };
    assert_eq!(request.await.unwrap().text().await.unwrap(), expected);
}

pub async fn a_date_is_sent_as_http_writes_it(lab: Lab) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    let text = Client::new().get(lab.url("head")).if_modified_since(time).await.unwrap().text().await.unwrap();
    assert!(text.contains("\nif-modified-since: Sun, 06 Nov 1994 08:49:37 GMT\n"), "{text}");
}

pub async fn interim_responses_are_skipped(lab: Lab) {
    let response = Client::new().get(lab.url("interim")).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(!response.headers().contains_key("link"));
    assert_eq!(response.text().await.unwrap(), "hello");
}

pub async fn no_content_has_no_body(lab: Lab) {
    let response = Client::new().get(lab.url("no-content")).await.unwrap();
    assert_eq!(response.status(), 204);
    assert_eq!(response.bytes().await.unwrap().len(), 0);
}
