//! Random interleavings of requests, drops, held tasks and faults of the server: no request hangs, each outcome is
//! right, and at the end all streams are free.
//!
//! `WATERSPOUT_HTTP2_SEEDS` sets the number of seeds, `WATERSPOUT_HTTP2_FIRST_SEED` the first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use waterspout::testing::{Fault, Handler, Http2Action, Http2Config, Http2ErrorCode, Incoming, Reply, handler};
use waterspout::{Body, Bytes, Client};

use crate::served::{Gates, HandPolled, Served};

/// Pseudorandom numbers, the same in every run.
struct SeededRng(u64);

impl SeededRng {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn pick<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }
}

/// What a request does, which its path says.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Now,
    Gated,
    /// A POST whose body comes back.
    Echo,
    /// A POST of a body that can be taken once.
    OneShot,
    /// The stream is refused at first.
    Refused,
    /// The stream is reset in the middle of the body.
    Torn,
}

const KINDS: [Kind; 6] = [Kind::Now, Kind::Gated, Kind::Echo, Kind::OneShot, Kind::Refused, Kind::Torn];

type Calls = Arc<Mutex<BTreeMap<String, usize>>>;

struct Task {
    id: u64,
    kind: Kind,
    size: usize,
    request: HandPolled<waterspout::Result<Vec<u8>>>,
    /// A held task is not polled before the end, although it is woken.
    is_held: bool,
}

struct World {
    rng: SeededRng,
    served: Served,
    gates: Gates,
    calls: Calls,
    tasks: Vec<Task>,
    started: u64,
    /// Whether a step may lose requests.
    is_destructive: bool,
    has_lost: bool,
    go_aways: usize,
    /// Whether a GOAWAY may have denied requests that the server has processed.
    has_lied: bool,
    log: Vec<String>,
}

fn server(gates: &Gates, calls: &Calls) -> impl Handler + use<> {
    let (gates, calls) = (gates.clone(), calls.clone());
    handler(move |request: &mut Incoming| {
        let path = request.path().to_string();
        let count = {
            let mut calls = calls.lock().unwrap();
            let count = calls.entry(path.clone()).or_default();
            *count += 1;
            *count
        };
        let gates = gates.clone();
        async move {
            let parts: Vec<_> = path.split('/').skip(1).collect();
            let size = parts.get(2).map_or(0, |size| size.parse().unwrap());
            match parts[1] {
                "Gated" => gates.pass(parts[0]).await,
                "Echo" | "OneShot" => {
                    return request.body().await.map_or_else(|_| Reply::close(), |body| Reply::new(200, body));
                }
                "Refused" if count == 1 => {
                    return Reply::text("").with_fault(Fault::stream_reset(Http2ErrorCode::REFUSED_STREAM));
                }
                "Torn" => {
                    let fault = Fault::stream_reset(Http2ErrorCode::INTERNAL_ERROR).after_body(size as u64 / 2);
                    return Reply::new(200, vec![b'x'; size]).with_fault(fault);
                }
                _ => {}
            }
            Reply::new(200, vec![b'x'; size])
        }
        .boxed()
    })
}

