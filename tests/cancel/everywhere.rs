//! Requests that are dropped during redirects, challenges, tunnels, retries and streams.
//!
//! Each test polls its request n times and drops it, for each n until the request ends. The clock advances only when
//! the request waits for nothing else.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Context;
use std::time::Duration;

use futures::executor::block_on;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use waterspout::proxy::Proxy;
use waterspout::testing::{
    Handler, Incoming, ManualTimer, MemoryConnector, Recorder, Reply, Script, ScriptedConnector, handler,
};
use waterspout::{Agent, Client, Connector, Origin, Request, Result, Retry, Transport};

use crate::support::client::HELLO;
use crate::support::polling::yield_once;
use crate::support::wakers::WakeFlag;

use super::body;

const URL: &str = "http://example.com/start";

/// Sends a request and reads the whole response.
type Run = for<'a> fn(&'a Client) -> BoxFuture<'a, ()>;

/// Polls `run` at most `times`, each time after it was woken, as an executor does. Returns whether it has ended.
fn poll_times(client: &Client, timer: &ManualTimer, run: Run, times: usize) -> bool {
    let (flag, waker) = WakeFlag::new();
    let mut future = pin!(run(client));
    for _ in 0..times {
        if future.as_mut().poll_unpin(&mut Context::from_waker(&waker)).is_ready() {
            return true;
        }
        let mut waits = 0;
        while !flag.take() {
            waits += 1;
            assert!(waits < 100, "the request is not woken");
            timer.advance(Duration::from_millis(100));
        }
    }
    false
}

/// A connection that sends these responses in turn, byte by byte, and then stays open.
fn dripped<T: AsRef<[u8]>>(answers: impl IntoIterator<Item = T>) -> Script {
    answers.into_iter().fold(Script::new(), |script, answer| script.expect_head().drip(answer.as_ref()))
}

fn client_of(connector: impl Connector) -> (Client, ManualTimer) {
    let timer = ManualTimer::new();
    let agent = Agent::new(connector, timer.clone());
    let client = Client::builder().backend(agent).timer(timer.clone()).max_active(1).max_active_per_origin(1);
    let client = client.timeout(Duration::from_secs(1000)).idle_timeout(Duration::from_secs(100)).retry(Retry::new());
    (client.build().unwrap(), timer)
}

fn nothing_is_left(client: &Client, timer: &ManualTimer, polls: usize) {
    assert_eq!((client.stats().active, client.stats().queued), (0, 0), "after {polls} polls");
    assert_eq!(timer.pending(), 0, "after {polls} polls");
    assert!(client.stats().origins.is_empty(), "after {polls} polls: {:?}", client.stats().origins);
}

/// Drops `run` at every wait, over connections in memory. The next requests must reuse each connection that is open.
fn in_memory<H: Handler>(server: impl Fn() -> H, run: Run, least_polls: usize) {
    for polls in 0.. {
        let recorder = Recorder::new();
        let connector = MemoryConnector::new(recorder.record(server())).in_pieces(16);
        let (client, timer) = client_of(connector.clone());
        let finished = poll_times(&client, &timer, run, polls);
        nothing_is_left(&client, &timer, polls);
        let (open, mut reused) = (connector.open(), 0);
        for origin in ["http://example.com", "http://other.example"] {
            let next = block_on(client.get(format!("{origin}/next")).send()).unwrap();
            reused += usize::from(next.connection_info().reused);
            assert_eq!(block_on(next.text()).unwrap(), "next", "after {polls} polls");
        }
        assert_eq!(reused, open, "after {polls} polls: open connections that no request reuses");
        assert_eq!(recorder.requests().iter().filter(|request| request.target == "/next").count(), 2);
        drop(client);
        assert_eq!(connector.open(), 0, "after {polls} polls");
        if finished {
            assert!(polls > least_polls, "{polls} polls are too few to reach every wait");
            return;
        }
        assert!(polls < 10_000, "it does not come to an end");
    }
}

/// Drops `run` at every wait, over scripted connections that send byte by byte. `wrap` makes the connector.
fn scripted<C: Connector>(scripts: impl Fn() -> Vec<Script>, wrap: impl Fn(ScriptedConnector) -> C, run: Run) {
    for polls in 0.. {
        let connector = ScriptedConnector::new(scripts());
        let (client, timer) = client_of(wrap(connector.clone()));
        let finished = poll_times(&client, &timer, run, polls);
        nothing_is_left(&client, &timer, polls);
        assert!(connector.open() <= usize::from(connector.connections() > 0), "after {polls} polls");
        drop(client);
        assert_eq!(connector.open(), 0, "after {polls} polls");
        if finished {
            assert!(polls > 50, "{polls} polls are too few to reach every wait");
            return;
        }
        assert!(polls < 10_000, "it does not come to an end");
    }
}

