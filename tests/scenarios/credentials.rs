//! Credentials: in the URL, in the request, and in the answer to a challenge.

use waterspout::auth::Authenticate;
use waterspout::http::{HeaderMap, HeaderValue};
use waterspout::{Client, ErrorKind, Request, RequestBuilder, Result};

use super::{FETCH, Lab};

const BASIC: &str = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";

/// Returns the lines of the request's head as the server received it.
async fn head(request: RequestBuilder<Client>) -> Vec<String> {
    request.await.unwrap().text().await.unwrap().lines().map(str::to_owned).collect()
}

/// Returns the URL of an experiment with these credentials. The lab's scheme may be `http` or `https`.
fn with_userinfo(lab: &Lab, userinfo: &str, experiment: &str) -> String {
    lab.url(experiment).replacen("://", &format!("://{userinfo}@"), 1)
}

fn assert_has_line(head: &[String], line: &str) {
    assert!(head.iter().any(|actual| actual == line), "{line:?} in {head:?}");
}

pub async fn credentials_in_the_url_become_basic_authorization(lab: Lab) {
    let url = |userinfo: &str| with_userinfo(&lab, userinfo, "head");
    let head = head(Client::new().get(url("Aladdin:open%20sesame"))).await;
    assert_has_line(&head, &format!("authorization: {BASIC}"));
    assert!(!format!("{head:?}").contains('@'), "{head:?}");
    let response = Client::new().get(url("user:secret")).await.unwrap();
    assert_eq!(response.url().as_str(), lab.url("head"));
    assert!(!format!("{response:?}").contains("secret"));
}

pub async fn credentials_in_the_url_appear_in_no_error(_lab: Lab) {
    for url in ["http://user:secret@127.0.0.1:49151/", "http://user:secret@[bad/", "http://user:secret@"] {
        let error = Client::new().get(url).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
    let error = Client::new().get("http://a%3Ab:secret@127.0.0.1/").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}

pub async fn basic_and_bearer_credentials_reach_the_server(lab: Lab) {
    let get = || Client::new().get(lab.url("head"));
    assert_has_line(&head(get().basic_auth("Aladdin", "open sesame")).await, &format!("authorization: {BASIC}"));
    assert_has_line(&head(get().basic_auth("test", "123\u{a3}")).await, "authorization: Basic dGVzdDoxMjPCow==");
    // A letter with a combining accent is sent as the composed letter (Unicode normal form C).
    assert_has_line(&head(get().basic_auth("jose\u{301}", "")).await, "authorization: Basic am9zw6k6");
    assert_has_line(&head(get().bearer_auth("abc.def~==")).await, "authorization: Bearer abc.def~==");
}

pub async fn an_authorization_header_wins_over_the_url(lab: Lab) {
    let url = with_userinfo(&lab, "user:secret", "head");
    assert_has_line(&head(Client::new().get(url).header("authorization", "Other x")).await, "authorization: Other x");
}

pub async fn credentials_do_not_follow_to_another_origin(lab: Lab) {
    let other_origin = lab.url("head").replace("127.0.0.1", "localhost");
    assert_ne!(other_origin, lab.url("head"), "the lab's URL does not contain 127.0.0.1");
    let url = lab.url(&format!("redirect/2?to={other_origin}"));
    let head = head(Client::new().get(url).basic_auth("user", "secret").header("x-kept", "yes")).await;
    assert_has_line(&head, "x-kept: yes");
    assert!(!head.iter().any(|line| line.starts_with("authorization")), "{head:?}");
    let url = with_userinfo(&lab, "Aladdin:open%20sesame", "redirect/2?to=/lab/head");
    let response = Client::new().get(url).await.unwrap();
    assert_eq!(response.url().as_str(), lab.url("head"));
    assert!(response.text().await.unwrap().contains(BASIC));
}

/// Answers the challenge of the lab's `guarded` page, once for each request.
#[derive(Debug)]
struct Sesame;

impl Authenticate for Sesame {
    fn answer(&self, _: &Request, headers: &HeaderMap, answers: usize) -> Result<Option<HeaderValue>> {
        let is_challenge = headers.get("www-authenticate").is_some_and(|value| value == "Sesame");
        Ok((is_challenge && answers == 0).then(|| HeaderValue::from_static("Sesame open")))
    }
}

pub async fn a_challenge_is_answered_where_it_can_be(lab: Lab) {
    assert_eq!(Client::new().get(lab.url("guarded")).await.unwrap().status(), 401);
    match Client::new().get(lab.url("guarded")).authenticator(Sesame).await {
        Ok(response) => assert_eq!(response.text().await.unwrap(), "welcome"),
        // `fetch` has no hook for challenges, so the client refuses an authenticator.
        Err(error) => assert_eq!((error.kind(), FETCH), (ErrorKind::Unsupported, true), "{error}"),
    }
}
