//! Servers that retire their connections while requests run: each request is processed once, and answered.
//!
//! - nginx retires each connection at its 10th request, and all connections when it reloads its configuration.
//! - Node retires each connection after a random number of streams or a random time (`serve_retiring.mjs`).
//! - A proxy in front of nghttpd does the same (`goaway_proxy.rs`), because nghttpd itself retires no connections.
//!
//! At a reload, nginx 1.22 closes a connection with unread bytes while its last answers are on their way, and the close
//! destroys them. So the client cannot know whether a POST was processed, must not send it again (RFC 9110, section
//! 9.2.2), and fails it. The test accepts few such POSTs, and only POSTs that nginx has logged.
//!
//! With `WATERSPOUT_RETIRING=long` each test sends 50 times as many GETs and 20 times as many POSTs. `WATERSPOUT_SEED` sets
//! the seed of the proxy.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::env;
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_io::Timer;
use futures::{StreamExt, stream};
use waterspout::http::Method;
use waterspout::{Client, Request};

use crate::goaway_proxy::GoawayProxy;
use crate::process::Running;
use crate::sites::{RETIRING, RETIRING_NGHTTPD, RETIRING_NODE, Uploads};

/// The number of requests at once.
const PARALLEL: usize = 64;

/// Among this many POSTs, a single POST may lose its answer in nginx.
const POSTS_PER_LOST_ANSWER: usize = 500;

/// How often Node is started. Node 20 sometimes ends with a corrupted heap after GOAWAY frames; Node 24 does not.
const NODE_STARTS: usize = 5;

/// The time between two reloads.
const RELOAD: Duration = Duration::from_secs(1);

/// The time that the server may take to log the last request.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn nginx_that_reloads_loses_no_request() {
    crate::run(&RETIRING, all_requests_are_answered);
}

#[test]
fn node_that_sends_goaway_at_random_loses_no_request() {
    let has_crashed = Cell::new(false);
    for _ in 0..NODE_STARTS {
        has_crashed.set(false);
        crate::run_alone(&RETIRING_NODE, async |server: &Running| {
            let sent = send_all_to(server).await;
            if !sent.failures.is_empty() && server.program.is_gone() {
                println!("Node has ended by itself, so the test begins again");
                has_crashed.set(true);
            } else {
                sent.check(server).await;
            }
        });
        if !has_crashed.get() {
            return;
        }
    }
    panic!("Node has ended by itself {NODE_STARTS} times");
}

#[test]
fn nghttpd_behind_a_proxy_that_sends_goaway_at_random_loses_no_request() {
    crate::run(&RETIRING_NGHTTPD, all_requests_are_answered_through_the_proxy);
}

async fn all_requests_are_answered(server: &Running) {
    send_all_to(server).await.check(server).await;
}

/// The requests that were sent.
struct Sent {
    gets: usize,
    posts: usize,
    failures: Vec<Failure>,
}

async fn send_all_to(server: &Running) -> Sent {
    let (gets, posts) = counts();
    let reloads = (server.kind.name == RETIRING.name).then(|| Reloads::start(server.program.id()));
    let failures = send_all(server, server.program.port(), gets, posts).await;
    drop(reloads);
    Sent { gets, posts, failures }
}

impl Sent {
    /// Checks that each request was answered, and processed once.
    async fn check(self, server: &Running) {
        let Self { gets, posts, failures } = self;
        let is_nginx = server.kind.name == RETIRING.name;
        let seen = logged(server, "POST", posts).await;
        let has_lost_answer = |failure: &&Failure| failure.method == Method::POST && seen.contains_key(&failure.path);
        let lost_answers = failures.iter().filter(has_lost_answer).count();
        let accepted = if is_nginx { posts / POSTS_PER_LOST_ANSWER } else { 0 };
        assert!(
            lost_answers == failures.len() && lost_answers <= accepted,
            "{} requests failed, {lost_answers} of them after the server had processed them, and {} POSTs of {posts} were \
         processed: {:#?}",
            failures.len(),
            seen.len(),
            &failures[..failures.len().min(5)],
        );
        println!("{gets} GETs and {posts} POSTs were processed; the answers to {lost_answers} POSTs were lost");
        assert!(seen.values().all(|count| *count == 1), "processed twice: {seen:?}");
        assert_eq!((seen.len(), logged(server, "GET", gets).await.len()), (posts, gets));
    }
}

