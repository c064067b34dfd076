//! Wakers, transports and connectors that use the client while the client calls or drops them, without holding a lock.

use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use futures::FutureExt;
use waterspout::agent::Route;
use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
use waterspout::{Agent, BoxFuture, Client, Connector, Origin, Result, Transport};

use crate::support::client::URL;
use crate::support::connectors::NeverConnects;
use crate::support::connectors::ObservedTransport;
use crate::support::executor::ManualExecutor;
use crate::support::polling::assert_ends;

/// Begins a request, polls it once and drops it.
fn begin_and_drop(client: &Client) {
    let mut request = client.get(URL).send().boxed();
    let _ = request.poll_unpin(&mut Context::from_waker(Waker::noop()));
}

/// A waker that uses the client when it is woken, and counts how often.
struct ClientUsingWaker {
    client: Client,
    wakes: Mutex<usize>,
}

impl Wake for ClientUsingWaker {
    fn wake(self: Arc<Self>) {
        begin_and_drop(&self.client);
        *self.wakes.lock().unwrap() += 1;
    }
}

#[test]
fn waker_may_use_the_client_while_a_connecting_request_is_dropped() {
    assert_ends(|| {
        let client = Client::builder().backend(Agent::new(NeverConnects, ManualTimer::new())).build().unwrap();
        let waker = Arc::new(ClientUsingWaker { client: client.clone(), wakes: Mutex::new(0) });
        let mut request = client.get(URL).send().boxed();
        assert!(request.poll_unpin(&mut Context::from_waker(&Waker::from(waker.clone()))).is_pending());
        drop(request);
        assert!(*waker.wakes.lock().unwrap() > 0, "no waker was called: the test proves nothing");
        assert_eq!(client.stats().active, 0);
    });
}

/// Connections that use the client while the pool checks whether they are unfit.
#[derive(Clone)]
struct ObservedConnector {
    inner: ScriptedConnector,
    client: Arc<Mutex<Option<Client>>>,
    checks: Arc<Mutex<usize>>,
}

impl Connector for ObservedConnector {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        Box::pin(async move {
            let (client, checks) = (self.client.clone(), self.checks.clone());
            Ok(ObservedTransport::wrap(self.inner.connect(origin).await?, move || {
                let client = client.lock().unwrap().clone();
                client.iter().for_each(begin_and_drop);
                *checks.lock().unwrap() += 1;
            }))
        })
    }
}

#[test]
fn transport_may_use_the_client_while_the_pool_checks_it() {
    assert_ends(|| {
        let kept = || Script::new().expect_head().send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").silence();
        let connector = ObservedConnector {
            inner: ScriptedConnector::new([kept(), kept()]),
            client: Arc::default(),
            checks: Arc::default(),
        };
        let (timer, turns) = (ManualTimer::new(), ManualExecutor::default());
        let agent = Agent::new(connector.clone(), timer.clone()).with_executor(turns.clone());
        let client = Client::builder().backend(agent).timer(timer.clone()).build().unwrap();
        futures::executor::block_on(client.get(URL).send()).unwrap();
        *connector.client.lock().unwrap() = Some(client.clone());
        turns.run();
        timer.advance(Duration::from_millis(200));
        turns.run();
        assert!(*connector.checks.lock().unwrap() > 0, "the pool checked no connection: the test proves nothing");
        connector.client.lock().unwrap().take();
    });
}

/// A connector that uses the client when it is dropped.
struct ClientUsingConnector {
    inner: ScriptedConnector,
    client: Client,
    dropped: mpsc::Sender<()>,
}

impl Connector for ClientUsingConnector {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        self.inner.connect(origin)
    }
}

impl Drop for ClientUsingConnector {
    fn drop(&mut self) {
        begin_and_drop(&self.client);
        self.dropped.send(()).unwrap();
    }
}

#[test]
fn connector_may_use_the_client_when_it_is_dropped_with_its_last_connection() {
    assert_ends(|| {
        let kept = || {
            ScriptedConnector::new([Script::new()
                .expect_head()
                .send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .silence()])
        };
        let timer = ManualTimer::new();
        let client = Client::builder().backend(Agent::new(kept(), timer.clone())).timer(timer.clone()).build().unwrap();
        let (dropped, was_dropped) = mpsc::channel();
        let via = Route::new(ClientUsingConnector { inner: kept(), client: client.clone(), dropped });
        futures::executor::block_on(client.get(URL).extension(via).send()).unwrap();
        assert!(was_dropped.try_recv().is_err());
        timer.advance(Duration::from_secs(60));
        futures::executor::block_on(client.get(URL).send()).unwrap();
        was_dropped.try_recv().expect("it is dropped with its connection, which was idle for too long");
    });
}
