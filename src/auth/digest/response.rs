//! The answer to a challenge (RFC 7616, section 3.4).

use std::fmt::Write;

use http::HeaderValue;
use md5::{Digest, Md5};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Sha256, Sha512_256};

use super::challenge::{DigestChallenge, HashAlgorithm};
use crate::error::{Error, ErrorKind, Result};

/// The characters that an extended value percent-encodes: all but `attr-char` (RFC 8187, section 3.2.1).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The user name and password that answer a challenge, in normal form C.
pub(super) struct DigestCredentials {
    pub(super) user: String,
    pub(super) password: String,
}

/// Returns the `authorization` header of a request. `count` is the number of requests sent with this nonce, this
/// included.
pub(super) fn authorization(
    credentials: &DigestCredentials,
    challenge: &DigestChallenge,
    method: &str,
    target: &str,
    cnonce: &str,
    count: u32,
) -> Result<HeaderValue> {
    let DigestChallenge { realm, nonce, hash, .. } = challenge;
    let DigestCredentials { user, password } = credentials;
    let hashed = |text: String| hex(*hash, &text);
    // H(A1), H(A2) and the response, in the terms of the RFC.
    let mut a1_hash = hashed(format!("{user}:{realm}:{password}"));
    if challenge.session {
        a1_hash = hashed(format!("{a1_hash}:{nonce}:{cnonce}"));
    }
    let a2_hash = hashed(format!("{method}:{target}"));
    let response = if challenge.qop {
        hashed(format!("{a1_hash}:{nonce}:{count:08x}:{cnonce}:auth:{a2_hash}"))
    } else {
        hashed(format!("{a1_hash}:{nonce}:{a2_hash}"))
    };

    let mut line = format!("Digest {}", username(credentials, challenge));
    for (key, value) in [("realm", realm.as_str()), ("uri", target), ("nonce", nonce), ("response", &response)] {
        let _ = write!(line, ", {key}=\"{}\"", escaped(value));
    }
    // `algorithm`, `qop` and `nc` must not be quoted (RFC 7616, section 3.4).
    if let Some(algorithm) = &challenge.algorithm {
        let _ = write!(line, ", algorithm={algorithm}");
    }
    if challenge.qop {
        let _ = write!(line, ", qop=auth, nc={count:08x}");
    }
    if challenge.qop || challenge.session {
        let _ = write!(line, ", cnonce=\"{cnonce}\"");
    }
    if let Some(opaque) = &challenge.opaque {
        let _ = write!(line, ", opaque=\"{}\"", escaped(opaque));
    }
    HeaderValue::from_bytes(line.as_bytes()).map_err(|error| {
        Error::request(
            ErrorKind::InvalidRequest,
            "the answer to the server's Digest challenge has a character that is not allowed in a header",
        )
        .with_source(error)
    })
}

