//! A client, its servers and its background tasks. Each task is polled when the test says so.

use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::Duration;

use waterspout::agent::Config;
use waterspout::testing::{Http2Config, ManualTimer, serve_connection};
use waterspout::{Agent, BoxFuture, Client, Connector, Error, ErrorKind, Executor, Origin, Phase, Transport};

use super::requests::{Calls, server};
use super::rng::SeededRng;
use super::tape::{Split, Tapes};
use crate::net::connection;
use crate::served::{Controls, Gates, HandPolled, SharedHandler};

/// The idle timeout of a client that keeps its connections, longer than a test before its end.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(3_600);

/// The tasks that were spawned and have not been taken over.
#[derive(Clone, Default)]
struct Spawner(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl Executor for Spawner {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.lock().unwrap().push(task);
    }
}

/// The servers and the background tasks.
#[derive(Default)]
pub(super) struct Tasks {
    spawner: Spawner,
    running: Vec<HandPolled<()>>,
}

impl Tasks {
    /// Polls a woken task. Returns `false` if no task is woken.
    pub(super) fn poll_any(&mut self, rng: &mut SeededRng) -> bool {
        self.running.extend(self.spawner.0.lock().unwrap().drain(..).map(HandPolled::new));
        let woken: Vec<_> = (0..self.running.len()).filter(|index| self.running[*index].is_woken()).collect();
        if woken.is_empty() {
            return false;
        }
        let index = rng.pick(&woken);
        if self.running[index].poll().is_ready() {
            // The task may wake others when it is dropped.
            drop(self.running.swap_remove(index));
        }
        true
    }

    pub(super) fn count(&self) -> usize {
        self.running.len()
    }
}

/// Whether connects succeed.
#[derive(Clone, Default)]
pub(super) struct Door(Arc<Mutex<DoorState>>);

#[derive(Default)]
struct DoorState {
    is_shut: bool,
    /// The number of connects that are refused next.
    refuses: usize,
    /// When connects were refused, in the order of all events.
    refused: Vec<u64>,
    waiting: Vec<Waker>,
}

impl Door {
    pub(super) fn shut(&self) {
        self.0.lock().unwrap().is_shut = true;
    }

    pub(super) fn open(&self) {
        let waiting = {
            let mut state = self.0.lock().unwrap();
            state.is_shut = false;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(super) fn set_refuses(&self, connects: usize) {
        self.0.lock().unwrap().refuses = connects;
    }

    /// Returns whether a connect was refused since `start`.
    pub(super) fn has_refused_since(&self, start: u64) -> bool {
        self.0.lock().unwrap().refused.iter().any(|at| *at > start)
    }

    async fn pass(&self, tapes: &Tapes) -> waterspout::Result<()> {
        std::future::poll_fn(|cx| {
            let mut state = self.0.lock().unwrap();
            if state.is_shut {
                state.waiting.push(cx.waker().clone());
                return std::task::Poll::Pending;
            }
            std::task::Poll::Ready(())
        })
        .await;
        let mut state = self.0.lock().unwrap();
        if state.refuses == 0 {
            return Ok(());
        }
        state.refuses -= 1;
        state.refused.push(tapes.tick());
        Err(Error::new(ErrorKind::Connect, Phase::Connect, "the connect was refused"))
    }
}

struct Dialer {
    spawner: Spawner,
    config: Http2Config,
    handler: SharedHandler,
    controls: Controls,
    door: Door,
    tapes: Tapes,
    split: Split,
}

impl Connector for Dialer {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, waterspout::Result<Box<dyn Transport>>> {
        Box::pin(async move {
            self.door.pass(&self.tapes).await?;
            let (client, server) = connection();
            let handler = self.config.clone().control(&self.controls.add()).wrap(self.handler.clone());
            self.spawner.spawn(Box::pin(async move { drop(serve_connection(Box::new(server), &handler).await) }));
            Ok(Box::new(self.tapes.record(origin.host(), client, self.split)) as Box<dyn Transport>)
        })
    }

    fn may_speak_http2(&self, _: &Origin) -> bool {
        true
    }
}

/// How a seed sets the client and the servers.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(super) hosts: &'static [&'static str],
    pub(super) max_active: usize,
    pub(super) has_executor: bool,
    pub(super) connections: usize,
    /// The windows of a stream and of a connection.
    pub(super) windows: [u32; 2],
    /// Whether idle connections stay open until the end.
    pub(super) keeps_idle: bool,
    split: Split,
    config: Http2Config,
}

impl Setting {
    /// A client and a server without settings.
    pub(crate) fn plain() -> Self {
        Self {
            hosts: &["a.test"],
            max_active: 1_000,
            has_executor: false,
            connections: 2,
            windows: [2 << 20, 5 << 20],
            keeps_idle: true,
            split: Split { read: usize::MAX, write: usize::MAX, yields: false },
            config: Http2Config::new(),
        }
    }

