//! The targets of redirects: `location` fields with bytes above 0x7F, several fields, and empty fields.

use waterspout::{ErrorKind, Phase, Redirect};

use crate::support::client::{HELLO, answers, once, scripted, send};

/// The URL that redirects.
const FROM: &str = "http://example.com/dir/page?old#kept";

/// A redirect with these bytes as its `location` fields.
fn redirect(status: u16, locations: &[&[u8]]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} Moved\r\ncontent-length: 0\r\n").into_bytes();
    for location in locations {
        head.extend([b"location: ", *location, b"\r\n"].concat());
    }
    head.extend(b"\r\n");
    head
}

/// Follows a redirect with these `location` fields. Returns the URL of the response, or the error's kind and phase.
fn followed(locations: &[&[u8]]) -> Result<String, (ErrorKind, Phase)> {
    let wire = scripted([answers([redirect(302, locations), HELLO.into()]), once(HELLO)]);
    let response = send(wire.client.get(FROM)).map_err(|error| {
        assert_eq!(wire.client.stats().active, 0);
        (error.kind(), error.phase())
    })?;
    // Another origin has a connection of its own.
    let sent = wire.sent(wire.connector.connections() - 1);
    let expected = format!("GET {} HTTP/1.1\r\nhost: {}\r\n", response.url().target(), response.url().authority());
    assert!(sent.contains(&expected), "{expected:?} in {sent:?}");
    Ok(response.url().as_str().to_owned())
}

#[test]
fn each_byte_above_ascii_is_percent_encoded_as_it_is() {
    for (location, expected) in [
        (&b"/caf\xE9"[..], "http://example.com/caf%E9#kept"),
        (b"/caf\xC3\xA9", "http://example.com/caf%C3%A9#kept"),
        (b"caf\xE9/\xFF\x80", "http://example.com/dir/caf%E9/%FF%80#kept"),
        (b"http://example.com/\xE9?\xE9#\xE9", "http://example.com/%E9?%E9#%E9"),
        (b"?\xE9", "http://example.com/dir/page?%E9#kept"),
        (b"#\xE9\xC3\xA9", "http://example.com/dir/page?old#%E9%C3%A9"),
        // The cases of WPT, `redirect-location-escape`.
        (b"top.txt?%E2%98%83%e2%98%83", "http://example.com/dir/top.txt?%E2%98%83%e2%98%83#kept"),
        (b"top.txt?\xe2\x98\x83", "http://example.com/dir/top.txt?%E2%98%83#kept"),
        (b"top.txt?\xe2\x98\x83%e2%98%83", "http://example.com/dir/top.txt?%E2%98%83%e2%98%83#kept"),
        (b"top.txt?%\xe2\x98\x83", "http://example.com/dir/top.txt?%%E2%98%83#kept"),
        (b"top.txt?\xff", "http://example.com/dir/top.txt?%FF#kept"),
        // The URL parser removes tabs, and encodes spaces and quotes.
        (b"/a\tb \"\xE9", "http://example.com/ab%20%22%E9#kept"),
        // A scheme has only ASCII letters, so this is a path.
        (b"h\xE9ttp://x/", "http://example.com/dir/h%E9ttp://x/#kept"),
    ] {
        assert_eq!(followed(&[location]).as_deref(), Ok(expected), "{}", location.escape_ascii());
    }
}

#[test]
fn slashes_before_a_host_are_ignored() {
    for (location, expected) in [
        (&b"//other.test/x"[..], "http://other.test/x#kept"),
        (b"///other.test/x", "http://other.test/x#kept"),
        (b"\\\\\\other.test/x", "http://other.test/x#kept"),
        (b"/\\/other.test", "http://other.test/#kept"),
        (b"//\t/other.test", "http://other.test/#kept"),
        (b"//////other.test:8080/", "http://other.test:8080/#kept"),
        (b"http:///other.test/x", "http://other.test/x#kept"),
        (b"/x///y", "http://example.com/x///y#kept"),
    ] {
        assert_eq!(followed(&[location]).as_deref(), Ok(expected), "{}", location.escape_ascii());
    }
    for location in [&b"//"[..], b"///", b"///:80/", b"///?a", b"////user@other.test/"] {
        assert_eq!(followed(&[location]), Err((ErrorKind::Redirect, Phase::Head)), "{}", location.escape_ascii());
    }
}

