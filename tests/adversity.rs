//! What a hostile peer, a hurried caller or an odd executor can do: each was once a way to break a promise.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
#![cfg(not(target_family = "wasm"))]
use std::future::Future;
use std::io::{Read, Write};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::executor::block_on;
use futures::{FutureExt, StreamExt, stream};
use waterspout::http::{HeaderMap, HeaderValue, Method, StatusCode};
use waterspout::testing::{ManualTimer, MockBackend, Script, ScriptedConnector};
use waterspout::tornado::{EventLoop, Queue};
use waterspout::*;

const URL: &str = "http://example.com/";
const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

struct Wire {
    client: Client,
    connector: ScriptedConnector,
    timer: ManualTimer,
}
fn wire(scripts: impl IntoIterator<Item = Script>) -> Wire {
    let (connector, timer) = (ScriptedConnector::new(scripts), ManualTimer::new());
    let agent = Agent::new(connector.clone(), timer.clone());
    let client = Client::builder().backend(agent).timer(timer.clone()).build().unwrap();
    Wire { client, connector, timer }
}
/// runs f in a thread; true if it ended
fn ends(f: impl FnOnce() + Send + 'static) -> bool {
    let (tx, rx) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        f();
        let _ = tx.send(());
    });
    rx.recv_timeout(Duration::from_secs(5)).is_ok()
}

#[test]
fn trailers_of_exactly_the_limit_are_counted_right() {
    let trailer = format!("x: {}\r\n", "a".repeat(16 * 1024 - 1 - 3));
    let answer = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n{trailer}y: b\r\n\r\n");
    let w = wire([Script::new().expect_head().send(answer).silence()]);
    let outcome = block_on(async { w.client.get(URL).await?.text().await });
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::LimitExceeded, Phase::Body), "{error}");
}

#[test]
fn the_total_limit_ends_a_body_that_is_always_ready() {
    let timer = ManualTimer::new();
    let backend = MockBackend::new(|request| {
        async move {
            let s = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(b"x")));
            Ok(Response::new(StatusCode::OK, request.url().clone(), Body::stream(s)))
        }
        .boxed()
    });
    let client =
        Client::builder().backend(backend).timer(timer.clone()).timeout(Duration::from_secs(1)).build().unwrap();
    let mut response = block_on(client.get(URL).send()).unwrap();
    let mut late = 0;
    for _ in 0..100 {
        timer.advance(Duration::from_secs(60));
        if block_on(response.chunk()).is_err() {
            break;
        }
        late += 1;
    }
    assert_eq!(late, 0, "chunks after the total limit of 1 s");
}

#[test]
fn a_caller_who_thinks_is_no_silence_of_the_server() {
    // Like the browser's reader.read(): never ready in the poll that starts it, ready at once afterwards.
    let timer = ManualTimer::new();
    let backend = MockBackend::new(|request| {
        async move {
            let s = stream::unfold((), |()| async {
                let mut first = true;
                futures::future::poll_fn(|cx| {
                    if first {
                        first = false;
                        cx.waker().wake_by_ref();
                        Poll::Pending
                    } else {
                        Poll::Ready(())
                    }
                })
                .await;
                Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), ()))
            });
            Ok(Response::new(StatusCode::OK, request.url().clone(), Body::stream(s)))
        }
        .boxed()
    });
    let client = Client::builder().backend(backend).timer(timer.clone()).build().unwrap();
    let mut response = block_on(client.get(URL).send()).unwrap();
    assert!(block_on(response.chunk()).is_ok());
    timer.advance(Duration::from_secs(21)); // the consumer thinks; the server has the next chunk ready
    let next = block_on(response.chunk());
    assert!(next.is_ok(), "{next:?}");
}

#[test]
fn a_response_body_that_fails_as_a_request_body_fails_the_request() {
    let w = wire([
        Script::new().expect_head().send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello"), // truncated
        Script::new().expect_head().silence(),
    ]);
    let source = block_on(w.client.get(URL).send()).unwrap().into_body();
    let mut post = w
        .client
        .post("http://other.example/")
        .body(source)
        .timeout(Duration::ZERO)
        .head_timeout(Duration::ZERO)
        .send()
        .boxed();
    let outcome = (&mut post).now_or_never();
    assert!(outcome.is_some(), "hangs: the body failed and nobody is told; stats {:?}", w.client.stats());
}

