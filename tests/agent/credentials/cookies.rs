//! The agent's cookie jar.

use futures::executor::block_on;
use waterspout::agent::Cookies;
use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
use waterspout::{Agent, Client, ErrorKind, Url};

use crate::support::client::{HELLO, answers, send};

use super::{AWAY, HOME, URL, digest, setting, wire, with_jar};

#[test]
fn each_redirect_step_stores_cookies_and_sends_the_cookies_of_its_url() {
    let first = setting("a=1", &setting("b=2; path=/next", HOME));
    let (wire, jar) = with_jar([
        answers([&first, &setting("a=; max-age=0", AWAY), HELLO]),
        answers([&setting("evil=1; domain=example.com", &setting("c=3", HELLO))]),
    ]);
    send(wire.client.get(URL)).unwrap();
    assert_eq!(wire.sent_headers(0, "cookie"), ["-", "b=2; a=1"]);
    assert_eq!(wire.sent_headers(1, "cookie"), ["-"]);
    send(wire.client.get("http://example.com/next")).unwrap();
    assert_eq!(wire.sent_headers(0, "cookie")[2], "b=2");
    let get = |url: &str, name: &str| jar.get(&Url::parse(url).unwrap(), name);
    assert_eq!(get("http://other.example/", "c").as_deref(), Some("3"));
    assert_eq!((jar.len(), get(URL, "evil"), get(URL, "a")), (2, None, None));
}

#[test]
fn cookie_limited_to_a_path_is_not_sent_after_a_redirect_to_another_path() {
    let (wire, jar) = with_jar([answers([HOME, HELLO])]);
    jar.add(&URL.parse().unwrap(), "dir=1; path=/dir").unwrap();
    send(wire.client.get(URL)).unwrap();
    assert_eq!(wire.sent_headers(0, "cookie"), ["dir=1", "-"]);
}

#[test]
fn cookie_header_of_the_request_replaces_the_jar_within_its_origin() {
    let (wire, jar) = with_jar([answers([HOME, AWAY]), answers([HELLO])]);
    jar.add(&URL.parse().unwrap(), "jar=1; path=/").unwrap();
    jar.add(&"http://other.example/".parse().unwrap(), "other=2").unwrap();
    send(wire.client.get(URL).header("cookie", "own=3")).unwrap();
    assert_eq!(wire.sent_headers(0, "cookie"), ["own=3", "own=3"]);
    assert_eq!(wire.sent_headers(1, "cookie"), ["other=2"]);
}

#[test]
fn a_challenge_may_set_a_cookie_for_its_answer() {
    let wire = wire([answers([&setting("sid=1", &digest("n1")), HELLO])]);
    assert_eq!(send(wire.client.get(URL).digest_auth("u", "p")).unwrap().status(), 200);
    assert_eq!(wire.sent_headers(0, "cookie"), ["-", "sid=1"]);
}

#[test]
fn a_jar_is_shared_by_its_clones_and_can_be_emptied() {
    let (wire, jar) = with_jar([answers([&setting("a=1", HELLO), HELLO, HELLO])]);
    send(wire.client.get(URL)).unwrap();
    send(wire.client.get(URL)).unwrap();
    jar.clear();
    assert!(jar.is_empty());
    send(wire.client.get(URL)).unwrap();
    assert_eq!(wire.sent_headers(0, "cookie"), ["-", "a=1", "-"]);
    let refused = jar.add(&URL.parse().unwrap(), "a=b; domain=com").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidRequest);
    assert!(format!("{:?}", jar).contains("len: 0"));
}

/// A session would be fixed by an origin that shares only a public suffix with the victim.
#[test]
fn redirect_to_a_host_with_a_trailing_dot_carries_no_foreign_cookie() {
    for (from, domain, to) in [
        ("evil.com.", "com.", "victim.com."),
        ("evil.com.", ".COM.", "victim.com."),
        ("foo.co.uk.", "co.uk.", "bar.co.uk."),
        ("evil.com..", "com..", "victim.com.."),
    ] {
        let away = AWAY.replace("other.example", to);
        let (wire, jar) =
            with_jar([answers([setting(&format!("sid=evil; Domain={domain}"), &away)]), answers([HELLO])]);
        send(wire.client.get(format!("http://{from}/"))).unwrap();
        assert_eq!(wire.sent_headers(1, "host"), [to]);
        assert_eq!((wire.sent_headers(1, "cookie"), jar.len()), (vec!["-".to_owned()], 0), "{from} {domain} {to}");
    }
}

#[cfg(feature = "cookies")]
#[test]
fn request_can_switch_the_cookie_jar_off_or_use_another_jar() {
    use waterspout::cookies::CookieJar;

    let answer = "HTTP/1.1 200 OK\r\nset-cookie: a=1\r\ncontent-length: 0\r\n\r\n";
    let script = (0..5).fold(Script::new(), |script, _| script.expect_head().send(answer));
    let connector = ScriptedConnector::new([script]);
    let agent = Agent::new(connector.clone(), ManualTimer::new()).with_cookies(CookieJar::new());
    let client = Client::builder().backend(agent).timer(ManualTimer::new()).build().unwrap();
    let own = Cookies::new(CookieJar::new());
    for cookies in [None, Some(Cookies::none()), Some(own.clone()), None, Some(own)] {
        let request = client.get(URL);
        let request = match cookies {
            Some(cookies) => request.extension(cookies),
            None => request,
        };
        block_on(async { request.await.unwrap() });
    }
    let written = connector.written(0);
    let sent: Vec<_> = written.split("\r\n\r\n").take(5).map(|head| head.contains("cookie: a=1")).collect();
    assert_eq!(sent, [false, false, false, true, true]);
}

#[test]
fn response_shows_the_stored_cookies_that_were_sent() {
    let (wire, jar) = with_jar([answers([&setting("b=2; path=/next", HOME), HELLO])]);
    jar.add(&URL.parse().unwrap(), "a=1; path=/").unwrap();
    let response = send(wire.client.get(URL)).unwrap();
    let cookie = &response.request_headers().unwrap()["cookie"];
    assert_eq!((cookie.to_str().unwrap(), cookie.is_sensitive()), (&*wire.sent_headers(0, "cookie")[1], true));
    assert!(!format!("{response:?}").contains("a=1"), "{response:?}");
}
