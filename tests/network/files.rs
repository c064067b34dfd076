//! Forms and bodies that are files, sent to a real server.

use std::fs;
use std::path::PathBuf;

use futures::FutureExt;
use futures::executor::block_on;
use waterspout::multipart::{Form, Part};
use waterspout::platform::native::file;
use waterspout::testing::{Incoming, Reply, Server, handler};
use waterspout::{Client, ErrorKind};

/// A temporary file that is removed when it is dropped.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("waterspout-{}-{name}", std::process::id()));
        fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Redirects `/again` with 307. Answers other paths with the request's body and, in `x-length`, with its framing.
fn server() -> Server {
    async fn answer(request: &mut Incoming) -> Reply {
        if request.path() == "/again" {
            let _ = request.body().await;
            return Reply::redirect(307, "/");
        }
        let length = request.header("content-length").unwrap_or("chunked").to_owned();
        Reply::new(200, request.body().await.unwrap()).with_header("x-length", &length)
    }
    Server::start(handler(|request| answer(request).boxed())).unwrap()
}

#[test]
fn a_file_is_sent_with_its_length_and_again_after_a_redirect() {
    let (server, temporary) = (server(), Temporary::new("sent", &vec![7; 300_000]));
    block_on(async {
        let part = Part::new(file(&temporary.0).await.unwrap()).file_name("a.bin");
        let form = Form::new().text("a", "b").part("file", part);
        let response = Client::new().post(server.url("/again")).multipart(form).await.unwrap();
        let declared: usize = response.headers()["x-length"].to_str().unwrap().parse().unwrap();
        let body = response.bytes().await.unwrap();
        assert_eq!(body.len(), declared);
        assert_eq!(body.iter().filter(|byte| **byte == 7).count(), 300_000);
    });
}

#[test]
fn file_can_be_the_whole_body() {
    let (server, temporary) = (server(), Temporary::new("body", b"content"));
    block_on(async {
        let response = Client::new().put(server.url("/")).body(file(&temporary.0).await.unwrap()).await.unwrap();
        assert_eq!(response.headers()["x-length"], "7");
        assert_eq!(response.text().await.unwrap(), "content");
    });
}

#[test]
fn file_that_changes_or_disappears_fails_the_request() {
    let (server, temporary) = (server(), Temporary::new("changed", b"before"));
    block_on(async {
        let body = || file(&temporary.0);
        let (grown, shrunk, gone) = (body().await.unwrap(), body().await.unwrap(), body().await.unwrap());
        for (contents, body) in [("longer than before", grown), ("less", shrunk)] {
            fs::write(&temporary.0, contents).unwrap();
            let error = Client::new().put(server.url("/")).body(body).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::RequestBody, "{error}");
        }
        fs::remove_file(&temporary.0).unwrap();
        let error = Client::new().put(server.url("/")).body(gone).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RequestBody, "{error}");
        assert_eq!(body().await.unwrap_err().kind(), std::io::ErrorKind::NotFound);
        assert!(file(std::env::temp_dir()).await.is_err());
    });
}