#[test]
fn a_server_may_answer_while_it_still_reads() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    const SIZE: usize = 8 << 20;
    std::thread::spawn(move || {
        let (mut s, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut b = [0];
        while !head.ends_with(b"\r\n\r\n") {
            s.read_exact(&mut b).unwrap();
            head.push(b[0]);
        }
        s.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\n\r\n").as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        let mut buf = vec![0; 65536];
        let mut total = 0;
        while total < SIZE {
            let n = s.read(&mut buf).unwrap();
            if n == 0 {
                return;
            }
            total += n;
            s.write_all(&buf[..n]).unwrap();
        }
    });
    let client = Client::builder().idle_timeout(Duration::from_secs(3)).build().unwrap();
    let outcome = block_on(async { client.post(&*url).body(vec![7u8; SIZE]).await?.bytes().await });
    assert_eq!(outcome.map(|b| b.len()).map_err(|e| e.to_string()), Ok(SIZE));
}

#[test]
fn an_early_good_answer_does_not_cut_the_upload() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    const SIZE: usize = 8 << 20;
    let got = Arc::new(AtomicUsize::new(0));
    let got2 = got.clone();
    let t = std::thread::spawn(move || {
        let (mut s, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut b = [0];
        while !head.ends_with(b"\r\n\r\n") {
            s.read_exact(&mut b).unwrap();
            head.push(b[0]);
        }
        s.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok").unwrap();
        std::thread::sleep(Duration::from_millis(100));
        let mut buf = vec![0; 65536];
        while let Ok(n) = s.read(&mut buf) {
            if n == 0 {
                break;
            }
            got2.fetch_add(n, Ordering::SeqCst);
        }
    });
    let client = Client::new();
    let outcome = block_on(async { client.post(&*url).body(vec![7u8; SIZE]).await?.text().await });
    // The connection is kept, and the server reads on until it is closed.
    drop(client);
    t.join().unwrap();
    assert_eq!((outcome.unwrap().as_str(), got.load(Ordering::SeqCst)), ("ok", SIZE));
}

struct Never;
impl Connector for Never {
    fn connect<'a>(&'a self, _: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        Box::pin(std::future::pending())
    }
}

#[test]
fn connecting_is_limited_by_its_own_limit_alone() {
    let timer = ManualTimer::new();
    let client = Client::builder()
        .backend(Agent::new(Never, timer.clone()))
        .timer(timer.clone())
        .connect_timeout(Duration::from_secs(60))
        .build()
        .unwrap();
    let mut f = client.get(URL).send().boxed();
    assert!((&mut f).now_or_never().is_none());
    timer.advance(Duration::from_secs(30));
    let out = (&mut f).now_or_never();
    assert!(out.is_none(), "{:?}", out.unwrap().unwrap_err());
}

struct Then(ScriptedConnector);
impl Connector for Then {
    fn connect<'a>(&'a self, o: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        if o.host() == "hole.example" { Box::pin(std::future::pending()) } else { self.0.connect(o) }
    }
}

#[test]
fn a_redirect_into_a_black_hole_names_the_connection() {
    let timer = ManualTimer::new();
    let c = ScriptedConnector::new([Script::new()
        .expect_head()
        .drip(b"HTTP/1.1 302 Found\r\nlocation: http://hole.example/\r\ncontent-length: 0\r\n\r\n")]);
    let client = Client::builder().backend(Agent::new(Then(c), timer.clone())).timer(timer.clone()).build().unwrap();
    let mut f = client.get(URL).send().boxed();
    // first poll: the head is written; the answer drips in one second later
    let mut cx = Context::from_waker(Waker::noop());
    assert!(f.as_mut().poll(&mut cx).is_pending());
    timer.advance(Duration::from_secs(1));
    for _ in 0..200 {
        assert!(f.as_mut().poll(&mut cx).is_pending());
    }
    timer.advance(Duration::from_secs(20));
    let error = f.now_or_never().unwrap().unwrap_err();
    assert_eq!(error.phase(), Phase::Connect, "{error}");
}

