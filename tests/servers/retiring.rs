//! Servers that retire their connections while requests run: each request is processed once, and answered.
//!
//! - nginx retires each connection at its 10th request, and all connections when it reloads its configuration.
//! - Node retires each connection after a random number of streams or a random time (`serve_retiring.mjs`).
//!
//! At a reload, nginx 1.22 closes a connection with unread bytes while its last answers are on their way, and the close
//! destroys them. So the client cannot know whether a POST was processed, must not send it again (RFC 9110, section
//! 9.2.2), and fails it. The test accepts few such POSTs, and only POSTs that nginx has logged.
//!
//! With `WATERSPOUT_RETIRING=long` each test sends 50 times as many GETs and 20 times as many POSTs.

use std::collections::BTreeMap;
use std::env;
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use async_io::Timer;
use futures::{StreamExt, stream};
use waterspout::http::Method;
use waterspout::{Client, Request};

use crate::process::Running;
use crate::sites::{RETIRING, RETIRING_NODE};

/// The number of requests at once.
const PARALLEL: usize = 64;

/// One of this many POSTs may lose its answer in nginx.
const POSTS_PER_LOST_ANSWER: usize = 500;

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
    crate::run(&RETIRING_NODE, all_requests_are_answered);
}

async fn all_requests_are_answered(server: &Running) {
    let is_long = env::var_os("WATERSPOUT_RETIRING").is_some_and(|value| value == "long");
    let (gets, posts) = if is_long { (100_000, 10_000) } else { (2_000, 500) };
    let client = Client::builder().backend(server.network().agent()).max_active(PARALLEL).build().unwrap();
    let is_nginx = server.kind.name == RETIRING.name;
    let reloads = is_nginx.then(|| Reloads::start(server.program.id()));
    // The POSTs are spread evenly.
    let methods = (0..gets + posts).map(|number| (number, number % (gets / posts + 1) == 0));
    let requests = methods.map(|(number, is_post)| send(server, &client, number, is_post));
    let outcomes: Vec<_> = stream::iter(requests).buffer_unordered(PARALLEL).collect().await;
    drop(reloads);
    let failures: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
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

/// A request that has failed.
#[derive(Debug)]
struct Failure {
    method: Method,
    path: String,
    // Printed by `Debug`.
    #[allow(dead_code)]
    reason: String,
}

/// Sends a request with a path of its own.
async fn send(server: &Running, client: &Client, number: usize, is_post: bool) -> Result<(), Failure> {
    let method = if is_post { Method::POST } else { Method::GET };
    let path = format!("/{number}");
    let mut request = Request::new(method.clone(), server.url(&path).parse().unwrap());
    if is_post {
        *request.body_mut() = format!("order {number}").into();
    }
    let outcome = async { client.fetch(request).await?.text().await }.await;
    let reason = match outcome {
        Ok(text) if text == "hello\n" => return Ok(()),
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
