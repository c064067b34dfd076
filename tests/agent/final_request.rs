//! The head of the last request, as its response shows it.

use futures::executor::block_on;
use waterspout::agent::{RedirectAction, RedirectPolicy};
use waterspout::http::{HeaderMap, HeaderValue, Method};
use waterspout::testing::{ManualTimer, ScriptedConnector};
use waterspout::{Agent, Backend, CallContext, Redirect, Request, Response, Retry};

use crate::support::client::{HELLO, URL, answers, redirect, scripted, scripted_client, send};

fn names(response: &Response) -> Vec<&str> {
    let mut names: Vec<_> = response.request_headers().unwrap().keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    names
}

#[test]
fn method_is_that_of_the_last_request() {
    for status in [301, 302, 303, 307, 308] {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE-EVERYTHING-AT-ONCE"] {
            let wire = scripted([answers([&*redirect(status, "/next"), "HTTP/1.1 204 No Content\r\n\r\n"])]);
            let request = wire.client.request(method.parse().unwrap(), URL);
            let has_body = !["GET", "HEAD"].contains(&method);
            let response = send(if has_body { request.body("payload") } else { request }).unwrap();
            let sent = wire.sent(0);
            let last = sent.rsplit_once(" /next HTTP/1.1").unwrap().0;
            let last = last.rsplit_once('\n').unwrap().1.trim_start_matches("payload");
            assert_eq!(response.method().unwrap(), last, "{status} {method}");
            let has_type = response.request_headers().unwrap().contains_key("content-type");
            assert_eq!(has_type, has_body && last == method, "{status} {method}");
        }
    }
}

#[test]
fn headers_are_the_same_as_on_the_wire() {
    let wire = scripted([answers([HELLO])]);
    let request = wire.client.put(URL).header("x-one", "1").header("x-two", "a").header("x-two", "b").body("text");
    let response = send(request.bearer_auth("secret")).unwrap();
    let headers = response.request_headers().unwrap();
    assert_eq!(headers["x-one"], "1");
    assert_eq!(headers.get_all("x-two").iter().collect::<Vec<_>>(), ["a", "b"]);
    assert!(headers["authorization"].is_sensitive() && !headers["x-one"].is_sensitive());
    let sent = wire.sent(0);
    let lines = sent.split("\r\n\r\n").next().unwrap().lines().skip(1);
    let connection = ["host", "content-length"];
    let mut expected: Vec<_> = lines.filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect();
    expected.retain(|name| !connection.contains(name));
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(names(&response), expected);
    assert!(["accept", "user-agent", "content-type"].iter().all(|name| headers.contains_key(*name)));
}

#[test]
fn headers_that_a_redirect_removes_are_gone() {
    let mut key = HeaderValue::from_static("secret");
    key.set_sensitive(true);
    for (target, stays) in [("/next", true), ("http://other.example/", false)] {
        let wire = scripted([answers([redirect(307, target), HELLO.to_owned()]), answers([HELLO])]);
        let request = wire.client.post(URL).body("text").bearer_auth("secret").header("x-key", key.clone());
        let response = send(request.header("x-plain", "1")).unwrap();
        let headers = response.request_headers().unwrap();
        for name in ["authorization", "x-key"] {
            assert_eq!(headers.contains_key(name), stays, "{target} {name}");
            assert!(headers.get(name).is_none_or(HeaderValue::is_sensitive));
        }
        assert_eq!(
            (&headers["x-plain"], &headers["content-type"]),
            (&"1".parse().unwrap(), &"text/plain;charset=UTF-8".parse().unwrap())
        );
        assert!(response.url().as_str().ends_with(target.trim_start_matches('/')), "{}", response.url());
    }
}

#[test]
fn redirect_that_is_not_followed_answers_the_first_request() {
    for policy in [None, Some(RedirectPolicy::new().decide(|_| RedirectAction::Stop))] {
        let wire = scripted([answers([redirect(303, "/next")])]);
        let request = wire.client.post(URL).body("text");
        let request = match policy {
            Some(policy) => request.extension(policy),
            None => request.redirect(Redirect::Manual),
        };
        let response = send(request).unwrap();
        assert_eq!((response.method().unwrap(), response.status().as_u16()), (&Method::POST, 303));
        assert!(response.request_headers().unwrap().contains_key("content-type"));
    }
}

#[test]
fn request_of_the_last_attempt_is_shown() {
    let busy = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n";
    let builder = waterspout::Client::builder().retry(Retry::new().base_delay(std::time::Duration::ZERO));
    let wire = scripted_client(builder, [answers([busy, HELLO])]);
    let response = send(wire.client.put(URL).body("text")).unwrap();
    assert_eq!((response.method().unwrap(), response.attempts().len()), (&Method::PUT, 2));
    assert!(names(&response).contains(&"content-type"));
}

#[test]
fn head_outlives_changes_of_the_response() {
    let wire = scripted([answers([HELLO])]);
    let response = send(wire.client.get(URL).header("x-one", "1")).unwrap();
    let (builder, body) = response.into_builder();
    let response = builder.header("x-two", "2").body(body).unwrap().map_body(|body| body);
    assert_eq!(
        (response.method().unwrap(), &response.request_headers().unwrap()["x-one"]),
        (&Method::GET, &"1".parse().unwrap())
    );
    let spawned = block_on(scripted([answers([HELLO])]).client.get(URL).header("x-one", "1").send_spawned()).unwrap();
    assert_eq!(
        (spawned.method(), spawned.request_headers().unwrap().len()),
        (Some(&Method::GET), names(&response).len())
    );
    assert_eq!(spawned.into_response().method(), Some(&Method::GET));
}

#[test]
fn agent_without_a_client_hides_credentials_in_debug_output() {
    let agent = Agent::new(ScriptedConnector::new([answers([HELLO])]), ManualTimer::new());
    let mut request = Request::get(URL).build().unwrap();
    let secret = [("authorization".parse().unwrap(), HeaderValue::from_static("secret"))];
    *request.headers_mut() = HeaderMap::from_iter(secret);
    let response = block_on(agent.fetch(request, CallContext::new())).unwrap();
    assert_eq!(response.request_headers().unwrap()["authorization"], "secret");
    assert!(!format!("{response:?}").contains("secret"));
}

#[test]
fn agent_without_a_client_gives_a_text_its_type() {
    let agent = Agent::new(ScriptedConnector::new([answers([HELLO])]), ManualTimer::new());
    let response = block_on(agent.fetch(Request::post(URL).body("text").build().unwrap(), CallContext::new())).unwrap();
    assert_eq!(response.request_headers().unwrap()["content-type"], "text/plain;charset=UTF-8");
}
