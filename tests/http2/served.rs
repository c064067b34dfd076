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
use waterspout::testing::{
    Handler, Http2Action, Http2Config, Http2Control, Http2Frame, Incoming, ManualTimer, Reply, serve_connection,
};
use waterspout::{Agent, BoxFuture, Builder, Client, Connector, Origin, Transport};

use crate::net::{End, connection};

/// Holds replies back until a test lets them go, by a name.
#[derive(Clone, Default)]
pub(crate) struct Gates(Arc<Mutex<GateState>>);

#[derive(Default)]
struct GateState {
    are_all_open: bool,
    open: BTreeMap<String, bool>,
    waiting: Vec<Waker>,
}

impl Gates {
    /// Waits until the gate is open.
    pub(crate) fn pass(&self, name: &str) -> impl Future<Output = ()> + Send + use<> {
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

    pub(crate) fn open(&self, name: &str) {
        let mut state = self.0.lock().unwrap();
        state.open.insert(name.to_string(), true);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn open_all(&self) {
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

/// The controls of all connections, in the order of their opening.
#[derive(Clone, Default)]
pub(crate) struct Controls(Arc<Mutex<Vec<Http2Control>>>);

impl Controls {
    pub(crate) fn add(&self) -> Http2Control {
        let control = Http2Control::new();
        self.0.lock().unwrap().push(control.clone());
        control
    }

    pub(crate) fn all(&self) -> Vec<Http2Control> {
        self.0.lock().unwrap().clone()
    }

    /// Runs an action on all connections.
    pub(crate) fn run(&self, action: Http2Action) {
        self.all().iter().for_each(|control| control.run(action.clone()));
    }

    /// Returns the number of open connections.
    pub(crate) fn open(&self) -> usize {
        self.all().iter().map(Http2Control::open).sum()
    }

    /// Removes and returns the frames of the clients.
    pub(crate) fn take_received(&self) -> Vec<Http2Frame> {
        let received = self.all().into_iter().flat_map(|control| control.take_received());
        received.map(|(_, frame)| frame).collect()
    }
}

/// A handler that several connections share.
#[derive(Clone)]
pub(crate) struct SharedHandler(Arc<dyn Handler>);

impl SharedHandler {
    pub(crate) fn new(handler: impl Handler) -> Self {
        Self(Arc::new(handler))
    }
}

impl Handler for SharedHandler {
    fn handle<'a>(&'a self, request: &'a mut Incoming) -> BoxFuture<'a, Reply> {
        self.0.handle(request)
    }
}

/// A client, and the tasks of its servers.
pub(crate) struct Served {
    pub(crate) tasks: LocalPool,
    pub(crate) client: Client,
    pub(crate) timer: ManualTimer,
    pub(crate) control: Controls,
    connects: Arc<AtomicUsize>,
}

impl Served {
    pub(crate) fn new(config: Http2Config, handler: impl Handler) -> Self {
        Self::build(config, handler, &Gates::default(), usize::MAX, |builder| builder)
    }

    pub(crate) fn build(
        config: Http2Config,
        handler: impl Handler,
        gates: &Gates,
        free_connects: usize,
        set: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let control = Controls::default();
        let handler = SharedHandler::new(handler);
        let tasks = LocalPool::new();
        let (sender, mut ends) = futures::channel::mpsc::unbounded();
        let connects = Arc::<AtomicUsize>::default();
        let (ends_sender, gates) = (Mutex::new(sender), gates.clone());
        let dialer = Dialer { ends: ends_sender, connects: connects.clone(), gates, free_connects };
        let timer = ManualTimer::new();
        let agent = Agent::new(dialer, timer.clone()).with_cookies(waterspout::cookies::CookieJar::new());
        let builder = Client::builder().backend(agent).timer(timer.clone()).max_active(1_000);
        let client = set(builder).build().unwrap();
        let spawner = tasks.spawner();
        let controls = control.clone();
        let accept = async move {
            while let Some(end) = futures::StreamExt::next(&mut ends).await {
                let handler = config.clone().control(&controls.add()).wrap(handler.clone());
                spawner.spawn_local(async move { drop(serve_connection(Box::new(end), &handler).await) }).unwrap();
            }
        };
        tasks.spawner().spawn_local(accept).unwrap();
        Self { tasks, client, timer, control, connects }
    }

    pub(crate) fn connects(&self) -> usize {
        self.connects.load(Ordering::Relaxed)
    }

    /// Runs an action on the connection that was opened first, and lets the servers and clients run.
    pub(crate) fn attack_first(&mut self, action: Http2Action) {
        self.control.all()[0].run(action);
        self.tasks.run_until_stalled();
    }

    /// Runs an action on all connections, and lets the servers do it.
    pub(crate) fn act(&mut self, action: Http2Action) {
        self.control.run(action);
        self.tasks.run_until_stalled();
    }

    /// Starts a future in a task that is polled when it is woken.
    pub(crate) fn start<T: 'static>(&mut self, future: impl Future<Output = T> + 'static) -> Started<T> {
        let outcome = std::rc::Rc::new(RefCell::new(None));
        let result = outcome.clone();
        self.tasks.spawner().spawn_local(async move { *result.borrow_mut() = Some(future.await) }).unwrap();
        self.tasks.run_until_stalled();
        Started(outcome)
    }

    /// Runs a future until it is ready or nothing moves any more.
    pub(crate) fn run<T: 'static>(&mut self, future: impl Future<Output = T> + 'static) -> Option<T> {
        self.start(future).take()
    }

    /// Moves the clock, and lets all tasks run.
    pub(crate) fn advance(&mut self, by: std::time::Duration) {
        self.timer.advance(by);
        self.tasks.run_until_stalled();
    }
}

/// The outcome of a started future.
pub(crate) struct Started<T>(std::rc::Rc<RefCell<Option<T>>>);

impl<T> Started<T> {
    pub(crate) fn take(&self) -> Option<T> {
        self.0.borrow_mut().take()
    }
}

/// A future that a test polls by hand.
pub(crate) struct HandPolled<T> {
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
    pub(crate) fn new(future: impl Future<Output = T> + 'static) -> Self {
        Self { future: Box::pin(future), flag: Arc::new(Flag(AtomicBool::new(true))) }
    }

    /// Returns whether the future was woken since its last poll.
    pub(crate) fn is_woken(&self) -> bool {
        self.flag.0.load(Ordering::SeqCst)
    }

    pub(crate) fn poll(&mut self) -> Poll<T> {
        self.flag.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(self.flag.clone());
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}