async fn all_requests_are_answered_through_the_proxy(server: &Running) {
    let (gets, posts) = counts();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = env::var("WATERSPOUT_SEED").map_or(u64::from(now.subsec_nanos()), |seed| seed.parse().unwrap());
    println!("WATERSPOUT_SEED={seed}");
    let proxy = GoawayProxy::start(server.program.port(), seed);
    let failures = send_all(server, proxy.port(), gets, posts).await;
    let record = proxy.stop();
    let (goaways, discarded) = (record.goaways, record.discarded);
    println!("{goaways} GOAWAY frames; {discarded} requests came after them; {gets} GETs and {posts} POSTs are sent");
    assert!(failures.is_empty(), "{} requests failed: {:#?}", failures.len(), &failures[..failures.len().min(5)]);
    let repeated: Vec<_> = record.bodies.iter().filter(|(_, count)| **count != 1).collect();
    assert!(repeated.is_empty(), "processed more than once: {repeated:?}");
    assert_eq!((record.bodies.len(), record.empty), (posts, gets));
    // On average a connection is retired at its 10th stream, and requests of several tasks are on their way then.
    assert!(goaways > (gets + posts) / 40 && discarded > goaways / 2, "the proxy has retired too few connections");
}

/// Returns the number of GETs and of POSTs.
fn counts() -> (usize, usize) {
    let is_long = env::var_os("WATERSPOUT_RETIRING").is_some_and(|value| value == "long");
    if is_long { (100_000, 10_000) } else { (2_000, 500) }
}

/// Sends requests to a port, [`PARALLEL`] at once. The POSTs are spread evenly. Returns the requests that fail.
async fn send_all(server: &Running, port: u16, gets: usize, posts: usize) -> Vec<Failure> {
    let client = Client::builder().backend(server.network().agent()).max_active(PARALLEL).build().unwrap();
    let echoes = matches!(server.kind.paths.uploads, Uploads::Echoed);
    let requests = (0..gets + posts).map(|number| {
        let is_post = number % (gets / posts + 1) == 0;
        send(&client, port, number, is_post, echoes)
    });
    let outcomes = stream::iter(requests).buffer_unordered(PARALLEL);
    outcomes.filter_map(async |outcome| outcome.err()).collect().await
}

/// A request that has failed.
#[derive(Debug)]
struct Failure {
    method: Method,
    path: String,
    // Printed by `Debug`.
    #[allow(dead_code)]
    reason: String,
}

/// Sends a request with a path or a query of its own. `echoes` is whether the server answers a body with the body.
async fn send(client: &Client, port: u16, number: usize, is_post: bool, echoes: bool) -> Result<(), Failure> {
    let method = if is_post { Method::POST } else { Method::GET };
    let path = if echoes { format!("/plain?{number}") } else { format!("/{number}") };
    let mut request = Request::new(method.clone(), format!("http://127.0.0.1:{port}{path}").parse().unwrap());
    let body = format!("order {number}");
    let expected = if is_post && echoes { body.clone() } else { "hello\n".to_owned() };
    if is_post {
        *request.body_mut() = body.into();
    }
    let outcome = async { client.fetch(request).await?.text().await }.await;
    let reason = match outcome {
        Ok(text) if text == expected => return Ok(()),
        Ok(text) => text,
        Err(error) => error.report().to_string(),
    };
    Err(Failure { method, path, reason })
}

/// Returns how often the server has processed each path. Waits until `expected` paths are in its log.
async fn logged(server: &Running, method: &str, expected: usize) -> BTreeMap<String, usize> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut counts = BTreeMap::new();
        for line in server.folder.read("access.log").lines() {
            if let Some((_, path)) = line.split_once(' ').filter(|(logged, _)| *logged == method) {
                *counts.entry(path.to_owned()).or_default() += 1;
            }
        }
        if counts.len() >= expected || Instant::now() > deadline {
            return counts;
        }
        Timer::after(Duration::from_millis(20)).await;
    }
}

/// Reloads the configuration of a server every second. Dropping it ends that.
struct Reloads {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Reloads {
    fn start(process: u32) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            while stopped.recv_timeout(RELOAD) == Err(RecvTimeoutError::Timeout) {
                Command::new("kill").args(["-HUP", &process.to_string()]).status().unwrap();
            }
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Reloads {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