async fn send(client: Client, id: u64, kind: Kind, size: usize) -> waterspout::Result<Vec<u8>> {
    let url = format!("http://server.test/{id}/{kind:?}/{size}");
    let request = match kind {
        Kind::Echo => client.post(&url).body(vec![b'x'; size]),
        Kind::OneShot => {
            let piece = move |_| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; size / 2]));
            client.post(&url).body(Body::stream(futures::stream::iter((0..2).map(piece))))
        }
        _ => client.get(&url),
    };
    let mut response = request.await?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = SeededRng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1);
        let mut config = Http2Config::new();
        if rng.below(3) > 0 {
            config = config.max_concurrent_streams(rng.pick(&[1, 2, 4]));
        }
        if rng.below(2) == 0 {
            config = config.initial_window_size(rng.pick(&[1_000, 30_000]));
        }
        let (gates, calls) = (Gates::default(), Calls::default());
        let served = Served::build(config, server(&gates, &calls), &gates, usize::MAX, |builder| {
            // A hang must not end as a timeout.
            builder.connect_timeout(Duration::ZERO).head_timeout(Duration::ZERO).idle_timeout(Duration::ZERO)
        });
        let is_destructive = rng.below(2) == 0;
        Self {
            rng,
            served,
            gates,
            calls,
            tasks: Vec::new(),
            started: 0,
            is_destructive,
            has_lost: false,
            go_aways: 0,
            has_lied: false,
            log: Vec::new(),
        }
    }

    fn start(&mut self) {
        let kind = self.rng.pick(&KINDS);
        let size = self.rng.pick(&[0, 2, 100, 10_000, 70_000]);
        let id = self.started;
        self.started += 1;
        let request = HandPolled::new(send(self.served.client.clone(), id, kind, size));
        self.tasks.push(Task { id, kind, size, request, is_held: false });
        self.log.push(format!("start {id} {kind:?} {size}"));
        for _ in 0..self.rng.below(3) {
            self.poll(self.tasks.len() - 1);
        }
    }

    /// Polls a task. Checks its outcome.
    fn poll(&mut self, index: usize) {
        if index >= self.tasks.len() {
            return;
        }
        let Poll::Ready(outcome) = self.tasks[index].request.poll() else { return };
        let task = self.tasks.swap_remove(index);
        let calls = self.calls.lock().unwrap();
        let path = format!("/{}/{:?}/{}", task.id, task.kind, task.size);
        let calls = calls.get(&path).copied().unwrap_or(0);
        match outcome {
            Ok(body) => {
                assert_ne!((task.kind, task.size > 0), (Kind::Torn, true), "{path} is complete");
                assert!(body == vec![b'x'; task.size], "{path}: {}", body.len());
            }
            Err(_) if self.has_lost || task.kind == Kind::Torn => {}
            // Refused because of the limit, by GOAWAY, and because of its path.
            Err(_) if task.kind == Kind::Refused && self.go_aways > 0 => {}
            // A body that was taken cannot be sent again.
            Err(error)
                if task.kind == Kind::OneShot
                    && (self.go_aways > 0 || error.to_string().contains("REFUSED_STREAM")) => {}
            Err(error) => panic!("{path}: {error} {:?}", std::error::Error::source(&error)),
        }
        if matches!(task.kind, Kind::Echo | Kind::OneShot) {
            assert!(calls <= 1 || self.has_lied, "{path} was sent {calls} times");
        }
        self.log.push(format!("end {path}"));
    }

    fn step(&mut self) {
        let count = self.tasks.len() as u64;
        match self.rng.below(20) {
            0..=4 => self.start(),
            5..=8 if count > 0 => {
                let index = self.rng.below(count) as usize;
                if self.tasks[index].request.is_woken() && !self.tasks[index].is_held {
                    self.poll(index);
                }
            }
            9 if count > 0 => {
                let index = self.rng.below(count) as usize;
                if !self.tasks[index].is_held {
                    self.poll(index);
                }
            }
            10 if count > 0 => {
                let index = self.rng.below(count) as usize;
                let dropped = self.tasks.swap_remove(index);
                self.log.push(format!("drop {}", dropped.id));
            }
            11 if count > 0 => {
                let index = self.rng.below(count) as usize;
                self.tasks[index].is_held = true;
                self.log.push(format!("hold {}", self.tasks[index].id));
            }
            12 => {
                let id = self.rng.below(self.started + 1);
                self.log.push(format!("open {id}"));
                self.gates.open(&id.to_string());
            }
            13 => {
                let time = Duration::from_millis(self.rng.pick(&[1, 20, 1_000, 11_000]));
                self.log.push(format!("advance {time:?}"));
                self.served.timer.advance(time);
            }
            14 => self.act(),
            15..=16 => {
                self.served.tasks.try_run_one();
            }
            _ => self.served.tasks.run_until_stalled(),
        }
    }

    fn act(&mut self) {
        let code = Http2ErrorCode::NO_ERROR;
        let action = match self.rng.below(if self.is_destructive { 10 } else { 7 }) {
            0 => Http2Action::MaxConcurrentStreams(self.rng.pick(&[0, 1, 2, 10])),
            1 => Http2Action::InitialWindowSize(self.rng.pick(&[0, 1_000, 100_000])),
            2 => Http2Action::Ping([1; 8]),
            // A request is sent three times at most, so there are no more GOAWAYs.
            3..=4 if self.go_aways == 0 => Http2Action::GracefulShutdown,
            5..=6 if self.go_aways == 0 => Http2Action::GoAway { code, last_stream: None },
            3..=6 => return,
            7 => Http2Action::Close,
            8 => Http2Action::Shutdown { code: self.rng.pick(&[code, Http2ErrorCode::ENHANCE_YOUR_CALM]) },
            _ => Http2Action::GoAway { code, last_stream: Some(self.rng.pick(&[0, 1, 3, 5])) },
        };
        self.log.push(format!("{action:?}"));
        match action {
            Http2Action::GracefulShutdown | Http2Action::GoAway { last_stream: None, .. } => self.go_aways += 1,
            Http2Action::MaxConcurrentStreams(_) | Http2Action::InitialWindowSize(_) | Http2Action::Ping(_) => {}
            Http2Action::GoAway { .. } => (self.has_lost, self.has_lied) = (true, true),
            _ => self.has_lost = true,
        }
        self.served.control.run(action);
    }

    /// Polls each woken task until none is left, and moves the clock only while nothing else moves.
    fn finish(&mut self) {
        self.gates.open_all();
        for turn in 0..400 {
            self.served.control.run(Http2Action::MaxConcurrentStreams(10));
            self.served.control.run(Http2Action::InitialWindowSize(100_000));
            while self.run_woken() {}
            if self.tasks.is_empty() {
                return;
            }
            self.served.timer.advance(Duration::from_millis(if turn < 100 { 20 } else { 100 }));
        }
        let left: Vec<_> = self.tasks.iter().map(|task| (task.id, task.kind, task.is_held)).collect();
        panic!("requests hang: {left:?}");
    }

    /// Polls the tasks that were woken once each. Returns whether there were any.
    fn run_woken(&mut self) -> bool {
        self.served.tasks.run_until_stalled();
        let woken: Vec<_> = self.tasks.iter().filter(|task| task.request.is_woken()).map(|task| task.id).collect();
        for id in &woken {
            let index = self.tasks.iter().position(|task| task.id == *id).unwrap();
            self.poll(index);
        }
        !woken.is_empty()
    }

    /// Checks that each open connection carries a request when it may carry a single request.
    fn check_streams(&mut self) {
        let probe = send(self.served.client.clone(), 1_000, Kind::Now, 2);
        self.served.run(probe).expect("the probe hangs").expect("the probe fails");
        self.served.act(Http2Action::MaxConcurrentStreams(1));
        let probe = send(self.served.client.clone(), 1_001, Kind::Now, 2);
        self.served.run(probe).expect("the probe hangs").expect("the probe fails");
        let (open, connects) = (self.served.control.open(), self.served.connects());
        assert!((1..=2).contains(&open), "{open} connections are open");
        let probes: Vec<_> = (0..open as u64)
            .map(|id| send(self.served.client.clone(), 2_000 + id, Kind::OneShot, 70_000).boxed_local())
            .collect();
        // All probes wait for windows at once, so each has a connection of its own.
        let outcomes = self.served.run(futures::future::join_all(probes)).expect("a stream was not given back");
        outcomes.into_iter().for_each(|outcome| assert_eq!(outcome.unwrap().len(), 70_000));
        assert_eq!(self.served.connects(), connects, "a connection is open and carries no request");
    }
}

fn run(seed: u64) {
    let mut world = World::new(seed);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        for _ in 0..40 {
            world.step();
        }
        world.finish();
        world.check_streams();
    }));
    if let Err(panic) = outcome {
        println!("seed {seed}: {:#?}", world.log);
        std::panic::resume_unwind(panic);
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

#[test]
fn no_interleaving_loses_a_request_or_a_stream() {
    let first = setting("WATERSPOUT_HTTP2_FIRST_SEED", 0);
    let end = first + setting("WATERSPOUT_HTTP2_SEEDS", 2_000);
    std::thread::scope(|scope| {
        for remainder in 0..2 {
            scope.spawn(move || (first..end).filter(|seed| seed % 2 == remainder).for_each(run));
        }
    });
}