    /// Returns whether requests may wait for slots. A test makes far fewer than 100 requests.
    pub(super) fn has_few_slots(&self) -> bool {
        self.max_active < 100
    }

    pub(super) fn random(rng: &mut SeededRng) -> Self {
        let mut config = Http2Config::new();
        if !rng.one_in(3) {
            config = config.max_concurrent_streams(rng.pick(&[1, 2, 4]));
        }
        if rng.one_in(2) {
            config = config.initial_window_size(rng.pick(&[1_000, 30_000]));
        }
        if rng.one_in(4) {
            config = config.connection_window_size(1_000_000);
        }
        if rng.one_in(8) {
            config = config.max_frame_size(100_000);
        }
        if rng.one_in(4) {
            config = config.header_table_size(10_000);
        }
        if rng.one_in(4) {
            config = config.ignore_pings();
        }
        let hosts: [&[&str]; 3] = [&["a.test"], &["a.test"], &["a.test", "b.test"]];
        Self {
            hosts: rng.pick(&hosts),
            max_active: rng.pick(&[1_000, 1_000, 3]),
            has_executor: rng.one_in(2),
            connections: rng.pick(&[1, 2, 2, 3]),
            windows: rng.pick(&[[65_536, 65_536], [65_536, 200_000], [2 << 20, 5 << 20]]),
            split: Split {
                read: rng.pick(&[usize::MAX, usize::MAX, 1_000, 50]),
                write: rng.pick(&[usize::MAX, usize::MAX, 1_000, 50]),
                yields: rng.one_in(4),
            },
            keeps_idle: rng.one_in(2),
            config,
        }
    }
}

/// A client, and what a test sees and moves around it.
pub(crate) struct Network {
    pub(super) tasks: Tasks,
    pub(crate) client: Client,
    /// A client that uses the same connections, for the end of a test.
    pub(super) probe: Client,
    pub(crate) timer: ManualTimer,
    pub(crate) controls: Controls,
    pub(crate) gates: Gates,
    pub(super) calls: Calls,
    pub(super) door: Door,
    pub(crate) tapes: Tapes,
}

impl Network {
    pub(crate) fn new(setting: &Setting, tapes: Tapes) -> Self {
        let tasks = Tasks::default();
        let (controls, gates, calls) = (Controls::default(), Gates::default(), Calls::default());
        let (door, timer) = (Door::default(), ManualTimer::new());
        let dialer = Dialer {
            spawner: tasks.spawner.clone(),
            config: setting.config.clone(),
            handler: SharedHandler::new(server(&gates, &calls)),
            controls: controls.clone(),
            door: door.clone(),
            tapes: tapes.clone(),
            split: setting.split,
        };
        let config = Config::new()
            .http2_connections(setting.connections)
            .http2_windows(setting.windows[0], setting.windows[1])
            .idle_connection_timeout(if setting.keeps_idle { IDLE_TIMEOUT } else { Duration::from_secs(15) });
        let mut agent = Agent::new(dialer, timer.clone()).with_config(config);
        if setting.has_executor {
            agent = agent.with_executor(tasks.spawner.clone());
        }
        let agent = Arc::new(agent);
        // Without limits, a request that hangs does not end as a timeout.
        let build = |max_active| {
            let builder = Client::builder().backend(agent.clone()).timer(timer.clone()).max_active(max_active);
            let builder = builder.connect_timeout(Duration::ZERO).head_timeout(Duration::ZERO);
            builder.idle_timeout(Duration::ZERO).build().unwrap()
        };
        let (client, probe) = (build(setting.max_active), build(1_000));
        Self { tasks, client, probe, timer, controls, gates, calls, door, tapes }
    }

    /// Polls the servers and the background tasks until none is woken.
    pub(crate) fn run_tasks(&mut self) {
        let mut rng = SeededRng::new(0);
        while self.tasks.poll_any(&mut rng) {}
    }
}
