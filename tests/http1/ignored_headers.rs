//! Responses with malformed lines, read with `Config::ignore_invalid_headers`.

use futures::executor::block_on;
use waterspout::agent::Config;
use waterspout::http::HeaderMap;
use waterspout::testing::Script;
use waterspout::{ErrorKind, Phase};

use crate::support::client::{HELLO, ScriptedClient, URL, once, scripted, scripted_agent};

fn lenient(scripts: impl IntoIterator<Item = Script>) -> ScriptedClient {
    scripted_agent(|agent| agent.with_config(Config::new().ignore_invalid_headers(true)), scripts)
}

/// The body and the headers of a response.
fn fetched(wire: &ScriptedClient) -> std::result::Result<(String, HeaderMap), (ErrorKind, Phase)> {
    let outcome = block_on(async {
        let response = wire.get().await?;
        let headers = response.headers().clone();
        Ok((response.text().await?, headers))
    });
    outcome.map_err(|error: waterspout::Error| (error.kind(), error.phase()))
}

/// A response with this line between two valid headers.
fn with_line(line: &[u8]) -> Vec<u8> {
    [b"HTTP/1.1 200 OK\r\na: b\r\n", line, b"content-length: 5\r\n\r\nhello"].concat()
}

#[test]
fn malformed_line_is_skipped_and_the_other_lines_are_kept() {
    for line in [
        &b"no colon\r\n"[..],
        b"no colon\n",
        b"bad name: x\r\n",
        b"x : y\r\n",
        b"x\t: y\r\n",
        b": y\r\n",
        b":\r\n",
        b"caf\xE9: x\r\n",
        b"x: a\x01b\r\n",
        b"x: \x7f\r\n",
        b"<b>Warning</b>: mysql_connect(): failed in <b>/a.php</b> on line <b>3</b>\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"\xFF\xFE\r\n",
        b"one\r\ntwo\r\n:three\r\n",
        b"Set-Cookie sid=1\r\n",
    ] {
        let wire = lenient([once(with_line(line)).silence()]);
        let (body, headers) = fetched(&wire).unwrap_or_else(|error| panic!("{error:?} {}", line.escape_ascii()));
        assert_eq!((body.as_str(), headers.len()), ("hello", 2), "{}", line.escape_ascii());
        assert_eq!((&headers["a"], &headers["content-length"]), (&"b".parse().unwrap(), &"5".parse().unwrap()));
        // However the bytes are split.
        let wire = lenient([Script::new().expect_head().drip(&with_line(line)).silence()]);
        assert_eq!(fetched(&wire).unwrap(), (body, headers));
        // Without the switch, the line is an error.
        assert_eq!(scripted([once(with_line(line)).silence()]).failure(), (ErrorKind::Protocol, Phase::Head));
    }
}

#[test]
fn line_that_could_change_the_framing_is_still_an_error() {
    for line in [
        &b"Content-Length : 3\r\n"[..],
        b"Content-Length\t: 5\r\n",
        b"content-length 3\r\n",
        b"Content Length: 3\r\n",
        b"content-length\x01: 3\r\n",
        b"\x01content-length: 3\r\n",
        b"content-\xADlength: 3\r\n",
        b"content-length: 3\x01\r\n",
        b"content-length: \x0b5\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"transfer-encoding: chunked\x01\r\n",
        b"Transfer-Encoding chunked\r\n",
        b"(Transfer-Encoding): chunked\r\n",
        b"@ transfer-encoding: chunked\r\n",
        // The line continues, and a reader that does not join lines sees another field.
        b"no colon\r\n content-type: x\r\n",
        b"x : y\r\n\tz\r\n",
        b"x: \x01\r\n y\r\n",
        // Some readers end a line at these bytes.
        b"x: a\0b\r\n",
        b"x\0: y\r\n",
        b"x: a\rb: c\r\n",
        b"bad name\r: x\r\n",
        b"x y\r\r\n",
    ] {
        for script in [once(with_line(line)), Script::new().expect_head().drip(&with_line(line))] {
            let wire = lenient([script.silence()]);
            assert_eq!(fetched(&wire), Err((ErrorKind::Protocol, Phase::Head)), "{}", line.escape_ascii());
            assert_eq!(wire.connector.open(), 0);
        }
    }
    for head in [
        "HTTP/1.1 200 OK\r\n a: b\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.1 2000 OK\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.1 099 OK\r\ncontent-length: 5\r\n\r\nhello",
        "no colon\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nno colon\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nno colon\r\ncontent-length: +5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nno colon\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\nhello",
    ] {
        assert_eq!(fetched(&lenient([once(head).silence()])), Err((ErrorKind::Protocol, Phase::Head)), "{head}");
    }
}

#[test]
fn no_inserted_byte_makes_a_framing_field_disappear() {
    // A line feed is left out: it makes two lines, and neither of them has the name of the field.
    let inserted = (0..=b' ').chain(*b"-:;=a\"\x7f\x80\xad\xff").filter(|byte| *byte != b'\n');
    for byte in inserted {
        for field in [&b"content-length: 5\r\n"[..], b"transfer-encoding: chunked\r\n"] {
            for at in 0..field.len() {
                let field = [&field[..at], &[byte], &field[at..]].concat();
                let answer = [b"HTTP/1.1 200 OK\r\na: b\r\n", &field[..], b"\r\n5\r\nhello\r\n0\r\n\r\n"].concat();
                let strict = fetched(&scripted([once(&answer)]));
                assert_eq!(fetched(&lenient([once(&answer)])), strict, "{}", field.escape_ascii());
            }
        }
    }
}

