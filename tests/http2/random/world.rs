//! The steps of the random test.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use waterspout::testing::{Http2Action, Http2ErrorCode, Http2Frame};
use waterspout::{Client, Instant, Timer};

use super::model::{Context, times_sent};
use super::network::{Network, Setting};
use super::requests::{Answer, Plan};
use super::rng::SeededRng;
use super::tape::Tapes;
use crate::served::HandPolled;

/// SETTINGS_HEADER_TABLE_SIZE.
const HEADER_TABLE_SIZE: u16 = 1;

/// A request, and the future that the test polls.
pub(super) struct Task {
    pub(super) plan: Plan,
    pub(super) request: HandPolled<waterspout::Result<Answer>>,
    /// A held task is not polled, although it is woken.
    pub(super) is_held: bool,
    started: u64,
    /// When the request was polled first.
    polled_at: Option<Instant>,
}

/// The steps so far, for the message of a failure.
#[derive(Clone, Default)]
pub(super) struct Steps(Rc<RefCell<Vec<String>>>, pub(super) Tapes);

impl Steps {
    pub(super) fn push(&self, step: String) {
        self.0.borrow_mut().push(step);
    }

    pub(super) fn print(&self, seed: u64) {
        println!("seed {seed}:");
        self.0.borrow().iter().for_each(|step| println!("  {step}"));
        self.1.print();
    }
}

pub(super) struct World {
    pub(super) rng: SeededRng,
    pub(super) setting: Setting,
    pub(super) network: Network,
    pub(super) tasks: Vec<Task>,
    pub(super) made: u64,
    /// Whether a step may end connections and streams with requests.
    is_destructive: bool,
    is_closed: bool,
    is_closed_now: bool,
    /// When requests that hold slots were polled or dropped.
    progress: Vec<Instant>,
    pub(super) log: Steps,
}

impl World {
    pub(super) fn new(seed: u64, log: Steps) -> Self {
        let mut rng = SeededRng::new(seed);
        let setting = Setting::random(&mut rng);
        let network = Network::new(&setting, log.1.clone());
        let is_destructive = rng.one_in(2);
        log.push(format!("{setting:?}, is_destructive: {is_destructive}"));
        Self {
            rng,
            network,
            tasks: Vec::new(),
            made: 0,
            is_destructive,
            is_closed: false,
            is_closed_now: false,
            progress: Vec::new(),
            log,
            setting,
        }
    }

    pub(super) fn step(&mut self) {
        match self.rng.below(44) {
            0..=8 => self.start(),
            9..=16 => self.poll_some(|task| task.request.is_woken() && !task.is_held),
            17..=18 => self.poll_some(|task| !task.is_held),
            19..=20 => self.drop_some(),
            21..=22 => self.hold_some(),
            23..=24 => {
                let id = self.rng.below(self.made + 1);
                self.log.push(format!("open {id}"));
                self.network.gates.open(&id.to_string());
            }
            25..=26 => {
                let time = Duration::from_millis(self.rng.pick(&[1, 20, 1_000, 11_000]));
                self.advance(time);
            }
            27..=28 => self.act(),
            29 => self.hold_bytes(),
            30 => {
                self.log.push("release".into());
                self.network.tapes.release();
            }
            31 => self.move_door(),
            32 if self.rng.one_in(20) => self.close(),
            32..=38 => {
                for _ in 0..self.rng.below(4) {
                    self.network.tasks.poll_any(&mut self.rng);
                }
            }
            _ => self.run_servers(),
        }
    }

    /// Polls the servers and the background tasks until none is woken.
    pub(super) fn run_servers(&mut self) {
        while self.network.tasks.poll_any(&mut self.rng) {}
    }

    /// Moves the clock. A request whose limit passes is woken.
    pub(super) fn advance(&mut self, by: Duration) {
        self.log.push(format!("advance {by:?}"));
        self.network.tapes.note_time(self.tasks.iter().any(|task| task.is_held));
        self.network.timer.advance(by);
        for task in &self.tasks {
            let is_overdue = self.context(task).is_overdue();
            assert!(!is_overdue || task.request.is_woken(), "{:?} is not woken when its limit passes", task.plan);
        }
    }

