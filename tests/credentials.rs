//! Credentials and cookies over scripted connections: what is sent where, and what a redirect does not take along.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(all(feature = "cookies", feature = "digest", not(target_family = "wasm")))]

use futures::executor::block_on;
use futures::stream;
use waterspout::auth::digest::DigestAuth;
use waterspout::cookies::CookieJar;
use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
use waterspout::{Agent, Body, Client, Error, ErrorKind, RequestBuilder, Response, Url};

const URL: &str = "http://example.com/dir?q=1";
const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
const AWAY: &str = "HTTP/1.1 302 Found\r\nlocation: http://other.example/\r\ncontent-length: 0\r\n\r\n";
const HOME: &str = "HTTP/1.1 302 Found\r\nlocation: /next\r\ncontent-length: 0\r\n\r\n";

struct Wire {
    client: Client,
    connector: ScriptedConnector,
    jar: CookieJar,
}

fn wire(scripts: impl IntoIterator<Item = Script>) -> Wire {
    let (connector, timer, jar) = (ScriptedConnector::new(scripts), ManualTimer::new(), CookieJar::new());
    let agent = Agent::new(connector.clone(), timer.clone()).with_cookies(jar.clone());
    let client = Client::builder().backend(agent).timer(timer).build().unwrap();
    Wire { client, connector, jar }
}

impl Wire {
    fn get(&self) -> RequestBuilder<Client> {
        self.client.get(URL)
    }

    /// The values of a header in each head that was sent on a connection, `-` where there is none.
    fn sent(&self, connection: usize, name: &str) -> Vec<String> {
        let written = self.connector.written(connection);
        let heads = written.split("\r\n\r\n").filter(|head| head.contains(" HTTP/1.1\r\n"));
        let value = |head: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(key, _)| *key == name).map_or("-".to_owned(), |(_, value)| value.to_owned())
        };
        heads.map(value).collect()
    }
}

fn send(builder: RequestBuilder<Client>) -> Result<Response, Error> {
    block_on(builder.send())
}

/// A connection that gives these answers in turn.
fn answers<const N: usize>(answers: [&str; N]) -> Script {
    answers.iter().fold(Script::new(), |script, answer| script.expect_head().send(*answer))
}

fn unauthorized(challenge: &str) -> String {
    format!("HTTP/1.1 401 Unauthorized\r\n{challenge}content-length: 3\r\n\r\nno!")
}

fn digest(nonce: &str) -> String {
    unauthorized(&format!("www-authenticate: Digest realm=\"r\", qop=\"auth\", nonce=\"{nonce}\"\r\n"))
}

fn stale(nonce: &str) -> String {
    digest(nonce).replace("Digest ", "Digest stale=true, ")
}

fn setting(cookie: &str, answer: &str) -> String {
    answer.replacen("\r\n", &format!("\r\nset-cookie: {cookie}\r\n"), 1)
}

#[test]
fn credentials_in_a_url_become_a_header_and_nothing_else() {
    let wire = wire([answers([HELLO]), Script::refused()]);
    let url = "http://Aladdin:open%20sesame@example.com/";
    let response = send(wire.client.get(url)).unwrap();
    assert_eq!(response.url().as_str(), "http://example.com/");
    assert_eq!(wire.sent(0, "authorization"), ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]);
    assert_eq!(wire.sent(0, "host"), ["example.com"]);
    let builder = wire.client.get("http://user:secret@other.example/");
    assert!(!format!("{builder:?}").contains("secret"));
    let error = send(builder).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    assert_eq!(error.url(), Some("http://other.example/"));
}

#[test]
fn the_request_wins_over_the_url_and_the_url_over_the_client() {
    let connector = ScriptedConnector::new([answers([HELLO, HELLO, HELLO])]);
    let mut headers = waterspout::http::HeaderMap::new();
    headers.insert("authorization", "Client x".parse().unwrap());
    let agent = Agent::new(connector.clone(), ManualTimer::new());
    let client = Client::builder().backend(agent).default_headers(headers).build().unwrap();
    let wire = Wire { client, connector, jar: CookieJar::new() };
    send(wire.client.get("http://a:b@example.com/").header("authorization", "Request x")).unwrap();
    send(wire.client.get("http://a:b@example.com/")).unwrap();
    send(wire.client.get("http://example.com/")).unwrap();
    assert_eq!(wire.sent(0, "authorization"), ["Request x", "Basic YTpi", "Client x"]);
}

#[test]
fn credentials_of_every_kind_stay_at_home() {
    let requests: [fn(&Wire) -> RequestBuilder<Client>; 3] = [
        |wire| wire.client.get("http://user:secret@example.com/"),
        |wire| wire.get().basic_auth("user", "secret"),
        |wire| wire.get().bearer_auth("secret"),
    ];
    for request in requests {
        let wire = wire([answers([HOME, AWAY]), answers([HELLO])]);
        let response = send(request(&wire).header("user-agent", "me")).unwrap();
        assert_eq!(response.url().as_str(), "http://other.example/");
        let home = wire.sent(0, "authorization");
        assert!(home.len() == 2 && home[0] != "-" && home[0] == home[1], "{home:?}");
        assert_eq!((wire.sent(1, "authorization"), wire.sent(1, "user-agent")), (vec!["-".into()], vec!["me".into()]));
    }
}

