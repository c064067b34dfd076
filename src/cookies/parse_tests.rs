//! Reading of `set-cookie` headers, and what a `cookie` header is made of.

use super::super::CookieJar;
use super::*;
use crate::agent::CookieStore;

const NOW: u64 = 1_800_000_000;

/// An expiry that is later than any date.
const FOREVER: u64 = 9_000_000_000_000_000_000;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// Returns the expiry of a cookie that is set at `NOW`.
fn expiry(attributes: &str) -> Option<u64> {
    parse(&url("http://h.example/"), &format!("a=b; {attributes}"), NOW).unwrap().expires
}

/// Returns the `cookie` header for `to` after `from` has set `cookies`.
fn header(from: &str, cookies: &[&str], to: &str) -> String {
    let jar = CookieJar::new();
    for cookie in cookies {
        let _ = jar.add(&url(from), cookie);
    }
    let restored = CookieJar::from_json(&jar.to_json()).unwrap();
    let sent = |jar: &CookieJar| jar.cookies(&url(to)).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(sent(&jar), sent(&restored), "{cookies:?}");
    sent(&jar).unwrap_or_default()
}

/// Reads a date as RFC 6265, section 5.1.1, is written, sentence by sentence.
fn naive_date(text: &str) -> Option<u64> {
    let is_delimiter = |byte: u8| matches!(byte, 0x09 | 0x20..=0x2F | 0x3B..=0x40 | 0x5B..=0x60 | 0x7B..=0x7E);
    // The start of `token` as a number of `least` to `most` digits with no digit after it.
    let number = |token: &[u8], least: usize, most: usize| {
        let fits = |length: &usize| {
            let starts = token.len() >= *length && token[..*length].iter().all(u8::is_ascii_digit);
            starts && token.get(*length).is_none_or(|next| !next.is_ascii_digit())
        };
        let length = (least..=most).find(fits)?;
        Some((std::str::from_utf8(&token[..length]).unwrap().parse::<u64>().unwrap(), token[length..].to_vec()))
    };
    let time = |token: &[u8]| {
        let (hour, rest) = number(token, 1, 2)?;
        let (minute, rest) = number(rest.strip_prefix(b":")?, 1, 2)?;
        let (second, _) = number(rest.strip_prefix(b":")?, 1, 2)?;
        Some((hour, minute, second))
    };
    let names = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let month_name =
        |token: &[u8]| names.iter().position(|name| token.to_ascii_lowercase().starts_with(name.as_bytes()));
    let (mut clock, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.as_bytes().split(|byte| is_delimiter(*byte)).filter(|token| !token.is_empty()) {
        if clock.is_none() && time(token).is_some() {
            clock = time(token);
        } else if day.is_none() && number(token, 1, 2).is_some() {
            day = number(token, 1, 2).map(|(day, _)| day);
        } else if month.is_none() && month_name(token).is_some() {
            month = month_name(token);
        } else if year.is_none() && number(token, 2, 4).is_some() {
            year = number(token, 2, 4).map(|(year, _)| year);
        }
    }
    let ((hour, minute, second), day, month, mut year) = (clock?, day?, month?, year?);
    if (70..=99).contains(&year) {
        year += 1900;
    } else if year <= 69 {
        year += 2000;
    }
    if !(1..=31).contains(&day) || year < 1601 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let is_leap = |year: u64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = |year: u64| [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    if day > lengths(year)[month] {
        return None;
    }
    let years: u64 = (1970..year).map(|year| lengths(year).iter().sum::<u64>()).sum();
    let days = years + lengths(year)[..month].iter().sum::<u64>() + day - 1;
    // A date before 1970 has passed, like its first second.
    Some(if year < 1970 { 0 } else { ((days * 24 + hour) * 60 + minute) * 60 + second })
}

#[test]
fn dates_are_read_by_the_algorithm_of_rfc_6265() {
    for (date, expected) in [
        // The formats of HTTP, and how servers and programs vary them.
        ("Fri, 15 Jan 2027 08:00:10 GMT", Some(NOW + 10)),
        ("Friday, 15-Jan-27 08:00:10 GMT", Some(NOW + 10)),
        ("Fri Jan 15 08:00:10 2027", Some(NOW + 10)),
        ("Fri, 15-Jan-2027 08:00:10 GMT", Some(NOW + 10)),
        ("Fri, 15 Jan 2027 08:00:10 UTC", Some(NOW + 10)),
        ("Fri, 15 Jan 2027 08:00:10", Some(NOW + 10)),
        ("15 Jan 2027 08:00:10", Some(NOW + 10)),
        ("15 January 27 8:0:10", Some(NOW + 10)),
        ("jAN 15 27 08:00:10", Some(NOW + 10)),
        ("2027 Jan 15 08:00:10", Some(NOW + 10)),
        ("08:00:10 2027 15 Jan", Some(NOW + 10)),
        ("15th;Jan;2027;08:00:10", None),
        ("15th@Jan@2027@08:00:10", Some(NOW + 10)),
        ("15!Jan#2027$08:00:10", Some(NOW + 10)),
        ("\t15/Jan~2027\t[08:00:10]", Some(NOW + 10)),
        ("\"Fri, 15 Jan 2027 08:00:10 GMT\"", Some(NOW + 10)),
        ("Fri, 15 Jan 2027 08:00:10.999 GMT", Some(NOW + 10)),
        ("Fri, 15 Jan 2027 08:00:10x GMT", Some(NOW + 10)),
        // The zone has no effect.
        ("Fri, 15 Jan 2027 08:00:10 PST", Some(NOW + 10)),
        ("Fri, 15 Jan 2027 08:00:10 +0200", Some(NOW + 10)),
        // The text of JavaScript's `Date`: `toString`, `toUTCString`, and `toISOString`, which has no name of a month.
        ("Fri Jan 15 2027 08:00:10 GMT+0000 (Coordinated Universal Time)", Some(NOW + 10)),
        ("Fri Jan 15 2027 08:00:10 GMT+0200 (CEST)", Some(NOW + 10)),
        ("Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)", Some(0)),
        ("2027-01-15T08:00:10.000Z", None),
        // What servers send to delete a cookie.
        ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        ("Thu, 1 Jan 1970 00:00:00 GMT", Some(0)),
        ("Thu, 01 Jan 1970 00:00:00 UTC", Some(0)),
        ("Thu, 01-Jan-70 00:00:00 GMT", Some(0)),
        ("Thu, 01-Jan-1970 00:00:01 GMT", Some(1)),
        ("Thu Jan  1 00:00:00 1970", Some(0)),
        ("Mon, 01 Jan 1601 00:00:00 GMT", Some(0)),
        ("Sun, 31 Dec 1600 00:00:00 GMT", None),
        ("0", None),
        ("-1", None),
        ("now", None),
        ("", None),
        // The ranges.
        ("Thu, 00 Jan 2027 00:00:00 GMT", None),
        ("Thu, 32 Jan 2027 00:00:00 GMT", None),
        ("Thu, 30 Feb 2028 00:00:00 GMT", None),
        ("Tue, 29 Feb 2028 00:00:00 GMT", Some(1_835_395_200)),
        ("Mon, 29 Feb 2027 00:00:00 GMT", None),
        ("Mon, 29 Feb 2100 00:00:00 GMT", None),
        ("Fri, 15 Jan 2027 24:00:00 GMT", None),
        ("Fri, 15 Jan 2027 00:60:00 GMT", None),
        ("Fri, 15 Jan 2027 00:00:60 GMT", None),
        ("Fri, 15 Jan 2027 00:00:000 GMT", None),
        ("Fri, 15 Jan 2027 00:00 GMT", None),
        ("Fri, 15 Jan 02027 00:00:00 GMT", None),
        ("Fri, 15 Jan 202 00:00:00 GMT", None),
        ("Fri, 015 Jan 2027 00:00:00 GMT", None),
        ("Fri, 15 Ja 2027 00:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", Some(253_402_300_799)),
        ("Fri, 01 Jan 69 00:00:00 GMT", Some(3_124_224_000)),
        ("Fri, 01 Jan 99 00:00:00 GMT", Some(915_148_800)),
        ("15 J\u{e9}n 2027 08:00:10", None),
        ("15\u{e9} Jan\u{e9} 2027\u{e9} 08:00:10\u{e9}", Some(NOW + 10)),
    ] {
        assert_eq!(expiry(&format!("Expires={date}")), expected, "{date:?}");
        // A semicolon ends the attribute, so the algorithm never sees it.
        if !date.contains(';') {
            assert_eq!(naive_date(date), expected, "the RFC reads {date:?} so");
        }
    }
}

#[test]
fn every_order_and_delimiter_of_a_date_is_read_as_the_rfc_says() {
    let parts = ["Fri", "15", "Jan", "2027", "08:00:10", "70", "7:8:9", "GMT", "0", "\u{e9}5"];
    let delimiters =
        (0x09..0x7F).map(char::from).filter(|delimiter| *delimiter != ';' && *delimiter >= ' ' || *delimiter == '\t');
    // A fixed sequence of numbers selects the parts, so that a failure is repeatable.
    let mut state = 7_u32;
    let mut next = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as usize % below
    };
    let mut valid = 0;
    for delimiter in delimiters {
        for _ in 0..200 {
            let text: Vec<_> = (0..4 + next(4)).map(|_| parts[next(parts.len())]).collect();
            let text = text.join(&delimiter.to_string());
            let expected = naive_date(text.trim_matches([' ', '\t']));
            valid += usize::from(expected.is_some());
            assert_eq!(expiry(&format!("expires={text}")), expected, "{text:?}");
        }
    }
    assert!(valid > 500, "{valid}");
}

#[test]
fn max_age_that_is_no_number_is_ignored() {
    let date = "Expires=Fri, 15 Jan 2027 08:00:10 GMT";
    for (value, expected) in [
        ("10", Some(NOW + 10)),
        ("010", Some(NOW + 10)),
        (" 10 ", Some(NOW + 10)),
        ("0", Some(0)),
        ("00", Some(0)),
        ("-0", Some(0)),
        ("-1", Some(0)),
        ("-99999999999999999999999", Some(0)),
        ("99999999999999999999999", Some(FOREVER)),
        ("", None),
        ("-", None),
        ("--1", None),
        ("+1", None),
        ("1.5", None),
        ("1e3", None),
        ("1 0", None),
        ("10s", None),
        ("s10", None),
        ("0x10", None),
        ("\"10\"", None),
        ("\u{661}", None),
        ("null", None),
        ("undefined", None),
        ("NaN", None),
    ] {
        let got = |attributes: &str| match expiry(attributes) {
            // An expiry at or before `NOW` is the same as the first second of 1970.
            Some(0..=NOW) => Some(0),
            other => other.map(|expires| expires.min(FOREVER)),
        };
        assert_eq!(got(&format!("Max-Age={value}")), expected, "{value:?}");
        // A valid `Max-Age` wins over `Expires` and over an earlier `Max-Age`; an ignored value does not.
        let date_or_expected = expected.or(Some(NOW + 10));
        assert_eq!(got(&format!("Max-Age={value}; {date}")), date_or_expected, "{value:?} before a date");
        assert_eq!(got(&format!("{date}; max-age={value}")), date_or_expected, "{value:?} after a date");
        assert_eq!(got(&format!("Max-Age=20; MAX-AGE={value}")), expected.or(Some(NOW + 20)), "{value:?} after 20");
    }
    assert_eq!(expiry("Max-Age"), None);
    assert_eq!(expiry(&format!("{date}; Expires=never")), Some(NOW + 10));
    assert_eq!(expiry(&format!("Expires=Thu, 01 Jan 1970 00:00:00 GMT; {date}")), Some(NOW + 10), "the last date wins");
}

#[test]
fn cookie_without_a_name_is_kept() {
    for (cookie, expected) in [
        ("a", "a"),
        ("=a", "a"),
        (" = a ", "a"),
        ("a; Path=/; HttpOnly", "a"),
        ("=a; Path=/", "a"),
        ("==a", "=a"),
        ("=a=b", "a=b"),
        ("a b", "a b"),
        ("a\tb", "a\tb"),
        ("\"a\"", "\"a\""),
        ("a=", "a="),
        ("a==", "a=="),
        ("a=b=c", "a=b=c"),
        // Neither a name nor a value.
        ("", ""),
        (" ", ""),
        ("=", ""),
        (" = ", ""),
        (";", ""),
        ("; a=b", ""),
        ("=; a=b", ""),
        // The value would pass as a cookie with a prefix in its name.
        ("__Secure-a=b", ""),
        ("=__Secure-a=b; Secure", ""),
        ("=__secure-a; Secure", ""),
        ("=__Host-a=b; Secure; Path=/", ""),
        ("__hOST-a; Secure; Path=/", ""),
        ("__Secure-; Secure", ""),
        ("=__Secur", "__Secur"),
    ] {
        assert_eq!(header("https://h.example/", &[cookie], "https://h.example/"), expected, "{cookie:?}");
    }
    // The empty name is a name: a later cookie replaces an earlier, and can delete it.
    let all = |cookies: &[&str]| header("https://h.example/", cookies, "https://h.example/");
    assert_eq!(all(&["a", "b=1", "=c"]), "c; b=1");
    assert_eq!(all(&["a", "b=1", "x; Max-Age=0"]), "b=1");
    let jar = CookieJar::new();
    jar.add(&url("https://h.example/"), "alone").unwrap();
    assert_eq!(jar.get(&url("https://h.example/"), "").as_deref(), Some("alone"));
    assert_eq!(jar.get(&url("https://h.example/"), "alone"), None);
}

#[test]
fn last_attribute_wins_and_unknown_attributes_are_ignored() {
    let long = "x".repeat(1025);
    for (attributes, to, expected) in [
        ("Domain=h.example; Domain=", "https://sub.h.example/", false),
        ("Domain=; Domain=h.example", "https://sub.h.example/", true),
        ("Domain=.", "https://sub.h.example/", false),
        ("Domain=.h.example", "https://sub.h.example/", true),
        ("Domain=..h.example", "https://h.example/", false),
        ("Domain", "https://sub.h.example/", false),
        ("Path=/x; Path=/", "https://h.example/", true),
        ("Path=/; Path=/x", "https://h.example/", false),
        ("Path=/x; Path=", "https://h.example/", true),
        ("Path=/x; Path", "https://h.example/", true),
        ("secure=false", "http://h.example/", false),
        ("SECURE", "http://h.example/", false),
        ("Secured; =; what=ever", "http://h.example/", true),
        // An attribute of more than 1,024 bytes is ignored (RFC 6265bis, section 5.6).
        (&format!("Path=/{long}"), "https://h.example/", true),
    ] {
        let sent = header("https://h.example/", &[&format!("a=b; {attributes}")], to);
        assert_eq!(sent == "a=b", expected, "{attributes} {to}");
    }
    // Only spaces and tabs around names and values are removed.
    assert_eq!(header("https://h.example/", &[" \ta\t =\t b \t; Path=/"], "https://h.example/"), "a=b");
}

#[test]
fn loopback_hosts_keep_and_receive_secure_cookies() {
    for (host, expected) in [
        ("localhost", true),
        ("LOCALHOST", true),
        ("localhost.", true),
        ("localhost:8080", true),
        ("a.localhost", true),
        ("a.b.localhost", true),
        ("a.localhost.", true),
        ("127.0.0.1", true),
        ("127.0.0.1:3000", true),
        ("127.255.255.254", true),
        ("0x7f000001", true),
        ("[::1]", true),
        ("[0:0:0:0:0:0:0:1]:81", true),
        ("[::ffff:127.0.0.1]", true),
        ("example.com", false),
        ("localhost.example.com", false),
        ("notlocalhost", false),
        ("localhost..", false),
        ("localhos", false),
        ("127.0.0.1.example.com", false),
        ("128.0.0.1", false),
        ("0.0.0.0", false),
        ("192.168.0.1", false),
        ("[::2]", false),
        ("[::]", false),
        ("[fe80::1]", false),
    ] {
        let (http, https) = (format!("http://{host}/"), format!("https://{host}/"));
        for cookie in ["a=b; Secure", "__Secure-a=b; Secure", "__Host-a=b; Secure; Path=/"] {
            for (from, to) in [(&http, &http), (&http, &https), (&https, &http)] {
                assert_eq!(!header(from, &[cookie], to).is_empty(), expected, "{cookie} from {from} to {to}");
            }
            assert!(!header(&https, &[cookie], &https).is_empty());
        }
        // As over https, a secure cookie can be replaced.
        let replaced = header(&http, &["a=1; Secure", "a=2"], &http);
        assert_eq!(replaced, "a=2", "{host}");
    }
}

#[test]
fn cookie_header_is_bounded() {
    let page = "https://h.example/x/y";
    let value = |letter: &str, length: usize| letter.repeat(length);
    // 50 cookies of 4,000 bytes.
    let many: Vec<_> = (0..50).map(|index| format!("c{index:02}={}", value("x", 3996))).collect();
    let sent = header(page, &many.iter().map(String::as_str).collect::<Vec<_>>(), page);
    assert!("cookie: ".len() + sent.len() <= 8190, "{} bytes", sent.len());
    assert_eq!(sent, format!("{}; {}", many[0], many[1]));
    // The bound holds to the byte.
    let room = 8190 - "cookie: b=; a=".len();
    for (length, expected) in [(room, 8190), (room + 1, "cookie: b=".len())] {
        let exact = format!("a={}", value("x", length));
        let sent = header(page, &["b=", &exact], page);
        assert_eq!("cookie: ".len() + sent.len(), expected);
    }
    // A cookie that does not fit leaves its place to shorter cookies behind it.
    let (large, second) = (format!("a={}", value("x", 5000)), format!("b={}", value("y", 5000)));
    assert_eq!(header(page, &[&large, &second, "c=1"], page), format!("{large}; c=1"));
    // Longer paths come first, but secure cookies have precedence: a page over http cannot crowd out a session.
    let early = format!("a={}; Path=/x", value("x", 8000));
    let secure = format!("sid={}", value("s", 500));
    assert_eq!(header(page, &[&early, &format!("{secure}; Path=/; Secure")], page), secure);
    assert_eq!(header(page, &["a=1; Path=/x", "sid=2; Path=/; Secure"], page), "a=1; sid=2");
    // A cookie that could never be sent is refused.
    let jar = CookieJar::new();
    let room = 8190 - "cookie: a=".len();
    assert!(jar.add(&url(page), &format!("a={}", value("x", room))).is_ok());
    assert!(jar.add(&url(page), &format!("a={}", value("x", room + 1))).is_err());
}
