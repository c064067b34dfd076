//! Answers to Digest challenges.

use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use futures::stream;
use waterspout::auth::Authenticate;
use waterspout::auth::digest::DigestAuth;
use waterspout::http::{HeaderMap, HeaderValue};
use waterspout::testing::Script;
use waterspout::{Body, Error, ErrorKind, Request, Result};

use crate::support::client::{HELLO, answers, send};

use super::{AWAY, HOME, URL, digest, stale, unauthorized, wire};

#[test]
fn a_digest_challenge_is_answered_on_the_same_connection() {
    let wire = wire([answers([&digest("n1"), HELLO])]);
    let response = send(wire.client.get(URL).digest_auth("Mufasa", "Circle of Life")).unwrap();
    assert_eq!((response.status().as_u16(), response.redirected()), (200, false));
    let sent = wire.sent_headers(0, "authorization");
    assert_eq!((sent.len(), &*sent[0]), (2, "-"));
    for part in
        ["Digest username=\"Mufasa\", realm=\"r\", uri=\"/dir?q=1\", nonce=\"n1\"", "qop=auth, nc=00000001, cnonce=\""]
    {
        assert!(sent[1].contains(part), "{part} in {}", sent[1]);
    }
    assert!(!wire.connector.written(0).contains("Circle"));
}

#[test]
fn chunked_401_body_is_drained_and_a_huge_401_body_closes_the_connection() {
    let chunked = digest("n1").replace("content-length: 3\r\n\r\nno!", "transfer-encoding: chunked\r\n\r\n");
    let wire = wire([
        Script::new().expect_head().send(chunked).send("3\r\nno!\r\n").send("0\r\n\r\n").expect_head().send(HELLO),
        Script::new().expect_head().send(digest("n2").replace("content-length: 3", "content-length: 99999999")),
        answers([HELLO]),
    ]);
    send(wire.client.get(URL).digest_auth("u", "p")).unwrap();
    assert_eq!((wire.connector.connections(), wire.connector.open()), (1, 1));
    let other = wire.client.get("http://other.example/").digest_auth("u", "p");
    send(other).unwrap();
    assert_eq!(wire.connector.connections(), 3);
}

#[test]
fn basic_challenge_is_never_answered_by_digest_auth() {
    let both = unauthorized("www-authenticate: Basic realm=\"x\", Digest realm=\"r\", nonce=\"n\"\r\n");
    let only = unauthorized("www-authenticate: Basic realm=\"x\"\r\n");
    let wire = wire([answers([&both, HELLO]), answers([&only])]);
    send(wire.client.get(URL).digest_auth("u", "p")).unwrap();
    assert!(wire.sent_headers(0, "authorization")[1].starts_with("Digest "));
    let response = send(wire.client.get("http://other.example/").digest_auth("u", "p")).unwrap();
    assert_eq!((response.status().as_u16(), wire.sent_headers(1, "authorization")), (401, vec!["-".to_owned()]));
    assert_eq!(block_on(response.text()).unwrap(), "no!");
}

#[test]
fn second_401_after_a_digest_answer_is_returned() {
    let wire = wire([answers([&digest("n1"), &digest("n2"), HELLO])]);
    assert_eq!(send(wire.client.get(URL).digest_auth("u", "wrong")).unwrap().status(), 401);
    assert_eq!(wire.sent_headers(0, "authorization").len(), 2);
}

#[test]
fn a_stale_nonce_is_replaced_once() {
    let wire =
        wire([answers([&digest("n1"), &stale("n2"), HELLO]), answers([&digest("n3"), &stale("n4"), &stale("n5")])]);
    assert_eq!(send(wire.client.get(URL).digest_auth("u", "p")).unwrap().status(), 200);
    assert!(wire.sent_headers(0, "authorization")[2].contains("nonce=\"n2\""));
    let response = send(wire.client.get("http://other.example/").digest_auth("u", "p")).unwrap();
    assert_eq!((response.status().as_u16(), wire.sent_headers(1, "authorization").len()), (401, 3));
}