#[test]
fn a_digest_challenge_is_answered_on_the_same_connection() {
    let wire = wire([answers([&digest("n1"), HELLO])]);
    let response = send(wire.get().digest_auth("Mufasa", "Circle of Life")).unwrap();
    assert_eq!((response.status().as_u16(), response.redirected()), (200, false));
    let sent = wire.sent(0, "authorization");
    assert_eq!((sent.len(), &*sent[0]), (2, "-"));
    for part in
        ["Digest username=\"Mufasa\", realm=\"r\", uri=\"/dir?q=1\", nonce=\"n1\"", "qop=auth, nc=00000001, cnonce=\""]
    {
        assert!(sent[1].contains(part), "{part} in {}", sent[1]);
    }
    assert!(!wire.connector.written(0).contains("Circle"));
}

#[test]
fn a_chunked_401_is_read_over_and_an_endless_one_is_not() {
    let chunked = digest("n1").replace("content-length: 3\r\n\r\nno!", "transfer-encoding: chunked\r\n\r\n");
    let wire = wire([
        Script::new().expect_head().send(chunked).send("3\r\nno!\r\n").send("0\r\n\r\n").expect_head().send(HELLO),
        Script::new().expect_head().send(digest("n2").replace("content-length: 3", "content-length: 99999999")),
        answers([HELLO]),
    ]);
    send(wire.get().digest_auth("u", "p")).unwrap();
    assert_eq!((wire.connector.connections(), wire.connector.open()), (1, 1));
    let other = wire.client.get("http://other.example/").digest_auth("u", "p");
    send(other).unwrap();
    assert_eq!(wire.connector.connections(), 3);
}

#[test]
fn basic_is_never_the_answer_to_a_choice() {
    let both = unauthorized("www-authenticate: Basic realm=\"x\", Digest realm=\"r\", nonce=\"n\"\r\n");
    let only = unauthorized("www-authenticate: Basic realm=\"x\"\r\n");
    let wire = wire([answers([&both, HELLO]), answers([&only])]);
    send(wire.get().digest_auth("u", "p")).unwrap();
    assert!(wire.sent(0, "authorization")[1].starts_with("Digest "));
    let response = send(wire.client.get("http://other.example/").digest_auth("u", "p")).unwrap();
    assert_eq!((response.status().as_u16(), wire.sent(1, "authorization")), (401, vec!["-".to_owned()]));
    assert_eq!(block_on(response.text()).unwrap(), "no!");
}

#[test]
fn a_refused_answer_is_the_callers_to_see() {
    let wire = wire([answers([&digest("n1"), &digest("n2"), HELLO])]);
    assert_eq!(send(wire.get().digest_auth("u", "wrong")).unwrap().status(), 401);
    assert_eq!(wire.sent(0, "authorization").len(), 2);
}

#[test]
fn a_stale_nonce_is_replaced_once() {
    let wire =
        wire([answers([&digest("n1"), &stale("n2"), HELLO]), answers([&digest("n3"), &stale("n4"), &stale("n5")])]);
    assert_eq!(send(wire.get().digest_auth("u", "p")).unwrap().status(), 200);
    assert!(wire.sent(0, "authorization")[2].contains("nonce=\"n2\""));
    let response = send(wire.client.get("http://other.example/").digest_auth("u", "p")).unwrap();
    assert_eq!((response.status().as_u16(), wire.sent(1, "authorization").len()), (401, 3));
}

#[test]
fn requests_that_share_an_account_are_asked_once() {
    let wire = wire([answers([&digest("n1"), HELLO, HELLO, &stale("n2"), HELLO]), answers([HELLO])]);
    let account = DigestAuth::new("u", "p").unwrap();
    for _ in 0..3 {
        assert_eq!(send(wire.get().authenticator(account.clone())).unwrap().status(), 200);
    }
    let sent = wire.sent(0, "authorization");
    let counts: Vec<_> = sent.iter().map(|value| value.split("nc=").nth(1).map_or("-", |rest| &rest[..8])).collect();
    assert_eq!(counts, ["-", "00000001", "00000002", "00000003", "00000001"]);
    assert!(sent[3].contains("\"n1\"") && sent[4].contains("\"n2\""));
    // Another origin has asked for nothing.
    send(wire.client.get("http://other.example/").authenticator(account)).unwrap();
    assert_eq!(wire.sent(1, "authorization"), ["-"]);
}

