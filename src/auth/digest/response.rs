//! The answer to a challenge (RFC 7616, section 3.4).

use std::io::Write;

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
    // The parts of a hash's input have colons between them.
    let hashed = |parts: &[&[u8]]| hex(*hash, &parts.join(&b':'));
    let count = format!("{count:08x}");
    // H(A1), H(A2) and the response, in the terms of the RFC.
    let mut a1_hash = hashed(&[user.as_bytes(), realm, password.as_bytes()]);
    if challenge.session {
        a1_hash = hashed(&[a1_hash.as_bytes(), nonce, cnonce.as_bytes()]);
    }
    let a2_hash = hashed(&[method.as_bytes(), target.as_bytes()]);
    let (a1_hash, a2_hash) = (a1_hash.as_bytes(), a2_hash.as_bytes());
    let response = if challenge.qop {
        hashed(&[a1_hash, nonce, count.as_bytes(), cnonce.as_bytes(), b"auth", a2_hash])
    } else {
        hashed(&[a1_hash, nonce, a2_hash])
    };

    let mut line = b"Digest ".to_vec();
    username(&mut line, credentials, challenge);
    for (key, value) in
        [("realm", realm.as_slice()), ("uri", target.as_bytes()), ("nonce", nonce), ("response", response.as_bytes())]
    {
        quoted(&mut line, &format!(", {key}"), value);
    }
    // `algorithm`, `qop` and `nc` must not be quoted (RFC 7616, section 3.4).
    if let Some(algorithm) = &challenge.algorithm {
        let _ = write!(line, ", algorithm={algorithm}");
    }
    if challenge.qop {
        let _ = write!(line, ", qop=auth, nc={count}");
    }
    if challenge.qop || challenge.session {
        let _ = write!(line, ", cnonce=\"{cnonce}\"");
    }
    if let Some(opaque) = &challenge.opaque {
        quoted(&mut line, ", opaque", opaque);
    }
    HeaderValue::from_bytes(&line).map_err(|error| {
        Error::request(
            ErrorKind::InvalidRequest,
            "the answer to the server's Digest challenge has a character that is not allowed in a header",
        )
        .with_source(error)
    })
}

/// Writes the user name in the first form that applies: hashed, extended, quoted.
fn username(line: &mut Vec<u8>, DigestCredentials { user, .. }: &DigestCredentials, challenge: &DigestChallenge) {
    if challenge.userhash {
        let hashed = hex(challenge.hash, &[user.as_bytes(), &challenge.realm].join(&b':'));
        line.extend_from_slice(format!("username=\"{hashed}\", userhash=true").as_bytes());
    } else if challenge.utf8 && !user.is_ascii() {
        line.extend_from_slice(format!("username*=UTF-8''{}", utf8_percent_encode(user, ENCODED)).as_bytes());
    } else {
        // A server that does not announce UTF-8 is more likely to accept plain bytes than the extended form.
        quoted(line, "username", user.as_bytes());
    }
}

/// Writes a parameter with its value as a quoted string (RFC 9110, section 5.6.4).
fn quoted(line: &mut Vec<u8>, name: &str, value: &[u8]) {
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"=\"");
    for byte in value {
        if matches!(byte, b'"' | b'\\') {
            line.push(b'\\');
        }
        line.push(*byte);
    }
    line.push(b'"');
}

fn hex(hash: HashAlgorithm, input: &[u8]) -> String {
    fn digits(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }
    match hash {
        HashAlgorithm::Md5 => digits(&Md5::digest(input)),
        HashAlgorithm::Sha256 => digits(&Sha256::digest(input)),
        HashAlgorithm::Sha512Trunc256 => digits(&Sha512_256::digest(input)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The challenge of RFC 7616, section 3.9.1.
    fn of_rfc_7616(hash: HashAlgorithm, algorithm: &str) -> DigestChallenge {
        DigestChallenge {
            realm: b"http-auth@example.org".to_vec(),
            nonce: b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v".to_vec(),
            opaque: Some(b"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS".to_vec()),
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
        challenge.realm = "api@example.org".into();
        challenge.nonce = "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK".into();
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
        challenge.realm = "testrealm@host.com".into();
        challenge.nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093".into();
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
        let hex = |text: &str| hex(HashAlgorithm::Md5, text.as_bytes());
        let nonce = std::str::from_utf8(&challenge.nonce).unwrap();
        let a1_hash = hex("u:http-auth@example.org:p");
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let a1_hash = hex(&format!("{a1_hash}:{nonce}:{cnonce}"));
        let a2_hash = hex("GET:/");
        let expected = hex(&format!("{a1_hash}:{nonce}:00000001:{cnonce}:auth:{a2_hash}"));
        assert_contains(&session, &[&format!("response=\"{expected}\""), "algorithm=MD5-sess"]);
        assert!(!plain.contains(&expected));
    }

    #[test]
    fn realm_is_hashed_and_repeated_byte_by_byte() {
        let mut challenge = of_rfc_7616(HashAlgorithm::Md5, "MD5");
        challenge.qop = false;
        challenge.realm = b"caf\xE9 \"x\\".to_vec();
        (challenge.nonce, challenge.opaque) = (b"n\xFF".to_vec(), Some(b"\x80".to_vec()));
        let credentials = DigestCredentials { user: "u".to_owned(), password: "p".to_owned() };
        let value = authorization(&credentials, &challenge, "GET", "/", "c", 1).unwrap();
        let a1_hash = hex(HashAlgorithm::Md5, b"u:caf\xE9 \"x\\:p");
        let a2_hash = hex(HashAlgorithm::Md5, b"GET:/");
        let response = hex(HashAlgorithm::Md5, &[a1_hash.as_bytes(), b":n\xFF:", a2_hash.as_bytes()].concat());
        let expected = [
            &b"Digest username=\"u\", realm=\"caf\xE9 \\\"x\\\\\", uri=\"/\", nonce=\"n\xFF\", response=\""[..],
            response.as_bytes(),
            b"\", algorithm=MD5, opaque=\"\x80\"",
        ];
        assert_eq!(value.as_bytes().escape_ascii().to_string(), expected.concat().escape_ascii().to_string());
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