#[test]
fn every_byte_above_ascii_keeps_its_value_in_path_query_and_fragment() {
    for byte in 0x80..=0xFF_u8 {
        let location = [b"/", &[byte][..], b"?", &[byte], b"#", &[byte]].concat();
        assert_eq!(followed(&[&location]), Ok(format!("http://example.com/%{byte:02X}?%{byte:02X}#%{byte:02X}")));
    }
}

#[test]
fn host_with_utf_8_is_an_internationalized_name() {
    let expected = "http://xn--bcher-kva.example/#kept";
    assert_eq!(followed(&[b"http://b\xC3\xBCcher.example/"]).as_deref(), Ok(expected));
    assert_eq!(followed(&[b"//b\xC3\x9Ccher.example/"]).as_deref(), Ok(expected));
    assert_eq!(followed(&[b"http://b%C3%BCcher.example/"]).as_deref(), Ok(expected));
    // The URL standard decodes a host as UTF-8, and U+FFFD is not allowed in a name.
    for location in [&b"http://b\xFCcher.example/"[..], b"//\xFF/", b"http://us\xE9r:p\xE4ss@example.com/"] {
        assert_eq!(followed(&[location]), Err((ErrorKind::Redirect, Phase::Head)), "{}", location.escape_ascii());
    }
}

#[test]
fn different_location_fields_are_an_error() {
    for locations in [
        &[&b"/a"[..], b"/b"][..],
        &[b"/a", b"/a", b"/b"],
        &[b"/a", b""],
        &[b"", b"/a"],
        // The values lead to the same URL, and a comparison of URLs would depend on the URL parser.
        &[b"/a", b"/./a"],
        &[b"/\xE9", b"/\xE8"],
    ] {
        assert_eq!(followed(locations), Err((ErrorKind::Redirect, Phase::Head)), "{locations:?}");
    }
    let wire = scripted([answers([redirect(302, &[b"/a", b"/b"]), HELLO.into()])]);
    let error = send(wire.client.get(FROM)).unwrap_err();
    assert!(error.to_string().contains("`location` fields with different values"), "{error}");
    assert_eq!(wire.sent(0).matches(" HTTP/1.1\r\n").count(), 1);
}

#[test]
fn equal_location_fields_count_once() {
    let expected = Ok("http://example.com/a#kept");
    assert_eq!(followed(&[b"/a", b"/a"]).as_deref(), expected);
    assert_eq!(followed(&[b"/a", b" /a \t", b"/a"]).as_deref(), expected);
    assert_eq!(followed(&[b"/\xE9", b"/\xE9"]).as_deref(), Ok("http://example.com/%E9#kept"));
}

#[test]
fn comma_in_a_location_belongs_to_the_url() {
    assert_eq!(followed(&[b"/a, /b"]).as_deref(), Ok("http://example.com/a,%20/b#kept"));
}

#[test]
fn empty_location_leads_to_the_same_url_and_keeps_the_fragment() {
    for location in [&b""[..], b" \t "] {
        assert_eq!(followed(&[location]).as_deref(), Ok(FROM));
    }
    assert_eq!(followed(&[b"", b""]).as_deref(), Ok(FROM));
}

#[test]
fn location_of_other_responses_is_left_to_the_caller_byte_by_byte() {
    for (status, mode) in [
        (200, Redirect::Follow),
        (201, Redirect::Follow),
        (300, Redirect::Follow),
        (304, Redirect::Follow),
        (400, Redirect::Follow),
        (302, Redirect::Manual),
    ] {
        let wire = scripted([answers([redirect(status, &[b"/caf\xE9", b"/other"])])]);
        let response = send(wire.client.get(FROM).redirect(mode)).unwrap();
        assert_eq!((response.status().as_u16(), response.redirected()), (status, false));
        let locations: Vec<_> = response.headers().get_all("location").iter().map(|value| value.as_bytes()).collect();
        assert_eq!(locations, [&b"/caf\xE9"[..], b"/other"], "{status}");
    }
}
