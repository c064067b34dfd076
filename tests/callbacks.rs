//! What is foreign (wakers, transports) is called outside of locks, so that it may use the client.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

mod support;

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::{AsyncRead, AsyncWrite, FutureExt};
use support::Turns;
use waterspout::agent::Route;
use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
use waterspout::{Agent, BoxFuture, Client, Connector, Origin, Result, Transport};

const URL: &str = "http://example.com/";

/// Fails if `test` does not come to an end: a deadlock would be for ever.
fn ends(test: impl FnOnce() + Send + 'static) {
    let (done, outcome) = mpsc::channel();
    std::thread::spawn(move || {
        test();
        done.send(()).unwrap();
    });
    outcome.recv_timeout(Duration::from_secs(20)).expect("a deadlock, or a panic above");
}

/// A request that is polled once and dropped.
fn begin_and_drop(client: &Client) {
    let mut request = client.get(URL).send().boxed();
    let _ = request.poll_unpin(&mut Context::from_waker(Waker::noop()));
}

/// Uses the client whenever it is woken.
struct Uses(Client, Mutex<usize>);

impl Wake for Uses {
    fn wake(self: Arc<Self>) {
        begin_and_drop(&self.0);
        *self.1.lock().unwrap() += 1;
    }
}

/// Connects for ever.
struct Never;

impl Connector for Never {
    fn connect<'a>(&'a self, _origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        Box::pin(std::future::pending())
    }
}

#[test]
fn a_task_that_uses_the_client_when_woken_may_leave_the_line_for_connections() {
    ends(|| {
        let client = Client::builder().backend(Agent::new(Never, ManualTimer::new())).build().unwrap();
        let uses = Arc::new(Uses(client.clone(), Mutex::new(0)));
        let mut request = client.get(URL).send().boxed();
        assert!(request.poll_unpin(&mut Context::from_waker(&Waker::from(uses.clone()))).is_pending());
        drop(request);
        assert!(*uses.1.lock().unwrap() > 0, "nobody was woken: the test proves nothing");
        assert_eq!(client.stats().active, 0);
    });
}

/// Connections that use the client while somebody looks whether they are still fit.
#[derive(Clone)]
struct Curious {
    inner: ScriptedConnector,
    client: Arc<Mutex<Option<Client>>>,
    looks: Arc<Mutex<usize>>,
}

struct CuriousEnd(Box<dyn Transport>, Curious);

impl Connector for Curious {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        let connecting = self.inner.connect(origin);
        Box::pin(async move { Ok(Box::new(CuriousEnd(connecting.await?, self.clone())) as Box<dyn Transport>) })
    }
}

impl Transport for CuriousEnd {
    fn poll_unfit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let client = self.1.client.lock().unwrap().clone();
        client.iter().for_each(begin_and_drop);
        *self.1.looks.lock().unwrap() += 1;
        self.0.poll_unfit(cx)
    }
}

impl AsyncRead for CuriousEnd {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for CuriousEnd {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}

#[test]
fn a_connection_may_use_the_client_while_it_is_watched() {
    ends(|| {
        let kept = || Script::new().expect_head().send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").silence();
        let connector =
            Curious { inner: ScriptedConnector::new([kept(), kept()]), client: Arc::default(), looks: Arc::default() };
        let (timer, turns) = (ManualTimer::new(), Turns::default());
        let agent = Agent::new(connector.clone(), timer.clone()).with_executor(turns.clone());
        let client = Client::builder().backend(agent).timer(timer.clone()).build().unwrap();
        futures::executor::block_on(client.get(URL).send()).unwrap();
        *connector.client.lock().unwrap() = Some(client.clone());
        turns.run();
        timer.advance(Duration::from_millis(200));
        turns.run();
        assert!(*connector.looks.lock().unwrap() > 0, "nobody looked: the test proves nothing");
        connector.client.lock().unwrap().take();
    });
}

/// A way to connect that uses the client when it goes.
struct Goes {
    inner: ScriptedConnector,
    client: Client,
    gone: mpsc::Sender<()>,
}

impl Connector for Goes {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        self.inner.connect(origin)
    }
}

impl Drop for Goes {
    fn drop(&mut self) {
        begin_and_drop(&self.client);
        self.gone.send(()).unwrap();
    }
}

#[test]
fn a_way_to_connect_that_goes_with_its_last_connection_may_use_the_client() {
    ends(|| {
        let kept = || {
            ScriptedConnector::new([Script::new()
                .expect_head()
                .send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .silence()])
        };
        let timer = ManualTimer::new();
        let client = Client::builder().backend(Agent::new(kept(), timer.clone())).timer(timer.clone()).build().unwrap();
        let (gone, has_gone) = mpsc::channel();
        let via = Route::new(Goes { inner: kept(), client: client.clone(), gone });
        futures::executor::block_on(client.get(URL).extension(via).send()).unwrap();
        assert!(has_gone.try_recv().is_err());
        timer.advance(Duration::from_secs(60));
        futures::executor::block_on(client.get(URL).send()).unwrap();
        has_gone.try_recv().expect("it went with its connection, which had been idle for too long");
    });
}