#[test]
fn an_upload_that_is_always_ready_hears_the_answer() {
    let w = wire([Script::new().expect_head().send("HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n").silence()]);
    let n = Arc::new(AtomicUsize::new(0));
    let n2 = n.clone();
    let timer = w.timer.clone();
    let s = stream::repeat_with(move || {
        n2.fetch_add(1, Ordering::SeqCst);
        timer.advance(Duration::from_secs(1));
        Bytes::from_static(b"xxxxxxxx")
    })
    .take(20_000)
    .map(Ok::<_, std::io::Error>);
    let status =
        block_on(w.client.post(URL).body(Body::stream(s)).timeout(Duration::from_secs(5)).send()).map(|r| r.status());
    assert!(
        n.load(Ordering::SeqCst) < 1000,
        "sent {} pieces, one second each, with a total limit of 5 s, before {status:?}",
        n.load(Ordering::SeqCst)
    );
}

#[test]
fn default_headers_keep_all_their_values() {
    let seen = Arc::new(Mutex::new(0));
    let seen2 = seen.clone();
    let backend = MockBackend::new(move |r| {
        *seen2.lock().unwrap() = r.headers().get_all("x-a").iter().count();
        async move { Ok(Response::new(StatusCode::OK, r.url().clone(), "")) }.boxed()
    });
    let mut h = HeaderMap::new();
    h.append("x-a", HeaderValue::from_static("1"));
    h.append("x-a", HeaderValue::from_static("2"));
    let client = Client::builder().backend(backend).default_headers(h).build().unwrap();
    block_on(client.get(URL).send()).unwrap();
    assert_eq!(*seen.lock().unwrap(), 2);
}

#[test]
fn default_headers_cannot_smuggle() {
    let (connector, timer) = (ScriptedConnector::new([Script::new().expect_head().send(HELLO)]), ManualTimer::new());
    let mut h = HeaderMap::new();
    h.append("transfer-encoding", HeaderValue::from_static("chunked"));
    let client = Client::builder()
        .backend(Agent::new(connector.clone(), timer.clone()))
        .timer(timer)
        .default_headers(h)
        .build()
        .unwrap();
    let out = block_on(client.post(URL).body("0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n").send()).map(|r| r.status());
    assert!(out.is_err(), "sent {}", connector.written(0));
}

#[test]
fn there_is_one_host() {
    let w = wire([Script::new().expect_head().send(HELLO)]);
    let error = block_on(w.client.get(URL).header("host", "a").header("host", "b").send()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(w.connector.written(0).matches("host:").count() <= 1, "{}", w.connector.written(0));
}

#[test]
fn a_blank_line_before_the_head_may_come_in_parts() {
    let w = wire([Script::new().expect_head().drip(format!("\r\n{HELLO}").as_bytes())]);
    let out = block_on(async { w.client.get(URL).await?.text().await });
    assert!(out.is_ok(), "{out:?}");
}

#[test]
fn a_post_without_a_body_is_not_sent_twice() {
    // the server gets the whole second POST, does it, and dies before it answers
    let w = wire([Script::new().expect_head().send(HELLO).expect_head(), Script::new().expect_head().send(HELLO)]);
    for _ in 0..2 {
        let _ = block_on(async { w.client.post(URL).await?.text().await });
    }
    let posts = w.connector.written(0).matches("POST").count() + w.connector.written(1).matches("POST").count();
    assert_eq!(posts, 2);
}

struct OnDrop<F: Fn() + Send + Sync + 'static>(F);
impl<F: Fn() + Send + Sync + 'static> Wake for OnDrop<F> {
    fn wake(self: Arc<Self>) {}
}
impl<F: Fn() + Send + Sync + 'static> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)()
    }
}

