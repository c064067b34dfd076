//! Errors about malformed lines in heads and trailers: they name the line, and show no secret.

use std::error::Error as _;

use waterspout::testing::Script;
use waterspout::{Error, ErrorKind, Phase};

use crate::support::client::{ScriptedClient, once, scripted};

/// Fetches this response, which must fail, and returns the error. Nothing stays open.
fn failure(answer: impl AsRef<[u8]>) -> Error {
    let wire: ScriptedClient = scripted([once(answer).silence()]);
    let error = wire.text().unwrap_err();
    assert_eq!((wire.connector.open(), wire.client.stats().active), (0, 0), "{error}");
    error
}

#[test]
fn error_names_the_malformed_line_of_a_head() {
    for (line, shown) in [
        (&b"no colon"[..], "no colon"),
        (b"bad name: x", "bad name: x"),
        (b"x : y", "x : y"),
        (b": y", ": y"),
        (b"<b>Warning</b>: x", "<b>Warning</b>: x"),
        (b"caf\xE9: x", "caf\\xe9: x"),
        (b"x: a\0b", "x: a\\x00b"),
        (b"x: a\x7f", "x: a\\x7f"),
        (b"x: a\rb", "x: a\\rb"),
        (b"x\x01: \"", "x\\x01: \\\""),
        (b"Content-Length : 5", "Content-Length : 5"),
    ] {
        let head = [b"HTTP/1.1 200 OK\r\na: b\r\n c\r\n", line, b"\r\ncontent-length: 0\r\n\r\n"].concat();
        let error = failure(head);
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Protocol, Phase::Head), "{error}");
        let expected = format!("line 4 of the response's head is malformed: \"{shown}\" (");
        assert!(error.to_string().contains(&expected), "{expected} in {error}");
        assert!(error.source().is_some(), "{error}");
    }
}

#[test]
fn error_names_a_malformed_status_line_and_a_folded_first_line() {
    for (head, expected) in [
        ("HTTP/1.1 2000 OK\r\n\r\n", "line 1 of the response's head is malformed: \"HTTP/1.1 2000 OK\""),
        ("HTTP/1.1 200 O\x01K\r\na: b\r\n\r\n", "line 1 of the response's head is malformed: \"HTTP/1.1 200 O\\x01K\""),
        ("HTTP/1.1 200 OK\r\n a: b\r\n\r\n", "line 2 of the response's head is malformed: \" a: b\""),
        ("HTTP/1.1 200 OK\r\n\ta: b\r\n c\r\n\r\n", "line 2 of the response's head is malformed: \"\\ta: b\""),
    ] {
        let error = failure(head);
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Protocol, Phase::Head), "{error}");
        assert!(error.to_string().contains(expected), "{expected} in {error}");
    }
}

#[test]
fn error_names_the_malformed_line_of_trailers() {
    for (trailers, expected) in [
        ("no colon\r\n", "line 1 of the trailers is malformed: \"no colon\""),
        ("a: b\r\n\tc\r\nx : y\r\nz: z\r\n", "line 3 of the trailers is malformed: \"x : y\""),
        (" a: b\r\n", "line 1 of the trailers is malformed: \" a: b\""),
    ] {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n";
        let error = failure(format!("{head}{trailers}\r\n"));
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Protocol, Phase::Body), "{error}");
        assert!(error.to_string().contains(expected), "{expected} in {error}");
    }
}

#[test]
fn line_is_shortened() {
    let error = failure(format!("HTTP/1.1 200 OK\r\n{}\r\n\r\n", "\u{e9}".repeat(10_000)));
    let text = error.to_string();
    assert!(text.contains("\\xc3\\xa9\u{2026}\"") && text.len() < 600, "{text}");
}

#[test]
fn values_that_may_be_secret_are_not_shown() {
    for line in [
        "Set-Cookie : sid=SECRET",
        "Set-Cookie sid=SECRET",
        "Set-Cookie: sid=SECRET\x01",
        "set-cookie\t: SECRET",
        "Set-Cookie2 : SECRET",
        "WWW-Authenticate : Digest nonce=\"SECRET\"",
        "Authentication-Info: SECRET\x02",
        "X-Api-Key: SECRET\x02",
        "X-CSRF-Token: SECRET\x02",
        "Location: /callback?code=SECRET\x02",
        "Location : http://user:SECRET@example.com/",
        "sid=SECRET; Path=/",
    ] {
        let error = failure(format!("HTTP/1.1 200 OK\r\n{line}\r\ncontent-length: 0\r\n\r\n"));
        let shown = format!("{error} {error:?} {:?}", error.source().map(ToString::to_string));
        assert!(shown.contains("line 2 of the response's head") && !shown.contains("SECRET"), "{shown}");
    }
}

#[test]
fn informational_head_is_named_too() {
    let script = Script::new().expect_head().send("HTTP/1.1 103 Early Hints\r\nlink\r\n\r\n").silence();
    let error = scripted([script]).text().unwrap_err();
    assert!(error.to_string().contains("line 2 of the response's head is malformed: \"link\""), "{error}");
}