    fn start(&mut self) {
        let plan = Plan::random(&mut self.rng, self.made, self.setting.hosts);
        self.made += 1;
        self.log.push(format!("start {plan:?}"));
        self.add(plan, self.network.client.clone());
        for _ in 0..self.rng.below(3) {
            if let Some(last) = self.tasks.len().checked_sub(1) {
                self.poll(last);
            }
        }
    }

    /// Adds the task of a request.
    pub(super) fn add(&mut self, plan: Plan, client: Client) {
        let request = HandPolled::new(plan.clone().send(client, self.network.gates.clone()));
        let started = self.network.tapes.tick();
        self.tasks.push(Task { plan, request, is_held: false, started, polled_at: None });
    }

    /// Picks a task that meets a condition.
    fn pick(&mut self, condition: impl Fn(&Task) -> bool) -> Option<usize> {
        let fit: Vec<_> = (0..self.tasks.len()).filter(|index| condition(&self.tasks[*index])).collect();
        (!fit.is_empty()).then(|| self.rng.pick(&fit))
    }

    fn poll_some(&mut self, condition: impl Fn(&Task) -> bool) {
        if let Some(index) = self.pick(condition) {
            self.poll(index);
        }
    }

    fn drop_some(&mut self) {
        if let Some(index) = self.pick(|_| true) {
            self.note_progress(index);
            let dropped = self.tasks.swap_remove(index);
            self.log.push(format!("drop {}", dropped.plan.id));
        }
    }

    /// Stops polling a task, or begins again.
    fn hold_some(&mut self) {
        if let Some(index) = self.pick(|_| true) {
            let task = &mut self.tasks[index];
            task.is_held = !task.is_held;
            self.log.push(format!("hold {}: {}", task.plan.id, task.is_held));
        }
    }

    /// Polls a task. Checks its outcome.
    pub(super) fn poll(&mut self, index: usize) {
        self.note_progress(index);
        let now = self.network.timer.now();
        let task = &mut self.tasks[index];
        task.polled_at.get_or_insert(now);
        let Poll::Ready(outcome) = task.request.poll() else {
            let is_overdue = self.context(&self.tasks[index]).is_overdue();
            assert!(!is_overdue, "{:?} goes on although its limit has passed", self.tasks[index].plan);
            return;
        };
        let task = self.tasks.swap_remove(index);
        let result = outcome.as_ref().map(|_| ()).map_err(|error| error.report().to_string());
        self.log.push(format!("end {}: {result:?}", task.plan.id));
        self.context(&task).check(&self.network.tapes, &outcome);
        self.check_calls(&task.plan);
    }

