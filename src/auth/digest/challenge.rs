//! What a server asks for, out of its `www-authenticate` headers.

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;
use http_auth::parser::ChallengeParser;
use http_auth::{ChallengeRef, ParamValue};

/// The longest header that is looked at: a hostile one is not worth more.
const LONGEST: usize = 8 * 1024;

/// A hash, by the name that the standard gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Md5,
    Sha256,
    Sha512Trunc256,
}

/// A Digest challenge that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    pub(super) realm: String,
    pub(super) nonce: String,
    pub(super) opaque: Option<String>,
    pub(super) hash: Hash,
    /// The algorithm as the server wrote it; one that says nothing may not know the parameter.
    pub(super) algorithm: Option<String>,
    /// Whether the algorithm's name ends in `-sess`.
    pub(super) session: bool,
    /// Whether `qop=auth` is offered; without any `qop` the answer is that of RFC 2069.
    pub(super) qop: bool,
    pub(super) stale: bool,
    pub(super) userhash: bool,
    pub(super) utf8: bool,
}

/// The first Digest challenge that can be answered: a server lists them in the order of its preference (RFC 7616,
/// section 3.7). Other schemes, and what is malformed, are passed over.
pub(super) fn select(headers: &HeaderMap) -> Option<Challenge> {
    headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| std::str::from_utf8(value.as_bytes()).ok().filter(|text| text.len() <= LONGEST))
        .flat_map(|text| ChallengeParser::new(text).filter_map(Result::ok))
        .find_map(|challenge| read(&challenge))
}

fn read(challenge: &ChallengeRef<'_>) -> Option<Challenge> {
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
    // To protect the body as well is beyond us.
    if qop.as_deref().is_some_and(|qop| !offers_auth(qop)) {
        return None;
    }
    Some(Challenge {
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

fn hash(algorithm: &str) -> Option<(Hash, bool)> {
    let upper = algorithm.to_ascii_uppercase();
    let (name, session) = upper.strip_suffix("-SESS").map_or((&*upper, false), |name| (name, true));
    let hash = match name {
        "MD5" => Hash::Md5,
        "SHA-256" => Hash::Sha256,
        "SHA-512-256" => Hash::Sha512Trunc256,
        _ => return None,
    };
    Some((hash, session))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn selected(lines: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        select(&headers)
    }

    #[test]
    fn a_challenge_is_found_among_others_in_one_header_or_several() {
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
            assert_eq!((&*found.realm, &*found.nonce, found.qop, found.hash), ("r", "n", true, Hash::Md5), "{lines:?}");
        }
    }

    #[test]
    fn quoted_strings_may_hold_anything() {
        let found =
            selected(&[r#"Digest realm="a \"b\", Basic realm=\\ \u00e9", nonce="=,;", opaque="" , stale=TRUE"#]);
        let found = found.unwrap();
        assert_eq!((&*found.realm, &*found.nonce), (r#"a "b", Basic realm=\ u00e9"#, "=,;"));
        assert_eq!((found.opaque.as_deref(), found.stale, found.qop), (Some(""), true, false));
    }

    #[test]
    fn the_first_that_can_be_answered_is_taken() {
        let sha = r#"Digest realm="r", nonce="n", algorithm=SHA-256-sess, charset=utf-8, userhash=true"#;
        let found =
            selected(&[r#"Digest realm="r", nonce="n", algorithm=SHA-3"#, sha, r#"Digest realm="r", nonce="n""#]);
        let found = found.unwrap();
        assert_eq!((found.hash, found.session, found.utf8, found.userhash), (Hash::Sha256, true, true, true));
        assert_eq!(found.algorithm.as_deref(), Some("SHA-256-sess"));
    }

    #[test]
    fn what_cannot_be_answered_is_no_challenge() {
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
        let huge = format!("Digest realm=\"{}\", nonce=\"n\"", "x".repeat(LONGEST));
        assert_eq!(selected(&[&huge]), None);
    }
}
