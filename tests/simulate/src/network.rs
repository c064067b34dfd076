//! The simulated network: it opens connections to the servers, and refuses, delays and breaks them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use waterspout::http::Version;
use waterspout::testing::{Http2Action, Http2Control, serve_connection};
use waterspout::{BoxFuture, Connector, Error, ErrorKind, Executor, Origin, Phase, Timer, Transport};

use crate::clock::KnownTimer;
use crate::counts::count;
use crate::link::{self, CutKind, Link};
use crate::record::{LinkFacts, Record};
use crate::rng::SeededRng;
use crate::server::{Plans, Server};
use crate::settings::{HOSTS, Settings, Speech};
use crate::tasks::Spawner;

/// How a host meets connects.
#[derive(Clone, Default)]
struct Door {
    /// The number of connects that are refused next.
    refuses: u32,
    delay: Duration,
    /// Whether connects wait until the door opens.
    is_shut: bool,
    waiting: Vec<Waker>,
}

struct NetworkState {
    rng: SeededRng,
    doors: Vec<Door>,
    links: Vec<(Link, Http2Control)>,
    /// Whether new connections have no faults.
    is_calm: bool,
}

/// A handle of the network.
#[derive(Clone)]
pub(crate) struct Network {
    state: Arc<Mutex<NetworkState>>,
    settings: Arc<Settings>,
    spawner: Spawner,
    timer: KnownTimer,
    record: Record,
    plans: Plans,
}

