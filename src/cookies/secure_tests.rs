//! Secure cookies are left alone: http neither removes nor hides a cookie that https has set (RFC 6265bis, section 5.7).

use super::*;

const NOW: u64 = 1_800_000_000;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn sent(storage: &CookieStorage, to: &str) -> String {
    let found = storage.matching(&url(to), NOW);
    found.into_iter().map(StoredCookie::pair).collect::<Vec<_>>().join("; ")
}

/// Sets a cookie, unless a rule refuses it.
fn set(storage: &mut CookieStorage, from: &str, cookie: &str) {
    let _ = storage.set(&url(from), cookie, NOW);
}

#[test]
fn http_does_not_evict_secure_cookies_of_its_domain() {
    for (count, from, attributes) in [
        (1, "http://a.example.com/", "; Domain=example.com"),
        (49, "http://a.example.com/", "; Domain=example.com"),
        (50, "http://a.example.com/", "; Domain=example.com"),
        (51, "http://a.example.com/", "; Domain=example.com; Path=/"),
        (200, "http://a.example.com/", "; Domain=example.com"),
        (200, "http://example.com/", "; Domain=example.com; Max-Age=1000"),
        (200, "http://example.com/", ""),
        (200, "http://example.com:8080/x/y", "; Path=/"),
    ] {
        for secure_domain in ["; Domain=example.com", ""] {
            let mut storage = CookieStorage::default();
            set(&mut storage, "https://example.com/", &format!("sid=good; Secure{secure_domain}"));
            for index in 0..count {
                set(&mut storage, from, &format!("c{index}=x{attributes}"));
            }
            // The attack: the name is free once its cookie has been evicted.
            for evil in ["sid=evil", "sid=evil; Path=/", "sid=evil; Domain=example.com", "=sid=evil", "= sid =evil"] {
                set(&mut storage, from, evil);
            }
            let header = sent(&storage, "https://example.com/");
            assert!(header.contains("sid=good"), "{count} from {from}{attributes}: {header}");
            assert!(!header.contains("evil"), "{count} from {from}{attributes}: {header}");
        }
    }
}

/// Returns the cookies that are left of a sequence in a place for `limit`: the oldest insecure cookie goes first.
fn naive_eviction(sequence: &[bool], limit: usize) -> Vec<usize> {
    let mut left: Vec<usize> = Vec::new();
    for index in 0..sequence.len() {
        left.push(index);
        if left.len() > limit {
            let first = left.iter().position(|index| !sequence[*index]).unwrap_or(0);
            left.remove(first);
        }
    }
    left
}

/// Runs of cookies: `true` is a secure cookie.
fn sequence(runs: &[(bool, usize)]) -> Vec<bool> {
    runs.iter().flat_map(|(secure, count)| std::iter::repeat_n(*secure, *count)).collect()
}

fn attribute(secure: bool) -> &'static str {
    if secure { "; Secure" } else { "" }
}

#[test]
fn insecure_cookies_of_a_domain_are_evicted_first() {
    for runs in [
        &[(true, 1), (false, 50)][..],
        &[(true, 49), (false, 2)],
        &[(true, 50), (false, 1)],
        &[(true, 50), (false, 10), (true, 1)],
        &[(true, 51)],
        &[(false, 51)],
        &[(false, 50), (true, 1)],
        &[(false, 25), (true, 25), (false, 1)],
        &[(false, 25), (true, 25), (true, 30)],
        &[(true, 25), (false, 25), (true, 1), (false, 1), (true, 30), (false, 3)],
        &[(false, 1), (true, 60), (false, 60)],
    ] {
        let sequence = sequence(runs);
        let mut storage = CookieStorage::default();
        for (index, secure) in sequence.iter().enumerate() {
            set(&mut storage, "https://h.example/", &format!("{index}=x{}", attribute(*secure)));
        }
        let left: Vec<usize> = storage.unexpired(NOW).map(|cookie| cookie.name.parse().unwrap()).collect();
        assert_eq!(left, naive_eviction(&sequence, MAX_PER_DOMAIN), "{runs:?}");
    }
}

