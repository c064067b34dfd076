//! Tests of parsing, joining and hiding credentials.

use super::*;

#[test]
fn every_part_is_cut_from_the_normalized_text() {
    let url = Url::parse("HTTP://User:Pa%20ss@[::1]:8080/a/b?x=1&y=/#f?g").unwrap();
    assert_eq!(url.scheme(), Scheme::Http);
    assert_eq!((url.authority(), url.host(), url.port()), ("[::1]:8080", "[::1]", 8080));
    assert_eq!((url.path(), url.query(), url.fragment()), ("/a/b", Some("x=1&y=/"), Some("f?g")));
    assert_eq!(url.target(), "/a/b?x=1&y=/");
    assert!(url.has_credentials());
    assert_eq!(url.redacted(), "http://[::1]:8080/a/b?x=***&y=***#***");
}

#[test]
fn credentials_are_removed() {
    let url = Url::parse("https://us%40er:pa:ss@example.com:81/a?b#c").unwrap();
    assert_eq!(url.userinfo(), Some(("us%40er", "pa%3Ass")));
    let bare = url.without_credentials();
    assert_eq!(bare, Url::parse("https://example.com:81/a?b#c").unwrap());
    assert_eq!((bare.userinfo(), bare.has_credentials()), (None, false));
    assert_eq!(bare.clone().without_credentials(), bare);
}

#[test]
fn message_about_an_invalid_url_hides_its_password() {
    for input in ["http://user:secret@[bad/", "http://user:secret?@host", "//user:secret@h", "http:/secret@["] {
        let error = Url::parse(input).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn at_sign_in_the_path_is_not_userinfo() {
    let url = Url::parse("https://example.com/@me").unwrap();
    assert!(!url.has_credentials());
    assert_eq!((url.host(), url.port(), url.path()), ("example.com", 443, "/@me"));
    assert_eq!(url.query(), None);
}

#[test]
fn urls_other_than_http_are_refused() {
    for (input, kind) in [
        ("ftp://example.com/", ErrorKind::UnsupportedScheme),
        ("mailto:a@example.com", ErrorKind::UnsupportedScheme),
        ("/relative", ErrorKind::InvalidUrl),
        ("http://", ErrorKind::InvalidUrl),
        ("", ErrorKind::InvalidUrl),
    ] {
        assert_eq!(Url::parse(input).unwrap_err().kind(), kind, "{input}");
    }
}

#[test]
fn join_resolves_relative_links() {
    let base = Url::parse("http://example.com/a/b?q#f").unwrap();
    for (link, expected) in [
        ("c", "http://example.com/a/c"),
        ("../c", "http://example.com/c"),
        ("?x", "http://example.com/a/b?x"),
        ("//other.example/x", "http://other.example/x"),
        ("#g", "http://example.com/a/b?q#g"),
    ] {
        assert_eq!(base.join(link).unwrap().as_str(), expected);
    }
    assert_eq!(safe_excerpt("http://user:secret@[bad/x"), "\u{2026}@[bad/x");
    assert_eq!(safe_excerpt("http:\nnext line"), "http:\u{fffd}next line");
    assert_eq!(base.without_fragment().as_str(), "http://example.com/a/b?q");
}
