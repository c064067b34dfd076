//! Responses in pieces, responses after informational responses, and malformed responses.

use futures::executor::block_on;
use waterspout::testing::Script;
use waterspout::{ErrorKind, Phase};

use crate::support::client::{HELLO, URL, once, scripted};

#[test]
fn heads_and_bodies_may_come_byte_by_byte() {
    for answer in
        [HELLO, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nt: 1\r\n\r\n"]
    {
        let wire = scripted([Script::new().expect_head().drip(answer.as_bytes()).expect_head().send(HELLO)]);
        assert_eq!([wire.text().unwrap(), wire.text().unwrap()], ["hello", "hello"]);
        assert_eq!(wire.connector.connections(), 1);
    }
}

#[test]
fn informational_responses_are_skipped_up_to_a_limit() {
    let interim = "HTTP/1.1 102 Processing\r\n\r\n";
    let wire = scripted([once(format!("{}{HELLO}", interim.repeat(3))), once(interim.repeat(10_000))]);
    assert_eq!(wire.text().unwrap(), "hello");
    assert_eq!(wire.failure(), (ErrorKind::LimitExceeded, Phase::Head));
}

#[test]
fn malformed_responses_fail_at_once() {
    // The server stays silent after these bytes. A client that waits for more would wait forever.
    for answer in [
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/2 200\r\n",
        "\0\0\0",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 20x OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ] {
        let wire = scripted([once(answer).silence()]);
        assert_eq!(wire.failure(), (ErrorKind::Protocol, Phase::Head), "{answer:?}");
        assert_eq!((wire.connector.open(), wire.client.stats().active), (0, 0), "{answer:?}");
    }
}

#[test]
fn malformed_chunks_fail_at_once() {
    for body in [
        "x\r\n",
        "+1\r\na\r\n",
        "0x1\r\na\r\n",
        "1 1\r\na\r\n",
        "\r\n",
        "1\na\r\n",
        "1\r\nab\r\n",
        "10000000000000000\r\n",
    ] {
        let wire = scripted([once(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}")).silence()]);
        assert_eq!(wire.failure(), (ErrorKind::Protocol, Phase::Body), "{body:?}");
        assert_eq!(wire.connector.open(), 0, "{body:?}");
    }
}

#[test]
fn a_blank_line_before_the_head_may_come_in_parts() {
    let w = scripted([Script::new().expect_head().drip(format!("\r\n{HELLO}").as_bytes())]);
    let out = block_on(async { w.client.get(URL).await?.text().await });
    assert!(out.is_ok(), "{out:?}");
}

#[test]
fn a_chunk_size_ends_in_nothing_but_crlf() {
    let w = scripted([Script::new()
        .expect_head()
        .send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\r\nhello\r\n0\x0c\r\n\r\n")]);
    let out = block_on(async { w.client.get(URL).await?.text().await });
    assert!(out.is_err(), "{out:?}");
}
