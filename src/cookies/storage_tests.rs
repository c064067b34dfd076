//! Each rule of the cookie storage.

use super::*;

const NOW: u64 = 1_800_000_000;
const DAY: u64 = 24 * 60 * 60;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// Returns the cookies that a jar sends to `to`, `later` seconds after `from` has set `cookies`.
fn sent_later(from: &str, cookies: &[&str], to: &str, later: u64) -> String {
    let mut storage = CookieStorage::default();
    for cookie in cookies {
        let _ = storage.set(&url(from), cookie, NOW);
    }
    let found = storage.matching(&url(to), NOW + later);
    found.into_iter().map(StoredCookie::pair).collect::<Vec<_>>().join("; ")
}

fn sent(from: &str, cookie: &str, to: &str) -> bool {
    !sent_later(from, &[cookie], to, 0).is_empty()
}

#[test]
fn cookie_without_a_domain_is_sent_to_its_host_alone() {
    for (to, expected) in [
        ("http://example.com/", true),
        ("http://example.com:8080/", true),
        ("https://example.com/", true),
        ("http://a.example.com/", false),
        ("http://com/", false),
        ("http://other.example/", false),
    ] {
        assert_eq!(sent("http://example.com/", "a=b", to), expected, "{to}");
    }
}

#[test]
fn cookie_with_a_domain_is_sent_to_subdomains() {
    for (domain, to, expected) in [
        ("example.com", "http://example.com/", true),
        (".Example.COM", "http://b.example.com/", true),
        ("a.example.com", "http://example.com/", false),
        ("a.example.com", "http://b.a.example.com/", true),
        ("b.a.example.com", "http://b.a.example.com/", false),
        ("other.example", "http://other.example/", false),
        ("com", "http://com/", false),
        ("", "http://a.example.com/", true),
        ("", "http://b.a.example.com/", false),
    ] {
        let cookie = format!("a=b; Domain={domain}");
        assert_eq!(sent("http://a.example.com/", &cookie, to), expected, "{domain} {to}");
    }
}

#[test]
fn cookies_for_public_suffixes_are_refused() {
    assert!(!sent("http://a.co.uk/", "a=b; domain=co.uk", "http://b.co.uk/"));
    assert!(!sent("http://me.github.io/", "a=b; domain=github.io", "http://you.github.io/"));
    // The suffix itself may set a cookie for itself alone.
    assert!(sent("http://github.io/", "a=b; domain=github.io", "http://github.io/"));
    assert!(!sent("http://github.io/", "a=b; domain=github.io", "http://me.github.io/"));
    assert!(sent("http://localhost/", "a=b; domain=localhost", "http://localhost/"));
    assert!(sent("http://127.0.0.1/", "a=b; domain=127.0.0.1", "http://127.0.0.1:81/"));
    assert!(!sent("http://127.0.0.1/", "a=b; domain=0.0.1", "http://127.0.0.1/"));
    assert!(sent("http://[::1]/", "a=b", "http://[::1]/"));
}

#[test]
fn cookie_is_sent_to_its_path_and_below() {
    for (from, cookie, to, expected) in [
        ("http://h.example/a/b", "a=b", "http://h.example/a/c", true),
        ("http://h.example/a/b", "a=b", "http://h.example/", false),
        ("http://h.example/a/b", "a=b; path=/", "http://h.example/", true),
        ("http://h.example/", "a=b; path=/x", "http://h.example/x/y?z", true),
        ("http://h.example/", "a=b; path=/x", "http://h.example/xy", false),
        ("http://h.example/a/b", "a=b; path=x", "http://h.example/a/c", true),
    ] {
        assert_eq!(sent(from, cookie, to), expected, "{from} {cookie} {to}");
    }
}

#[test]
fn secure_cookie_is_sent_over_https_only() {
    assert!(sent("https://h.example/", "a=b; Secure", "https://h.example/"));
    assert!(!sent("https://h.example/", "a=b; Secure", "http://h.example/"));
    assert!(!sent("http://h.example/", "a=b; Secure", "https://h.example/"));
    // Nor can a cookie over http replace it.
    let mut storage = CookieStorage::default();
    storage.set(&url("https://h.example/"), "a=secret; Secure", NOW).unwrap();
    assert!(storage.set(&url("http://h.example/x/y"), "a=forged; path=/x", NOW).is_err());
    assert!(storage.set(&url("http://sub.h.example/"), "a=forged; domain=h.example", NOW).is_err());
    assert!(storage.set(&url("http://h.example/"), "other=fine", NOW).is_ok());
}

