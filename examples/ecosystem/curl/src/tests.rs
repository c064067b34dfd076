//! The program against a local server: what it sends, what it writes, and its exit codes.

use std::fs;
use std::path::PathBuf;

use waterspout::testing::{Fault, Recorder, Reply, Server, handler};

use super::*;

/// Runs the program with these arguments and returns its exit code.
fn curl(arguments: &[&str]) -> u8 {
    let arguments = Arguments::try_parse_from(["curl"].iter().chain(arguments)).unwrap();
    EventLoop::new().run_sync(run(&arguments)).map_or_else(|failure| exit_code(&failure), |()| 0)
}

/// A file in a folder that is removed with this value.
struct Output(PathBuf);

impl Output {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("waterspout-curl-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn path(&self) -> String {
        self.0.join("page").to_str().unwrap().to_owned()
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Serves ranges of ten digits.
fn digits() -> Server {
    Server::start(handler(|request| {
        let start = request.header("range").and_then(|text| text.get(6..)?.trim_end_matches('-').parse().ok());
        let reply = match start {
            None => Reply::text("0123456789"),
            Some(start @ 0..10) => Reply::new(206, "0123456789"[start..].to_owned())
                .with_header("content-range", &format!("bytes {start}-9/10")),
            Some(_) => Reply::new(416, ""),
        };
        Box::pin(async { reply })
    }))
    .unwrap()
}

#[test]
fn method_headers_and_a_body_from_a_file_are_sent() {
    let recorder = Recorder::new();
    let echo = handler(|request| Box::pin(async { Reply::new(200, request.body().await.unwrap()) }));
    let server = Server::start(recorder.record(echo)).unwrap();
    let output = Output::new("sent");
    fs::write(output.path(), "from a file").unwrap();
    let (body, answer) = (format!("@{}", output.path()), output.0.join("answer"));
    let arguments = ["-X", "PUT", "-H", "x-a: 1", "-H", "x-b:2", "-d", &body, "-o", answer.to_str().unwrap()];
    assert_eq!(curl(&[&arguments[..], &[&server.url("/a?b")]].concat()), 0);
    assert_eq!(fs::read_to_string(answer).unwrap(), "from a file");
    let sent = &recorder.requests()[0];
    assert_eq!((sent.method.as_str(), &*sent.target), ("PUT", "/a?b"));
    assert_eq!((&sent.headers["x-a"], &sent.headers["x-b"]), (&"1".parse().unwrap(), &"2".parse().unwrap()));
}

#[test]
fn resume_fetches_the_rest_and_a_complete_file_stays() {
    let server = digits();
    let output = Output::new("resume");
    for before in ["", "0123", "0123456789"] {
        fs::write(output.path(), before).unwrap();
        assert_eq!(curl(&["-C", "-o", &output.path(), &server.url("/")]), 0, "{before}");
        assert_eq!(output.text(), "0123456789", "{before}");
    }
    assert_eq!(curl(&["-o", &output.path(), &server.url("/")]), 0);
    assert_eq!(output.text(), "0123456789");
}

#[test]
fn http2_is_spoken_and_redirects_are_followed_only_if_asked() {
    let server = Server::start(handler(|request| {
        let version = format!("{:?}", request.version());
        let reply = if request.path() == "/" { Reply::redirect(302, "/to") } else { Reply::text(version) };
        Box::pin(async { reply })
    }))
    .unwrap();
    let output = Output::new("http2");
    for (flags, expected) in [(&[][..], ""), (&["-L"], "HTTP/1.1"), (&["-L", "--http2"], "HTTP/2.0")] {
        assert_eq!(curl(&[flags, &["-o", &output.path(), &server.url("/")]].concat()), 0);
        assert_eq!(output.text(), expected);
    }
}

#[test]
fn failures_have_the_exit_codes_of_curl() {
    let broken = Server::start(handler(|_| {
        Box::pin(async { Reply::new(404, "not found").with_fault(Fault::close().after_body(3)) })
    }))
    .unwrap();
    let url = broken.url("/");
    assert_eq!(curl(&["--fail", &url]), 22);
    assert_eq!(curl(&["-o", &Output::new("broken").path(), &url]), 18);
    assert_eq!(curl(&["not a URL"]), 3);
    assert_eq!(curl(&["ftp://example.com/"]), 1);
    assert_eq!(curl(&["-d", "@/no/such/file", &url]), 26);
    assert_eq!(curl(&["-o", "/no/such/folder/page", &url]), 23);
    assert_eq!(curl(&["--proxy", "http://127.0.0.1:1", "http://example.com/"]), 7);
    assert_eq!(curl(&["http://127.0.0.1:1/"]), 7);
    assert_eq!(curl(&["http://name.invalid/"]), 6);
}

#[test]
fn certificates_are_checked_unless_the_caller_says_otherwise() {
    assert!(!Arguments::parse_from(["curl", "https://example.com/"]).insecure);
    assert!(Arguments::try_parse_from(["curl", "-H", "no colon", "http://example.com/"]).is_err());
}
