//! Challenges in `www-authenticate`, and the answers of Digest beside a second computation.

use md5::{Digest, Md5};
use sha2::{Sha256, Sha512_256};
use waterspout::Agent;
use waterspout::testing::ManualTimer;

use crate::choices::{Choices, whole};
use crate::outcome::{Outcome, client};
use crate::wire::{Answer, Wire};

const PASSWORD: &str = "secret-password";

/// Sends a request with Digest credentials. Each line of `input` is a `www-authenticate` header of two challenges.
///
/// Checks that the password is not sent, and that the `response` of each answer follows from the answer's other
/// parameters.
pub fn run(input: &[u8]) {
    let mut choices = Choices::of(input);
    let user = choices.pick(&["user", "J\u{e4}s\u{f8}n Doe", "a\"b\\c"]);
    let mut head = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n".to_vec();
    for line in input.split(|byte| *byte == b'\n') {
        head.extend_from_slice(&[b"www-authenticate: ", line, b"\r\n"].concat());
    }
    head.extend_from_slice(b"\r\n");
    let challenge = Answer { pieces: whole(&head), has_pauses: false, closes: false };
    let good = Answer { pieces: whole(b"HTTP/1.1 204 X\r\n\r\n"), has_pauses: false, closes: false };
    let wire = Wire::new([challenge.clone(), challenge, good]);
    let timer = ManualTimer::new();
    let client = client(Agent::new(wire.clone(), timer.clone()), timer);
    let request = client.get("http://a.test/dir/index.html?q=1").digest_auth(user, PASSWORD);
    let outcome = Outcome::of(request).expect("the request hangs");
    let received = wire.received();
    assert!((1..=3).contains(&received.len()), "{} requests", received.len());
    assert!(received.len() < 3 || outcome.error.is_none());
    for (number, received) in received.iter().enumerate() {
        let answer = header(&received.head, b"authorization: ");
        assert_eq!(answer.is_some(), number > 0, "{}", received.head.escape_ascii());
        assert!(!String::from_utf8_lossy(&received.head).contains(PASSWORD), "the password is sent");
        if let Some(answer) = answer {
            check(&Params::parse(answer), user);
        }
    }
}

/// Returns the value of a header.
fn header<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    head.split(|byte| *byte == b'\n').find_map(|line| line.strip_suffix(b"\r")?.strip_prefix(name))
}

/// Computes the response as RFC 7616, section 3.4.1, says, and RFC 2069 for an answer without `qop`.
fn check(params: &Params, user: &str) {
    let algorithm = String::from_utf8_lossy(params.find("algorithm").unwrap_or(b"MD5")).to_ascii_uppercase();
    let hash = |parts: &[&[u8]]| hash(algorithm.trim_end_matches("-SESS"), &parts.join(&b':')).into_bytes();
    let needed = |name| params.find(name).unwrap_or_else(|| panic!("no {name}"));
    let (realm, nonce) = (needed("realm"), needed("nonce"));
    let mut a1 = hash(&[user.as_bytes(), realm, PASSWORD.as_bytes()]);
    if algorithm.ends_with("-SESS") {
        a1 = hash(&[&a1, nonce, needed("cnonce")]);
    }
    assert_eq!(needed("uri"), b"/dir/index.html?q=1");
    let a2 = hash(&[b"GET", needed("uri")]);
    let response = match params.find("qop") {
        Some(qop) => {
            assert_eq!(qop, b"auth");
            hash(&[&a1, nonce, needed("nc"), needed("cnonce"), qop, &a2])
        }
        None => hash(&[&a1, nonce, &a2]),
    };
    assert_eq!(needed("response"), response);
    if params.find("userhash").is_some() {
        assert_eq!(needed("username"), hash(&[user.as_bytes(), realm]));
    } else if let Some(name) = params.find("username") {
        assert_eq!(name, user.as_bytes());
    } else {
        assert!(needed("username*").starts_with(b"UTF-8''"));
    }
}

fn hash(algorithm: &str, input: &[u8]) -> String {
    let digest = match algorithm {
        "MD5" => Md5::digest(input).to_vec(),
        "SHA-256" => Sha256::digest(input).to_vec(),
        "SHA-512-256" => Sha512_256::digest(input).to_vec(),
        _ => panic!("the client answers with the algorithm {algorithm}"),
    };
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The parameters of an answer, without quotes.
struct Params(Vec<(String, Vec<u8>)>);

impl Params {
    /// Parses an answer of the client, which is well-formed.
    fn parse(answer: &[u8]) -> Self {
        let mut rest = answer.strip_prefix(b"Digest ").expect("the scheme of the answer is Digest");
        let mut params = Vec::new();
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'=').expect("each parameter has a value");
            let name = String::from_utf8(rest[..end].to_vec()).expect("the names are texts");
            rest = &rest[end + 1..];
            let mut value = Vec::new();
            let mut is_quoted = false;
            while let Some((byte, after)) = rest.split_first() {
                rest = after;
                match byte {
                    b'"' => is_quoted = !is_quoted,
                    b'\\' if is_quoted => {
                        value.push(rest[0]);
                        rest = &rest[1..];
                    }
                    b',' if !is_quoted => break,
                    byte => value.push(*byte),
                }
            }
            assert!(!is_quoted, "a quoted string does not end");
            rest = rest.strip_prefix(b" ").unwrap_or(rest);
            params.push((name, value));
        }
        Self(params)
    }

    fn find(&self, name: &str) -> Option<&[u8]> {
        let mut found = self.0.iter().filter(|(found, _)| found == name).map(|(_, value)| &value[..]);
        let first = found.next();
        assert!(found.next().is_none(), "two parameters {name}");
        first
    }
}
