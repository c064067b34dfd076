//! Mutated texts: URLs, cookies, stored cookie jars, and rules for proxies.

use waterspout::Url;
use waterspout::cookies::CookieJar;
use waterspout::proxy::{Proxies, Proxy};

use super::mutator::fuzz;

#[test]
fn mutated_urls_are_refused_or_stay_the_same_when_they_are_parsed_again() {
    let seeds: [&[u8]; 6] = [
        b"http://user:pass%20word@example.com:8080/a/../b;c?d=e&f=%C3%A9#g",
        b"https://[2001:db8::1]:443/",
        "http://b\u{fc}cher.example/\u{65e5}\u{672c}".as_bytes(),
        b"http://0x7f.1/",
        b"https:example.com\\path",
        b"http://xn--bcher-kva.example./",
    ];
    fuzz(&seeds, |input, _| {
        let Ok(url) = Url::parse(&String::from_utf8_lossy(input)) else { return false };
        let again = Url::parse(&url.to_string()).unwrap();
        assert_eq!((again.to_string(), again.origin() == url.origin()), (url.to_string(), true));
        // Nothing of a URL can end the request line or a header.
        assert!(format!("{} {}", url.target(), url.host()).bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()));
        assert!(!url.target().contains(' ') && !url.host().contains(' '));
        true
    });
}

#[test]
fn mutated_cookies_are_refused_or_can_be_stored() {
    let seeds: [&[u8]; 4] = [
        b"sid=31d4; Domain=example.com; Path=/a; Expires=Wed, 21 Oct 2099 07:28:00 GMT; Secure; HttpOnly; SameSite=Strict",
        b"__Secure-a=\"b c\"; Max-Age=2592000; Secure",
        b"=value; Domain=.co.uk; Max-Age=-1",
        b"a=b; path=/; unknown; expires=1 jan 1970 0:0:0",
    ];
    let url = Url::parse("https://www.example.com/a/b").unwrap();
    fuzz(&seeds, |input, _| {
        let jar = CookieJar::new();
        let is_accepted = jar.add(&url, &String::from_utf8_lossy(input)).is_ok() && !jar.is_empty();
        assert_eq!(CookieJar::from_json(&jar.to_json()).unwrap().len(), jar.len());
        assert!(jar.len() <= 1);
        is_accepted
    });
}

#[test]
fn mutated_cookie_jars_are_refused_or_restored() {
    let jar = CookieJar::new();
    let url = Url::parse("https://www.example.com/a/b").unwrap();
    for cookie in
        ["a=1; Max-Age=99999", "b=2; Domain=example.com; Secure; Max-Age=99999", "c=\"3\"; Path=/; Max-Age=99999"]
    {
        jar.add(&url, cookie).unwrap();
    }
    fuzz(&[jar.to_json().as_bytes(), b"[]"], |input, _| {
        let restored = CookieJar::from_json(&String::from_utf8_lossy(input));
        restored.is_ok_and(|jar| CookieJar::from_json(&jar.to_json()).unwrap().len() == jar.len())
    });
}

#[test]
fn mutated_proxies_and_exceptions_are_refused_or_parsed() {
    let seeds: [&[u8]; 4] = [
        b"http://user:pa%20ss@proxy.example:3128/",
        b"socks5h://[2001:db8::1]:1080",
        b"proxy.example",
        b"localhost,.corp.example,*.a.test:8080,10.0.0.0/8,[::1]:80,fd00::/8",
    ];
    let origin = Url::parse("http://www.corp.example/").unwrap().origin();
    fuzz(&seeds, |input, _| {
        let text = String::from_utf8_lossy(input);
        let proxies = Proxies::none().no_proxy(&text);
        let is_rule = proxies.is_ok_and(|proxies| proxies.for_origin(&origin).is_ok());
        let is_proxy = Proxy::parse(&text).is_ok_and(|proxy| Proxy::parse(&proxy.to_string()).is_ok());
        is_rule || is_proxy
    });
}
