//! Selecting a Digest challenge from `www-authenticate` headers.

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

use super::super::challenges::{self, Challenge};

/// The maximum length of the values that an answer repeats, in bytes together. A challenge with longer values, which a
/// hostile server may send, is ignored.
const MAX_REPEATED_LENGTH: usize = 8 * 1024;

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
    /// Bytes and not text: a quoted string may have any byte above 0x7F (RFC 9110, section 5.6.4), and the answer has
    /// to repeat and to hash the same bytes.
    pub(super) realm: Vec<u8>,
    pub(super) nonce: Vec<u8>,
    pub(super) opaque: Option<Vec<u8>>,
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

/// Returns the Digest challenge to answer: the first challenge with a hash stronger than MD5, or else the first
/// challenge that can be answered. Other schemes and malformed challenges are skipped.
///
/// A server lists challenges in the order of its preference, and a client may have a policy of its own (RFC 7616,
/// section 3.7). MD5 is offered first by servers that prefer old clients, and a client that knows SHA-256 need not use
/// it.
pub(super) fn select(headers: &HeaderMap) -> Option<DigestChallenge> {
    let fields = headers.get_all(WWW_AUTHENTICATE).iter();
    let challenges = fields.flat_map(|field| challenges::parse(field.as_bytes()));
    let mut first = None;
    for challenge in challenges.filter_map(|challenge| digest(&challenge)) {
        if challenge.hash != HashAlgorithm::Md5 {
            return Some(challenge);
        }
        first.get_or_insert(challenge);
    }
    first
}

/// Returns `None` if the challenge is not Digest, lacks a parameter, or needs an algorithm or protection not supported.
fn digest(challenge: &Challenge<'_>) -> Option<DigestChallenge> {
    if !challenge.has_scheme("Digest") {
        return None;
    }
    let is = |name: &str, wanted: &str| {
        challenge.param(name).is_some_and(|value| value.eq_ignore_ascii_case(wanted.as_bytes()))
    };
    // An algorithm that is not text is none of the names that are known.
    let algorithm = challenge.param("algorithm").map(std::str::from_utf8).transpose().ok()?;
    let (hash, session) = hash(algorithm.unwrap_or("MD5"))?;
    let qop = challenge.param("qop");
    let mut options = qop.into_iter().flat_map(|qop| qop.split(|byte| *byte == b','));
    // Without `qop` the challenge is of RFC 2069, and still answered.
    // `auth-int`, which also protects the body, is not supported.
    if qop.is_some() && !options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"auth")) {
        return None;
    }
    // Both are required (RFC 7616, section 3.3).
    let realm = challenge.param("realm")?;
    let nonce = challenge.param("nonce")?;
    let opaque = challenge.param("opaque");
    if realm.len() + nonce.len() + opaque.map_or(0, <[u8]>::len) > MAX_REPEATED_LENGTH {
        return None;
    }
    Some(DigestChallenge {
        realm: realm.to_vec(),
        nonce: nonce.to_vec(),
        opaque: opaque.map(<[u8]>::to_vec),
        hash,
        algorithm: algorithm.map(str::to_owned),
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

    fn selected(lines: &[impl AsRef<[u8]>]) -> Option<DigestChallenge> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_bytes(line.as_ref()).unwrap());
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
            &[r#"Negotiate TlRMTVNTUAAB==, Digest realm="r", nonce="n", qop="auth""#],
            &[r#"Negotiate a=, NTLM b, Digest   realm="r",,nonce="n" ,	qop="auth""#],
            &[r#"Digest	realm = "r" , nonce	=	n, qop=auth"#],
            &["Negotiate \u{e9}==", r#"Basic realm="\u{e9}", Digest realm=r, nonce=n, qop=auth"#],
            &[r#"digest REALM="r" , Nonce=n,qop="auth-int, AUTH""#],
            &[r#"Digest realm="unterminated"#, digest],
            &[r#"Digest realm="r", nonce="x", algorithm=MD2"#, digest],
            &[r#"Digest realm="r", nonce="x", qop="auth-int""#, digest],
        ] {
            let found = selected(lines).unwrap_or_else(|| panic!("{lines:?}"));
            assert_eq!(
                (&*found.realm, &*found.nonce, found.qop, found.hash),
                (&b"r"[..], &b"n"[..], true, HashAlgorithm::Md5),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn quoted_strings_may_hold_any_character() {
        let found =
            selected(&[r#"Digest realm="a \"b\", Basic realm=\\ \u00e9", nonce="=,;", opaque="" , stale=TRUE"#]);
        let found = found.unwrap();
        assert_eq!((&*found.realm, &*found.nonce), (&br#"a "b", Basic realm=\ u00e9"#[..], &b"=,;"[..]));
        assert_eq!((found.opaque.as_deref(), found.stale, found.qop), (Some(&b""[..]), true, false));
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
    fn bytes_above_ascii_are_kept() {
        for realm in [&b"caf\xE9"[..], b"caf\xC3\xA9", b"\xFF\x80"] {
            let line = [b"Digest realm=\"", realm, b"\", nonce=\"\xFE\\\xFD\", opaque=\"", realm, b"\""].concat();
            let found = selected(&[line]).unwrap();
            assert_eq!((&*found.realm, &*found.nonce, found.opaque.as_deref()), (realm, &b"\xFE\xFD"[..], Some(realm)));
        }
        assert_eq!(selected(&[b"Digest realm=r, nonce=n, algorithm=MD5\xE9"]), None);
        assert_eq!(selected(&[b"Digest realm=r, nonce=n, qop=\"auth\xE9\""]), None);
    }

    #[test]
    fn stronger_hash_is_selected_in_any_order() {
        let line = |algorithm: &str| format!("Digest realm=r, nonce={algorithm}, algorithm={algorithm}");
        for (algorithms, expected) in [
            (&["SHA-256", "MD5"][..], "SHA-256"),
            (&["MD5", "SHA-256"], "SHA-256"),
            (&["MD5-sess", "SHA-512-256-sess"], "SHA-512-256-sess"),
            (&["SHA-512-256", "SHA-256"], "SHA-512-256"),
            (&["SHA-256", "SHA-512-256"], "SHA-256"),
            (&["SHA-3", "MD5-sess", "MD5"], "MD5-sess"),
        ] {
            let lines: Vec<_> = algorithms.iter().map(|algorithm| line(algorithm)).collect();
            for fields in [lines.clone(), vec![lines.join(", ")]] {
                let found = selected(&fields).unwrap();
                assert_eq!((&*found.nonce, found.algorithm.as_deref()), (expected.as_bytes(), Some(expected)));
            }
        }
    }

    #[test]
    fn long_challenge_hides_no_other_challenge() {
        let token = format!("Negotiate {}, {}", "x".repeat(20_000), r#"Digest realm="r", nonce="n""#);
        assert_eq!(&*selected(&[token]).unwrap().nonce, b"n");
        let realm = format!(r#"Digest realm="{}", nonce="a", Digest realm="r", nonce="b""#, "x".repeat(8192));
        assert_eq!(&*selected(&[realm]).unwrap().nonce, b"b");
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
        let huge = format!("Digest realm=\"{}\", nonce=\"n\"", "x".repeat(MAX_REPEATED_LENGTH));
        assert_eq!(selected(&[huge]), None);
    }
}