    fn context<'a>(&self, task: &'a Task) -> Context<'a> {
        let now = self.network.timer.now();
        Context {
            plan: &task.plan,
            started: task.started,
            elapsed: task.polled_at.map_or(Duration::ZERO, |at| now.since(at)),
            longest_stall: self.longest_stall(task),
            has_refused_connect: self.network.door.has_refused_since(task.started),
            is_closed: self.is_closed,
            is_closed_now: self.is_closed_now,
        }
    }

    /// Notes that a task is polled or dropped, if its request holds a slot. A request that was sent holds a
    /// slot until its end.
    fn note_progress(&mut self, index: usize) {
        if self.setting.has_few_slots() && times_sent(&self.network.tapes, self.tasks[index].plan.id) > 0 {
            self.progress.push(self.network.timer.now());
        }
    }

    /// Returns the longest time since the first poll of a task in which no request that was sent was polled or dropped.
    fn longest_stall(&self, task: &Task) -> Duration {
        let mut longest = Duration::ZERO;
        let Some(first) = task.polled_at.filter(|_| self.setting.has_few_slots()) else { return longest };
        let mut last = first;
        let now = self.network.timer.now();
        for at in self.progress.iter().copied().chain([now]).filter(|at| *at > first) {
            longest = longest.max(at.since(last));
            last = at;
        }
        longest
    }

    /// Checks that no server has processed a request more often than it was sent.
    fn check_calls(&self, plan: &Plan) {
        let (calls, sent) = (self.network.calls.of(plan.id), times_sent(&self.network.tapes, plan.id));
        assert!(calls <= sent, "{plan:?} was processed {calls} times and sent {sent} times");
    }

    /// Holds the bytes of a connection back, in a direction.
    fn hold_bytes(&mut self) {
        let count = self.network.tapes.look(|state| state.tapes.len() as u64);
        if count > 0 {
            let (number, direction) = (self.rng.below(count) as usize, self.rng.below(2) as usize);
            self.log.push(format!("hold the bytes of {number}, direction {direction}"));
            self.network.tapes.hold(number, direction);
        }
    }

    fn move_door(&mut self) {
        match self.rng.below(3) {
            0 => {
                self.log.push("connects wait".into());
                self.network.door.shut();
            }
            1 if self.is_destructive => {
                let refuses = self.rng.below(3) as usize;
                self.log.push(format!("{refuses} connects are refused"));
                self.network.door.set_refuses(refuses);
            }
            _ => {
                self.log.push("connects go on".into());
                self.network.door.open();
            }
        }
    }

    fn close(&mut self) {
        self.is_closed = true;
        if self.is_destructive {
            self.log.push("close now".into());
            self.is_closed_now = true;
            self.network.client.close_now();
        } else {
            self.log.push("close".into());
            self.network.client.close();
        }
    }

    /// Lets a server do something to a connection, or all servers to all connections.
    fn act(&mut self) {
        let none = Http2ErrorCode::NO_ERROR;
        let codes = [none, Http2ErrorCode::ENHANCE_YOUR_CALM, Http2ErrorCode::INTERNAL_ERROR];
        let action = match self.rng.below(if self.is_destructive { 12 } else { 8 }) {
            0 => Http2Action::MaxConcurrentStreams(self.rng.pick(&[0, 1, 2, 10])),
            1 => Http2Action::InitialWindowSize(self.rng.pick(&[0, 1_000, 100_000])),
            2 => Http2Action::Ping([1; 8]),
            3 => {
                let size = self.rng.pick(&[0, 100, 4_096]);
                Http2Action::Frames(vec![Http2Frame::settings(&[(HEADER_TABLE_SIZE, size)])])
            }
            4..=6 => Http2Action::GracefulShutdown,
            7 => Http2Action::GoAway { code: none, last_stream: None },
            8 => Http2Action::Close,
            9 => Http2Action::Shutdown { code: self.rng.pick(&codes) },
            10 => Http2Action::GoAway { code: none, last_stream: Some(self.rng.pick(&[0, 1, 3, 5])) },
            _ => return self.reset_stream(),
        };
        let controls = self.network.controls.all();
        if self.rng.one_in(3) {
            self.log.push(format!("all: {action:?}"));
            self.network.controls.run(action);
        } else if !controls.is_empty() {
            let number = self.rng.below(controls.len() as u64) as usize;
            self.log.push(format!("{number}: {action:?}"));
            controls[number].run(action);
        }
    }

    /// Lets the server reset the stream of a request once it would answer.
    fn reset_stream(&mut self) {
        let Some(index) = self.pick(|_| true) else { return };
        let code = self.rng.pick(&[
            Http2ErrorCode::REFUSED_STREAM,
            Http2ErrorCode::INTERNAL_ERROR,
            Http2ErrorCode::PROTOCOL_ERROR,
            Http2ErrorCode::CANCEL,
        ]);
        let id = self.tasks[index].plan.id;
        self.log.push(format!("reset {id}: {code:?}"));
        self.network.calls.reset(id, code);
    }
}