/// Answers `/next` with `next`, and other paths with `answer`. `answer` receives the number of earlier requests to
/// other paths.
fn server(answer: fn(&Incoming, usize) -> Reply) -> impl Handler {
    let seen = AtomicUsize::new(0);
    handler(move |request| {
        let before = (request.path() != "/next").then(|| seen.fetch_add(1, Ordering::SeqCst));
        async move {
            let reply = before.map_or_else(|| Reply::text("next"), |before| answer(request, before));
            let _ = request.body().await;
            reply
        }
        .boxed()
    })
}

/// Reads the whole response with a pause after each chunk, and compares the text.
async fn read(response: Result<waterspout::Response>, expected: &str) {
    let mut response = response.unwrap();
    let mut text = Vec::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        text.extend_from_slice(&chunk);
        yield_once().await;
    }
    assert_eq!(String::from_utf8(text).unwrap(), expected);
}

#[test]
fn request_dropped_in_a_redirect_chain_leaves_nothing_behind() {
    let run: Run = |client| async { read(client.get(URL).await, "there").await }.boxed();
    let answer = |request: &Incoming, _| match request.path() {
        "/start" => Reply::redirect(302, "/second"),
        "/second" => Reply::redirect(307, "http://other.example/third"),
        "/third" => Reply::redirect(303, "/fourth"),
        _ => Reply::text("there"),
    };
    in_memory(|| server(answer), run, 40);

    let to = |location: &str| format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
    let hops = || {
        let there = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nthere".to_owned();
        vec![dripped([to("/second"), to("/third"), there]).silence()]
    };
    scripted(hops, |connector| connector, run);
}

#[cfg(feature = "digest")]
#[test]
fn request_dropped_in_a_digest_challenge_leaves_nothing_behind() {
    const CHALLENGE: &str = r#"Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256"#;
    let run: Run = |client| async { read(client.get(URL).digest_auth("user", "secret").await, "hello").await }.boxed();
    let answer = |request: &Incoming, _| match request.header("authorization") {
        Some(answer) if answer.starts_with("Digest ") => Reply::text("hello"),
        _ => Reply::new(401, "log in first").with_header("www-authenticate", CHALLENGE),
    };
    in_memory(|| server(answer), run, 30);

    let challenge =
        format!("HTTP/1.1 401 Unauthorized\r\nwww-authenticate: {CHALLENGE}\r\ncontent-length: 3\r\n\r\nno!");
    let both = || vec![dripped([&*challenge, HELLO]).silence()];
    scripted(both, |connector| connector, run);
}

/// A connector that opens a tunnel through a proxy.
struct Tunnelled(ScriptedConnector);

impl Connector for Tunnelled {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        Box::pin(async move {
            let mut transport = self.0.connect(origin).await?;
            Proxy::parse("http://proxy.example:3128")?.tunnel(&mut transport, "example.com", 80).await?;
            Ok(transport)
        })
    }
}

#[test]
fn request_dropped_in_a_proxy_tunnel_leaves_nothing_behind() {
    let run: Run = |client| async { read(client.get(URL).await, "hello").await }.boxed();
    let established = "HTTP/1.1 200 Connection established\r\nproxy-agent: test\r\n\r\n";
    let tunnel = || vec![dripped([established, HELLO]).silence()];
    scripted(tunnel, Tunnelled, run);
}

#[test]
fn request_dropped_in_a_replay_leaves_nothing_behind() {
    let run: Run = |client| {
        async {
            read(client.get(URL).await, "first").await;
            yield_once().await;
            read(client.get(URL).await, "third").await;
        }
        .boxed()
    };
    let answer = |request: &Incoming, before| match before {
        0 => Reply::text("first"),
        // The server closes the connection after it has read a request.
        1 if request.connection() == 0 => Reply::close(),
        _ => Reply::text("third"),
    };
    in_memory(|| server(answer), run, 30);

    let first = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst";
    let third = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nthird";
    let stale = || vec![dripped([first]).expect_head(), dripped([third]).silence()];
    scripted(stale, |connector| connector, run);
}

