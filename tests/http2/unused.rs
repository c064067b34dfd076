//! A connection of HTTP/2 that no request uses, because another connection came first.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use http::Version;
use waterspout::testing::{ManualTimer, MemoryConnector, Reply, handler};
use waterspout::{Agent, BoxFuture, Client, Connector, Executor, Origin, Transport};

use crate::served::Gates;

/// Speaks HTTP/1.1 on the first connection, and HTTP/2 on all later connections, which wait for the gate `connect`.
struct Upgraded {
    first: MemoryConnector,
    later: MemoryConnector,
    gates: Gates,
    connects: AtomicUsize,
}

impl Connector for Upgraded {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, waterspout::Result<Box<dyn Transport>>> {
        Box::pin(async move {
            if self.connects.fetch_add(1, Ordering::Relaxed) == 0 {
                return self.first.connect(origin).await;
            }
            self.gates.pass("connect").await;
            self.later.connect(origin).await
        })
    }

    fn may_speak_http2(&self, _: &Origin) -> bool {
        true
    }
}

/// The background tasks of a client, which the test polls.
#[derive(Clone, Default)]
struct Background(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl Executor for Background {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.lock().unwrap().push(task);
    }
}

impl Background {
    /// Polls each task. A task that has ended is dropped.
    fn poll_all(&self) {
        let tasks = std::mem::take(&mut *self.0.lock().unwrap());
        for mut task in tasks {
            if task.as_mut().now_or_never().is_none() {
                self.spawn(task);
            }
        }
    }
}

#[test]
fn connection_that_no_request_uses_is_closed_after_the_idle_timeout() {
    let server = || handler(|_| async { Reply::text("hello").with_header("connection", "close") }.boxed());
    let (first, later) = (MemoryConnector::new(server()), MemoryConnector::new(server()).version(Version::HTTP_2));
    let (gates, timer, background) = (Gates::default(), ManualTimer::new(), Background::default());
    let connector = Upgraded { first, later: later.clone(), gates: gates.clone(), connects: AtomicUsize::new(0) };
    let agent = Agent::new(connector, timer.clone()).with_executor(background.clone());
    let client = Client::builder().backend(agent).timer(timer.clone()).build().unwrap();
    let get = || client.get("http://server.test/").into_future();
    // After a connection of HTTP/1.1, each request opens a connection of its own.
    block_on(get()).unwrap();
    let mut requests = [get(), get()];
    requests.iter_mut().for_each(|request| assert!(request.now_or_never().is_none()));
    gates.open("connect");
    requests.map(block_on).into_iter().for_each(|response| assert_eq!(response.unwrap().status(), 200));
    assert_eq!((later.connections(), later.open()), (2, 2));
    for _ in 0..3 {
        timer.advance(Duration::from_secs(15));
        background.poll_all();
    }
    assert_eq!(later.open(), 0);
}
