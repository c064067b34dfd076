//! The texts of errors: `Display` says what failed, the source is the cause, and a report has each text once.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use futures::FutureExt;
use futures::executor::block_on;
use waterspout::testing::{MockBackend, Script};
use waterspout::{Client, Error, ErrorKind, Phase, Result, Url};

use crate::support::client::{URL, answers, scripted, send};

/// The text that programs print which walk the sources, such as `{:#}` of anyhow.
fn walked(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

/// An error that repeats the text of its own source after its own, as errors of hyper and rustls do.
#[derive(Debug)]
struct Repeating(&'static str, Box<dyn StdError + Send + Sync>);

impl fmt::Display for Repeating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "" => write!(f, "{}", self.1),
            text => write!(f, "{text}: {}", self.1),
        }
    }
}

impl StdError for Repeating {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.1)
    }
}

/// An error that does not repeat its source.
#[derive(Debug)]
struct Plain(&'static str, Option<Box<dyn StdError + Send + Sync>>);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl StdError for Plain {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

fn plain(text: &'static str) -> Plain {
    Plain(text, None)
}

fn failed() -> Error {
    Error::new(ErrorKind::RequestBody, Phase::Head, "it failed")
}

#[test]
fn report_has_each_text_once() {
    let cases = [
        (failed(), "it failed"),
        (failed().with_source(plain("cable cut")), "it failed: cable cut"),
        (failed().with_source(Plain("no link", Some(plain("cable cut").into()))), "it failed: no link: cable cut"),
        (failed().with_source(Repeating("no link", plain("cable cut").into())), "it failed: no link: cable cut"),
        (failed().with_source(Repeating("", plain("cable cut").into())), "it failed: cable cut"),
        (
            failed().with_source(Repeating("a", Repeating("b", Repeating("c", plain("d").into()).into()).into())),
            "it failed: a: b: c: d",
        ),
        // The outermost text has the whole chain, and the sources have only their own texts.
        (failed().with_source(Repeating("a", Plain("b", Some(plain("c").into())).into())), "it failed: a: b: c"),
        (
            failed().with_source(Plain("a: b: c", Some(Plain("b", Some(plain("c").into())).into()))),
            "it failed: a: b: c",
        ),
        (failed().with_source(failed()), "it failed"),
        (failed().with_source(failed().with_source(plain("it failed"))), "it failed"),
        (failed().with_source(plain("failed to start")), "it failed: failed to start"),
        (Error::new(ErrorKind::Io, Phase::Stream, "reset").with_source(plain("set")), "reset: set"),
        (failed().with_source(plain("first line\n\n  second line\n")), "it failed: first line second line"),
        (failed().with_source(Plain("a\nb", Some(plain("a b").into()))), "it failed: a b"),
        (failed().with_source(plain("")), "it failed"),
        (failed().with_source(io::Error::other(failed().with_source(plain("cable cut")))), "it failed: cable cut"),
    ];
    for (error, expected) in cases {
        assert_eq!(error.report().to_string(), expected);
        // The URL is part of the text of the error, and comes before the cause.
        let with_url = error.with_url(&Url::parse(URL).unwrap()).report().to_string();
        assert_eq!(with_url.replace(", for http://example.com/", ""), expected);
        assert!(with_url.starts_with("it failed, for") || with_url.starts_with("reset, for"), "{with_url}");
    }
}

#[test]
fn text_of_an_error_never_has_its_cause() {
    for kind in [ErrorKind::Io, ErrorKind::Tls, ErrorKind::Decode, ErrorKind::Proxy, ErrorKind::Timeout] {
        for phase in [Phase::Request, Phase::Connect, Phase::Head, Phase::Body, Phase::Stream] {
            let error = Error::new(kind, phase, "it failed").with_source(plain("cable cut"));
            assert!(!error.to_string().contains("cable cut"), "{error}");
            assert_eq!(walked(&error).matches("cable cut").count(), 1, "{}", walked(&error));
            assert_eq!(error.report().to_string(), walked(&error));
        }
    }
}

/// The words that may occur several times in a text.
const SMALL_WORDS: [&str; 16] = [
    "the", "a", "of", "in", "to", "is", "and", "for", "http", "example", "com", "line", "not", "with", "column",
    "header",
];

/// Checks that no two words in a row occur a second time in the text.
fn assert_no_phrase_repeats(text: &str) {
    let words: Vec<_> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let phrases: Vec<_> = words.windows(2).filter(|pair| !pair.iter().all(|word| SMALL_WORDS.contains(word))).collect();
    for (index, phrase) in phrases.iter().enumerate() {
        assert!(!phrases[index + 1..].contains(phrase), "{phrase:?} occurs twice in: {text}");
    }
}

fn error_of(bytes: &str) -> Error {
    let wire = scripted([Script::new().expect_head().send(bytes.to_owned())]);
    match send(wire.client.get(URL)) {
        Err(error) => error,
        Ok(response) => block_on(response.bytes()).unwrap_err(),
    }
}

#[test]
fn errors_of_the_agent_say_each_thing_once() {
    let cases = [
        ("", "the server closed the connection without a response, for http://example.com/"),
        (
            "HTTP/1.1 200",
            "the server closed the connection in the middle of the response's head, for http://example.com/",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab",
            "the server closed the connection 3 bytes before the end of the body, for http://example.com/",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "the server closed the connection before the last chunk while reading the body, for http://example.com/",
        ),
        ("SSH-2.0 hello\r\n\r\n", "the server's answer is not HTTP/1.x, for http://example.com/"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
            "the Content-Length is not a decimal number, for http://example.com/",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
            "a chunk's size is not a hexadecimal number, for http://example.com/",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc",
            "the response's body is not valid `gzip`, for http://example.com/",
        ),
    ];
    for (bytes, expected) in cases {
        let error = error_of(bytes);
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.report().to_string(), walked(&error));
        assert_no_phrase_repeats(&walked(&error));
    }
}