#[test]
fn a_waker_may_drop_its_task_in_a_work_queue() {
    assert!(
        ends(|| {
            let queue = Arc::new(Queue::<u8>::unbounded());
            let mut get = queue.get();
            let q = queue.clone();
            let w1 = Waker::from(Arc::new(OnDrop(move || {
                q.len();
            })));
            assert!(Pin::new(&mut get).poll(&mut Context::from_waker(&w1)).is_pending());
            drop(w1);
            assert!(Pin::new(&mut get).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }),
        "deadlock"
    );
}

#[test]
fn a_waker_may_drop_its_task_in_the_line_for_a_slot() {
    assert!(
        ends(|| {
            let client = Client::builder().backend(MockBackend::pending()).max_active(1).build().unwrap();
            let mut first = client.get(URL).send().boxed();
            assert!((&mut first).now_or_never().is_none());
            let mut second = client.get(URL).send().boxed();
            let c = client.clone();
            let w1 = Waker::from(Arc::new(OnDrop(move || {
                c.stats();
            })));
            assert!(second.as_mut().poll(&mut Context::from_waker(&w1)).is_pending());
            drop(w1);
            drop(second);
        }),
        "deadlock"
    );
}

/// The executor of every tutorial: a task is its Arc, its wakers own it.
struct Task(Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>);
impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let t = self.0.lock().unwrap().take();
        if let Some(mut f) = t {
            if f.as_mut().poll(&mut Context::from_waker(&self.clone().into())).is_pending() {
                *self.0.lock().unwrap() = Some(f)
            }
        }
    }
}

#[test]
fn a_task_may_own_one_request_and_lend_out_another() {
    // A task owns a running request (a slot) and lends its queued one to another task, which polls it.
    assert!(
        ends(|| {
            let client = Client::builder()
                .backend(MockBackend::pending())
                .max_active(1)
                .head_timeout(Duration::ZERO)
                .build()
                .unwrap();
            let queued = Arc::new(Mutex::new(None::<Pin<Box<dyn Future<Output = Result<Response>> + Send>>>));
            let (c, q) = (client.clone(), queued.clone());
            let task = Arc::new(Task(Mutex::new(Some(Box::pin(async move {
                let mut running = c.get(URL).send().boxed();
                assert!(futures::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut running).poll(cx))).await.is_pending());
                let mut second = c.get(URL).send().boxed();
                assert!(futures::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut second).poll(cx))).await.is_pending());
                *q.lock().unwrap() = Some(second);
                running.await.unwrap();
            })))));
            Waker::from(task.clone()).wake_by_ref();
            drop(task); // now only the waker in the line owns the task
            let mut second = queued.lock().unwrap().take().unwrap();
            assert!(second.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }),
        "deadlock"
    );
}

#[test]
fn a_panic_in_the_background_leaves_the_thread_alive() {
    let l = EventLoop::new();
    let (tx, rx) = std::sync::mpsc::channel();
    l.spawn(async { panic!("user bug") });
    std::thread::sleep(Duration::from_millis(200));
    l.spawn(async move {
        let _ = tx.send(());
    });
    assert!(rx.recv_timeout(Duration::from_secs(2)).is_ok(), "the background thread is gone for good");
}

#[test]
fn clones_of_a_request_do_not_share_progress() {
    let a = Request::put(URL).body("x").build().unwrap();
    let b = a.try_clone().unwrap();
    b.progress().add(5);
    assert_eq!(a.progress().bytes(), 0);
}

#[test]
fn the_rest_of_a_body_can_be_sent_on() {
    let w = wire([
        Script::new().expect_head().send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello").send("world"),
        Script::new().expect_head().send(HELLO),
    ]);
    let mut r = block_on(w.client.get(URL).send()).unwrap();
    block_on(r.chunk()).unwrap();
    let out = block_on(w.client.post("http://b.example/").body(r.into_body()).send());
    assert!(out.is_ok(), "{out:?}");
}

