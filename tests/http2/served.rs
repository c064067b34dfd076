//! A network in memory whose servers are the test server of the library, each in a task of its own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use waterspout::testing::{Handler, Http2Action, Http2Config, Http2Control, ManualTimer, serve_connection};
use waterspout::{Agent, BoxFuture, Builder, Client, Connector, Origin, Transport};

use crate::net::{End, connection};

/// Holds replies back until a test lets them go, by a name.
#[derive(Clone, Default)]
pub struct Gates(Arc<Mutex<GateState>>);

#[derive(Default)]
struct GateState {
    are_all_open: bool,
    open: BTreeMap<String, bool>,
    waiting: Vec<Waker>,
}

impl Gates {
    /// Waits until the gate is open.
    pub fn pass(&self, name: &str) -> impl Future<Output = ()> + Send + use<> {
        let (gates, name) = (self.clone(), name.to_string());
        std::future::poll_fn(move |cx| {
            let mut state = gates.0.lock().unwrap();
            if state.are_all_open || state.open.contains_key(&name) {
                return Poll::Ready(());
            }
            state.waiting.push(cx.waker().clone());
            Poll::Pending
        })
    }

    pub fn open(&self, name: &str) {
        let mut state = self.0.lock().unwrap();
        state.open.insert(name.to_string(), true);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    pub fn open_all(&self) {
        self.0.lock().unwrap().are_all_open = true;
        self.open("");
    }
}

struct Dialer {
    ends: Mutex<futures::channel::mpsc::UnboundedSender<End>>,
    connects: Arc<AtomicUsize>,
    gates: Gates,
    /// Connects after this number wait for the gate `connect`.
    free_connects: usize,
}

impl Connector for Dialer {
    fn connect<'a>(&'a self, _: &'a Origin) -> BoxFuture<'a, waterspout::Result<Box<dyn Transport>>> {
        Box::pin(async move {
            if self.connects.fetch_add(1, Ordering::Relaxed) >= self.free_connects {
                self.gates.pass("connect").await;
            }
            let (client, server) = connection();
            self.ends.lock().unwrap().unbounded_send(server).unwrap();
            Ok(Box::new(client) as Box<dyn Transport>)
        })
    }

    fn may_speak_http2(&self, _: &Origin) -> bool {
        true
    }
}

/// A client, and the tasks of its servers.
pub struct Served {
    pub tasks: LocalPool,
    pub client: Client,
    pub timer: ManualTimer,
    pub control: Http2Control,
    connects: Arc<AtomicUsize>,
}

impl Served {
    pub fn new(config: Http2Config, handler: impl Handler) -> Self {
        Self::build(config, handler, &Gates::default(), usize::MAX, |builder| builder)
    }

    pub fn build(
        config: Http2Config,
        handler: impl Handler,
        gates: &Gates,
        free_connects: usize,
        set: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let control = Http2Control::new();
        let handler: Arc<dyn Handler> = Arc::new(config.control(&control).wrap(handler));
        let tasks = LocalPool::new();
        let (sender, mut ends) = futures::channel::mpsc::unbounded();
        let connects = Arc::<AtomicUsize>::default();
        let (ends_sender, gates) = (Mutex::new(sender), gates.clone());
        let dialer = Dialer { ends: ends_sender, connects: connects.clone(), gates, free_connects };
        let timer = ManualTimer::new();
        let agent = Agent::new(dialer, timer.clone());
        let builder = Client::builder().backend(agent).timer(timer.clone()).max_active(1_000);
        let client = set(builder).build().unwrap();
        let spawner = tasks.spawner();
        let accept = async move {
            while let Some(end) = futures::StreamExt::next(&mut ends).await {
                let handler = handler.clone();
                spawner.spawn_local(async move { drop(serve_connection(Box::new(end), &*handler).await) }).unwrap();
            }
        };
        tasks.spawner().spawn_local(accept).unwrap();
        Self { tasks, client, timer, control, connects }
    }

    pub fn connects(&self) -> usize {
        self.connects.load(Ordering::Relaxed)
    }

    /// Runs an action on all connections, and lets the servers do it.
    pub fn act(&mut self, action: Http2Action) {
        self.control.run(action);
        self.tasks.run_until_stalled();
    }

    /// Starts a future in a task that is polled when it is woken.
    pub fn start<T: 'static>(&mut self, future: impl Future<Output = T> + 'static) -> Started<T> {
        let outcome = std::rc::Rc::new(RefCell::new(None));
        let result = outcome.clone();
        self.tasks.spawner().spawn_local(async move { *result.borrow_mut() = Some(future.await) }).unwrap();
        self.tasks.run_until_stalled();
        Started(outcome)
    }

    /// Runs a future until it is ready or nothing moves any more.
    pub fn run<T: 'static>(&mut self, future: impl Future<Output = T> + 'static) -> Option<T> {
        self.start(future).take()
    }

    /// Moves the clock, and lets all tasks run.
    pub fn advance(&mut self, by: std::time::Duration) {
        self.timer.advance(by);
        self.tasks.run_until_stalled();
    }
}

/// The outcome of a started future.
pub struct Started<T>(std::rc::Rc<RefCell<Option<T>>>);

impl<T> Started<T> {
    pub fn take(&self) -> Option<T> {
        self.0.borrow_mut().take()
    }
}

/// A future that a test polls by hand.
pub struct HandPolled<T> {
    future: Pin<Box<dyn Future<Output = T>>>,
    flag: Arc<Flag>,
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl<T> HandPolled<T> {
    pub fn new(future: impl Future<Output = T> + 'static) -> Self {
        Self { future: Box::pin(future), flag: Arc::new(Flag(AtomicBool::new(true))) }
    }

    /// Returns whether the future was woken since its last poll.
    pub fn is_woken(&self) -> bool {
        self.flag.0.load(Ordering::SeqCst)
    }

    pub fn poll(&mut self) -> Poll<T> {
        self.flag.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(self.flag.clone());
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}
