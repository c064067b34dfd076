//! Reading a Digest challenge from `www-authenticate` headers.

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;
use http_auth::parser::ChallengeParser;
use http_auth::{ChallengeRef, ParamValue};

/// The maximum length of a header that is parsed: longer headers, which a hostile server may send, are ignored.
const MAX_HEADER_LENGTH: usize = 8 * 1024;

/// A hash algorithm of RFC 7616.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HashAlgorithm {
    Md5,
    Sha256,
    Sha512Trunc256,
}

/// A Digest challenge that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DigestChallenge {
    pub(super) realm: String,
    pub(super) nonce: String,
    pub(super) opaque: Option<String>,
    pub(super) hash: HashAlgorithm,
    /// The algorithm as the server wrote it. Without it the answer omits the parameter, which the server may not know.
    pub(super) algorithm: Option<String>,
    /// Whether the name of the algorithm ends in `-sess`.
    pub(super) session: bool,
    /// Whether `qop=auth` is offered. Without any `qop` the answer follows RFC 2069.
    pub(super) qop: bool,
    pub(super) stale: bool,
    pub(super) userhash: bool,
    pub(super) utf8: bool,
}

/// Returns the first Digest challenge that can be answered, because a server lists challenges in the order of its
/// preference (RFC 7616, section 3.7). Other schemes and malformed challenges are skipped.
pub(super) fn select(headers: &HeaderMap) -> Option<DigestChallenge> {
    headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| std::str::from_utf8(value.as_bytes()).ok().filter(|text| text.len() <= MAX_HEADER_LENGTH))
        .flat_map(|text| ChallengeParser::new(text).filter_map(Result::ok))
        .find_map(|challenge| parse(&challenge))
}

/// Returns `None` if the challenge is not Digest, lacks a parameter, or needs an algorithm or protection not supported.
fn parse(challenge: &ChallengeRef<'_>) -> Option<DigestChallenge> {
    if !challenge.scheme.eq_ignore_ascii_case("Digest") {
        return None;
    }
    let get = |name: &str| {
        let found = challenge.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| ParamValue::to_unescaped(value))
    };
    let is = |name: &str, wanted: &str| get(name).is_some_and(|value| value.eq_ignore_ascii_case(wanted));
    let algorithm = get("algorithm");
    let (hash, session) = hash(algorithm.as_deref().unwrap_or("MD5"))?;
    let qop = get("qop");
    let offers_auth = |qop: &str| qop.split(',').any(|option| option.trim().eq_ignore_ascii_case("auth"));
    // Without `qop` the challenge is of RFC 2069, and still answered.
    // `auth-int`, which also protects the body, is not supported.
    if qop.as_deref().is_some_and(|qop| !offers_auth(qop)) {
        return None;
    }
    Some(DigestChallenge {
        // Both are required (RFC 7616, section 3.3).
        realm: get("realm")?,
        nonce: get("nonce")?,
        opaque: get("opaque"),
        hash,
        algorithm,
        session,
        qop: qop.is_some(),
        stale: is("stale", "true"),
        userhash: is("userhash", "true"),
        utf8: is("charset", "UTF-8"),
    })
}

/// Returns the hash, and whether the name ends in `-sess`.
fn hash(algorithm: &str) -> Option<(HashAlgorithm, bool)> {
    let upper = algorithm.to_ascii_uppercase();
    let (name, session) = upper.strip_suffix("-SESS").map_or((&*upper, false), |name| (name, true));
    let hash = match name {
        "MD5" => HashAlgorithm::Md5,
        "SHA-256" => HashAlgorithm::Sha256,
        "SHA-512-256" => HashAlgorithm::Sha512Trunc256,
        _ => return None,
    };
    Some((hash, session))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn selected(lines: &[&str]) -> Option<DigestChallenge> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        select(&headers)
    }

    #[test]
    fn challenge_is_found_among_other_schemes_in_any_header() {
        let digest = r#"Digest realm="r", nonce="n", qop="auth""#;
        for lines in [
            &[digest] as &[&str],
            &[r#"Basic realm="x", Digest realm="r", nonce="n", qop="auth""#],
            &[r#"Digest realm="r", nonce="n", qop="auth", Basic realm="x""#],
            &[r#"Basic realm="x""#, digest],
            &["Negotiate", "NTLM TlRMTVNTUAAB=", digest],
            &[r#"digest REALM="r" , Nonce=n,qop="auth-int, AUTH""#],
            &[r#"Digest realm="unterminated"#, digest],
            &[r#"Digest realm="r", nonce="x", algorithm=MD2"#, digest],
            &[r#"Digest realm="r", nonce="x", qop="auth-int""#, digest],
        ] {
            let found = selected(lines).unwrap_or_else(|| panic!("{lines:?}"));
            assert_eq!(
                (&*found.realm, &*found.nonce, found.qop, found.hash),
                ("r", "n", true, HashAlgorithm::Md5),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn quoted_strings_may_hold_any_character() {
        let found =
            selected(&[r#"Digest realm="a \"b\", Basic realm=\\ \u00e9", nonce="=,;", opaque="" , stale=TRUE"#]);
        let found = found.unwrap();
        assert_eq!((&*found.realm, &*found.nonce), (r#"a "b", Basic realm=\ u00e9"#, "=,;"));
        assert_eq!((found.opaque.as_deref(), found.stale, found.qop), (Some(""), true, false));
    }

    #[test]
    fn first_supported_challenge_is_selected() {
        let sha = r#"Digest realm="r", nonce="n", algorithm=SHA-256-sess, charset=utf-8, userhash=true"#;
        let found =
            selected(&[r#"Digest realm="r", nonce="n", algorithm=SHA-3"#, sha, r#"Digest realm="r", nonce="n""#]);
        let found = found.unwrap();
        assert_eq!((found.hash, found.session, found.utf8, found.userhash), (HashAlgorithm::Sha256, true, true, true));
        assert_eq!(found.algorithm.as_deref(), Some("SHA-256-sess"));
    }

    #[test]
    fn unsupported_or_malformed_challenges_are_ignored() {
        for line in [
            "",
            "Basic realm=\"x\"",
            "Digest",
            "Digest realm=\"r\"",
            "Digest nonce=\"n\"",
            "Digest realm=\"r\", nonce=\"n\", qop=\"\"",
            "Digest realm=\"r\" nonce=\"n\"",
            ",,,=,",
        ] {
            assert_eq!(selected(&[line]), None, "{line}");
        }
        let huge = format!("Digest realm=\"{}\", nonce=\"n\"", "x".repeat(MAX_HEADER_LENGTH));
        assert_eq!(selected(&[&huge]), None);
    }
}
