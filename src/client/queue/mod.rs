//! The queue in front of a client's slots: who may run at once, who waits, and who is next.
//!
//! `line` is the state and decides; this file has the lock around it. Nothing runs by itself: slots are given by whoever
//! frees one, and where only time is missing, one of those that wait watches the clock for all.

mod acquire;
mod heap;
#[cfg(test)]
mod model_tests;
mod origins;
mod rate;
mod requests;
mod settings;
mod slot;
mod state;
#[cfg(test)]
mod tests;
mod wait_times;
mod wake_list;

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

pub(crate) use self::acquire::Acquire;
use self::rate::Nanos;
pub use self::rate::Rate;
pub(crate) use self::requests::Refusal;
use self::requests::Ticket;
pub(crate) use self::settings::Settings;
pub(crate) use self::slot::Slot;
use self::state::Line;
pub use self::wait_times::WaitTimes;
use self::wake_list::Later;
use crate::error::{Error, ErrorKind, Phase};
use crate::runtime::Timer;

/// What the queue is told of a request.
#[derive(Clone, Copy, Default)]
pub(crate) struct Caller<'a> {
    /// The text of its origin, which tells it from others.
    pub(crate) origin: &'a str,
    pub(crate) priority: i16,
    /// Whether it had a slot before and gave it back, to wait before another attempt: it is not turned away from a full
    /// queue, nor by a client that is closing, and joins at the end of the line.
    pub(crate) again: bool,
}

/// A request's place in the line; it holds neither.
pub(crate) struct Place {
    queue: Weak<Queue>,
    ticket: Ticket,
    serial: u64,
}

impl Place {
    /// Moves the request by its new priority; nothing happens if it no longer waits.
    pub(crate) fn prioritize(&self, priority: i16) {
        if let Some(queue) = self.queue.upgrade() {
            queue.change(|line, now, _| line.prioritize(self.ticket, self.serial, priority, now));
        }
    }
}

/// How many run and wait for one origin.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OriginStats {
    /// The origin: scheme, host and, unless it is the scheme's default, port.
    pub origin: String,
    /// Requests that hold a slot.
    pub active: usize,
    /// Requests that wait for one.
    pub queued: usize,
}

/// How many requests of a client run and wait, and how long they waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests that hold a slot.
    pub active: usize,
    /// Requests that wait for one.
    pub queued: usize,
    /// Whether the client is paused, so that none of those that wait starts.
    pub paused: bool,
    /// Whether the client is closed, so that it takes no new requests.
    pub closed: bool,
    /// How long those that got a slot had waited for it, since the client was made.
    pub waits: WaitTimes,
}

/// A client's slots and the line in front of them.
pub(crate) struct Queue {
    line: Mutex<Line>,
    timer: Arc<dyn Timer>,
    /// Whether a start depends on the time; if not, nobody looks at the clock who need not wait.
    timed: bool,
    /// What is told those who find the queue full.
    full: Cow<'static, str>,
    /// Whether those that run are to end.
    ended: AtomicBool,
}

impl Queue {
    pub(crate) fn new(settings: Settings, timer: Arc<dyn Timer>) -> Self {
        let (timed, full) = (settings.is_timed(), settings.full.clone());
        Self { line: Mutex::new(Line::new(settings)), timer, timed, full, ended: AtomicBool::new(false) }
    }

    /// Takes a slot at once, if one is free and nobody who waits could have it. Says no to all if the client is closed.
    pub(crate) fn try_acquire(self: &Arc<Self>, caller: &Caller<'_>) -> Result<Option<Slot>, Refusal> {
        let now = self.now_if_timed();
        let mut later = Later::default();
        let ticket = {
            let mut line = self.lock();
            if self.turns_away(&line, caller) {
                return Err(Refusal::Closed);
            }
            if self.timed {
                line.dispatch(now, &mut later);
                line.settle(None, &mut later);
            }
            line.start(caller.origin, now)
        };
        later.run();
        Ok(ticket.map(|ticket| Slot::new(self.clone(), ticket)))
    }

    /// Waits in line for a slot. Dropping the future leaves the line.
    pub(crate) fn acquire<'a>(self: &Arc<Self>, caller: Caller<'a>) -> Acquire<'a> {
        Acquire::new(self.clone(), caller)
    }

    /// A place for a request that has given its slot back and will want another: no slot, but told of the end as one that has.
    pub(crate) fn aside(self: &Arc<Self>) -> Slot {
        let ticket = self.lock().aside();
        Slot::new(self.clone(), ticket)
    }

    pub(crate) fn stats(&self) -> Stats {
        let line = self.lock();
        Stats { active: line.active, queued: line.waiting, paused: line.paused, closed: line.closed, waits: line.waits }
    }

    pub(crate) fn origins(&self) -> Vec<OriginStats> {
        let line = self.lock();
        let stats = |lane: &origins::Lane| OriginStats {
            origin: lane.name().to_owned(),
            active: lane.active,
            queued: lane.line.len(),
        };
        line.lanes.busy().map(stats).collect()
    }

    /// Lets nothing start, or again what waits.
    pub(crate) fn pause(&self, paused: bool) {
        self.change(|line, _, _| line.paused = paused);
    }

    /// Sends those away who wait; how many they were.
    pub(crate) fn clear(&self) -> usize {
        self.change(|line, _, later| {
            let waiting = line.waiting;
            line.clear(Refusal::Cleared, later);
            waiting
        })
    }

    /// Takes nobody any more.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
    }

    /// The same, and sends everybody away, those that run as well.
    pub(crate) fn close_now(&self) {
        // Before the wakers are collected: who comes later sees it and needs no waking.
        self.ended.store(true, Ordering::Release);
        self.change(|line, _, later| {
            line.closed = true;
            line.clear(Refusal::Closed, later);
            line.wake_those_within(later);
        });
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    fn turns_away(&self, line: &Line, caller: &Caller<'_>) -> bool {
        line.closed && (!caller.again || self.has_ended())
    }

    /// Changes the state, gives free slots to whoever may start now, and wakes them.
    fn change<T>(&self, change: impl FnOnce(&mut Line, Nanos, &mut Later) -> T) -> T {
        let now = self.now_if_timed();
        let mut later = Later::default();
        let result = {
            let mut line = self.lock();
            let result = change(&mut line, now, &mut later);
            line.dispatch(now, &mut later);
            line.settle(None, &mut later);
            result
        };
        later.run();
        result
    }

    fn leave(&self, ticket: Ticket) {
        self.change(|line, now, later| line.leave(ticket, now, later));
    }

    /// The error for a program in Rust.
    pub(crate) fn refusal(&self, refusal: Refusal) -> Error {
        let (kind, message) = match refusal {
            Refusal::Full => return Error::new(ErrorKind::QueueFull, Phase::Queue, self.full.clone()),
            Refusal::Cleared => (ErrorKind::Cleared, "the client's queue was cleared while the request waited in it"),
            Refusal::Closed => (ErrorKind::Closed, "the client is closed: it takes no more requests"),
        };
        Error::new(kind, Phase::Queue, message)
    }

    fn now(&self) -> Nanos {
        Nanos::try_from(self.timer.now().nanos()).unwrap_or(Nanos::MAX)
    }

    fn now_if_timed(&self) -> Nanos {
        if self.timed { self.now() } else { 0 }
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
