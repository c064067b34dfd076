//! The texts of errors and debug output, without credentials.

use futures::FutureExt;
use futures::executor::block_on;
use waterspout::http::{HeaderMap, HeaderValue};
use waterspout::testing::MockBackend;
use waterspout::{Client, Error, ErrorKind, Phase};

use crate::support::client::{URL, answers, scripted, send};
use waterspout::Forwarding;

#[test]
fn an_error_keeps_its_source_and_hides_credentials() {
    let backend = MockBackend::new(|_| {
        let error = Error::new(ErrorKind::Io, Phase::Head, "the connection failed");
        async { Err(error.with_source(std::io::Error::other("cable cut"))) }.boxed()
    });
    let client = Client::builder().backend(backend).build().unwrap();
    let error = block_on(client.get("http://example.com/a?b").send()).unwrap_err();
    assert_eq!(
        error.report().to_string(),
        "the connection failed while waiting for the response's head, for http://example.com/a?***: cable cut"
    );
    assert!(std::error::Error::source(&error).unwrap().is::<std::io::Error>());
}

#[test]
fn root_cause_of_several_lines_is_shown_on_a_single_line() {
    let cause = std::io::Error::other("first line\n\n  second line\n");
    let error = Error::new(ErrorKind::Io, Phase::Head, "the connection failed").with_source(cause);
    assert_eq!(
        error.report().to_string(),
        "the connection failed while waiting for the response's head: first line second line"
    );
}

#[test]
fn request_refused_before_sending_reports_no_bytes_and_no_connection() {
    let client = Client::builder().backend(MockBackend::text("")).build().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("content-length", HeaderValue::from_static("3"));
    let error = block_on(client.post(URL).headers(headers).send()).unwrap_err();
    assert_eq!(
        (error.transfer().bytes_sent, error.transfer().bytes_received, error.transfer().connection_reused),
        (None, None, None)
    );
    assert!(!error.is_retryable());
}

#[test]
fn status_error_contains_the_servers_reason_phrase() {
    let answer = |phrase: &str| format!("HTTP/1.1 404 {phrase}\r\ncontent-length: 0\r\n\r\n");
    let wire = scripted([answers([answer("No Such Page"), answer(""), answer(&"x".repeat(60_000))])]);
    let told = || send(wire.client.get(URL)).unwrap().error_for_status().unwrap_err().to_string();
    assert!(told().contains(": 404 No Such Page, for http://example.com/"));
    assert!(told().contains(": 404 Not Found, for http://example.com/"));
    assert!(told().len() < 1_000, "words without end are cut");
}

#[test]
fn debug_text_of_a_response_shows_status_and_url() {
    let wire = scripted([answers(["HTTP/1.1 403 Forbidden\r\nx-a: b\r\ncontent-length: 0\r\n\r\n"])]);
    let text = format!("{:?}", send(wire.client.get("http://example.com/secret")).unwrap());
    for part in ["Response", "403", "http://example.com/secret", "x-a"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn error_about_a_bad_url_hides_the_password() {
    let e = block_on(Client::new().get("http://user:secret@[bad/").send()).unwrap_err();
    assert!(!e.to_string().contains("secret"), "{e}");
}

#[test]
fn debug_output_of_forwarding_hides_credentials() {
    // Made by hand, as a custom connector makes it.
    let shown = format!("{:?}", Forwarding::new(Some(HeaderValue::from_static("Basic c2VjcmV0"))));
    assert!(!shown.contains("c2VjcmV0"), "{shown}");
}
