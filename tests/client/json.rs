//! JSON bodies of responses: what is read besides the value itself.

use futures::executor::block_on;
use waterspout::testing::MockBackend;
use waterspout::{Client, ErrorKind, Request, Result};

/// Returns what both kinds of responses read from `body`.
fn read(body: &'static [u8]) -> [Result<Vec<String>>; 2] {
    let backend = MockBackend::new(move |request| {
        let url = request.url().clone();
        Box::pin(async move { Ok(waterspout::Response::new(waterspout::http::StatusCode::OK, url, body)) })
    });
    let client = Client::builder().backend(backend).build().unwrap();
    let request = || Request::get("http://example.com/");
    block_on(async {
        [
            client.fetch(request()).await.unwrap().json().await,
            client.fetch_spawned(request()).await.unwrap().json().await,
        ]
    })
}

#[test]
fn a_byte_order_mark_before_json_is_skipped() {
    let accepted: [(&[u8], &[&str]); 6] = [
        (b"[\"a\"]", &["a"]),
        (b"\xEF\xBB\xBF[\"a\"]", &["a"]),
        (b"\xEF\xBB\xBF \r\n[]", &[]),
        // Only the mark at the beginning is no part of the value.
        (b"[\"\xEF\xBB\xBFa\"]", &["\u{feff}a"]),
        (b"\xEF\xBB\xBF[\"\xEF\xBB\xBF\"]", &["\u{feff}"]),
        (b" [\"a\"]\n", &["a"]),
    ];
    for (body, expected) in accepted {
        for found in read(body) {
            assert_eq!(found.unwrap(), expected, "{}", body.escape_ascii());
        }
    }
}

#[test]
fn json_with_other_bytes_before_it_is_an_error() {
    let refused: [&[u8]; 8] = [
        b"",
        b"\xEF\xBB\xBF",
        b"\xEF\xBB",
        b"\xEF\xBB[]",
        // A second mark is a character, as in `text()`.
        b"\xEF\xBB\xBF\xEF\xBB\xBF[]",
        b" \xEF\xBB\xBF[]",
        // UTF-16, in both byte orders.
        b"\xFE\xFF\0[\0]",
        b"\xFF\xFE[\0]\0",
    ];
    for body in refused {
        for found in read(body) {
            assert_eq!(found.unwrap_err().kind(), ErrorKind::Decode, "{}", body.escape_ascii());
        }
    }
}

#[test]
fn error_says_what_is_wrong_with_the_json() {
    let no_json = "the body is not JSON";
    let cut = "the body is JSON that is cut short";
    let shape = "the body is JSON of another shape than the requested type";
    let cases: [(&[u8], &str, &str); 14] = [
        (b"", "the body is empty, and not JSON", "line 1, column 0"),
        (b" \r\n", "the body is empty, and not JSON", "line 2, column 0"),
        (b"<html>", no_json, "line 1, column 1"),
        (b"[\"a\",\n  secret]", no_json, "line 2, column 3"),
        (b"[\"a\"] secret", no_json, "line 1, column 7"),
        (b"[\"a\",]", no_json, "line 1, column 6"),
        (b"\xFF", no_json, "line 1, column 1"),
        (b"[\"a\"", cut, "line 1, column 4"),
        (b"[\"a", cut, "line 1, column 3"),
        (b"[\"a\",", cut, "line 1, column 5"),
        (b"tru", cut, "line 1, column 3"),
        (b"{}", shape, "line 1, column 0"),
        (b"[1]", shape, "line 1, column 2"),
        (b"null", shape, "line 1, column 4"),
    ];
    for (body, failure, position) in cases {
        for found in read(body) {
            let error = found.unwrap_err();
            assert_eq!(error.to_string(), format!("{failure} ({position}), for http://example.com/"));
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert_eq!(error.report().to_string(), format!("{error}: {cause}"));
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        }
    }
}
