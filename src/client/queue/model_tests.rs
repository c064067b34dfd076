//! The line against a model that is too simple to be wrong: whatever happens, the same requests run and wait.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::rate::{Nanos, Rate};
use super::requests::{Refusal, Ticket};
use super::settings::Settings;
use super::state::Line;
use super::wake_list::Later;

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// A bucket that is filled step by step.
#[derive(Clone, Copy)]
struct Level {
    interval: Nanos,
    most: Nanos,
    level: Nanos,
}

impl Level {
    fn new(interval: Nanos, burst: Nanos) -> Self {
        Self { interval, most: interval * burst, level: interval * burst }
    }

    fn pass(&mut self, time: Nanos) {
        self.level = (self.level + time).min(self.most);
    }

    /// How long until there is a token.
    fn missing(&self) -> Nanos {
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
    claimed: bool,
}

struct Model {
    settings: Settings,
    now: Nanos,
    paused: bool,
    number: u64,
    waiting: Vec<Waiting>,
    running: Vec<Running>,
    level: Option<Level>,
    levels: Vec<Option<Level>>,
}

impl Model {
    fn pass(&mut self, time: Nanos) {
        self.now += time;
        self.level.iter_mut().chain(self.levels.iter_mut().flatten()).for_each(|level| level.pass(time));
    }

    /// How long until this origin may start one, if only time is missing.
    fn missing(&self, origin: usize) -> Option<Nanos> {
        let running = self.running.iter().filter(|running| running.origin == origin).count();
        let most = self.settings.max_active_per_origin.unwrap_or(usize::MAX);
        let room = !self.paused && self.running.len() < self.settings.max_active && running < most;
        let missing = |level: Option<Level>| level.map_or(0, |level| level.missing());
        room.then(|| missing(self.level).max(missing(self.levels[origin])))
    }

    fn run(&mut self, ticket: Ticket, origin: usize, claimed: bool) {
        self.running.push(Running { ticket, origin, claimed });
        for level in [&mut self.level, &mut self.levels[origin]].into_iter().flatten() {
            level.level -= level.interval;
        }
    }

    fn dispatch(&mut self) {
        let step = self.settings.ageing.as_nanos() as Nanos;
        // How urgent it is now: the older, the more; without ageing, by priority alone.
        let urgency = |now: Nanos, it: &Waiting| match step {
            0 => Nanos::from(it.priority),
            step => Nanos::from(it.priority) * step + (now - it.arrived),
        };
        loop {
            let may_start = self.waiting.iter().enumerate().filter(|(_, it)| self.missing(it.origin) == Some(0));
            let first = may_start.min_by_key(|(_, it)| (-urgency(self.now, it), it.number));
            let Some((index, _)) = first else { break };
            let first = self.waiting.remove(index);
            self.run(first.ticket, first.origin, false);
        }
    }

    /// When somebody may start whom only time holds back.
    fn tick(&self) -> Option<Nanos> {
        self.waiting.iter().filter_map(|it| self.missing(it.origin)).min().map(|missing| self.now + missing)
    }
}

fn settings(numbers: &mut Numbers) -> Settings {
    let maybe = |numbers: &mut Numbers| numbers.below(2) == 0;
    let rate = |numbers: &mut Numbers| {
        Rate::new(1, Duration::from_nanos(1 + numbers.below(30))).burst(1 + numbers.below(3) as u32)
    };
    Settings {
        max_active: 1 + numbers.below(4) as usize,
        max_active_per_origin: maybe(numbers).then(|| 1 + numbers.below(2) as usize),
        max_queued: maybe(numbers).then(|| numbers.below(12) as usize),
        ageing: Duration::from_nanos(numbers.below(3) * 20),
        rate: maybe(numbers).then(|| rate(numbers)),
        origin_rate: maybe(numbers).then(|| rate(numbers)),
        origin_stats: maybe(numbers),
        ..Settings::default()
    }
}

fn level(rate: Option<Rate>) -> Option<Level> {
    rate.map(|rate| Level::new(rate.interval(), Nanos::from(rate.burst)))
}

const ORIGINS: [&str; 3] = ["http://a", "http://b", "http://c"];

struct Run {
    numbers: Numbers,
    line: Line,
    model: Model,
    later: Later,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut numbers = Numbers(seed);
        let settings = settings(&mut numbers);
        let origin = level(settings.origin_rate);
        let model = Model {
            now: 0,
            paused: false,
            number: 0,
            waiting: Vec::new(),
            running: Vec::new(),
            level: level(settings.rate),
            levels: vec![origin; ORIGINS.len()],
            settings: settings.clone(),
        };
        Self { numbers, line: Line::new(settings), model, later: Later::default() }
    }