#[test]
fn name_prefix_requires_its_attributes() {
    for (cookie, expected) in [
        ("__Host-a=b; Secure; Path=/", true),
        ("__Host-a=b; Secure", false),
        ("__Host-a=b; Secure; Path=/; Domain=h.example", false),
        ("__host-a=b; Path=/", false),
        ("__Secure-a=b; Secure", true),
        ("__Secure-a=b", false),
    ] {
        assert_eq!(sent("https://h.example/", cookie, "https://h.example/"), expected, "{cookie}");
    }
}

#[test]
fn cookie_is_sent_until_it_expires() {
    let lives = |cookie: &str, later: u64| !sent_later("http://h/", &[cookie], "http://h/", later).is_empty();
    assert!(lives("a=b", u64::MAX / 2));
    assert!(lives("a=b; max-age=10", 9) && !lives("a=b; max-age=10", 10));
    assert!(!lives("a=b; max-age=0", 0) && !lives("a=b; max-age=-5", 0));
    // NOW is Fri, 15 Jan 2027 08:00:00 GMT.
    assert!(lives("a=b; expires=Fri, 15 Jan 2027 08:00:10 GMT", 9));
    assert!(!lives("a=b; expires=Fri, 15 Jan 2027 08:00:10 GMT", 10));
    assert!(lives("a=b; expires=Friday, 15-Jan-27 08:00:10 GMT", 9));
    assert!(!lives("a=b; expires=Thu, 01 Jan 1970 00:00:00 GMT", 0));
    assert!(lives("a=b; expires=Thu, 01 Jan 1970 00:00:00 GMT; max-age=10", 9), "max-age wins");
    assert!(lives("a=b; max-age=99999999999999999999", 399 * DAY));
    assert!(!lives("a=b; max-age=99999999999999999999", 400 * DAY));
}

#[test]
fn cookie_replaces_the_previous_and_can_be_deleted() {
    let all = |cookies: &[&str]| sent_later("http://h.example/", cookies, "http://h.example/", 0);
    assert_eq!(all(&["a=1", "b=2", "a=3"]), "a=3; b=2");
    assert_eq!(all(&["a=1", "b=2", "a=; max-age=0"]), "b=2");
    assert_eq!(all(&["a=1", "a=2; domain=h.example"]), "a=1; a=2");
}

#[test]
fn cookies_of_longer_paths_are_sent_first() {
    let cookies = ["a=1; path=/", "b=2; path=/x/y", "c=3; path=/x"];
    assert_eq!(sent_later("http://h/", &cookies, "http://h/x/y/z", 0), "b=2; c=3; a=1");
}

#[test]
fn malformed_cookies_are_ignored() {
    let long = format!("a={}", "x".repeat(MAX_HEADER_LENGTH));
    for cookie in ["", "=", ";", "a=\u{1}", "a=b\r\nc=d", &long] {
        assert!(CookieStorage::default().set(&url("http://h/"), cookie, NOW).is_err(), "{cookie:?}");
    }
    assert_eq!(sent_later("http://h/", &["a=b; what=ever; =; path"], "http://h/", 0), "a=b");
}

#[test]
fn jar_is_bounded_and_drops_the_oldest_cookies() {
    let mut storage = CookieStorage::default();
    for index in 0..60 {
        storage.set(&url("http://h.example/"), &format!("c{index}=x"), NOW).unwrap();
    }
    let names: Vec<_> = storage.matching(&url("http://h.example/"), NOW).iter().map(|it| it.name.clone()).collect();
    assert_eq!((names.len(), &*names[0], &*names[49]), (50, "c10", "c59"));
    for index in 0..3000 {
        storage.set(&url(&format!("http://h{index}.example/")), "a=b", NOW).unwrap();
    }
    assert_eq!(storage.unexpired(NOW).count(), MAX_COUNT);
    assert!(storage.matching(&url("http://h.example/"), NOW).is_empty());
    assert_eq!(storage.matching(&url("http://h2999.example/"), NOW).len(), 1);
}

