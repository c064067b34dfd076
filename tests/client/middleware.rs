//! Middleware between a client and its backend.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use waterspout::http::{HeaderValue, StatusCode};
use waterspout::testing::{ManualTimer, MockBackend};
use waterspout::{
    BoxFuture, Client, Error, ErrorKind, Middleware, Next, Phase, Progress, Request, Response, Result, Retry,
};

use crate::support::client::URL;

fn status(request: &Request, status: u16) -> Response {
    Response::new(StatusCode::from_u16(status).unwrap(), request.url().clone(), format!("{status}"))
}

/// Records its calls, and does what a field says.
#[derive(Clone, Default)]
struct Notes {
    name: &'static str,
    notes: Arc<Mutex<Vec<String>>>,
    refuse: bool,
    replace: bool,
    fail_response: bool,
    recover: bool,
}

impl Notes {
    fn note(&self, text: impl std::fmt::Display) {
        self.notes.lock().unwrap().push(format!("{}{text}", self.name));
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.notes.lock().unwrap())
    }
}

impl Middleware for Notes {
    fn handle<'a>(&'a self, mut request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let made = next.attempts().len();
            if made > 0 {
                self.note(format_args!("retry {made}"));
            }
            self.note("request");
            request.headers_mut().append("x-middleware", HeaderValue::from_static("seen"));
            if self.refuse {
                return Err(Error::new(ErrorKind::InvalidRequest, Phase::Request, "refused by the hook"));
            }
            let outcome = if self.replace { Ok(status(&request, 203)) } else { next.run(request).await };
            match outcome {
                Ok(response) => {
                    self.note(format_args!("response {}", response.status().as_u16()));
                    if self.fail_response { response.error_for_status() } else { Ok(response) }
                }
                Err(error) => {
                    self.note(format_args!("error {:?}", error.kind()));
                    if !self.recover {
                        return Err(error);
                    }
                    Ok(Response::new(StatusCode::OK, URL.try_into()?, "from elsewhere"))
                }
            }
        })
    }
}

#[test]
fn middleware_is_called_around_each_attempt() {
    let count = AtomicUsize::new(0);
    let backend = MockBackend::new(move |request| {
        assert_eq!(request.headers()["x-middleware"], "seen");
        assert_eq!(request.headers().get_all("x-middleware").iter().count(), 1);
        let outcome = match count.fetch_add(1, Ordering::Relaxed) {
            0 => Ok(status(&request, 503)),
            1 => Err(Error::new(ErrorKind::Io, Phase::Head, "cut")),
            _ => Ok(status(&request, 200)),
        };
        async { outcome }.boxed()
    });
    let notes = Notes::default();
    let retry = Retry::new().base_delay(Duration::ZERO);
    let client = Client::builder().backend(backend).middleware(notes.clone()).retry(retry).build().unwrap();
    assert_eq!(block_on(client.get(URL).send()).unwrap().status(), 200);
    let expected = ["request", "response 503", "retry 1", "request", "error Io", "retry 2", "request", "response 200"];
    assert_eq!(notes.taken(), expected);
}

#[test]
fn first_added_middleware_is_the_outermost() {
    let outer = Notes { name: "outer ", ..Notes::default() };
    let inner = Notes { name: "inner ", notes: outer.notes.clone(), ..Notes::default() };
    let client =
        Client::builder().backend(MockBackend::text("")).middleware(outer.clone()).middleware(inner).build().unwrap();
    block_on(client.get(URL).send()).unwrap();
    assert_eq!(outer.taken(), ["outer request", "inner request", "inner response 200", "outer response 200"]);
}

#[test]
fn middleware_refuses_replaces_and_recovers() {
    let backend = MockBackend::new(|request| async move { Ok(status(&request, 404)) }.boxed());
    let with = |notes| Client::builder().backend(backend.clone()).middleware(notes).build().unwrap();

    let error = block_on(with(Notes { refuse: true, ..Notes::default() }).get(URL).send()).unwrap_err();
    assert_eq!(error.to_string(), "refused by the hook, for http://example.com/");
    let replaced = block_on(with(Notes { replace: true, ..Notes::default() }).get(URL).send()).unwrap();
    assert_eq!(replaced.status(), 203);
    assert!(backend.seen().is_empty());

    let failed = block_on(with(Notes { fail_response: true, ..Notes::default() }).get(URL).send()).unwrap_err();
    assert_eq!((failed.kind(), failed.status().unwrap().as_u16()), (ErrorKind::Status, 404));

    let broken = MockBackend::new(|_| async { Err(Error::new(ErrorKind::Io, Phase::Head, "cut")) }.boxed());
    let recover = Notes { recover: true, ..Notes::default() };
    let client = Client::builder().backend(broken).middleware(recover).build().unwrap();
    assert_eq!(block_on(async { client.get(URL).send().await?.text().await }).unwrap(), "from elsewhere");
}

#[test]
fn request_that_a_middleware_made_invalid_is_refused() {
    struct Smuggle;
    impl Middleware for Smuggle {
        fn handle<'a>(&'a self, mut request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
            request.headers_mut().insert("transfer-encoding", HeaderValue::from_static("chunked"));
            next.run(request)
        }
    }
    let backend = MockBackend::text("");
    let client = Client::builder().backend(backend.clone()).middleware(Smuggle).build().unwrap();
    let error = block_on(client.get(URL).send()).unwrap_err();
    assert_eq!((error.kind(), backend.seen().len()), (ErrorKind::InvalidRequest, 0));
}

#[test]
fn upload_of_a_copy_that_a_middleware_sends_restarts_the_head_limit() {
    struct Twice;
    impl Middleware for Twice {
        fn handle<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
            Box::pin(async move { next.run(request.try_clone().unwrap()).await })
        }
    }
    let timer = ManualTimer::new();
    let slot: Arc<Mutex<Option<Progress>>> = Arc::default();
    let shared = slot.clone();
    let backend = MockBackend::with_context(move |_, context| {
        *shared.lock().unwrap() = Some(context.progress().clone());
        std::future::pending().boxed()
    });
    let client = Client::builder().timer(timer.clone()).backend(backend).middleware(Twice).build().unwrap();
    let mut request = client.post(URL).body("upload").send().boxed();
    assert!((&mut request).now_or_never().is_none());
    timer.advance(Duration::from_secs(19));
    slot.lock().unwrap().as_ref().unwrap().add(3);
    assert!((&mut request).now_or_never().is_none());
    timer.advance(Duration::from_secs(19));
    assert!((&mut request).now_or_never().is_none());
    timer.advance(Duration::from_secs(1));
    let error = request.now_or_never().unwrap().unwrap_err();
    assert_eq!((error.timeout().unwrap().name(), error.transfer().bytes_sent), ("head", Some(3)));
}
