//! Cookies with bytes that are not UTF-8.

use waterspout::Url;
use waterspout::agent::CookieStore;
use waterspout::cookies::CookieJar;
use waterspout::http::header::SET_COOKIE;
use waterspout::http::{HeaderMap, HeaderValue};

fn url() -> Url {
    Url::parse("http://example.com/").unwrap()
}

/// Returns the jar after a response with these `set-cookie` headers.
fn jar_with(cookies: &[&[u8]]) -> CookieJar {
    let header = |cookie: &&[u8]| (SET_COOKIE, HeaderValue::from_bytes(cookie).unwrap());
    let jar = CookieJar::new();
    jar.store(&url(), &cookies.iter().map(header).collect::<HeaderMap>());
    jar
}

/// Returns the bytes of the `cookie` header that a request sends.
fn sent(jar: &CookieJar) -> Vec<u8> {
    jar.cookies(&url()).map(|value| value.as_bytes().to_vec()).unwrap_or_default()
}

#[test]
fn bytes_of_a_cookie_are_sent_back_as_they_came() {
    for (cookies, expected) in [
        (&[&b"sid=caf\xE9"[..]][..], &b"sid=caf\xE9"[..]),
        (&[b"sid=\xC3\xA9\xFF"], b"sid=\xC3\xA9\xFF"),
        (&[b"n\xE9=1; Path=/; Max-Age=100"], b"n\xE9=1"),
        (&[b"\xFF\xFE"], b"\xFF\xFE"),
        // An attribute that has no effect costs no cookie.
        (&[b"sid=1; Comment=caf\xE9"], b"sid=1"),
        (&[b"sid=1; \xE9=x; Secur\xE9; Expires=\xE9"], b"sid=1"),
        // Names are compared byte by byte.
        (&[b"n\xE9=1", b"n\xE8=2", b"n\xC3\xA9=3", b"n\xE9=4"], b"n\xE9=4; n\xE8=2; n\xC3\xA9=3"),
        (&["a=\u{10FFE9}".as_bytes(), b"b=\xE9"], b"a=\xF4\x8F\xBF\xA9; b=\xE9"),
    ] {
        let jar = jar_with(cookies);
        assert_eq!(sent(&jar).escape_ascii().to_string(), expected.escape_ascii().to_string());
        let restored = CookieJar::from_json(&jar.to_json()).unwrap();
        assert_eq!((sent(&restored), restored.to_json()), (sent(&jar), jar.to_json()));
    }
}

#[test]
fn cookie_with_a_domain_that_is_not_text_is_refused() {
    assert!(jar_with(&[b"sid=1; Domain=ex\xE4mple.com"]).is_empty());
}

#[test]
fn length_limits_count_bytes() {
    let long = [&b"sid="[..], &[0xE9; 8000]].concat();
    assert_eq!(sent(&jar_with(&[&long])).len(), long.len());
    let longer = [&b"sid="[..], &[0xE9; 8200]].concat();
    assert!(jar_with(&[&longer]).is_empty());
}

#[test]
fn value_that_is_not_utf_8_is_shown_with_replacement_characters() {
    let jar = jar_with(&[b"sid=caf\xE9\xC3\xA9"]);
    assert_eq!(jar.get(&url(), "sid").as_deref(), Some("caf\u{fffd}\u{e9}"));
    jar.add(&url(), "sid=\u{10FFE9}").unwrap();
    assert_eq!(sent(&jar), "sid=\u{10FFE9}".as_bytes());
}

#[test]
fn restored_names_of_the_same_bytes_are_the_same_name() {
    let cookie = |name: &str, value: &str| {
        format!(
            r#"{{"name":"{name}","value":"{value}","domain":"example.com","hostOnly":true,"path":"/","secure":false,"expires":null}}"#
        )
    };
    // The second name stands for the bytes of the first name.
    let text = format!("[{},{}]", cookie("\u{e9}", "1"), cookie("\u{10FFC3}\u{10FFA9}", "2"));
    assert_eq!(sent(&CookieJar::from_json(&text).unwrap()), "\u{e9}=2".as_bytes());
}
