//! Callbacks and priority handles of a call, however its builder is sent, and the context that a backend gets.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::executor::block_on;
use futures::{FutureExt, StreamExt};
use waterspout::http::StatusCode;
use waterspout::testing::{MockBackend, Script};
use waterspout::tornado::EventLoop;
use waterspout::{
    Backend, BoxFuture, CallContext, Client, ErrorKind, Middleware, Next, Phase, PriorityHandle, Request,
    RequestBuilder, Response, Result, Retry, TransferProgress,
};

use crate::support::client::{HELLO, URL, answers, once, redirect, scripted, scripted_client, seconds, send, text};

const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 13\r\n\r\ndata: hello\n\n";

/// The bytes and the total of each call of a callback.
type Told = Arc<Mutex<Vec<(u64, Option<u64>)>>>;

fn recorded(told: &Told) -> impl Fn(TransferProgress) + Send + Sync + use<> {
    let told = told.clone();
    move |progress| told.lock().unwrap().push((progress.bytes, progress.total))
}

fn taken(told: &Told) -> Vec<(u64, Option<u64>)> {
    std::mem::take(&mut *told.lock().unwrap())
}

#[test]
fn callbacks_are_called_however_the_builder_is_sent() {
    type Way = fn(RequestBuilder<Client>);
    let ways: [(&str, Way); 5] = [
        ("send", |request| drop(block_on(async { request.send().await?.bytes().await }).unwrap())),
        ("await", |request| drop(text(request).unwrap())),
        ("send_spawned", |request| drop(block_on(async { request.send_spawned().await?.bytes().await }).unwrap())),
        ("send_with", |request| {
            let (sender, result) = std::sync::mpsc::channel();
            block_on(request.send_with(EventLoop::new().executor(), move |result| sender.send(result).unwrap()))
                .unwrap();
            drop(block_on(result.recv().unwrap().unwrap().bytes()).unwrap());
        }),
        ("events", |request| assert_eq!(block_on(request.events().next()).unwrap().unwrap().data, "hello")),
    ];
    for (name, way) in ways {
        let wire = scripted([once(EVENTS)]);
        let (uploaded, downloaded) = (Told::default(), Told::default());
        let request = wire.client.post(URL).body("upload");
        way(request.on_upload(recorded(&uploaded)).on_download(recorded(&downloaded)));
        assert_eq!(taken(&uploaded), [(6, Some(6))], "{name}");
        assert_eq!(taken(&downloaded), [(13, Some(13))], "{name}");
    }
}

#[test]
fn priority_handle_counts_however_the_builder_is_sent() {
    type Way = fn(RequestBuilder<Client>) -> BoxFuture<'static, ()>;
    let ways: [(&str, Way); 3] = [
        ("send", |request| Box::pin(request.send().map(|response| drop(response.unwrap())))),
        ("await", |request| Box::pin(request.into_future().map(|response| drop(response.unwrap())))),
        ("events", |request| Box::pin(async { drop(request.events().next().await) })),
    ];
    for (name, way) in ways {
        let backend = MockBackend::new(|request| {
            let response = Response::builder(StatusCode::OK, request.url());
            let response = response.header("content-type", "text/event-stream").body("data: hello\n\n");
            Box::pin(async move { response })
        });
        let client = Client::builder().backend(backend.clone()).max_active(1).build().unwrap();
        client.pause();
        let handle = PriorityHandle::default();
        let mut first = client.get("http://first.example/").send().boxed();
        let mut urgent = way(client.get("http://urgent.example/").priority_handle(&handle));
        assert!((&mut first).now_or_never().is_none() && (&mut urgent).now_or_never().is_none());
        handle.set(1);
        client.resume();
        block_on(async { futures::future::join(async { first.await.unwrap().bytes().await.unwrap() }, urgent).await });
        assert_eq!(backend.seen(), ["GET http://urgent.example/", "GET http://first.example/"], "{name}");
    }
}

#[test]
fn build_refuses_what_a_request_cannot_carry() {
    type Set = fn(RequestBuilder<Client>) -> RequestBuilder<Client>;
    let options: [(&str, Set); 3] = [
        ("on_download", |request| request.on_download(|_| ())),
        ("on_upload", |request| request.on_upload(|_| ())),
        ("priority_handle", |request| request.priority_handle(&PriorityHandle::new(1))),
    ];
    let client = Client::builder().backend(MockBackend::text("")).build().unwrap();
    for (name, set) in options {
        let error = set(client.put(URL).body("x")).build().unwrap_err();
        assert_eq!((error.kind(), error.phase(), error.url()), (ErrorKind::InvalidRequest, Phase::Request, Some(URL)));
        assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
        // The first mistake is the error, as it is without such an option.
        assert_eq!(set(client.put("nonsense")).build().unwrap_err().kind(), ErrorKind::InvalidUrl, "{name}");
    }
    assert!(client.put(URL).body("x").build().is_ok());
}