#[test]
fn phase_is_named_once_or_not_at_all() {
    let url = Url::parse(URL).unwrap();
    for (kind, phase, message, expected) in [
        (ErrorKind::Connect, Phase::Connect, "could not connect to 10.0.0.1:80", "could not connect to 10.0.0.1:80"),
        (ErrorKind::Dns, Phase::Connect, "the name has no address", "the name has no address"),
        (ErrorKind::Tls, Phase::Connect, "the certificate has expired", "the certificate has expired"),
        (ErrorKind::Proxy, Phase::Connect, "the proxy refuses", "the proxy refuses"),
        (ErrorKind::Io, Phase::Connect, "broken pipe", "broken pipe while connecting"),
        (ErrorKind::Io, Phase::Connect, "the connection failed", "the connection failed"),
        (ErrorKind::Timeout, Phase::Queue, "timed out", "timed out while waiting for a free slot"),
        (ErrorKind::Timeout, Phase::Connect, "timed out", "timed out while connecting"),
        (ErrorKind::Timeout, Phase::Head, "timed out", "timed out while waiting for the response's head"),
        (ErrorKind::Timeout, Phase::Body, "timed out", "timed out while reading the body"),
        (
            ErrorKind::Io,
            Phase::Head,
            "the connection failed",
            "the connection failed while waiting for the response's head",
        ),
        (ErrorKind::Io, Phase::Body, "the connection failed", "the connection failed while reading the body"),
        (ErrorKind::Tls, Phase::Body, "the TLS connection failed", "the TLS connection failed while reading the body"),
        (ErrorKind::ConnectionClosed, Phase::Head, "no response came", "no response came"),
        (ErrorKind::Network, Phase::Head, "the fetch failed", "the fetch failed while waiting for the response's head"),
        (ErrorKind::Protocol, Phase::Head, "a header is malformed", "a header is malformed"),
        (ErrorKind::Io, Phase::Stream, "the read failed", "the read failed"),
        (ErrorKind::Network, Phase::Request, "the request failed", "the request failed"),
    ] {
        let error = Error::new(kind, phase, message);
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.with_url(&url).to_string(), format!("{expected}, for http://example.com/"));
    }
}

#[test]
fn error_of_the_status_is_said_once() {
    let wire = scripted([answers(["HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"])]);
    let error = send(wire.client.get("http://example.com/p?token=secret")).unwrap().error_for_status().unwrap_err();
    let expected = "the server answered with an error: 404 Not Found, for http://example.com/p?token=***";
    assert_eq!((error.to_string(), error.report().to_string()), (expected.to_owned(), expected.to_owned()));
}

#[test]
fn texts_about_urls_hide_the_query() {
    let backend = |location: &'static str| {
        MockBackend::new(move |_| {
            let error = Error::new(ErrorKind::Io, Phase::Head, location);
            async move { Err(error) }.boxed()
        })
    };
    for url in [
        "http://example.com/p?token=secret",
        "http://example.com/p?secret",
        "http://example.com/p?a=1&secret",
        "http://example.com/p#secret",
        "http://me:secret@example.com/p?a=secret#secret",
        "http://exa[mple/?token=secret",
        "http://exa[mple/?email=a@secret",
        "ftp://example.com/?token=secret",
        "?secret",
    ] {
        let client = Client::builder().backend(backend("cut")).build().unwrap();
        let error = block_on(client.get(url).send()).unwrap_err();
        let shown = format!("{error} {error:?} {error:#?} {} {}", error.report(), walked(&error));
        assert!(!shown.contains("secret"), "{shown}");
        let shown = format!("{:?}", client.get(url));
        assert!(!shown.contains("secret"), "{shown}");
    }
}

#[test]
fn redirect_errors_hide_the_query_of_the_target() {
    for location in [
        "ftp://example.com/?token=secret",
        "http://exa[mple/?token=secret",
        "http://me:secret@example.com/?token=secret",
        "//[?secret",
        "/?token=secret#secret",
    ] {
        let head = format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        let wire = scripted([answers([head.clone(), head.clone(), "no response".to_owned()])]);
        let error: Error = send(wire.client.get(URL)).unwrap_err();
        let shown = format!("{error} {error:?} {}", error.report());
        assert!(!shown.contains("secret"), "{location}: {shown}");
    }
}

#[test]
fn error_keeps_the_whole_url_for_the_program() -> Result<()> {
    let url = Url::parse("http://me:secret@example.com/p?page=2#top")?;
    let error = failed().with_url(&url);
    assert_eq!(error.url(), Some("http://example.com/p?page=2#top"));
    assert_eq!(error.to_string(), "it failed, for http://example.com/p?page=***#***");
    let bare = error.clone().without_url();
    assert_eq!((bare.url(), bare.to_string()), (None, "it failed".to_owned()));
    assert!(!format!("{bare:?}").contains("example"), "{bare:?}");
    assert_eq!((bare.kind(), bare.phase()), (error.kind(), error.phase()));
    Ok(())
}
