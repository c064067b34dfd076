//! Errors of invalid requests and faulty servers. Each failure is a typed error with its phase and cause, and none
//! hangs.

use waterspout::{Client, Error, ErrorKind, Phase, Request};

use super::{FETCH, Lab, engines};

/// Returns the expected kind: `native`, or `Network` on platforms that hide the cause.
fn kind(native: ErrorKind) -> ErrorKind {
    if FETCH { ErrorKind::Network } else { native }
}

async fn failure(url: String) -> Error {
    match Client::new().get(url).await {
        Err(error) => error,
        Ok(response) => response.bytes().await.unwrap_err(),
    }
}

/// Returns the error of a faulty response. Returns `None` if this engine accepts the response, as the table in
/// `engines` says.
pub async fn fault_error(lab: &Lab, experiment: &str) -> Option<Error> {
    let outcome = async { Client::new().get(lab.url(experiment)).await?.bytes().await }.await;
    let Some(length) = engines::accepted(experiment) else { return Some(outcome.unwrap_err()) };
    assert_eq!(outcome.unwrap().len(), length, "{experiment}");
    None
}

fn check(error: &Error, expected: ErrorKind, phase: Phase) {
    assert_eq!((error.kind(), error.phase()), (expected, phase), "{error} {error:?}");
    assert!(error.is_network(), "{error}");
    assert!(error.url().is_some(), "{error}");
}

pub async fn an_unparsable_url_is_named(_lab: Lab) {
    for url in ["http://[::1", "http://", "http://h:99999/", "//[::1"] {
        let error = Client::new().get(url).await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::InvalidUrl, Phase::Request));
        assert!(error.is_invalid_request() && error.to_string().contains(&format!("{url:?}")), "{error}");
        assert_eq!(Request::get(url).build().unwrap_err().kind(), ErrorKind::InvalidUrl);
    }
}

pub async fn a_relative_url_resolves_against_the_page_or_is_an_error(_lab: Lab) {
    for relative in ["some/page", "/page?q", "?q", "#f", "", "not a url", "//other.test/"] {
        let request = Client::new().get(relative).build();
        match page() {
            Some(page) => {
                let expected = waterspout::Url::parse(&page).unwrap().join(relative).unwrap();
                assert_eq!(request.unwrap().url(), &expected, "{relative:?}");
            }
            None => {
                let error = request.unwrap_err();
                assert_eq!((error.kind(), error.phase()), (ErrorKind::InvalidUrl, Phase::Request), "{relative:?}");
                assert!(error.report().to_string().contains("relative URL without a base"), "{error}");
            }
        }
    }
    if page().is_some() {
        assert!(Client::new().get("/").await.unwrap().status().as_u16() > 0);
    }
}

/// Returns the base URL of the page or worker that runs the scenario, if there is any.
#[cfg(target_family = "wasm")]
fn page() -> Option<String> {
    js_sys::eval("(globalThis.document ? document.baseURI : globalThis.location?.href)").unwrap().as_string()
}

#[cfg(not(target_family = "wasm"))]
fn page() -> Option<String> {
    None
}

pub async fn an_unsupported_scheme_is_named(_lab: Lab) {
    for url in ["ftp://example.com/", "file:///etc/passwd", "data:text/plain,hello"] {
        let error = Client::new().get(url).await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::UnsupportedScheme, Phase::Request));
        assert!(error.to_string().contains(url.split(':').next().unwrap()), "{error}");
    }
}

pub async fn a_header_with_a_line_break_is_refused(lab: Lab) {
    for (name, value) in
        [("x-a", "1\r\nx-b: 2"), ("x-a", "1\n2"), ("x-a", "1\r"), ("x-a", "1\0"), ("x\r\n", "1"), ("", "1")]
    {
        let error = Client::new().get(lab.url("hello")).header(name, value).await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::InvalidRequest, Phase::Request), "{name:?} {value:?}");
    }
}

pub async fn a_length_of_the_callers_own_is_refused(lab: Lab) {
    for (name, value) in [("content-length", "3"), ("transfer-encoding", "chunked")] {
        let error = Client::new().post(lab.url("echo")).header(name, value).body("abc").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().contains(name), "{error}");
    }
}

pub async fn a_body_on_a_get_is_refused_by_fetch(lab: Lab) {
    let client = Client::new();
    for body in ["query", ""] {
        let outcome = client.get(lab.url("echo")).body(body).await;
        if FETCH {
            // The Fetch standard forbids it.
            let error = outcome.unwrap_err();
            assert_eq!((error.kind(), error.phase()), (ErrorKind::InvalidRequest, Phase::Request), "{error}");
            assert!(error.to_string().contains("GET"), "{error}");
        } else {
            assert_eq!(outcome.unwrap().text().await.unwrap(), body);
        }
    }
    let error = client.head(lab.url("hello")).body("surprise").await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::InvalidRequest, Phase::Request), "{error}");
}

pub async fn a_refused_connection_is_an_error(_lab: Lab) {
    // Browsers do not block this port, and no server listens on it.
    let error = failure("http://127.0.0.1:49151/".to_owned()).await;
    check(&error, kind(ErrorKind::Connect), if FETCH { Phase::Head } else { Phase::Connect });
}

pub async fn closing_without_an_answer_is_an_error(lab: Lab) {
    check(&failure(lab.url("close")).await, kind(ErrorKind::ConnectionClosed), Phase::Head);
}

pub async fn closing_within_the_head_is_an_error(lab: Lab) {
    check(&failure(lab.url("close-in-head")).await, kind(ErrorKind::ConnectionClosed), Phase::Head);
}

pub async fn closing_within_a_body_is_an_error(lab: Lab) {
    check(&failure(lab.url("truncated")).await, kind(ErrorKind::ConnectionClosed), Phase::Body);
}

pub async fn closing_within_a_chunked_body_is_an_error(lab: Lab) {
    if let Some(error) = fault_error(&lab, "truncated-chunked").await {
        check(&error, kind(ErrorKind::ConnectionClosed), Phase::Body);
    }
}

pub async fn garbage_is_an_error(lab: Lab) {
    check(&failure(lab.url("garbage")).await, kind(ErrorKind::Protocol), Phase::Head);
}

pub async fn a_signed_chunk_size_is_an_error(lab: Lab) {
    if let Some(error) = fault_error(&lab, "bad-chunk").await {
        assert_eq!(error.kind(), kind(ErrorKind::Protocol), "{error}");
    }
}

pub async fn two_different_lengths_are_an_error(lab: Lab) {
    if let Some(error) = fault_error(&lab, "two-lengths").await {
        check(&error, kind(ErrorKind::Protocol), Phase::Head);
    }
}

pub async fn a_huge_head_is_an_error(lab: Lab) {
    if let Some(error) = fault_error(&lab, "huge-head").await {
        assert_eq!((error.kind(), error.phase()), (kind(ErrorKind::LimitExceeded), Phase::Head), "{error}");
    }
}
