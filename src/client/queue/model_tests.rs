//! The state of the queue against a simple model: after any sequence of steps, both have the same requests running and
//! waiting, and the same timer.
//!
//! The model has no heaps. At each step it looks at all waiting requests and picks the most urgent that may start.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::rate::{Nanos, Rate};
use super::requests::{Rejection, Ticket};
use super::settings::QueueSettings;
use super::state::QueueState;
use super::wake_list::WakeList;

/// Pseudorandom numbers, the same in every run.
struct ModelRng(u64);

impl ModelRng {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// A token bucket that is filled step by step. A token is worth `interval`.
#[derive(Clone, Copy)]
struct ModelBucket {
    interval: Nanos,
    max: Nanos,
    level: Nanos,
}

impl ModelBucket {
    fn new(interval: Nanos, burst: Nanos) -> Self {
        Self { interval, max: interval * burst, level: interval * burst }
    }

    fn advance(&mut self, time: Nanos) {
        self.level = (self.level + time).min(self.max);
    }

    /// Returns the time until the bucket holds a token.
    fn time_to_token(&self) -> Nanos {
        (self.interval - self.level).max(0)
    }
}

struct Waiting {
    ticket: Ticket,
    origin: usize,
    priority: i16,
    arrived: Nanos,
    number: u64,
}

struct Running {
    ticket: Ticket,
    origin: usize,
    /// Whether the request was polled since it got its slot.
    claimed: bool,
}

struct Model {
    settings: QueueSettings,
    now: Nanos,
    paused: bool,
    /// Number of requests that have waited.
    number: u64,
    waiting: Vec<Waiting>,
    running: Vec<Running>,
    bucket: Option<ModelBucket>,
    origin_buckets: Vec<Option<ModelBucket>>,
}

impl Model {
    fn advance(&mut self, time: Nanos) {
        self.now += time;
        for bucket in self.bucket.iter_mut().chain(self.origin_buckets.iter_mut().flatten()) {
            bucket.advance(time);
        }
    }

    /// Returns the time until a request to this origin may start, or `None` if more than time is missing.
    fn time_to_start(&self, origin: usize) -> Option<Nanos> {
        let running = self.running.iter().filter(|running| running.origin == origin).count();
        let max_per_origin = self.settings.max_active_per_origin.unwrap_or(usize::MAX);
        let has_room = !self.paused && self.running.len() < self.settings.max_active && running < max_per_origin;
        let time = |bucket: Option<ModelBucket>| bucket.map_or(0, |bucket| bucket.time_to_token());
        has_room.then(|| time(self.bucket).max(time(self.origin_buckets[origin])))
    }

    fn run(&mut self, ticket: Ticket, origin: usize, claimed: bool) {
        self.running.push(Running { ticket, origin, claimed });
        for bucket in [&mut self.bucket, &mut self.origin_buckets[origin]].into_iter().flatten() {
            bucket.level -= bucket.interval;
        }
    }

    fn dispatch(&mut self) {
        let step = self.settings.ageing.as_nanos() as Nanos;
        // The urgency grows with the waiting time; without ageing, it is the priority alone.
        let urgency = |now: Nanos, it: &Waiting| match step {
            0 => Nanos::from(it.priority),
            step => Nanos::from(it.priority) * step + (now - it.arrived),
        };
        loop {
            let may_start = self.waiting.iter().enumerate().filter(|(_, it)| self.time_to_start(it.origin) == Some(0));
            let first = may_start.min_by_key(|(_, it)| (-urgency(self.now, it), it.number));
            let Some((index, _)) = first else { break };
            let first = self.waiting.remove(index);
            self.run(first.ticket, first.origin, false);
        }
    }

    /// Returns when the next waiting request may start, or `None` if more than time is missing.
    fn next_start(&self) -> Option<Nanos> {
        self.waiting.iter().filter_map(|it| self.time_to_start(it.origin)).min().map(|time| self.now + time)
    }
}

fn settings(rng: &mut ModelRng) -> QueueSettings {
    let maybe = |rng: &mut ModelRng| rng.below(2) == 0;
    let rate =
        |rng: &mut ModelRng| Rate::new(1, Duration::from_nanos(1 + rng.below(30))).burst(1 + rng.below(3) as u32);
    QueueSettings {
        max_active: 1 + rng.below(4) as usize,
        max_active_per_origin: maybe(rng).then(|| 1 + rng.below(2) as usize),
        max_queued: maybe(rng).then(|| rng.below(12) as usize),
        ageing: Duration::from_nanos(rng.below(3) * 20),
        rate: maybe(rng).then(|| rate(rng)),
        origin_rate: maybe(rng).then(|| rate(rng)),
        origin_stats: maybe(rng),
        ..QueueSettings::default()
    }
}

fn bucket(rate: Option<Rate>) -> Option<ModelBucket> {
    rate.map(|rate| ModelBucket::new(rate.interval(), Nanos::from(rate.burst)))
}

const ORIGINS: [&str; 3] = ["http://a", "http://b", "http://c"];

/// The state and the model, and the steps that are applied to both.
struct Run {
    rng: ModelRng,
    state: QueueState,
    model: Model,
    wakes: WakeList,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = ModelRng(seed);
        let settings = settings(&mut rng);
        let origin_bucket = bucket(settings.origin_rate);
        let model = Model {
            now: 0,
            paused: false,
            number: 0,
            waiting: Vec::new(),
            running: Vec::new(),
            bucket: bucket(settings.rate),
            origin_buckets: vec![origin_bucket; ORIGINS.len()],
            settings: settings.clone(),
        };
        Self { rng, state: QueueState::new(settings), model, wakes: WakeList::default() }
    }

