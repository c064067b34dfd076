//! Credentials and cookies over scripted connections: which origin receives them, and which redirects drop them.

mod cookie_octets;
mod cookies;
mod digest;

use waterspout::cookies::CookieJar;
use waterspout::testing::Script;
use waterspout::{Client, RequestBuilder};

use crate::support::client::{HELLO, ScriptedClient, answers, send};
use crate::support::client::{scripted_agent, scripted_client};

/// A client whose agent has a cookie jar.
fn wire(scripts: impl IntoIterator<Item = Script>) -> ScriptedClient {
    with_jar(scripts).0
}

fn with_jar(scripts: impl IntoIterator<Item = Script>) -> (ScriptedClient, CookieJar) {
    let jar = CookieJar::new();
    (scripted_agent(|agent| agent.with_cookies(jar.clone()), scripts), jar)
}

const URL: &str = "http://example.com/dir?q=1";

const AWAY: &str = "HTTP/1.1 302 Found\r\nlocation: http://other.example/\r\ncontent-length: 0\r\n\r\n";

const HOME: &str = "HTTP/1.1 302 Found\r\nlocation: /next\r\ncontent-length: 0\r\n\r\n";

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
    assert_eq!(wire.sent_headers(0, "authorization"), ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]);
    assert_eq!(wire.sent_headers(0, "host"), ["example.com"]);
    let builder = wire.client.get("http://user:secret@other.example/");
    assert!(!format!("{builder:?}").contains("secret"));
    let error = send(builder).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    assert_eq!(error.url(), Some("http://other.example/"));
}

#[test]
fn the_request_wins_over_the_url_and_the_url_over_the_client() {
    let mut headers = waterspout::http::HeaderMap::new();
    headers.insert("authorization", "Client x".parse().unwrap());
    let wire = scripted_client(Client::builder().default_headers(headers), [answers([HELLO, HELLO, HELLO])]);
    send(wire.client.get("http://a:b@example.com/").header("authorization", "Request x")).unwrap();
    send(wire.client.get("http://a:b@example.com/")).unwrap();
    send(wire.client.get("http://example.com/")).unwrap();
    assert_eq!(wire.sent_headers(0, "authorization"), ["Request x", "Basic YTpi", "Client x"]);
}

#[test]
fn credentials_of_every_kind_stay_with_their_origin() {
    let requests: [fn(&ScriptedClient) -> RequestBuilder<Client>; 3] = [
        |wire| wire.client.get("http://user:secret@example.com/"),
        |wire| wire.client.get(URL).basic_auth("user", "secret"),
        |wire| wire.client.get(URL).bearer_auth("secret"),
    ];
    for request in requests {
        let wire = wire([answers([HOME, AWAY]), answers([HELLO])]);
        let response = send(request(&wire).header("user-agent", "me")).unwrap();
        assert_eq!(response.url().as_str(), "http://other.example/");
        let home = wire.sent_headers(0, "authorization");
        assert!(home.len() == 2 && home[0] != "-" && home[0] == home[1], "{home:?}");
        assert_eq!(
            (wire.sent_headers(1, "authorization"), wire.sent_headers(1, "user-agent")),
            (vec!["-".into()], vec!["me".into()])
        );
    }
}
