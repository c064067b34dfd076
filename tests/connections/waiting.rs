//! Requests that connect at the same time: which request gets which connection, and how many connections are made.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::executor::block_on;
use futures::future::{join, join_all, poll_fn};
use futures::{FutureExt, StreamExt};
use waterspout::platform::native::BackgroundThread;
use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
use waterspout::{Agent, BoxFuture, Client, Connector, ErrorKind, Origin, Phase, Response, Result, Transport};

use crate::support::client::{HELLO, URL, answers};
use crate::support::connectors::ObservedTransport;
use crate::support::executor::ManualExecutor;
use crate::support::polling::yield_once;

use super::PooledClient;

/// A connector that completes a connect each time the gate opens.
struct GatedConnector {
    inner: Box<dyn Connector>,
    gate: Mutex<UnboundedReceiver<()>>,
    begun: Arc<AtomicUsize>,
    on_check: OnCheck,
}

/// A function that runs once, when the pool checks an idle connection.
type OnCheck = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

struct CountGuard(Arc<AtomicUsize>);

impl Drop for CountGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Connector for GatedConnector {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            poll_fn(|cx| self.gate.lock().unwrap().poll_next_unpin(cx)).await;
            let inner = self.inner.connect(origin).await?;
            let on_check = self.on_check.clone();
            Ok(ObservedTransport::wrap(inner, move || {
                let on_check = on_check.lock().unwrap().take();
                on_check.into_iter().for_each(|on_check| on_check());
            }))
        })
    }
}

pub(super) struct Gate {
    opened: UnboundedSender<()>,
    begun: Arc<AtomicUsize>,
    on_check: OnCheck,
}

impl Gate {
    pub(super) fn open(&self) {
        self.opened.unbounded_send(()).unwrap();
    }

    /// Returns the number of connects that the client has begun.
    pub(super) fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }
}

fn gated_connector(inner: impl Connector) -> (GatedConnector, Gate) {
    let ((opened, gate), begun, on_check) = (unbounded(), Arc::<AtomicUsize>::default(), OnCheck::default());
    let (inner, gate) = (Box::new(inner), Mutex::new(gate));
    let connector = GatedConnector { inner, gate, begun: begun.clone(), on_check: on_check.clone() };
    (connector, Gate { opened, begun, on_check })
}

/// Builds a client over gated connections of `inner`, without an executor.
pub(super) fn gated_client(inner: impl Connector) -> (Client, Gate) {
    let (connector, gate) = gated_connector(inner);
    let agent = Agent::new(connector, ManualTimer::new());
    (Client::builder().backend(agent).timer(ManualTimer::new()).build().unwrap(), gate)
}

pub(super) fn gated(scripts: impl IntoIterator<Item = Script>) -> (PooledClient, Gate) {
    gated_for(2, scripts)
}

/// Builds a client that has at most `max_active` requests at once.
pub(super) fn gated_for(max_active: usize, scripts: impl IntoIterator<Item = Script>) -> (PooledClient, Gate) {
    let (connector, timer, executor) = (ScriptedConnector::new(scripts), ManualTimer::new(), ManualExecutor::default());
    let (slow, gate) = gated_connector(connector.clone());
    let agent = Agent::new(slow, timer.clone()).with_executor(executor.clone());
    let client = Client::builder().backend(agent).timer(timer.clone()).max_active(max_active).build().unwrap();
    (PooledClient { client, connector, timer, executor }, gate)
}

pub(super) type Sending = BoxFuture<'static, Result<Response>>;

pub(super) fn send(wire: &PooledClient) -> Sending {
    wire.client.get(URL).send().boxed()
}

pub(super) fn is_pending(request: &mut Sending) -> bool {
    request.now_or_never().is_none()
}

/// Returns the response, which must be ready.
fn response(request: Sending) -> Response {
    request.now_or_never().unwrap().unwrap()
}

fn is_reused(request: Sending) -> bool {
    response(request).connection_info().reused
}

/// Sends three requests. The first connection carries a response that does not end. The second connect has lost its
/// request and continues in the background. The third request waits for that background connect.
fn waiting_for_background(scripts: impl IntoIterator<Item = Script>) -> (PooledClient, Gate, Response, Sending) {
    let endless = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello";
    let first = [answers([HELLO; 1]).expect_head().send(endless).silence()];
    let (wire, gate) = gated(first.into_iter().chain(scripts));
    let mut both = join(send(&wire), send(&wire));
    assert!((&mut both).now_or_never().is_none());
    gate.open();
    let (_, endless) = block_on(both);
    let mut third = send(&wire);
    assert!(is_pending(&mut third));
    assert_eq!((gate.begun(), wire.connector.connections()), (2, 1));
    (wire, gate, endless.unwrap(), third)
}