/// Writes the user name in the first form that applies: hashed, extended, quoted.
fn username(DigestCredentials { user, .. }: &DigestCredentials, challenge: &DigestChallenge) -> String {
    if challenge.userhash {
        let hashed = hex(challenge.hash, &format!("{user}:{}", challenge.realm));
        return format!("username=\"{hashed}\", userhash=true");
    }
    // A server that does not announce UTF-8 is more likely to accept plain bytes than the extended form.
    if challenge.utf8 && !user.is_ascii() {
        return format!("username*=UTF-8''{}", utf8_percent_encode(user, ENCODED));
    }
    format!("username=\"{}\"", escaped(user))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn hex(hash: HashAlgorithm, text: &str) -> String {
    fn digits(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }
    match hash {
        HashAlgorithm::Md5 => digits(&Md5::digest(text)),
        HashAlgorithm::Sha256 => digits(&Sha256::digest(text)),
        HashAlgorithm::Sha512Trunc256 => digits(&Sha512_256::digest(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The challenge of RFC 7616, section 3.9.1.
    fn of_rfc_7616(hash: HashAlgorithm, algorithm: &str) -> DigestChallenge {
        DigestChallenge {
            realm: "http-auth@example.org".to_owned(),
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v".to_owned(),
            opaque: Some("FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS".to_owned()),
            hash,
            algorithm: Some(algorithm.to_owned()),
            session: false,
            qop: true,
            stale: false,
            userhash: false,
            utf8: false,
        }
    }

    fn answer(user: &str, password: &str, challenge: &DigestChallenge, target: &str) -> String {
        answer_with(user, password, challenge, target, "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    }

    fn answer_with(user: &str, password: &str, challenge: &DigestChallenge, target: &str, cnonce: &str) -> String {
        let credentials = DigestCredentials { user: user.to_owned(), password: password.to_owned() };
        let value = authorization(&credentials, challenge, "GET", target, cnonce, 1).unwrap();
        String::from_utf8(value.as_bytes().to_vec()).unwrap()
    }

    fn assert_contains(answer: &str, parts: &[&str]) {
        for part in parts {
            assert!(answer.contains(part), "{part} in {answer}");
        }
    }

    #[test]
    fn vectors_of_rfc_7616_section_3_9_1_are_reproduced() {
        for (hash, name, response) in [
            (HashAlgorithm::Md5, "MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            (HashAlgorithm::Sha256, "SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let answer = answer("Mufasa", "Circle of Life", &of_rfc_7616(hash, name), "/dir/index.html");
            assert_contains(
                &answer,
                &[&format!("response=\"{response}\""), &format!("algorithm={name}"), "nc=00000001, cnonce=\"f2"],
            );
            assert_contains(
                &answer,
                &["Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", "],
            );
            assert_contains(&answer, &["qop=auth, ", "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""]);
        }
    }

    #[test]
    fn user_name_is_hashed_if_the_server_requests_it() {
        // RFC 7616, section 3.9.2, with user name and response of erratum 4897.
        let mut challenge = of_rfc_7616(HashAlgorithm::Sha512Trunc256, "SHA-512-256");
        challenge.realm = "api@example.org".to_owned();
        challenge.nonce = "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK".to_owned();
        challenge.userhash = true;
        let cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v";
        let answer = answer_with("J\u{e4}s\u{f8}n Doe", "Secret, or not?", &challenge, "/doe.json", cnonce);
        assert_contains(
            &answer,
            &["userhash=true", "\"3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5\""],
        );
        let hashed = answer.split('"').nth(1).unwrap();
        assert_eq!(hashed, "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b");
    }

    #[test]
    fn answer_without_qop_follows_rfc_2069() {
        // The example of RFC 2069, section 2.4, with the response of erratum 749.
        let mut challenge = of_rfc_7616(HashAlgorithm::Md5, "MD5");
        challenge.realm = "testrealm@host.com".to_owned();
        challenge.nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093".to_owned();
        (challenge.algorithm, challenge.opaque, challenge.qop) = (None, None, false);
        let answer = answer("Mufasa", "CircleOfLife", &challenge, "/dir/index.html");
        assert!(answer.ends_with("response=\"1949323746fe6a43ef61f9606e7febea\""), "{answer}");
    }

    #[test]
    fn session_variant_hashes_the_nonces_too() {
        let mut challenge = of_rfc_7616(HashAlgorithm::Md5, "MD5-sess");
        challenge.session = true;
        let plain = of_rfc_7616(HashAlgorithm::Md5, "MD5");
        let (session, plain) = (answer("u", "p", &challenge, "/"), answer("u", "p", &plain, "/"));
        let a1_hash = hex(HashAlgorithm::Md5, "u:http-auth@example.org:p");
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let a1_hash = hex(HashAlgorithm::Md5, &format!("{a1_hash}:{}:{cnonce}", challenge.nonce));
        let a2_hash = hex(HashAlgorithm::Md5, "GET:/");
        let expected =
            hex(HashAlgorithm::Md5, &format!("{a1_hash}:{}:00000001:{cnonce}:auth:{a2_hash}", challenge.nonce));
        assert_contains(&session, &[&format!("response=\"{expected}\""), "algorithm=MD5-sess"]);
        assert!(!plain.contains(&expected));
    }

    #[test]
    fn user_name_beyond_ascii_is_extended_or_plain() {
        let mut challenge = of_rfc_7616(HashAlgorithm::Md5, "MD5");
        assert_contains(&answer("m\u{fc}ller \"x\\", "", &challenge, "/"), &["username=\"m\u{fc}ller \\\"x\\\\\""]);
        challenge.utf8 = true;
        assert_contains(
            &answer("J\u{e4}s\u{f8}n Doe", "", &challenge, "/"),
            &["username*=UTF-8''J%C3%A4s%C3%B8n%20Doe,"],
        );
        assert_contains(&answer("plain", "", &challenge, "/"), &["username=\"plain\""]);
    }
}