#[test]
fn attempts_do_not_share_progress() {
    let contexts: Arc<Mutex<Vec<CallContext>>> = Arc::default();
    let seen = contexts.clone();
    let backend = MockBackend::with_context(move |request, context| {
        context.progress().add(5);
        seen.lock().unwrap().push(context);
        Box::pin(async move { Response::builder(StatusCode::BAD_GATEWAY, request.url()).body("") })
    });
    let retry = Retry::new().attempts(3).base_delay(Duration::ZERO);
    let client = Client::builder().backend(backend).retry(retry).build().unwrap();
    block_on(client.put(URL).body("x").send()).unwrap();
    let contexts = contexts.lock().unwrap();
    for (index, context) in contexts.iter().enumerate() {
        assert_eq!((context.progress().bytes(), context.attempts().len()), (5, index));
        assert!(context.attempts().iter().all(|attempt| attempt.status == Some(StatusCode::BAD_GATEWAY)));
    }
    assert_eq!(contexts.len(), 3);
}

#[test]
fn copies_of_a_request_do_not_share_progress() {
    let contexts: Arc<Mutex<Vec<CallContext>>> = Arc::default();
    let seen = contexts.clone();
    let backend = MockBackend::with_context(move |request, context| {
        seen.lock().unwrap().push(context);
        Box::pin(async move { Response::builder(StatusCode::OK, request.url()).body("") })
    });
    let client = Client::builder().backend(backend).build().unwrap();
    let a = Request::put(URL).body("x").build().unwrap();
    let b = a.try_clone().unwrap();
    block_on(async { futures::future::try_join(client.fetch(a), client.fetch(b)).await }).unwrap();
    let contexts = contexts.lock().unwrap();
    contexts[1].progress().add(5);
    assert_eq!(contexts[0].progress().bytes(), 0);
}

#[test]
fn upload_starts_at_zero_after_a_redirect_and_in_each_attempt() {
    let busy = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
    let retry = Retry::new().attempts(2).base_delay(Duration::ZERO);
    let script = answers([&*redirect(307, "/next"), busy, &*redirect(307, "/next"), HELLO]);
    let wire = scripted_client(Client::builder().retry(retry), [script]);
    let uploaded = Told::default();
    let response = send(wire.client.put(URL).body("body").on_upload(recorded(&uploaded))).unwrap();
    assert_eq!((response.status().as_u16(), response.attempts().len()), (200, 2));
    assert_eq!(taken(&uploaded), [(4, Some(4)); 4]);
}

#[test]
fn error_counts_the_bytes_of_the_last_attempt_alone() {
    let retry = Retry::new().attempts(2).base_delay(Duration::ZERO);
    let failing = || Script::new().expect_head().send("nonsense\r\n\r\n");
    let alone = scripted([failing()]);
    let single = send(alone.client.put(URL).body("body")).unwrap_err().transfer().bytes_sent;
    let wire = scripted_client(Client::builder().retry(retry), [Script::refused(), failing()]);
    let error = send(wire.client.put(URL).body("body")).unwrap_err();
    assert_eq!((error.attempts().len(), error.transfer().bytes_sent), (2, single));
    assert!(single.is_some_and(|bytes| bytes > 4));
}

/// A backend that wraps another backend and sends each request twice.
struct Twice<B>(B);

impl<B: Backend> Backend for Twice<B> {
    fn fetch(&self, request: Request, context: CallContext) -> BoxFuture<'_, Result<Response>> {
        Box::pin(async move {
            let copy = request.try_clone().unwrap();
            self.0.fetch(copy, context.clone()).await?;
            self.0.fetch(request, context).await
        })
    }
}

#[test]
fn wrapping_backend_passes_the_context_on() {
    let wire = scripted([answers([HELLO, HELLO])]);
    let agent = waterspout::Agent::new(wire.connector.clone(), wire.timer.clone());
    let client = Client::builder().backend(Twice(agent)).timer(wire.timer.clone()).build().unwrap();
    let uploaded = Told::default();
    send(client.put(URL).body("body").on_upload(recorded(&uploaded))).unwrap();
    assert_eq!(taken(&uploaded), [(4, Some(4)); 2]);
}

#[test]
fn middleware_finds_the_progress_of_the_attempt() {
    struct Sent(Arc<Mutex<Vec<u64>>>);
    impl Middleware for Sent {
        fn handle<'a>(&'a self, _: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
            Box::pin(async move {
                // A request of the middleware's own has the attempt's progress and callback, too.
                let response = next.run(Request::put(URL).body("other body").build()?).await?;
                self.0.lock().unwrap().push(next.progress().bytes());
                Ok(response)
            })
        }
    }
    let sent: Arc<Mutex<Vec<u64>>> = Arc::default();
    let wire = scripted_client(Client::builder().middleware(Sent(sent.clone())), [once(HELLO)]);
    let uploaded = Told::default();
    send(wire.client.put(URL).body("body").on_upload(recorded(&uploaded))).unwrap();
    assert_eq!(taken(&uploaded), [(10, Some(10))]);
    assert_eq!(*sent.lock().unwrap(), [wire.sent(0).len() as u64]);
}

#[test]
fn callbacks_stay_when_a_stream_of_events_reconnects() {
    let wire = scripted([once(EVENTS), once(EVENTS)]);
    let (uploaded, downloaded) = (Told::default(), Told::default());
    let request = wire.client.post(URL).body("upload");
    let request = request.on_upload(recorded(&uploaded)).on_download(recorded(&downloaded));
    let mut events = request.events().reconnect(true);
    for _ in 0..2 {
        assert_eq!(block_on(events.next()).unwrap().unwrap().data, "hello");
        assert!(events.next().now_or_never().is_none());
        wire.timer.advance(seconds(10));
        assert_eq!((taken(&uploaded), taken(&downloaded)), (vec![(6, Some(6))], vec![(13, Some(13))]));
    }
}