    /// Picks an index below `length`.
    fn index(&mut self, length: usize) -> Option<usize> {
        (length > 0).then(|| self.rng.below(length as u64) as usize)
    }

    fn new_request(&mut self) {
        let (origin, priority) = (self.rng.below(3) as usize, self.rng.below(5) as i16 - 2);
        let now = self.model.now;
        let (state, model) = (&mut self.state, &mut self.model);
        let started = state.try_start(ORIGINS[origin], || Some(Waker::noop().clone()), now);
        let overtakes = model.waiting.iter().any(|it| model.time_to_start(it.origin) == Some(0));
        assert_eq!(started.is_some(), model.time_to_start(origin) == Some(0) && !overtakes);
        if let Some(ticket) = started {
            return model.run(ticket, origin, true);
        }
        let joined = state.enqueue(ORIGINS[origin], priority, false, Waker::noop().clone(), now);
        let is_full = model.settings.max_queued.is_some_and(|max| model.waiting.len() >= max);
        assert_eq!(joined.err(), is_full.then_some(Rejection::Full));
        let Ok(ticket) = joined else { return };
        model.number += 1;
        model.waiting.push(Waiting { ticket, origin, priority, arrived: now, number: model.number });
    }

    fn remove_waiting(&mut self) {
        let Some(index) = self.index(self.model.waiting.len()) else { return };
        let removed = self.model.waiting.remove(index);
        self.state.remove(removed.ticket, self.model.now, &mut self.wakes);
    }

    fn remove_running(&mut self) {
        let Some(index) = self.index(self.model.running.len()) else { return };
        let removed = self.model.running.remove(index);
        self.state.remove(removed.ticket, self.model.now, &mut self.wakes);
        if !removed.claimed {
            for bucket in [&mut self.model.bucket, &mut self.model.origin_buckets[removed.origin]].into_iter().flatten()
            {
                bucket.advance(bucket.interval);
            }
        }
    }

    fn claim(&mut self) {
        let cx = Context::from_waker(Waker::noop());
        for running in self.model.running.iter_mut().filter(|running| !running.claimed) {
            running.claimed = true;
            assert_eq!(self.state.poll(running.ticket, &cx, self.model.now, &mut self.wakes), Poll::Ready(Ok(())));
        }
    }

    fn prioritize(&mut self) {
        let Some(index) = self.index(self.model.waiting.len()) else { return };
        let priority = self.rng.below(7) as i16 - 3;
        let it = &mut self.model.waiting[index];
        it.priority = priority;
        let serial = self.state.serial(it.ticket);
        self.state.prioritize(it.ticket, serial, priority, self.model.now);
    }

    fn clear(&mut self) {
        self.state.clear(Rejection::Cleared, &mut self.wakes);
        let cx = Context::from_waker(Waker::noop());
        for removed in self.model.waiting.drain(..) {
            let rejected = self.state.poll(removed.ticket, &cx, self.model.now, &mut self.wakes);
            assert_eq!(rejected, Poll::Ready(Err(Rejection::Cleared)));
        }
    }

    fn step(&mut self) {
        match self.rng.below(100) {
            0..40 => self.new_request(),
            40..65 => self.remove_running(),
            65..72 => self.remove_waiting(),
            72..80 => self.prioritize(),
            80..86 => self.claim(),
            86..96 => {
                let time = self.rng.below(40) as Nanos;
                self.model.advance(time);
            }
            96..99 => {
                self.model.paused ^= true;
                self.state.paused = self.model.paused;
            }
            _ => self.clear(),
        }
        self.model.dispatch();
        self.state.dispatch(self.model.now, &mut self.wakes);
        self.state.choose_timekeeper(None, &mut self.wakes);
        std::mem::take(&mut self.wakes).wake_all();
    }

    fn check(&mut self, context: &str) {
        let (state, model) = (&mut self.state, &self.model);
        assert_eq!((state.active, state.waiting_count), (model.running.len(), model.waiting.len()), "{context}");
        let cx = Context::from_waker(Waker::noop());
        let timers: Vec<_> = model.waiting.iter().filter_map(|it| state.timer_for(it.ticket)).collect();
        assert_eq!(timers, Vec::from_iter(model.next_start()), "{context}");
        for it in &model.waiting {
            let poll = state.poll(it.ticket, &cx, model.now, &mut self.wakes);
            assert_eq!(poll, Poll::Pending, "{context}");
        }
    }
}

#[test]
fn state_and_model_agree_after_every_step() {
    let mut max_waiting = 0;
    for seed in 0..300 {
        let mut run = Run::new(seed);
        for step in 0..400 {
            run.step();
            run.check(&format!("seed {seed}, step {step}, {:?}", run.model.settings));
            max_waiting = max_waiting.max(run.model.waiting.len());
        }
    }
    assert!(max_waiting > 20, "{max_waiting}");
}