    fn index(&mut self, length: usize) -> Option<usize> {
        (length > 0).then(|| self.numbers.below(length as u64) as usize)
    }

    fn come(&mut self) {
        let (origin, priority) = (self.numbers.below(3) as usize, self.numbers.below(5) as i16 - 2);
        let now = self.model.now;
        let (line, model) = (&mut self.line, &mut self.model);
        let started = line.start(ORIGINS[origin], now);
        let overtakes = model.waiting.iter().any(|it| model.missing(it.origin) == Some(0));
        assert_eq!(started.is_some(), model.missing(origin) == Some(0) && !overtakes);
        if let Some(ticket) = started {
            return model.run(ticket, origin, true);
        }
        let joined = line.join(ORIGINS[origin], priority, false, Waker::noop(), now);
        let full = model.settings.max_queued.is_some_and(|most| model.waiting.len() >= most);
        assert_eq!(joined.err(), full.then_some(Refusal::Full));
        let Ok(ticket) = joined else { return };
        model.number += 1;
        model.waiting.push(Waiting { ticket, origin, priority, arrived: now, number: model.number });
    }

    fn leave_line(&mut self) {
        let Some(index) = self.index(self.model.waiting.len()) else { return };
        let gone = self.model.waiting.remove(index);
        self.line.leave(gone.ticket, self.model.now, &mut self.later);
    }

    fn end(&mut self) {
        let Some(index) = self.index(self.model.running.len()) else { return };
        let gone = self.model.running.remove(index);
        self.line.leave(gone.ticket, self.model.now, &mut self.later);
        if !gone.claimed {
            for level in [&mut self.model.level, &mut self.model.levels[gone.origin]].into_iter().flatten() {
                level.pass(level.interval);
            }
        }
    }

    fn claim(&mut self) {
        let cx = Context::from_waker(Waker::noop());
        for running in self.model.running.iter_mut().filter(|running| !running.claimed) {
            running.claimed = true;
            assert_eq!(self.line.poll(running.ticket, &cx, self.model.now, &mut self.later), Poll::Ready(Ok(())));
        }
    }

    fn prioritize(&mut self) {
        let Some(index) = self.index(self.model.waiting.len()) else { return };
        let priority = self.numbers.below(7) as i16 - 3;
        let it = &mut self.model.waiting[index];
        it.priority = priority;
        let serial = self.line.serial(it.ticket);
        self.line.prioritize(it.ticket, serial, priority, self.model.now);
    }

    fn clear(&mut self) {
        self.line.clear(Refusal::Cleared, &mut self.later);
        let cx = Context::from_waker(Waker::noop());
        for gone in self.model.waiting.drain(..) {
            let refused = self.line.poll(gone.ticket, &cx, self.model.now, &mut self.later);
            assert_eq!(refused, Poll::Ready(Err(Refusal::Cleared)));
        }
    }

    fn step(&mut self) {
        match self.numbers.below(100) {
            0..40 => self.come(),
            40..65 => self.end(),
            65..72 => self.leave_line(),
            72..80 => self.prioritize(),
            80..86 => self.claim(),
            86..96 => {
                let time = self.numbers.below(40) as Nanos;
                self.model.pass(time);
            }
            96..99 => {
                self.model.paused ^= true;
                self.line.paused = self.model.paused;
            }
            _ => self.clear(),
        }
        self.model.dispatch();
        self.line.dispatch(self.model.now, &mut self.later);
        self.line.settle(None, &mut self.later);
        std::mem::take(&mut self.later).run();
    }

    fn check(&mut self, context: &str) {
        let (line, model) = (&mut self.line, &self.model);
        assert_eq!((line.active, line.waiting), (model.running.len(), model.waiting.len()), "{context}");
        let cx = Context::from_waker(Waker::noop());
        let watched: Vec<_> = model.waiting.iter().filter_map(|it| line.watches(it.ticket)).collect();
        assert_eq!(watched, Vec::from_iter(model.tick()), "{context}");
        for it in &model.waiting {
            let poll = line.poll(it.ticket, &cx, model.now, &mut self.later);
            assert_eq!(poll, Poll::Pending, "{context}");
        }
    }
}

#[test]
fn the_line_does_what_the_model_does() {
    let mut most_waiting = 0;
    for seed in 0..300 {
        let mut run = Run::new(seed);
        for step in 0..400 {
            run.step();
            run.check(&format!("seed {seed}, step {step}, {:?}", run.model.settings));
            most_waiting = most_waiting.max(run.model.waiting.len());
        }
    }
    assert!(most_waiting > 20, "{most_waiting}");
}
