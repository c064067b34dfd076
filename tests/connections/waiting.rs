//! Requests that connect while others do: who is given which connection, and how many are made.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::future::{join, poll_fn};
use waterspout::{Connector, Origin, Phase, Response, Result, Transport};

use super::*;

/// A connector whose connections are made as the gate opens, one each time.
struct Slow {
    inner: ScriptedConnector,
    gate: Mutex<UnboundedReceiver<()>>,
    begun: Arc<AtomicUsize>,
}

impl Connector for Slow {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            poll_fn(|cx| self.gate.lock().unwrap().poll_next_unpin(cx)).await;
            self.inner.connect(origin).await
        })
    }
}

struct Gate {
    opened: UnboundedSender<()>,
    begun: Arc<AtomicUsize>,
}

impl Gate {
    fn open(&self) {
        self.opened.unbounded_send(()).unwrap();
    }

    /// How many connections the client has begun to make.
    fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }
}

fn slow(scripts: impl IntoIterator<Item = Script>) -> (Wire, Gate) {
    let (connector, timer, tasks) = (ScriptedConnector::new(scripts), ManualTimer::new(), Tasks::default());
    let ((opened, gate), begun) = (unbounded(), Arc::<AtomicUsize>::default());
    let slow = Slow { inner: connector.clone(), gate: Mutex::new(gate), begun: begun.clone() };
    let agent = Agent::new(slow, timer.clone()).with_executor(tasks.clone());
    let client = Client::builder().backend(agent).timer(timer.clone()).max_active(2).build().unwrap();
    (Wire { client, connector, timer, tasks, pool: LocalPool::new() }, Gate { opened, begun })
}

type Sent = BoxFuture<'static, Result<Response>>;

fn send(wire: &Wire) -> Sent {
    wire.client.get(URL).send().boxed()
}

fn waits(request: &mut Sent) -> bool {
    request.now_or_never().is_none()
}

fn is_reused(request: Sent) -> bool {
    block_on(request).unwrap().exchange().reused
}

/// The first connection carries an answer that does not end, the second is being made for nobody, and a third request
/// relies on that one.
fn relying(scripts: impl IntoIterator<Item = Script>) -> (Wire, Gate, Response, Sent) {
    let endless = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello";
    let first = [answers(1).expect_head().send(endless).silence()];
    let (wire, gate) = slow(first.into_iter().chain(scripts));
    let mut both = join(send(&wire), send(&wire));
    assert!((&mut both).now_or_never().is_none());
    gate.open();
    let (_, endless) = block_on(both);
    let mut third = send(&wire);
    assert!(waits(&mut third));
    assert_eq!((gate.begun(), wire.connector.connections()), (2, 1));
    (wire, gate, endless.unwrap(), third)
}

#[test]
fn a_request_that_connects_takes_a_connection_that_comes_back_first() {
    let (mut wire, gate) = slow([answers(2).silence(), answers(1).silence()]);
    let mut both = join(send(&wire), send(&wire));
    assert!((&mut both).now_or_never().is_none());
    gate.open();
    let (first, second) = block_on(both);
    assert_eq!(wire.connector.connections(), 1);
    let reused = [first.unwrap(), second.unwrap()].map(|response| response.exchange().reused);
    assert_eq!(reused.iter().filter(|reused| **reused).count(), 1);
    // The connection that came too late is made all the same, and kept for the next.
    gate.open();
    wire.run_tasks();
    assert_eq!((wire.connector.connections(), wire.connector.open()), (2, 2));
    assert!(is_reused(send(&wire)));
}

#[test]
fn a_connection_given_to_a_request_that_is_dropped_is_kept_for_the_next() {
    let (wire, gate) = slow([answers(3).silence()]);
    let (mut first, mut dropped) = (send(&wire), send(&wire));
    assert!(waits(&mut first) && waits(&mut dropped));
    gate.open();
    block_on(first).unwrap();
    drop(dropped);
    assert_eq!((wire.connector.connections(), wire.connector.open()), (1, 1));
    assert!(is_reused(send(&wire)));
}

#[test]
fn no_more_connections_are_made_than_requests_run_at_once() {
    // Each answer takes a moment, so that requests meet.
    let answers = (0..100).fold(Script::new(), |script, _| script.expect_head().pause().send(HELLO));
    let (wire, gate) = slow([answers.silence()]);
    let mut all = join_all((0..100).map(|_| send(&wire)));
    assert!((&mut all).now_or_never().is_none());
    gate.open();
    assert!(block_on(all).into_iter().all(|response| response.is_ok()));
    assert_eq!((gate.begun(), wire.connector.open()), (2, 1));
}

#[test]
fn a_request_takes_the_connection_that_was_made_for_another() {
    let (mut wire, gate, _endless, third) = relying([answers(2).silence()]);
    gate.open();
    wire.run_tasks();
    assert!(is_reused(third));
    wire.get();
    assert_eq!((gate.begun(), wire.connector.connections()), (2, 2));
}

#[test]
fn a_request_connects_when_what_it_relied_on_fails() {
    let (mut wire, gate, _endless, mut third) = relying([Script::refused(), answers(1).silence()]);
    gate.open();
    wire.run_tasks();
    assert!(waits(&mut third));
    assert_eq!(gate.begun(), 3);
    gate.open();
    assert!(!is_reused(third));
}

#[test]
fn a_request_connects_when_what_it_relied_on_is_given_up() {
    let (wire, gate, _endless, mut third) = relying([]);
    wire.tasks.0.lock().unwrap().clear();
    assert!(waits(&mut third));
    assert_eq!(gate.begun(), 3);
}

#[test]
fn a_request_that_relied_and_is_dropped_leaves_its_turn_to_the_next() {
    let (mut wire, gate, _endless, third) = relying([answers(1).silence()]);
    drop(third);
    let mut next = send(&wire);
    assert!(waits(&mut next));
    gate.open();
    wire.run_tasks();
    assert!(is_reused(next));
    assert_eq!(gate.begun(), 2);
}

#[test]
fn a_request_relies_on_another_for_a_short_time_only() {
    for (limit, patience) in [(0, 250), (1_000, 250), (100, 50)] {
        let (wire, gate, _endless, third) = relying([]);
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
        // The limit is for both together.
        if limit > 0 {
            let error = pass(limit - patience).unwrap().unwrap_err();
            assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Connect));
        }
    }
}