#[test]
fn a_redirect_within_the_origin_is_answered_for_its_own_path() {
    let wire = wire([answers([&digest("n1"), HOME, HELLO])]);
    assert_eq!(send(wire.get().digest_auth("u", "p")).unwrap().status(), 200);
    let sent = wire.sent(0, "authorization");
    assert!(sent[1].contains("uri=\"/dir?q=1\"") && sent[2].contains("uri=\"/next\""), "{sent:?}");
    assert!(sent[2].contains("nc=00000002"), "{sent:?}");
}

#[test]
fn another_origin_gets_no_digest_even_if_it_asks() {
    let wire = wire([answers([&digest("n1"), AWAY]), answers([&digest("n2"), HELLO])]);
    let response = send(wire.get().digest_auth("u", "p")).unwrap();
    assert_eq!((response.status().as_u16(), wire.sent(1, "authorization")), (401, vec!["-".to_owned()]));
}

#[test]
fn a_body_is_sent_again_with_the_answer_if_it_can_be() {
    let wire = wire([answers([&digest("n1"), HELLO]), answers([&digest("n2"), HELLO])]);
    send(wire.client.post(URL).body("payload").digest_auth("u", "p")).unwrap();
    assert_eq!(wire.connector.written(0).matches("\r\n\r\npayload").count(), 2);
    let once = Body::stream(stream::iter([Ok::<_, Error>("payload")]));
    let error = send(wire.client.post("http://other.example/").body(once).digest_auth("u", "p")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BodyNotReplayable);
}

#[test]
fn a_user_name_that_cannot_be_sent_is_refused() {
    for user in ["a:b", "a\r\nb"] {
        assert_eq!(DigestAuth::new(user, "").unwrap_err().kind(), ErrorKind::InvalidRequest);
        let error = send(wire([]).get().digest_auth(user, "")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    }
    assert!(!format!("{:?}", DigestAuth::new("user", "secret").unwrap()).contains("secret"));
}

#[test]
fn each_hop_stores_cookies_and_sends_those_of_its_own_url() {
    let first = setting("a=1", &setting("b=2; path=/next", HOME));
    let wire = wire([
        answers([&first, &setting("a=; max-age=0", AWAY), HELLO]),
        answers([&setting("evil=1; domain=example.com", &setting("c=3", HELLO))]),
    ]);
    send(wire.get()).unwrap();
    assert_eq!(wire.sent(0, "cookie"), ["-", "b=2; a=1"]);
    assert_eq!(wire.sent(1, "cookie"), ["-"]);
    send(wire.client.get("http://example.com/next")).unwrap();
    assert_eq!(wire.sent(0, "cookie")[2], "b=2");
    let get = |url: &str, name: &str| wire.jar.get(&Url::parse(url).unwrap(), name);
    assert_eq!(get("http://other.example/", "c").as_deref(), Some("3"));
    assert_eq!((wire.jar.len(), get(URL, "evil"), get(URL, "a")), (2, None, None));
}

#[test]
fn a_cookie_of_one_hop_does_not_travel_to_the_next() {
    let wire = wire([answers([HOME, HELLO])]);
    wire.jar.add(&URL.parse().unwrap(), "dir=1; path=/dir").unwrap();
    send(wire.get()).unwrap();
    assert_eq!(wire.sent(0, "cookie"), ["dir=1", "-"]);
}

#[test]
fn a_cookie_header_of_the_requests_own_wins_within_its_origin() {
    let wire = wire([answers([HOME, AWAY]), answers([HELLO])]);
    wire.jar.add(&URL.parse().unwrap(), "jar=1; path=/").unwrap();
    wire.jar.add(&"http://other.example/".parse().unwrap(), "other=2").unwrap();
    send(wire.get().header("cookie", "own=3")).unwrap();
    assert_eq!(wire.sent(0, "cookie"), ["own=3", "own=3"]);
    assert_eq!(wire.sent(1, "cookie"), ["other=2"]);
}

#[test]
fn a_challenge_may_set_a_cookie_for_its_answer() {
    let wire = wire([answers([&setting("sid=1", &digest("n1")), HELLO])]);
    assert_eq!(send(wire.get().digest_auth("u", "p")).unwrap().status(), 200);
    assert_eq!(wire.sent(0, "cookie"), ["-", "sid=1"]);
}

#[test]
fn a_jar_is_shared_by_its_clones_and_can_be_emptied() {
    let wire = wire([answers([&setting("a=1", HELLO), HELLO, HELLO])]);
    send(wire.get()).unwrap();
    send(wire.get()).unwrap();
    wire.jar.clear();
    assert!(wire.jar.is_empty());
    send(wire.get()).unwrap();
    assert_eq!(wire.sent(0, "cookie"), ["-", "a=1", "-"]);
    let refused = wire.jar.add(&URL.parse().unwrap(), "a=b; domain=com").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidRequest);
    assert!(format!("{:?}", wire.jar).contains("len: 0"));
}