#[test]
fn connecting_request_takes_a_connection_that_is_returned_first() {
    let (wire, gate) = gated([answers([HELLO; 2]).silence(), answers([HELLO; 1]).silence()]);
    let mut both = join(send(&wire), send(&wire));
    assert!((&mut both).now_or_never().is_none());
    gate.open();
    let (first, second) = block_on(both);
    assert_eq!(wire.connector.connections(), 1);
    let reused = [first.unwrap(), second.unwrap()].map(|response| response.connection_info().reused);
    assert_eq!(reused.iter().filter(|reused| **reused).count(), 1);
    // The connect that came too late completes all the same, and its connection is kept for the next request.
    gate.open();
    wire.run_tasks();
    assert_eq!((wire.connector.connections(), wire.connector.open()), (2, 2));
    assert!(is_reused(send(&wire)));
}

#[test]
fn connection_delivered_to_a_dropped_request_is_kept() {
    let (wire, gate) = gated([answers([HELLO; 3]).silence()]);
    let (mut first, mut dropped) = (send(&wire), send(&wire));
    assert!(is_pending(&mut first) && is_pending(&mut dropped));
    gate.open();
    response(first);
    drop(dropped);
    assert_eq!((wire.connector.connections(), wire.connector.open()), (1, 1));
    assert!(is_reused(send(&wire)));
}

#[test]
fn delivered_connection_wins_over_the_failure_of_the_requests_own_connect() {
    let (wire, gate) = gated([answers([HELLO; 2]).silence(), Script::refused()]);
    let (mut first, mut second) = (send(&wire), send(&wire));
    assert!(is_pending(&mut first) && is_pending(&mut second));
    gate.open();
    response(first);
    gate.open();
    assert!(is_reused(second));
}

#[test]
fn no_more_connections_are_made_than_requests_run_at_once() {
    // Each response takes a moment, so that requests overlap.
    let answers = (0..100).fold(Script::new(), |script, _| script.expect_head().pause().send(HELLO));
    let (wire, gate) = gated([answers.silence()]);
    let mut all = join_all((0..100).map(|_| send(&wire)));
    assert!((&mut all).now_or_never().is_none());
    gate.open();
    assert!(block_on(all).into_iter().all(|response| response.is_ok()));
    assert_eq!((gate.begun(), wire.connector.open()), (2, 1));
}

#[test]
fn request_takes_a_connection_from_a_background_connect() {
    let (wire, gate, _endless, third) = waiting_for_background([answers([HELLO; 2]).silence()]);
    gate.open();
    wire.run_tasks();
    assert!(is_reused(third));
    wire.fetch();
    assert_eq!((gate.begun(), wire.connector.connections()), (2, 2));
}

#[test]
fn request_connects_when_the_background_connect_fails() {
    let (wire, gate, _endless, mut third) = waiting_for_background([Script::refused(), answers([HELLO; 1]).silence()]);
    gate.open();
    wire.run_tasks();
    assert!(is_pending(&mut third));
    assert_eq!(gate.begun(), 3);
    gate.open();
    assert!(!is_reused(third));
}

#[test]
fn request_connects_when_the_background_connect_is_dropped() {
    let (wire, gate, _endless, mut third) = waiting_for_background([]);
    wire.executor.end();
    assert!(is_pending(&mut third));
    assert_eq!(gate.begun(), 3);
}

/// A connector that counts the connects in progress.
struct CountingConnector(GatedConnector, Arc<AtomicUsize>);

impl Connector for CountingConnector {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        let counter = CountGuard(self.1.clone());
        Box::pin(async move {
            let _counter = counter;
            self.0.connect(origin).await
        })
    }
}

/// A waker that notes the number of connects in progress each time it is woken.
struct NotingWaker(Arc<AtomicUsize>, Mutex<Vec<usize>>);

impl Wake for NotingWaker {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push(self.0.load(Ordering::SeqCst));
    }
}

#[test]
fn without_an_executor_a_background_connect_is_dropped_before_another_begins() {
    let inner = ScriptedConnector::new([answers([HELLO; 3]).silence()]);
    let connecting = Arc::<AtomicUsize>::default();
    let (slow, gate) = gated_connector(inner);
    let agent = Agent::new(CountingConnector(slow, connecting.clone()), ManualTimer::new());
    let client = Client::builder().backend(agent).timer(ManualTimer::new()).build().unwrap();
    let [mut first, mut second, mut third] = [(); 3].map(|()| client.get(URL).send().boxed());
    assert!(is_pending(&mut first) && is_pending(&mut second));
    gate.open();
    response(first);
    // The second request was given the connection but was not polled since. The third request waits for the connect of
    // the second.
    let waker = Arc::new(NotingWaker(connecting.clone(), Mutex::default()));
    assert!(third.poll_unpin(&mut Context::from_waker(&Waker::from(waker.clone()))).is_pending());
    assert_eq!(connecting.load(Ordering::SeqCst), 1);
    response(second);
    assert_eq!(*waker.1.lock().unwrap(), [0]);
    assert!(is_reused(third));
}

