//! Content codings. A decoded response looks the same on every platform.

use waterspout::{Client, ErrorKind, Phase};

use super::errors::fault_error;
use super::{FETCH, Lab, byte};

/// The length of the lab's encoded bodies after decoding, in bytes.
const LENGTH: usize = 100_000;

/// Whether this build decodes `gzip` and `deflate`. A browser always does.
const GZIP: bool = FETCH || cfg!(feature = "gzip");
/// Whether this build decodes `br`. A browser always does.
const BROTLI: bool = FETCH || cfg!(feature = "brotli");

/// Checks that the response is decoded, without the headers that describe its encoded body.
async fn check(lab: &Lab, experiment: &str) {
    let response = Client::new().get(lab.url(experiment)).await.unwrap();
    for removed in ["content-encoding", "content-length"] {
        assert!(!response.headers().contains_key(removed), "{experiment}: {removed}");
    }
    assert!([None, Some(LENGTH as u64)].contains(&response.content_length()));
    let bytes = response.bytes().await.unwrap();
    assert_eq!(bytes.len(), LENGTH, "{experiment}");
    assert!(bytes.iter().enumerate().all(|(index, actual)| *actual == byte(index)), "{experiment}");
}

pub async fn a_gzip_body_is_decoded(lab: Lab) {
    if GZIP {
        check(&lab, "encoded/gzip").await;
    }
}

pub async fn a_deflate_body_is_decoded_with_and_without_a_header(lab: Lab) {
    if GZIP {
        check(&lab, "encoded/deflate").await;
        check(&lab, "encoded/deflate-raw").await;
    }
}

pub async fn a_brotli_body_is_decoded(lab: Lab) {
    if BROTLI {
        check(&lab, "encoded/br").await;
    }
}

pub async fn stacked_codings_are_undone_from_the_last(lab: Lab) {
    if GZIP && BROTLI {
        check(&lab, "encoded/both").await;
    }
}

pub async fn an_unknown_coding_is_left_as_it_is(lab: Lab) {
    let response = Client::new().get(lab.url("encoded/unknown")).await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "x-unknown");
    assert_eq!(response.headers()["content-length"], LENGTH.to_string().as_str());
    assert_eq!(response.bytes().await.unwrap().len(), LENGTH);
}

pub async fn a_body_that_is_not_in_its_coding_is_an_error(lab: Lab) {
    if GZIP {
        let Some(error) = fault_error(&lab, "encoded/wrong").await else { return };
        if FETCH {
            // Engines differ in whether they return the head before the error.
            assert_eq!(error.kind(), ErrorKind::Network, "{error}");
        } else {
            assert_eq!((error.kind(), error.phase()), (ErrorKind::Decode, Phase::Body), "{error}");
        }
    }
}

pub async fn a_head_response_describes_the_encoded_body(lab: Lab) {
    let response = Client::new().head(lab.url("encoded/gzip")).await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    assert!(response.headers().contains_key("content-length"));
    assert_eq!(response.bytes().await.unwrap(), "");
}

pub async fn decoding_is_switched_off_or_that_is_refused(lab: Lab) {
    let outcome = Client::new().get(lab.url("encoded/gzip")).decompress(false).send().await;
    if FETCH {
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Unsupported, Phase::Request), "{error}");
    } else {
        let response = outcome.unwrap();
        assert_eq!(response.headers()["content-encoding"], "gzip");
        assert!(response.bytes().await.unwrap().starts_with(b"\x1f\x8b"));
    }
}

pub async fn a_stream_limit_counts_what_is_decoded(lab: Lab) {
    for (limit, fits) in [(LENGTH, true), (LENGTH - 1, false)] {
        let client = Client::builder().stream_limit(limit as u64).build().unwrap();
        for experiment in ["encoded/gzip", "bytes/100000", "chunks/10/10000"] {
            if experiment.starts_with("encoded") && !GZIP {
                continue;
            }
            let mut response = client.get(lab.url(experiment)).await.unwrap();
            let mut read = 0;
            let mut failure = None;
            while failure.is_none() {
                match response.chunk().await {
                    Ok(None) => break,
                    Ok(Some(chunk)) => read += chunk.len(),
                    Err(error) => failure = Some((error.kind(), error.phase())),
                }
            }
            assert!(read <= limit, "{experiment}: {read}");
            assert_eq!(failure, (!fits).then_some((ErrorKind::LimitExceeded, Phase::Body)), "{experiment}");
            assert_eq!(client.stats().active, 0);
        }
    }
}

pub async fn a_text_is_read_in_the_charset_that_the_server_names(lab: Lab) {
    let table = [
        ("utf-8", "636166c3a9", "caf\u{e9}"),
        ("ISO-8859-1", "636166e9", "caf\u{e9}"),
        ("windows-1252", "e9", "\u{e9}"),
        ("windows-1251", "cfe8", "\u{41f}\u{438}"),
        ("shift_jis", "82a0", "\u{3042}"),
        ("gbk", "c4e3", "\u{4f60}"),
        ("euc-kr", "b0a1", "\u{ac00}"),
        ("utf-16le", "61006200", "ab"),
        ("utf-16be", "00610062", "ab"),
        // A byte order mark is stronger than the charset.
        ("iso-8859-1", "efbbbfc3a9", "\u{e9}"),
        ("utf-8", "fffe6100", "a"),
        ("utf-16le", "feff0061", "a"),
        // Bytes that are not allowed in the charset.
        ("utf-8", "61ff", "a\u{fffd}"),
        ("shift_jis", "61ff", "a\u{fffd}"),
        // The Encoding standard has no decoder for these.
        ("no-such-charset", "636166c3a9", "caf\u{e9}"),
        ("iso-2022-kr", "61", "a"),
        ("gbk", "", ""),
    ];
    let client = Client::new();
    // Without the feature every text is UTF-8.
    for (label, bytes, expected) in table.into_iter().filter(|_| cfg!(feature = "charset")) {
        let url = lab.url(&format!("charset/{label}?bytes={bytes}"));
        assert_eq!(client.get(&url).await.unwrap().text().await.unwrap(), expected, "{label} {bytes}");
        let response = client.get(&url).send_spawned().await.unwrap();
        assert_eq!(response.text().await.unwrap(), expected, "{label} {bytes}, spawned");
    }
    let url = lab.url("charset/iso-8859-1?bytes=636166e9");
    assert_eq!(client.get(url).await.unwrap().text_utf8().await.unwrap(), "caf\u{fffd}");
}