impl Network {
    pub(crate) fn new(
        settings: &Arc<Settings>,
        rng: SeededRng,
        spawner: &Spawner,
        timer: &KnownTimer,
        record: &Record,
        plans: &Plans,
    ) -> Self {
        let doors = vec![Door::default(); settings.hosts.len()];
        let state = NetworkState { rng, doors, links: Vec::new(), is_calm: false };
        Self {
            state: Arc::new(Mutex::new(state)),
            settings: settings.clone(),
            spawner: spawner.clone(),
            timer: timer.clone(),
            record: record.clone(),
            plans: plans.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, NetworkState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the next connects to a host fail.
    pub(crate) fn refuse(&self, host: usize, connects: u32) {
        self.lock().doors[host].refuses = connects;
    }

    /// Sets how long connects to a host take.
    pub(crate) fn delay(&self, host: usize, delay: Duration) {
        self.lock().doors[host].delay = delay;
    }

    /// Lets connects to a host wait until the door opens.
    pub(crate) fn shut(&self, host: usize) {
        self.lock().doors[host].is_shut = true;
    }

    /// Lets all connects to a host succeed at once.
    pub(crate) fn open(&self, host: usize) {
        let door = std::mem::take(&mut self.lock().doors[host]);
        door.waiting.into_iter().for_each(Waker::wake);
    }

    /// Returns how many connections were opened so far.
    pub(crate) fn opened(&self) -> usize {
        self.lock().links.len()
    }

    /// Breaks a connection.
    pub(crate) fn fail(&self, number: usize, kind: CutKind) {
        self.record.break_link(number, kind);
        let link = self.lock().links[number].0.clone();
        link.fail(kind);
    }

    /// Ends all faults: black holes become resets, planned faults do not happen, and new connections have none.
    pub(crate) fn end_faults(&self) {
        let links: Vec<Link> = {
            let mut state = self.lock();
            state.is_calm = true;
            state.links.iter().map(|(link, _)| link.clone()).collect()
        };
        for (number, link) in links.iter().enumerate() {
            link.plan_no_fault();
            if self.record.with(|state| state.links[number].is_black_hole) {
                self.fail(number, CutKind::Reset);
            }
        }
    }

    /// Lets the server of a connection of HTTP/2 do something.
    pub(crate) fn act(&self, number: usize, action: Http2Action) {
        let control = self.lock().links[number].1.clone();
        control.run(action);
    }

    /// Waits until a connect to a host may succeed.
    async fn pass(&self, host: usize) -> waterspout::Result<()> {
        let (delay, is_shut) = {
            let door = &self.lock().doors[host];
            (door.delay, door.is_shut)
        };
        let _waiting = (is_shut || !delay.is_zero()).then(|| DelayedConnect::begin(&self.record, host));
        if !delay.is_zero() {
            count("connects delayed");
            self.timer.sleep_until(self.timer.now() + delay).await;
        }
        std::future::poll_fn(|cx| {
            let door = &mut self.lock().doors[host];
            if door.is_shut {
                door.waiting.push(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        let door = &mut self.lock().doors[host];
        if door.refuses == 0 {
            return Ok(());
        }
        door.refuses -= 1;
        count("connects refused");
        self.record.with(|state| {
            let tick = state.tick();
            state.refused.push((tick, host));
        });
        Err(Error::new(ErrorKind::Connect, Phase::Connect, "the connect was refused"))
    }

    /// Opens a connection to a host, and starts its server.
    fn dial(&self, host: usize) -> Box<dyn Transport> {
        let mut network = self.lock();
        let is_http2 = match self.settings.hosts[host] {
            Speech::Http1 => false,
            Speech::Http2 => true,
            Speech::Both => network.rng.one_in(2),
        };
        let mut shape = self.settings.shape(&mut network.rng);
        shape.cut = shape.cut.filter(|_| !network.is_calm);
        let number = network.links.len();
        self.record.with(|state| {
            let opened = state.tick();
            state.quiet_since = self.timer.now();
            state.links.push(LinkFacts {
                host,
                is_http2,
                is_slow: shape.is_slow(),
                ended: None,
                is_black_hole: false,
                was_broken: false,
                has_garbage: false,
                is_finished: false,
                retired: None,
                dropped: None,
                visits: 0,
                answered: 0,
            });
            let version = if is_http2 { 2 } else { 1 };
            state.log(|| format!("{opened}: connection {number} to {} of HTTP/{version}: {shape:?}", HOSTS[host]));
        });
        count(if is_http2 { "connections of HTTP/2" } else { "connections of HTTP/1.1" });
        let version = if is_http2 { Version::HTTP_2 } else { Version::HTTP_11 };
        let (client, server, link) = link::open(number, shape, version, &self.timer, &self.record);
        let control = Http2Control::new();
        network.links.push((link, control.clone()));
        drop(network);
        let handler = Server {
            host,
            link: number,
            timer: self.timer.clone(),
            record: self.record.clone(),
            plans: self.plans.clone(),
            http2: self.settings.http2.clone().control(&control),
        };
        self.spawner.spawn(Box::pin(async move { drop(serve_connection(Box::new(server), &handler).await) }));
        Box::new(client)
    }
}

/// A connect that waits. Its end is recorded when it is dropped.
struct DelayedConnect {
    record: Record,
    number: usize,
}

impl DelayedConnect {
    fn begin(record: &Record, host: usize) -> Self {
        let number = record.with(|state| {
            state.delayed.push((host, None));
            state.delayed.len() - 1
        });
        Self { record: record.clone(), number }
    }
}

impl Drop for DelayedConnect {
    fn drop(&mut self) {
        self.record.with(|state| {
            let tick = state.tick();
            state.delayed[self.number].1 = Some(tick);
        });
    }
}

impl Connector for Network {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, waterspout::Result<Box<dyn Transport>>> {
        Box::pin(async move {
            let host = host_of(origin);
            self.pass(host).await?;
            Ok(self.dial(host))
        })
    }

    fn may_speak_http2(&self, origin: &Origin) -> bool {
        self.settings.hosts[host_of(origin)] != Speech::Http1
    }
}

fn host_of(origin: &Origin) -> usize {
    let known = HOSTS.iter().position(|name| *name == origin.host());
    known.unwrap_or_else(|| panic!("a connect to {}", origin.host()))
}
