//! The answer to a challenge (RFC 7616, section 3.4).

use std::fmt::Write;

use http::HeaderValue;
use md5::{Digest, Md5};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Sha256, Sha512_256};

use super::challenge::{Challenge, Hash};
use crate::error::{Error, ErrorKind, Result};

/// What an extended value writes as it is (RFC 8187, section 3.2.1).
const ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
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

/// Who asks.
pub(super) struct Account {
    pub(super) user: String,
    pub(super) password: String,
}

/// The `authorization` header for one request; `count` says the how manieth it is with this nonce.
pub(super) fn authorization(
    account: &Account,
    challenge: &Challenge,
    method: &str,
    target: &str,
    cnonce: &str,
    count: u32,
) -> Result<HeaderValue> {
    let Challenge { realm, nonce, hash, .. } = challenge;
    let Account { user, password } = account;
    let hashed = |text: String| hex(*hash, &text);
    let mut secret = hashed(format!("{user}:{realm}:{password}"));
    if challenge.session {
        secret = hashed(format!("{secret}:{nonce}:{cnonce}"));
    }
    let what = hashed(format!("{method}:{target}"));
    let response = if challenge.qop {
        hashed(format!("{secret}:{nonce}:{count:08x}:{cnonce}:auth:{what}"))
    } else {
        hashed(format!("{secret}:{nonce}:{what}"))
    };

    let mut line = format!("Digest {}", name(account, challenge));
    for (key, value) in [("realm", realm.as_str()), ("uri", target), ("nonce", nonce), ("response", &response)] {
        let _ = write!(line, ", {key}=\"{}\"", escaped(value));
    }
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
        Error::request(ErrorKind::InvalidRequest, "the answer to the server's challenge is no header")
            .with_source(error)
    })
}

/// The user's name in one of its three forms: hashed, extended, quoted.
fn name(Account { user, .. }: &Account, challenge: &Challenge) -> String {
    if challenge.userhash {
        let hashed = hex(challenge.hash, &format!("{user}:{}", challenge.realm));
        return format!("username=\"{hashed}\", userhash=true");
    }
    // A server that does not say that it knows UTF-8 is more likely to take plain bytes than the extended form.
    if challenge.utf8 && !user.is_ascii() {
        return format!("username*=UTF-8''{}", utf8_percent_encode(user, ATTR_CHAR));
    }
    format!("username=\"{}\"", escaped(user))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn hex(hash: Hash, text: &str) -> String {
    fn digits(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }
    match hash {
        Hash::Md5 => digits(&Md5::digest(text)),
        Hash::Sha256 => digits(&Sha256::digest(text)),
        Hash::Sha512Trunc256 => digits(&Sha512_256::digest(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The challenge of RFC 7616, section 3.9.1.
    fn of_rfc_7616(hash: Hash, algorithm: &str) -> Challenge {
        Challenge {
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

    fn answer(user: &str, password: &str, challenge: &Challenge, target: &str) -> String {
        answer_with(user, password, challenge, target, "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    }

    fn answer_with(user: &str, password: &str, challenge: &Challenge, target: &str, cnonce: &str) -> String {
        let account = Account { user: user.to_owned(), password: password.to_owned() };
        let value = authorization(&account, challenge, "GET", target, cnonce, 1).unwrap();
        String::from_utf8(value.as_bytes().to_vec()).unwrap()
    }

    fn has(answer: &str, parts: &[&str]) {
        for part in parts {
            assert!(answer.contains(part), "{part} in {answer}");
        }
    }

    #[test]
    fn the_vectors_of_rfc_7616_section_3_9_1_come_out() {
        for (hash, name, response) in [
            (Hash::Md5, "MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            (Hash::Sha256, "SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let answer = answer("Mufasa", "Circle of Life", &of_rfc_7616(hash, name), "/dir/index.html");
            has(
                &answer,
                &[&format!("response=\"{response}\""), &format!("algorithm={name}"), "nc=00000001, cnonce=\"f2"],
            );
            has(&answer, &["Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", "]);
            has(&answer, &["qop=auth, ", "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""]);
        }
    }

    #[test]
    fn a_user_name_is_hashed_where_the_server_wants_it() {
        // RFC 7616, section 3.9.2, with name and response as erratum 4897 has them.
        let mut challenge = of_rfc_7616(Hash::Sha512Trunc256, "SHA-512-256");
        challenge.realm = "api@example.org".to_owned();
        challenge.nonce = "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK".to_owned();
        challenge.userhash = true;
        let cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v";
        let answer = answer_with("J\u{e4}s\u{f8}n Doe", "Secret, or not?", &challenge, "/doe.json", cnonce);
        has(&answer, &["userhash=true", "\"3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5\""]);
        let hashed = answer.split('"').nth(1).unwrap();
        assert_eq!(hashed, "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b");
    }

    #[test]
    fn without_qop_the_answer_is_that_of_rfc_2069() {
        // The example of RFC 2069, section 2.4, with its response as erratum 749 has it.
        let mut challenge = of_rfc_7616(Hash::Md5, "MD5");
        challenge.realm = "testrealm@host.com".to_owned();
        challenge.nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093".to_owned();
        (challenge.algorithm, challenge.opaque, challenge.qop) = (None, None, false);
        let answer = answer("Mufasa", "CircleOfLife", &challenge, "/dir/index.html");
        assert!(answer.ends_with("response=\"1949323746fe6a43ef61f9606e7febea\""), "{answer}");
    }

    #[test]
    fn a_session_is_hashed_once_more() {
        let mut challenge = of_rfc_7616(Hash::Md5, "MD5-sess");
        challenge.session = true;
        let plain = of_rfc_7616(Hash::Md5, "MD5");
        let (session, plain) = (answer("u", "p", &challenge, "/"), answer("u", "p", &plain, "/"));
        let secret = hex(Hash::Md5, "u:http-auth@example.org:p");
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let secret = hex(Hash::Md5, &format!("{secret}:{}:{cnonce}", challenge.nonce));
        let what = hex(Hash::Md5, "GET:/");
        let expected = hex(Hash::Md5, &format!("{secret}:{}:00000001:{cnonce}:auth:{what}", challenge.nonce));
        has(&session, &[&format!("response=\"{expected}\""), "algorithm=MD5-sess"]);
        assert!(!plain.contains(&expected));
    }

    #[test]
    fn a_name_beyond_ascii_is_extended_or_plain() {
        let mut challenge = of_rfc_7616(Hash::Md5, "MD5");
        has(&answer("m\u{fc}ller \"x\\", "", &challenge, "/"), &["username=\"m\u{fc}ller \\\"x\\\\\""]);
        challenge.utf8 = true;
        has(&answer("J\u{e4}s\u{f8}n Doe", "", &challenge, "/"), &["username*=UTF-8''J%C3%A4s%C3%B8n%20Doe,"]);
        has(&answer("plain", "", &challenge, "/"), &["username=\"plain\""]);
    }
}
