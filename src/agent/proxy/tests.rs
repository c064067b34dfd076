//! Tests of the URL of a proxy, its credentials and its headers.

use super::*;

fn proxy(text: &str) -> Proxy {
    Proxy::parse(text).unwrap()
}

#[test]
fn each_scheme_has_a_default_port_and_http_is_the_default_scheme() {
    for (text, expected) in [
        ("http://Proxy.Example", "http://proxy.example:80"),
        ("http://proxy:443/", "http://proxy:443"),
        ("https://proxy", "https://proxy:443"),
        ("HTTPS://proxy:80", "https://proxy:80"),
        ("socks4://proxy", "socks4://proxy:1080"),
        ("Socks4A://proxy:80", "socks4a://proxy:80"),
        ("socks5://proxy", "socks5://proxy:1080"),
        ("socks5://proxy:80", "socks5://proxy:80"),
        ("socks5h://proxy:443", "socks5h://proxy:443"),
        ("socks://proxy:1/", "socks5h://proxy:1"),
        ("proxy:3128", "http://proxy:3128"),
        (" 10.0.0.1 ", "http://10.0.0.1:80"),
        ("socks5://[0:0::1]:9", "socks5://[::1]:9"),
    ] {
        assert_eq!(proxy(text).to_string(), expected, "{text}");
    }
}

#[test]
fn invalid_proxy_is_refused_without_showing_its_password() {
    use ErrorKind::{InvalidRequest, InvalidUrl, UnsupportedScheme};
    for (text, kind) in [
        ("", InvalidUrl),
        ("http://", InvalidUrl),
        ("http://u:secret@proxy/path", InvalidUrl),
        ("http://u:secret@proxy/?q", InvalidUrl),
        ("http://u:secret@proxy/#f", InvalidUrl),
        ("http://u:secret@proxy:99999", InvalidUrl),
        ("u:secret@[bad", InvalidUrl),
        ("socks4://u:secret@proxy", InvalidRequest),
        ("socks6://u:secret@proxy", UnsupportedScheme),
        ("secret://u:secret@proxy", UnsupportedScheme),
        ("http://u:sec%00ret@proxy", InvalidRequest),
        ("http://u%3a:secret@proxy", InvalidRequest),
        ("socks5://:secret@proxy", InvalidRequest),
    ] {
        let error = Proxy::parse(text).unwrap_err();
        assert_eq!(error.kind(), kind, "{text}: {error}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn credentials_are_decoded_and_never_shown() {
    let header = |proxy: Proxy| proxy.forwarding().authorization.unwrap();
    let from_url = proxy("http://us%40er:p%3Ass@proxy:1");
    // `us@er:p:ss`
    assert_eq!(header(from_url.clone()), "Basic dXNAZXI6cDpzcw==");
    assert!(header(from_url.clone()).is_sensitive());
    assert_eq!(from_url, proxy("proxy:1").credentials("us@er", "p:ss").unwrap());
    for shown in [format!("{from_url:?}"), format!("{from_url}"), format!("{:?}", from_url.forwarding())] {
        assert!(!shown.contains("dXNA") && !shown.contains("p:ss") && !shown.contains("us@er"), "{shown}");
    }
    let socks = proxy("socks5://us%40er:p%3Ass@proxy");
    assert!(socks.login == Login::Socks(b"\x01\x05us@er\x04p:ss".to_vec()));
    assert_eq!(socks.forwarding().authorization, None);
    assert!(!format!("{socks:?}").contains("us@er"));
}

#[test]
fn only_http_proxies_forward_and_only_http_origins() {
    let forwards = |proxy: &Proxy, url: &str| proxy.forwards(&Url::parse(url).unwrap().origin());
    for http in ["http://proxy", "https://proxy"].map(proxy) {
        assert!(forwards(&http, "http://example.com/") && !forwards(&http, "https://example.com/"));
        assert!(!forwards(&http.tunnel_all(true), "http://example.com/"));
    }
    for socks in ["socks4://proxy", "socks4a://proxy", "socks5://proxy", "socks5h://proxy"].map(proxy) {
        assert!(!forwards(&socks, "http://example.com/") && !forwards(&socks, "https://example.com/"));
    }
}

#[test]
fn header_that_cannot_be_sent_is_refused_without_showing_its_value() {
    for (url, name, value) in [
        ("http://proxy", "", "secret"),
        ("http://proxy", "a b", "secret"),
        ("http://proxy", "x-a", "secret\r\nx-b: c"),
        ("http://proxy", "x-a", "secret\0"),
        ("http://proxy", "host", "secret"),
        ("http://proxy", "Content-Length", "1"),
        ("https://proxy", "transfer-encoding", "chunked"),
        ("http://proxy", "connection", "close"),
        ("http://proxy", "expect", "100-continue"),
        ("http://proxy", "upgrade", "x"),
        ("http://proxy", "te", "trailers"),
        ("http://proxy", "trailer", "x-a"),
        ("socks4://proxy", "x-a", "secret"),
        ("socks4a://proxy", "x-a", "secret"),
        ("socks5://proxy", "x-a", "secret"),
        ("socks5h://proxy", "x-a", "secret"),
    ] {
        let error = proxy(url).header(name, value).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{url} {name}: {error}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn headers_are_never_shown_and_are_part_of_the_proxy() {
    let with = proxy("http://proxy").header("x-token", "secret").unwrap().header("x-plain", "also secret").unwrap();
    let proxies = Proxies::all(with.clone()).unwrap();
    for shown in [format!("{with} {with:?}"), format!("{:?}", with.forwarding()), format!("{proxies:?}")] {
        assert!(!shown.contains("secret"), "{shown}");
    }
    assert!(with == with.clone() && with != proxy("http://proxy"));
}