#[test]
fn requests_with_a_shared_digest_account_are_challenged_once() {
    let wire = wire([answers([&digest("n1"), HELLO, HELLO, &stale("n2"), HELLO]), answers([HELLO])]);
    let account = DigestAuth::new("u", "p").unwrap();
    for _ in 0..3 {
        assert_eq!(send(wire.client.get(URL).authenticator(account.clone())).unwrap().status(), 200);
    }
    let sent = wire.sent_headers(0, "authorization");
    let counts: Vec<_> = sent.iter().map(|value| value.split("nc=").nth(1).map_or("-", |rest| &rest[..8])).collect();
    assert_eq!(counts, ["-", "00000001", "00000002", "00000003", "00000001"]);
    assert!(sent[3].contains("\"n1\"") && sent[4].contains("\"n2\""));
    // The other origin has sent no challenge.
    send(wire.client.get("http://other.example/").authenticator(account)).unwrap();
    assert_eq!(wire.sent_headers(1, "authorization"), ["-"]);
}

#[test]
fn digest_answer_after_a_redirect_names_the_new_path() {
    let wire = wire([answers([&digest("n1"), HOME, HELLO])]);
    assert_eq!(send(wire.client.get(URL).digest_auth("u", "p")).unwrap().status(), 200);
    let sent = wire.sent_headers(0, "authorization");
    assert!(sent[1].contains("uri=\"/dir?q=1\"") && sent[2].contains("uri=\"/next\""), "{sent:?}");
    assert!(sent[2].contains("nc=00000002"), "{sent:?}");
}

#[test]
fn redirect_to_another_origin_leaves_digest_challenges_unanswered() {
    let wire = wire([answers([&digest("n1"), AWAY]), answers([&digest("n2"), HELLO])]);
    let response = send(wire.client.get(URL).digest_auth("u", "p")).unwrap();
    assert_eq!((response.status().as_u16(), wire.sent_headers(1, "authorization")), (401, vec!["-".to_owned()]));
}

#[test]
fn replayable_body_is_sent_again_with_the_digest_answer() {
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
        let error = send(wire([]).client.get(URL).digest_auth(user, "")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    }
    assert!(!format!("{:?}", DigestAuth::new("user", "secret").unwrap()).contains("secret"));
}

#[test]
fn challenge_is_answered_in_each_form_of_the_grammar() {
    let expected = "realm=\"r\", uri=\"/dir?q=1\", nonce=\"n\"";
    for field in [
        "Negotiate YII==, Digest realm=\"r\", nonce=\"n\"",
        "Negotiate YII==, NTLM, Basic realm=\"a, b\", Digest realm=\"r\", nonce=\"n\"",
        "Digest \t   realm=\"r\",nonce=\"n\"",
        "Digest\trealm = r ,, nonce = n",
        ", Digest realm=\"\\r\", nonce=\"n\", Basic realm=\"b\"",
        "Basic realm=\"caf\u{e9}\", Digest realm=\"r\", nonce=\"n\"",
        "Basic realm=\"b\"\r\nwww-authenticate: Negotiate YII=\r\nwww-authenticate: Digest realm=\"r\", nonce=\"n\"",
    ] {
        let wire = wire([answers([&unauthorized(&format!("www-authenticate: {field}\r\n")), HELLO])]);
        assert_eq!(send(wire.client.get(URL).digest_auth("u", "p")).unwrap().status(), 200, "{field}");
        let sent = wire.sent_headers(0, "authorization");
        assert!(sent[1].contains(expected), "{field}: {}", sent[1]);
    }
}

#[test]
fn realm_with_bytes_above_ascii_is_answered_byte_by_byte() {
    let challenge = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\
        www-authenticate: Digest realm=\"caf\xE9\", nonce=\"n\"\r\n\r\n";
    let wire = wire([answers([&challenge[..], HELLO.as_bytes()])]);
    let digest = RecordingDigest { digest: DigestAuth::new("u", "p").unwrap(), answers: Arc::default() };
    assert_eq!(send(wire.client.get(URL).authenticator(digest.clone())).unwrap().status(), 200);
    let answer = digest.answers.lock().unwrap().concat();
    assert!(answer.starts_with(b"Digest username=\"u\", realm=\"caf\xE9\", "), "{}", answer.escape_ascii());
}

/// Digest credentials that record their answers: the bytes on the connection are shown as text.
#[derive(Clone, Debug)]
struct RecordingDigest {
    digest: DigestAuth,
    answers: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Authenticate for RecordingDigest {
    fn answer(&self, request: &Request, headers: &HeaderMap, answers: usize) -> Result<Option<HeaderValue>> {
        let answer = self.digest.answer(request, headers, answers)?;
        self.answers.lock().unwrap().extend(answer.as_ref().map(|value| value.as_bytes().to_vec()));
        Ok(answer)
    }
}