#[test]
fn insecure_cookies_of_the_jar_are_evicted_first() {
    for runs in [
        &[(true, 1), (false, MAX_COUNT)][..],
        &[(true, MAX_COUNT), (false, 1)],
        &[(true, MAX_COUNT - 1), (false, 20), (true, 2)],
        &[(false, 10), (true, MAX_COUNT)],
        &[(false, MAX_COUNT), (true, 10), (false, 10)],
    ] {
        let sequence = sequence(runs);
        let mut storage = CookieStorage::default();
        for (index, secure) in sequence.iter().enumerate() {
            // Each domain has at most 40 cookies, so that only the limit of the jar is reached.
            let from = format!("https://h{}.example/", index / 40);
            set(&mut storage, &from, &format!("{index}=x{}", attribute(*secure)));
        }
        let left: Vec<usize> = storage.unexpired(NOW).map(|cookie| cookie.name.parse().unwrap()).collect();
        assert_eq!(left, naive_eviction(&sequence, MAX_COUNT), "{runs:?}");
    }
}

#[test]
fn expired_cookies_are_evicted_before_all_others() {
    let mut storage = CookieStorage::default();
    set(&mut storage, "https://h.example/", "old=x; Secure; Max-Age=10");
    for index in 0..49 {
        set(&mut storage, "http://h.example/", &format!("{index}=x"));
    }
    storage.set(&url("http://h.example/"), "new=x", NOW + 10).unwrap();
    assert_eq!(storage.unexpired(NOW).count(), 50);
    assert!(storage.unexpired(NOW).all(|cookie| cookie.name != "old"));
}

#[test]
fn http_does_not_hide_a_secure_cookie() {
    for (secure, from, cookie, accepted) in [
        // The same name on the same host, a parent or a subdomain.
        ("sid=good; Domain=example.com", "http://example.com/", "sid=evil", false),
        ("sid=good; Domain=example.com", "http://a.example.com/", "sid=evil", false),
        ("sid=good; Domain=example.com", "http://a.example.com/", "sid=evil; Domain=example.com", false),
        ("sid=good", "http://a.example.com/", "sid=evil; Domain=example.com", false),
        ("sid=good", "http://example.com/", "sid=evil; Secure", false),
        ("sid=good", "http://example.com/", "sid=; Max-Age=0", false),
        ("sid=good", "http://example.com/", "sid", true),
        ("sid=good", "http://example.com/", "SID=evil", true),
        ("sid=good", "http://other.example/", "sid=evil", true),
        // A cookie without a name that a server reads as a cookie with the name.
        ("sid=good", "http://example.com/", "=sid=evil", false),
        ("sid=good", "http://example.com/", "=sid =evil", false),
        ("sid=good", "http://example.com/", "= sid= evil", false),
        ("sid=good", "http://example.com/", "=sid", true),
        ("=sid=good", "http://example.com/", "sid=evil", false),
        ("=good", "http://example.com/", "evil", false),
        ("=good", "http://example.com/", "==evil", false),
        // Only the paths of the secure cookie are protected.
        ("sid=good; Path=/a", "http://example.com/a/b", "sid=evil; Path=/a/b", false),
        ("sid=good; Path=/a", "http://example.com/a", "sid=evil; Path=/a", false),
        ("sid=good; Path=/a", "http://example.com/", "sid=evil; Path=/", true),
        ("sid=good; Path=/a", "http://example.com/", "sid=evil; Path=/ab", true),
        // A host with a trailing dot is another host.
        ("sid=good; Domain=example.com", "http://example.com./", "sid=evil", true),
    ] {
        let mut storage = CookieStorage::default();
        set(&mut storage, "https://example.com/", &format!("{secure}; Secure"));
        assert_eq!(storage.set(&url(from), cookie, NOW).is_ok(), accepted, "{cookie} from {from} after {secure}");
        // Over https the same cookie is accepted.
        let from = from.replace("http:", "https:");
        assert_eq!(storage.set(&url(&from), cookie, NOW), Ok(()), "{cookie} from {from} after {secure}");
    }
    // An expired cookie protects no name.
    let mut storage = CookieStorage::default();
    set(&mut storage, "https://example.com/", "sid=old; Secure; Max-Age=10");
    assert!(storage.set(&url("http://example.com/"), "sid=new", NOW + 9).is_err());
    assert_eq!(storage.set(&url("http://example.com/"), "sid=new", NOW + 10), Ok(()));
}