#[test]
fn error_says_why_a_line_is_not_skipped() {
    for (line, reason) in [
        ("content-length : 5\r\n", "it mentions a field that frames the message"),
        ("x y: a\r\n b\r\n", "it continues on the next line"),
        ("x: a\0\r\n", "it contains a NUL or a bare CR"),
    ] {
        let error = lenient([once(with_line(line.as_bytes())).silence()]).text().unwrap_err();
        assert!(error.to_string().contains("line 3 of the response's head is malformed"), "{error}");
        assert!(error.to_string().contains(&format!("it cannot be skipped, because {reason}")), "{error}");
    }
}

#[test]
fn connection_closes_after_a_skipped_line() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n";
    for (answer, connections) in [
        (HELLO.to_owned(), 1),
        (format!("{chunked}a: b\r\n\r\n"), 1),
        (format!("{chunked}no colon\r\n\r\n"), 2),
        (String::from_utf8(with_line(b"Connection : close\r\n")).unwrap(), 2),
        (format!("HTTP/1.1 103 Early Hints\r\nlink\r\n\r\n{HELLO}"), 2),
        ("HTTP/1.1 204 No Content\r\nno colon\r\n\r\n".to_owned(), 2),
    ] {
        let wire = lenient([once(&answer).expect_head().send(HELLO), once(HELLO)]);
        wire.text().unwrap();
        assert_eq!(wire.text().unwrap(), "hello", "{answer}");
        assert_eq!(wire.connector.connections(), connections, "{answer}");
    }
}

#[test]
fn malformed_trailer_is_skipped_by_the_same_rules() {
    let answer = |trailers: &str| {
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n{trailers}\r\n")
    };
    for trailers in ["no colon\r\na: b\r\n", "a: b\r\nx : y\r\n", "a: b\r\nx: \x01\r\n:\r\n"] {
        for script in [once(answer(trailers)), Script::new().expect_head().drip(answer(trailers).as_bytes())] {
            let mut response = block_on(lenient([script]).client.get(URL).send()).unwrap();
            while block_on(response.chunk()).unwrap().is_some() {}
            let fields = response.trailers().unwrap();
            assert_eq!((fields.len(), &fields["a"]), (1, &"b".parse().unwrap()), "{trailers:?}");
        }
    }
    let only = lenient([once(answer("no colon\r\n"))]);
    assert_eq!(only.text().unwrap(), "hello");
    for trailers in [
        "content-length : 1\r\n",
        "x y\r\n z\r\n",
        " a: b\r\n",
        "x: \0\r\n",
        "a: b\rc\r\n",
        "no colon\n",
        "transfer-encoding\r\n",
    ] {
        let wire = lenient([once(answer(trailers)).silence()]);
        assert_eq!(fetched(&wire), Err((ErrorKind::Protocol, Phase::Body)), "{trailers:?}");
    }
}

#[test]
fn head_without_a_single_valid_line_has_no_headers() {
    let wire = lenient([once("HTTP/1.1 200 OK\r\none\r\ntwo: \x01\r\n\r\nhello")]);
    let (body, headers) = fetched(&wire).unwrap();
    assert_eq!((body.as_str(), headers.len()), ("hello", 0));
}

#[test]
fn limits_hold_with_skipped_lines() {
    let head = |count| format!("HTTP/1.1 200 OK\r\n{}content-length: 0\r\n\r\n", "a: b\r\nno colon\r\n".repeat(count));
    assert_eq!(fetched(&lenient([once(head(255))])).unwrap().1.len(), 256);
    let too_many = lenient([once(head(256)).silence()]);
    assert_eq!(fetched(&too_many), Err((ErrorKind::LimitExceeded, Phase::Head)));
    let endless = lenient([once(format!("HTTP/1.1 200 OK\r\n{}", "no colon\r\n".repeat(7_000))).silence()]);
    assert_eq!(fetched(&endless), Err((ErrorKind::LimitExceeded, Phase::Head)));
}

#[test]
fn configuration_of_a_request_counts_on_a_reused_connection() {
    let wire = scripted([once(HELLO).expect_head().send(with_line(b"no colon\r\n")).silence()]);
    assert_eq!(wire.text().unwrap(), "hello");
    let config = Config::new().ignore_invalid_headers(true);
    let text = block_on(async { wire.get().extension(config).await?.text().await });
    assert_eq!((text.unwrap().as_str(), wire.connector.connections()), ("hello", 1));
    // The other way round: the connection was opened by a request with other limits.
    let wire = scripted([once(HELLO).expect_head().send(HELLO).silence()]);
    block_on(wire.get().extension(Config::new().head_bytes(1024)).send()).unwrap();
    let error = block_on(wire.get().extension(Config::new().head_bytes(16)).send()).unwrap_err();
    assert_eq!((error.kind(), wire.connector.connections()), (ErrorKind::LimitExceeded, 1));
}
