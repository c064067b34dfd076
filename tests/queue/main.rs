//! The client's queue: order, limits, rates and observers, over mock backends on a manual clock.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
#![cfg(not(target_family = "wasm"))]

mod dropping;
mod ending;
mod later_stalls;
mod observers;
mod order;
mod rates;
mod reentrancy;
mod settings;
mod slots;
mod stalls;
#[path = "../support/mod.rs"]
mod support;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::executor::LocalPool;
use futures::future::BoxFuture;
use futures::task::LocalSpawnExt;
use waterspout::http::StatusCode;
use waterspout::testing::{ManualTimer, MockBackend};
use waterspout::{Builder, Client, Error, Response, Result};

type Request = BoxFuture<'static, Result<Response>>;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A client on a manual clock. The test answers its requests singly.
struct Bench {
    client: Client,
    timer: ManualTimer,
    backend: MockBackend,
    running: Arc<Mutex<VecDeque<oneshot::Sender<Response>>>>,
}

impl Bench {
    fn new(settings: impl FnOnce(Builder) -> Builder) -> Self {
        let (timer, running) = (ManualTimer::new(), Arc::<Mutex<VecDeque<_>>>::default());
        let backend = MockBackend::new({
            let running = running.clone();
            move |_| {
                let (answer, answered) = oneshot::channel();
                running.lock().unwrap().push_back(answer);
                async move { Ok(answered.await.unwrap()) }.boxed()
            }
        });
        let builder = Client::builder().timer(timer.clone()).backend(backend.clone());
        Self { client: settings(builder).build().unwrap(), timer, backend, running }
    }

    /// Begins a request and polls it once.
    fn send(&self, url: &str) -> Request {
        self.send_with(url, 0)
    }

    fn send_with(&self, url: &str, priority: i16) -> Request {
        polled(self.client.get(url).priority(priority).send().boxed())
    }

    /// Answers the request that has run longest.
    fn answer(&self) {
        let answer = self.running.lock().unwrap().pop_front().unwrap();
        let url = waterspout::Url::parse("http://answer.example/").unwrap();
        // The request may have been dropped.
        let _ = answer.send(Response::new(StatusCode::OK, url, ""));
    }

    /// Answers all running requests, and the requests that start then. Returns the URLs in the order of their start,
    /// without `http://`.
    fn order(&self, requests: &mut [Request]) -> Vec<String> {
        while !self.running.lock().unwrap().is_empty() {
            self.answer();
            // Twice, because the request that frees a slot may be polled after the request that gets the slot.
            requests.iter_mut().for_each(poll_if_pending);
            requests.iter_mut().for_each(poll_if_pending);
        }
        self.seen()
    }

    fn seen(&self) -> Vec<String> {
        self.backend.seen().iter().map(|line| line.trim_start_matches("GET http://").to_owned()).collect()
    }

    fn counts(&self) -> (usize, usize) {
        (self.client.stats().active, self.client.stats().queued)
    }
}

fn polled(mut request: Request) -> Request {
    assert!((&mut request).now_or_never().is_none());
    request
}

/// Polls a request. A request that has ended is replaced by a future that never ends.
fn poll_if_pending(request: &mut Request) {
    if let Some(response) = (&mut *request).now_or_never() {
        response.unwrap();
        *request = std::future::pending().boxed();
    }
}

fn failure(mut request: Request) -> Error {
    (&mut request).now_or_never().expect("it should have failed").unwrap_err()
}

/// Requests that run as tasks and are polled only when they are woken.
struct Tasks {
    pool: LocalPool,
    bench: Bench,
}

impl Tasks {
    fn new(settings: impl FnOnce(Builder) -> Builder) -> Self {
        Self { pool: LocalPool::new(), bench: Bench::new(settings) }
    }

    /// Starts a task that makes a request. Sending to the returned channel ends the task.
    fn spawn(&mut self, url: &str) -> oneshot::Sender<()> {
        let (stop, stopped) = oneshot::channel::<()>();
        let request = self.bench.client.get(url).send();
        let task = async move {
            let stopped = async move {
                if stopped.await.is_err() {
                    std::future::pending().await
                }
            };
            futures::future::select(request.boxed(), stopped.boxed()).await;
        };
        self.pool.spawner().spawn_local(task).unwrap();
        self.pool.run_until_stalled();
        stop
    }

    /// Advances the clock. Returns the number of requests that have started since the beginning.
    fn after(&mut self, time: Duration) -> usize {
        self.bench.timer.advance(time);
        self.pool.run_until_stalled();
        self.bench.seen().len()
    }
}