/// The hosts that share only a public suffix, in each spelling of a trailing dot. No cookie may pass between them.
#[test]
fn trailing_dot_does_not_pass_the_public_suffix_rule() {
    for (from, domain, to) in [
        // A suffix of a single label, of two labels, of a wildcard rule, of a private rule, and of no rule.
        ("evil.com.", "com.", "victim.com."),
        ("foo.co.uk.", "co.uk.", "bar.co.uk."),
        ("foo.something.ck.", "something.ck.", "bar.something.ck."),
        ("me.github.io.", "github.io.", "you.github.io."),
        ("a.unlisted.", "unlisted.", "b.unlisted."),
        ("a.localhost.", "localhost.", "b.localhost."),
        // A leading dot, several of them, and mixed case.
        ("evil.com.", ".com.", "victim.com."),
        ("evil.com.", "..com.", "victim.com."),
        ("EVIL.com.", "CoM.", "victim.COM."),
        ("foo.co.uk.", ".Co.uK.", "bar.co.uk."),
        // Several trailing dots, and empty labels within the name.
        ("evil.com..", "com..", "victim.com.."),
        ("evil.com...", ".com...", "victim.com..."),
        ("evil..com", "..com", "victim..com"),
        ("evil..com.", "..com.", "victim..com."),
        ("foo.co..uk", "co..uk", "bar.co..uk"),
        ("foo..co.uk", "..co.uk", "bar..co.uk"),
        // The dot alone.
        ("evil.com.", ".", "victim.com."),
        ("evil.com.", "..", "victim.com."),
        ("evil.com..", "..", "victim.com.."),
        // Suffixes outside of ASCII.
        ("a.\u{516c}\u{53f8}.cn.", "xn--55qx5d.cn.", "b.xn--55qx5d.cn."),
        ("a.xn--55qx5d.cn.", "XN--55QX5D.CN.", "b.xn--55qx5d.cn."),
        ("a.\u{516c}\u{53f8}.cn.", "\u{516c}\u{53f8}.cn.", "b.xn--55qx5d.cn."),
        // The ideographic full stop is a dot in a URL.
        ("evil.com\u{3002}", "com.", "victim.com."),
        ("evil.com\u{3002}", "com\u{3002}", "victim.com."),
        // The same hosts with and without the dot.
        ("evil.com", "com.", "victim.com."),
        ("evil.com.", "com", "victim.com"),
        ("evil.com.", "com", "victim.com."),
        ("evil.com", "com.", "victim.com"),
        // Parts of addresses.
        ("127.0.0.1", "0.0.1.", "1.0.0.1"),
        ("127.0.0.1.", "0.0.1.", "1.0.0.1."),
        ("127.0.0.1..", "0.0.1..", "1.0.0.1.."),
        ("127.0.0.1..", "1..", "1.0.0.1.."),
    ] {
        let (from, to) = (format!("http://{from}/"), format!("http://{to}/"));
        for cookie in [format!("a=b; Domain={domain}"), format!("a=b; domain = {domain} ; Path=/")] {
            assert!(!sent(&from, &cookie, &to), "{cookie} from {from} is sent to {to}");
        }
    }
}

/// As in browsers, a name with a trailing dot is another host than the name without it.
#[test]
fn host_with_a_trailing_dot_is_another_host() {
    for (from, domain, to, expected) in [
        ("example.com.", "", "example.com.", true),
        ("example.com.", "", "example.com", false),
        ("example.com", "", "example.com.", false),
        ("example.com.", "", "example.com..", false),
        ("a.example.com.", "; Domain=example.com.", "b.example.com.", true),
        ("a.example.com.", "; Domain=.Example.COM.", "b.example.com.", true),
        ("a.example.com.", "; Domain=example.com.", "example.com", false),
        ("a.example.com.", "; Domain=example.com", "b.example.com", false),
        ("a.example.com.", "; Domain=example.com", "b.example.com.", false),
        ("a.example.com", "; Domain=example.com.", "b.example.com.", false),
        ("a.example.com", "; Domain=example.com.", "b.example.com", false),
        ("a.example.co.uk.", "; Domain=example.co.uk.", "b.example.co.uk.", true),
        // A host that is itself a suffix, or has an empty label, may set a cookie for itself alone.
        ("com.", "; Domain=com.", "com.", true),
        ("com.", "; Domain=com.", "a.com.", false),
        ("localhost.", "; Domain=localhost.", "localhost.", true),
        ("localhost.", "; Domain=localhost.", "a.localhost.", false),
        ("github.io.", "; Domain=github.io.", "me.github.io.", false),
        ("example.com..", "; Domain=example.com..", "example.com..", true),
        ("example.com..", "; Domain=example.com..", "a.example.com..", false),
        // A URL drops the dot after an address, so these are the same host.
        ("127.0.0.1.", "", "127.0.0.1", true),
        ("127.0.0.1.", "; Domain=127.0.0.1", "127.0.0.1", true),
        ("127.0.0.1", "; Domain=127.0.0.1.", "127.0.0.1", false),
        ("0x7f.1.", "", "127.0.0.1", true),
        ("[::1]", "; Domain=[::1]", "[::1]", true),
        ("[::1]", "; Domain=[::1].", "[::1]", false),
    ] {
        let (from, to) = (format!("http://{from}/"), format!("http://{to}/"));
        assert_eq!(sent(&from, &format!("a=b{domain}"), &to), expected, "{from} {domain:?} {to}");
    }
}
