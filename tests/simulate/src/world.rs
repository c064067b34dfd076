//! A seed: a client, its network and its callers, and the steps that they make.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use waterspout::cookies::CookieJar;
use waterspout::testing::{Http2Action, Http2ErrorCode};
use waterspout::{Agent, Client};

use crate::caller::{Caller, NumberedAgent};
use crate::clock::Clock;
use crate::counts::{add, count, timeout_name};
use crate::link::CutKind;
use crate::model::lateness::{check_lateness, check_stall};
use crate::model::outcome::{ClientEvents, Ended, Reply};
use crate::model::queue::check_queue;
use crate::network::Network;
use crate::plan::Plan;
use crate::record::{Record, RequestFacts, StageObserver};
use crate::rng::SeededRng;
use crate::server::Plans;
use crate::settings::Settings;
use crate::tasks::{Polled, Tasks};

/// The number of steps before the end.
const STEPS: usize = 70;

/// The most polls without a move of the clock. More are an endless loop.
const MAX_POLLS: usize = 200_000;

/// The outcome of the request that was polled last, if it has ended.
type Outcome = Rc<RefCell<Option<waterspout::Result<Reply>>>>;

pub(crate) struct World {
    pub(crate) rng: SeededRng,
    pub(crate) settings: Arc<Settings>,
    pub(crate) clock: Clock,
    pub(crate) record: Record,
    pub(crate) plans: Plans,
    pub(crate) network: Network,
    pub(crate) tasks: Tasks,
    pub(crate) client: Client,
    pub(crate) agent: Arc<Agent>,
    pub(crate) events: ClientEvents,
    /// The requests that have not ended.
    pub(crate) live: Vec<usize>,
    held: Vec<usize>,
    outcome: Outcome,
    made: usize,
    is_paused: bool,
    /// Whether all requests belong to `client`.
    pub(crate) checks_queue: bool,
}

impl World {
    /// Makes the world of a seed. `keep_record` gets the record, which outlives a check that fails.
    pub(crate) fn new(seed: u64, keeps_steps: bool, keep_record: impl FnOnce(Record)) -> Self {
        let mut rng = SeededRng::new(seed);
        let settings = Arc::new(Settings::random(&mut rng));
        let record = Record::new(&settings, keeps_steps);
        record.log(|| format!("{settings:?}"));
        keep_record(record.clone());
        let (clock, tasks, plans) = (Clock::new(), Tasks::default(), Plans::default());
        let of_network = SeededRng::new(seed ^ 0x5eed);
        let network = Network::new(&settings, of_network, &tasks.spawner, &clock.world, &record, &plans);
        let mut agent = Agent::new(network.clone(), clock.client.clone())
            .with_config(settings.config())
            .with_cookies(CookieJar::new());
        if settings.has_executor {
            agent = agent.with_executor(tasks.spawner.clone());
        }
        let agent = Arc::new(agent);
        let backend = NumberedAgent { agent: agent.clone(), record: record.clone() };
        let builder = Client::builder().backend(backend).timer(clock.client.clone());
        let builder = settings.build(builder).observer(StageObserver(record.clone()));
        let client = builder.build().unwrap_or_else(|error| panic!("{}", error.report()));
        Self {
            rng,
            settings,
            clock,
            record,
            plans,
            network,
            tasks,
            client,
            agent,
            events: ClientEvents::default(),
            live: Vec::new(),
            held: Vec::new(),
            outcome: Outcome::default(),
            made: 0,
            is_paused: false,
            checks_queue: true,
        }
    }

    /// Runs the whole seed.
    pub(crate) fn run(mut self) {
        (0..STEPS).for_each(|_| self.step());
        self.finish();
    }

    fn step(&mut self) {
        match self.rng.below(40) {
            0..=11 if self.made < self.settings.requests => {
                let plan = Plan::random(&mut self.rng, self.made, self.settings.hosts.len());
                self.start(plan, self.client.clone());
            }
            0..=21 => self.poll_some(),
            22..=25 => self.run_to_idle(),
            26..=31 => drop(self.advance_to_next()),
            32 => {
                let by = Duration::from_millis(self.rng.pick(&[1, 20, 1_000, 11_000]));
                self.advance(by);
            }
            33 => self.drop_some(),
            34 => self.hold_some(),
            35 => {
                if let Some(id) = self.pick_live() {
                    self.tasks.poll_request(id as u64);
                    self.settle(id);
                }
            }
            36 => self.move_door(),
            37 => self.break_some(),
            38 => self.act(),
            _ => self.change_client(),
        }
    }