#[test]
fn upload_dropped_in_expect_continue_leaves_nothing_behind() {
    let run: Run =
        |client| async { read(client.post(URL).expect_continue(true).body(body()).await, "hello").await }.boxed();
    in_memory(|| server(|_, _| Reply::text("hello")), run, 30);

    let answer = format!("HTTP/1.1 100 Continue\r\n\r\n{HELLO}");
    let asked = || vec![dripped([&answer]).silence()];
    scripted(
        asked,
        |connector| connector,
        |client| {
            async {
                // The scripted response may arrive before the body has been sent.
                let _ = client.post(URL).expect_continue(true).body(body()).await.unwrap().text().await;
            }
            .boxed()
        },
    );
}

#[test]
fn upload_dropped_in_an_unanswered_expect_continue_leaves_nothing_behind() {
    // The client sends the body when the wait for `100 Continue` has expired.
    let run: Run =
        |client| async { read(client.post(URL).expect_continue(true).body("body").await, "hello").await }.boxed();
    for polls in 0.. {
        let connector = ScriptedConnector::new([Script::new().silence()]);
        let (client, timer) = client_of(connector.clone());
        let asked = poll_times_quietly(&client, &timer, run, polls);
        nothing_is_left(&client, &timer, polls);
        assert_eq!(connector.open(), 0, "after {polls} polls");
        if asked {
            assert!(connector.written(0).ends_with("\r\n\r\nbody"), "{}", connector.written(0));
            return;
        }
    }
}

/// Polls as [`poll_times`] does. Returns whether the request came to a point at which it is not woken any more.
fn poll_times_quietly(client: &Client, timer: &ManualTimer, run: Run, times: usize) -> bool {
    let (flag, waker) = WakeFlag::new();
    let mut future = pin!(run(client));
    for _ in 0..times {
        assert!(future.as_mut().poll_unpin(&mut Context::from_waker(&waker)).is_pending());
        let mut waits = 0;
        while !flag.take() {
            timer.advance(Duration::from_millis(100));
            waits += 1;
            if waits == 100 {
                return true;
            }
        }
    }
    false
}

#[test]
fn dropped_streaming_upload_leaves_nothing_behind() {
    let run: Run = |client| async { read(client.post(URL).body(body()).await, "hello").await }.boxed();
    in_memory(|| server(|_, _| Reply::text("hello")), run, 30);
}

#[cfg(feature = "gzip")]
#[test]
fn dropped_encoded_download_leaves_nothing_behind() {
    use std::io::Write;
    fn gzip() -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all("hello, ".repeat(100).as_bytes()).unwrap();
        encoder.finish().unwrap()
    }
    let run: Run = |client| async { read(client.get(URL).await, &"hello, ".repeat(100)).await }.boxed();
    in_memory(|| server(|_, _| Reply::new(200, gzip()).with_header("content-encoding", "gzip")), run, 15);

    let encoded = || {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", gzip().len());
        vec![dripped([[head.into_bytes(), gzip()].concat()]).silence()]
    };
    scripted(encoded, |connector| connector, run);
}

#[test]
fn request_dropped_in_retries_leaves_nothing_behind() {
    let run: Run = |client| async { read(client.get(URL).await, "at last").await }.boxed();
    let answer = |_: &Incoming, before| match before {
        // The next attempt needs a new connection, so that its end is a failure and not a replay.
        0 => Reply::new(503, "later").with_header("retry-after", "2").with_header("connection", "close"),
        1 => Reply::close(),
        _ => Reply::text("at last"),
    };
    in_memory(|| server(answer), run, 30);

    let later = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
    let last = "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nat last";
    scripted(|| vec![dripped([later, last]).silence()], |it| it, run);
}

#[test]
fn dropped_event_stream_leaves_nothing_behind() {
    let run: Run = |client| {
        async {
            let mut events = client.events(Request::get(URL));
            let mut seen = Vec::new();
            while let Some(event) = events.next().await {
                seen.push(event.unwrap().data);
                yield_once().await;
            }
            assert_eq!(seen, ["one", "two"]);
        }
        .boxed()
    };
    let answer = |request: &Incoming, _| match request.header("last-event-id") {
        None => Reply::new(200, "retry: 300\nid: 1\ndata: one\n\n").with_header("content-type", "text/event-stream"),
        Some("1") => Reply::new(200, "id: 2\ndata: two\n\n").with_header("content-type", "text/event-stream"),
        Some(_) => Reply::new(204, ""),
    };
    in_memory(|| server(answer), run, 40);

    let events = |text: &str| {
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n", text.len());
        head + text
    };
    let connection = || {
        let end = "HTTP/1.1 204 No Content\r\n\r\n".to_owned();
        vec![dripped([events("id: 1\ndata: one\n\n"), events("id: 2\ndata: two\n\n"), end]).silence()]
    };
    scripted(connection, |connector| connector, run);
}