#[test]
fn a_chunk_size_ends_in_nothing_but_crlf() {
    let w = wire([Script::new()
        .expect_head()
        .send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\r\nhello\r\n0\x0c\r\n\r\n")]);
    let out = block_on(async { w.client.get(URL).await?.text().await });
    assert!(out.is_err(), "{out:?}");
}

#[test]
fn a_bad_url_is_told_without_its_password() {
    let e = block_on(Client::new().get("http://user:secret@[bad/").send()).unwrap_err();
    assert!(!e.to_string().contains("secret"), "{e}");
}

#[test]
fn an_agent_alone_checks_what_it_sends() {
    let connector = ScriptedConnector::new([Script::new().expect_head().send(HELLO)]);
    let agent = Agent::new(connector.clone(), ManualTimer::new());
    let mut r = Request::post(URL).body("abc").build().unwrap();
    r.headers_mut().insert("content-length", HeaderValue::from_static("0"));
    let error = block_on(agent.fetch(r)).unwrap_err();
    assert_eq!((error.kind(), connector.connections()), (ErrorKind::InvalidRequest, 0), "{error}");
}

#[test]
fn forbidden_methods_are_forbidden_in_any_case() {
    for method in ["connect", "CONNECT", "Trace", "track"] {
        let w = wire([Script::new().expect_head().send(HELLO)]);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let error = block_on(w.client.request(method, URL).send()).unwrap_err();
        assert_eq!((error.kind(), w.connector.connections()), (ErrorKind::InvalidRequest, 0), "{error}");
    }
}

#[test]
fn a_black_hole_is_blamed_on_the_connection() {
    let mut names = Vec::new();
    for _ in 0..20 {
        let limit = Duration::from_millis(30);
        let client = Client::builder()
            .backend(Agent::new(Never, waterspout::platform::native::SystemTimer))
            .connect_timeout(limit)
            .head_timeout(limit)
            .build()
            .unwrap();
        names.push(block_on(client.get(URL).send()).unwrap_err().limit().unwrap().name);
    }
    assert!(names.iter().all(|n| *n == "connect"), "{names:?}");
}

#[test]
fn a_waker_may_drop_its_task_when_another_leaves() {
    // A task owns a get of a queue; another get of the same queue, lent out, is dropped elsewhere.
    assert!(
        ends(|| {
            let queue: &'static Queue<u8> = Box::leak(Box::new(Queue::unbounded()));
            let lent = Arc::new(Mutex::new(None));
            let l = lent.clone();
            let task = Arc::new(Task(Mutex::new(Some(Box::pin(async move {
                let mut other = queue.get();
                assert!(futures::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut other).poll(cx))).await.is_pending());
                *l.lock().unwrap() = Some(other);
                struct Guard(&'static Queue<u8>);
                impl Drop for Guard {
                    fn drop(&mut self) {
                        let _ = self.0.put_nowait(1);
                    }
                }
                let _guard = Guard(queue);
                std::future::pending::<()>().await;
            })))));
            Waker::from(task.clone()).wake_by_ref();
            drop(task);
            drop(lent.lock().unwrap().take());
        }),
        "deadlock"
    );
}

#[test]
fn trailers_without_end_are_bounded() {
    // only meaningful with overflow checks off: after the wrap the trailers' limit is gone
    let first = format!("x: {}\r\n", "a".repeat(16 * 1024 - 1 - 3));
    let more = "y: ".to_owned() + &"b".repeat(30_000_000) + "\r\n";
    let answer = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n{first}{more}\r\n");
    let w = wire([Script::new().expect_head().send(answer).silence()]);
    let outcome = block_on(async { w.client.get(URL).await?.text().await });
    assert!(outcome.is_err(), "30 MB of trailers accepted: {outcome:?}");
}

#[test]
fn a_request_that_cannot_be_replayed_tells_that_its_connection_was_a_kept_one() {
    let w = wire([Script::new().expect_head().send(HELLO).expect_head()]);
    block_on(async { w.client.get(URL).await?.text().await }).unwrap();
    let body = Body::stream(stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"once"))]));
    let error = block_on(w.client.put(URL).body(body).send()).unwrap_err();
    assert_eq!((error.kind(), error.reused()), (ErrorKind::ConnectionClosed, Some(true)), "{error}");
}

#[test]
fn debug_output_of_how_to_forward_has_no_credentials() {
    // Made by hand, as a connector of one's own does it.
    let shown = format!("{:?}", Forwarding::new(Some(HeaderValue::from_static("Basic c2VjcmV0"))));
    assert!(!shown.contains("c2VjcmV0"), "{shown}");
}