    fn poll_some(&mut self) {
        for _ in 0..self.rng.below(20) {
            self.poll();
        }
    }

    /// Adds the task of a request.
    pub(crate) fn start(&mut self, plan: Plan, client: Client) {
        let (id, plan) = (plan.id, Arc::new(plan));
        self.made += 1;
        count("requests");
        self.record.with(|state| {
            let has_queue_limit = plan.limits.queue.is_some();
            state.requests.push(RequestFacts { has_queue_limit, ..RequestFacts::default() });
            state.log(|| format!("start {plan:?}"));
        });
        self.plans.add(plan.clone());
        self.live.push(id);
        let (record, timer) = (self.record.clone(), self.clock.world.clone());
        let (caller, outcome) = (Caller { plan, client, record, timer }, self.outcome.clone());
        self.tasks.add_request(id as u64, async move {
            let result = caller.call().await;
            *outcome.borrow_mut() = Some(result);
        });
    }

    /// Returns the number of the next request.
    pub(crate) fn next_id(&self) -> usize {
        self.made
    }

    /// Polls a woken task, and checks what it has done. Returns whether there was a woken task.
    fn poll(&mut self) -> bool {
        match self.tasks.poll_any(&mut self.rng) {
            Polled::Idle => return false,
            Polled::Background => {}
            Polled::Request(id) => self.settle(id as usize),
        }
        self.check_violations();
        true
    }

    fn check_violations(&self) {
        let first = self.record.with(|state| state.violations.first().cloned());
        if let Some(reason) = first {
            panic!("{reason}");
        }
    }

    /// Checks the outcome of a request that was polled, if it has ended.
    fn settle(&mut self, id: usize) {
        let Some(outcome) = self.outcome.borrow_mut().take() else { return };
        assert!(self.live.contains(&id), "request {id} ends twice");
        self.live.retain(|live| *live != id);
        self.held.retain(|held| *held != id);
        let plan = self.plans.of(id);
        let (settings, events, now) = (self.settings.clone(), self.events, self.clock.now());
        let checked = self.record.with(|state| {
            let tick = state.tick();
            state.log(|| match &outcome {
                Ok(reply) => format!("{tick}: request {id} ends: {reply:?}"),
                Err(error) => format!("{tick}: request {id} ends: {}", error.report()),
            });
            Ended { plan: &plan, settings: &settings, state, events, now }.check(&outcome)
        });
        match &outcome {
            Ok(reply) if reply.is_complete => count("whole responses"),
            Ok(_) => count("responses dropped"),
            Err(error) => count(error.timeout().map_or(error.kind().code(), timeout_name)),
        }
        if let Err(reason) = checked {
            self.record.violate(format!("request {id}: {reason}"));
        }
    }

    /// Polls tasks until none is woken. Then nothing moves until the clock does, and the queue is checked.
    pub(crate) fn run_to_idle(&mut self) {
        let mut polls = 0;
        while self.poll() {
            polls += 1;
            assert!(polls < MAX_POLLS, "tasks wake each other without end");
        }
        self.check_idle();
    }

    fn check_idle(&self) {
        let held_back = self.tasks.held_back();
        let (now, is_closed_now) = (self.clock.now(), self.events.is_closed_now);
        let checked = self.record.with(|state| {
            state.log(|| format!("idle at {:?}", now.since_origin()));
            let is_ready = |id| self.tasks.is_woken(id as u64);
            if self.checks_queue {
                check_queue(&self.client, &self.settings, state, &self.plans, held_back, is_ready)?;
            }
            if !self.is_paused && self.settings.rate.is_none() {
                check_stall(state, now, |id| self.held.contains(&id))?;
            }
            let polled: Vec<usize> = self.live.iter().copied().filter(|id| !self.held.contains(id)).collect();
            polled.iter().try_for_each(|id| check_lateness(&self.plans.of(*id), state, now, is_closed_now))
        });
        if let Err(reason) = checked {
            self.record.violate(reason);
        }
        self.check_violations();
    }

    /// Moves the clock to the next deadline. Returns whether there is a deadline.
    pub(crate) fn advance_to_next(&mut self) -> bool {
        self.run_to_idle();
        let Some(by) = self.clock.until_next() else { return false };
        self.advance(by);
        true
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        let are_late = self.tasks.is_any_woken();
        self.record.with(|state| {
            state.log(|| format!("advance {by:?}, with tasks to poll: {are_late}"));
            state.jump_while_held = if self.held.is_empty() { Duration::ZERO } else { by };
            // All tasks wait longer than they should, as on a machine that was suspended.
            self.live.iter().filter(|_| are_late).for_each(|id| state.requests[*id].was_held = true);
        });
        self.clock.advance(by);
    }