#[test]
fn dropped_request_leaves_the_background_connect_to_the_next_request() {
    let (wire, gate, _endless, third) = waiting_for_background([answers([HELLO; 1]).silence()]);
    drop(third);
    let mut next = send(&wire);
    assert!(is_pending(&mut next));
    gate.open();
    wire.run_tasks();
    assert!(is_reused(next));
    assert_eq!(gate.begun(), 2);
}

#[test]
fn only_the_first_request_waits_for_a_stuck_background_connect() {
    let last = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let (wire, gate, endless, mut third) =
        waiting_for_background((0..3).map(|_| Script::new().expect_head().send(last)));
    assert!(is_pending(&mut third));
    wire.timer.advance(Duration::from_millis(250));
    for _ in 0..2 {
        assert!(is_pending(&mut third));
        gate.open();
        response(third);
        third = send(&wire);
    }
    assert!(is_pending(&mut third));
    assert_eq!(gate.begun(), 5);
    drop(endless);
}

#[test]
fn connection_under_check_is_found_by_a_new_request() {
    let (wire, gate) = gated([answers([HELLO; 3]).silence()]);
    let mut both = join(send(&wire), send(&wire));
    assert!((&mut both).now_or_never().is_none());
    gate.open();
    block_on(both).0.unwrap();
    // The idle reaper checks the idle connection, and a request begins during the check.
    let (client, cell) = (wire.client.clone(), Arc::new(Mutex::new(None)));
    let other = cell.clone();
    *gate.on_check.lock().unwrap() = Some(Box::new(move || {
        let mut request = client.get(URL).send().boxed();
        assert!(is_pending(&mut request));
        *other.lock().unwrap() = Some(request);
    }));
    wire.pass(Duration::from_millis(200));
    let request = cell.lock().unwrap().take().unwrap();
    assert!(is_reused(request));
    assert_eq!((gate.begun(), wire.connector.connections()), (2, 1));
}

#[test]
fn wait_for_a_background_connect_is_bounded() {
    for (limit, patience) in [(0, 250), (1_000, 250), (100, 50)] {
        let (wire, gate, _endless, third) = waiting_for_background([]);
        drop(third);
        let mut request = wire.client.get(URL).connect_timeout(Duration::from_millis(limit)).send().boxed();
        let mut pass = |millis| {
            wire.timer.advance(Duration::from_millis(millis));
            (&mut request).now_or_never()
        };
        assert!(pass(0).is_none() && pass(patience - 1).is_none());
        assert_eq!(gate.begun(), 2);
        assert!(pass(1).is_none());
        assert_eq!(gate.begun(), 3);
        // The connect limit covers the wait and the request's own connect.
        if limit > 0 {
            let error = pass(limit - patience).unwrap().unwrap_err();
            assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Connect));
        }
    }
}

/// A connector whose connects take several polls. It counts connections from the start of the connect to their end.
struct CountedConnector {
    inner: ScriptedConnector,
    begun: AtomicUsize,
    open: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Connector for CountedConnector {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        let begun = self.begun.fetch_add(1, Ordering::SeqCst);
        self.most.fetch_max(self.open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let counter = CountGuard(self.open.clone());
        Box::pin(async move {
            for _ in 0..begun * 7 % 50 {
                yield_once().await;
            }
            let inner = self.inner.connect(origin).await?;
            // The counter is dropped with the connection.
            Ok(ObservedTransport::wrap(inner, move || {
                let _ = &counter;
            }))
        })
    }
}

/// Four threads each have four requests in flight.
#[test]
fn threads_do_not_make_more_connections_than_requests_run_at_once() {
    for background in [true, false] {
        // The server closes each connection after 20 responses, so that new connections are needed.
        let script = || (0..20).fold(Script::new(), |script, _| script.expect_head().pause().send(HELLO));
        let (open, most) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let inner = ScriptedConnector::new((0..10_000).map(|_| script()));
        let counted = CountedConnector { inner, begun: AtomicUsize::new(0), open: open.clone(), most: most.clone() };
        let mut agent = Agent::new(counted, ManualTimer::new());
        if background {
            agent = agent.with_executor(BackgroundThread);
        }
        let client = Client::builder().backend(agent).timer(ManualTimer::new()).max_active(1_000).build().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    block_on(join_all((0..4).map(|_| async {
                        for _ in 0..200 {
                            client.get(URL).send().await.unwrap();
                        }
                    })));
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 16, "{most:?}");
    }
}