    fn pick_live(&mut self) -> Option<usize> {
        (!self.live.is_empty()).then(|| self.rng.pick(&self.live))
    }

    fn drop_some(&mut self) {
        let Some(id) = self.pick_live() else { return };
        self.record.log(|| format!("drop request {id}"));
        count("requests cancelled");
        self.live.retain(|live| *live != id);
        self.held.retain(|held| *held != id);
        self.tasks.drop_request(id as u64);
    }

    /// Stops polling a task, or begins again.
    fn hold_some(&mut self) {
        let Some(id) = self.pick_live() else { return };
        let is_held = !self.held.contains(&id);
        self.hold(id, is_held);
    }

    fn hold(&mut self, id: usize, is_held: bool) {
        let now = self.clock.now();
        match is_held {
            true => self.held.push(id),
            false => self.held.retain(|held| *held != id),
        }
        self.record.with(|state| {
            state.log(|| format!("hold request {id}: {is_held}"));
            state.requests[id].was_held = true;
            state.quiet_since = now;
        });
        self.tasks.hold(id as u64, is_held);
    }

    pub(crate) fn release_all(&mut self) {
        while let Some(id) = self.held.last().copied() {
            self.hold(id, false);
        }
    }

    fn move_door(&mut self) {
        let host = self.rng.index(self.settings.hosts.len());
        let change = self.rng.below(4);
        self.record.log(|| format!("door of host {host}: {change}"));
        match change {
            0 => {
                let delay = self.rng.pick(&[10, 700, 30_000]);
                self.network.delay(host, Duration::from_millis(delay));
            }
            1 => self.network.shut(host),
            2 if self.settings.is_destructive => self.network.refuse(host, 2),
            _ => self.network.open(host),
        }
    }

    fn break_some(&mut self) {
        let opened = self.network.opened();
        if self.settings.is_destructive && opened > 0 {
            let number = self.rng.index(opened);
            let kind = self.rng.pick(&[CutKind::Reset, CutKind::BlackHole]);
            self.network.fail(number, kind);
        }
    }

    /// Lets the server of a connection of HTTP/2 retire it, or change its settings.
    fn act(&mut self) {
        let opened = self.network.opened();
        if opened == 0 {
            return;
        }
        let number = self.rng.index(opened);
        let action = match self.rng.below(if self.settings.is_destructive { 5 } else { 3 }) {
            0 | 1 => Http2Action::GracefulShutdown,
            2 => Http2Action::Ping([1; 8]),
            3 => Http2Action::Close,
            _ => Http2Action::Shutdown { code: Http2ErrorCode::NO_ERROR },
        };
        let is_open = self.record.with(|state| {
            let tick = state.tick();
            let link = &mut state.links[number];
            let is_open = link.is_http2 && link.ended.is_none();
            if is_open && !matches!(action, Http2Action::Ping(_)) {
                link.retired = Some(tick);
            }
            state.log(|| format!("{tick}: the server of connection {number}: {action:?}"));
            is_open
        });
        if is_open {
            count("connections of HTTP/2 retired");
            self.network.act(number, action);
        }
    }

    fn change_client(&mut self) {
        match self.rng.below(8) {
            0 | 1 => self.pause(true),
            2..=4 => self.pause(false),
            5 => {
                let count_cleared = self.client.clear();
                add("requests cleared", count_cleared as u64);
                self.events.cleared = self.record.with(|state| {
                    state.log(|| format!("clear {count_cleared}"));
                    state.tick()
                });
            }
            6 if self.settings.is_destructive && self.rng.one_in(2) => {
                self.record.log(|| "close now".into());
                count("clients closed at once");
                self.events.is_closed_now = true;
                self.client.close_now();
            }
            7 if self.rng.one_in(4) => {
                self.record.log(|| "close".into());
                count("clients closed");
                self.events.is_closed = true;
                self.client.close();
            }
            _ => {}
        }
    }

    pub(crate) fn pause(&mut self, is_paused: bool) {
        if self.is_paused != is_paused {
            self.is_paused = is_paused;
            let now = self.clock.now();
            self.record.with(|state| state.quiet_since = now);
            self.record.log(|| format!("pause: {is_paused}"));
            if is_paused {
                count("pauses");
                self.client.pause();
            } else {
                self.client.resume();
            }
        }
    }
}
