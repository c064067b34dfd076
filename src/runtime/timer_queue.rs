//! The alarms of one client: any number of deadlines over one timer of the backend's.
//!
//! The alarms are in a heap, and one of them, the keeper, holds the backend's timer, set for the soonest. The timer
//! wakes whoever is due, whether or not the keeper is ever polled again; then, as when the keeper goes, a few of those
//! that remain are woken, and the first to be polled is the next keeper. So no lock is held around a foreign call, and
//! the heap holds no future: it may be shared between threads where futures may not.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use crate::runtime::clock::{Clock, Wait};
use crate::runtime::{BoxFuture, Instant, Timer};

/// How many are woken so that one of them keeps the timer: a future that is held and not polled does not answer.
const HEIRS: usize = 4;

/// How many cancelled alarms may stay in the heap, however few there are beside them.
const CANCELLED: usize = 512;

/// The clock of one client, and the alarms that are set on it.
pub(crate) struct TimerQueue {
    timer: Arc<dyn Timer>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Soonest first. An item whose place belongs to another, or to nobody, has been cancelled.
    heap: BinaryHeap<Reverse<(Instant, Seat)>>,
    places: Vec<Place>,
    free: Vec<usize>,
    keeper: Option<Keeper>,
    /// Numbers of alarms and of keepers; none is used twice.
    last: u64,
    /// The place polled last: most likely its task is alive.
    recent: usize,
    /// How many places are taken, and how many of them have a waker.
    live: usize,
    waiting: usize,
    /// How many items of the heap have been cancelled.
    cancelled: usize,
}

/// Which place an alarm has, and its number there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Seat {
    number: u64,
    place: usize,
}

#[derive(Default)]
struct Place {
    /// The alarm's number; zero if nobody is here.
    number: u64,
    waker: Option<Waker>,
    /// Whether the alarm is in the heap.
    queued: bool,
}

/// Who holds the backend's timer, under which number, and for when it is set.
struct Keeper {
    number: u64,
    place: usize,
    at: Instant,
}

impl TimerQueue {
    pub(crate) fn new(timer: Arc<dyn Timer>) -> Arc<Self> {
        Arc::new(Self { timer, state: Mutex::default() })
    }

    pub(crate) fn now(&self) -> Instant {
        self.timer.now()
    }

    /// The backend's timer has gone off: whoever is due is woken, and who may keep it next.
    fn ring(&self, keeper: u64) {
        let now = self.now();
        let wakers = {
            let mut state = self.lock();
            if state.keeper.as_ref().is_none_or(|present| present.number != keeper) {
                return;
            }
            state.keeper = None;
            let mut wakers = state.take_due(now);
            state.take_heirs(&mut wakers);
            wakers
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Sets an alarm.
    fn sit(&mut self, at: Instant) -> Seat {
        let number = self.number();
        let place = self.free.pop().unwrap_or(self.places.len());
        if place == self.places.len() {
            self.places.push(Place::default());
        }
        if let Some(free) = self.places.get_mut(place) {
            *free = Place { number, waker: None, queued: true };
        }
        self.live += 1;
        let seat = Seat { number, place };
        self.heap.push(Reverse((at, seat)));
        seat
    }

    /// Cancels an alarm; its waker comes back, to be dropped after the lock.
    fn leave(&mut self, seat: Seat) -> Option<Waker> {
        let waker = self.take_waker(seat.place);
        let Some(place) = self.places.get_mut(seat.place) else { return waker };
        place.number = 0;
        self.cancelled += usize::from(place.queued);
        self.free.push(seat.place);
        self.live -= 1;
        if self.live == 0 {
            self.heap.clear();
            self.cancelled = 0;
        } else if self.cancelled > CANCELLED && self.cancelled > self.heap.len() / 2 {
            let places = &self.places;
            self.heap.retain(|Reverse((_, seat))| is_live(places, *seat));
            self.cancelled = 0;
        }
        waker
    }

    /// When the next alarm goes off.
    fn soonest(&mut self) -> Option<Instant> {
        while let Some(Reverse((at, seat))) = self.heap.peek() {
            if is_live(&self.places, *seat) {
                return Some(*at);
            }
            self.heap.pop();
            self.cancelled -= 1;
        }
        None
    }

    fn take_due(&mut self, now: Instant) -> Vec<Waker> {
        let mut due = Vec::new();
        while self.soonest().is_some_and(|at| at <= now) {
            let Some(Reverse((_, seat))) = self.heap.pop() else { break };
            if let Some(place) = self.places.get_mut(seat.place) {
                place.queued = false;
            }
            due.extend(self.take_waker(seat.place));
        }
        due
    }

    /// A few of those who wait, if nobody keeps the timer: the one polled last, then the latest.
    fn take_heirs(&mut self, heirs: &mut Vec<Waker>) {
        if self.keeper.is_some() || self.waiting == 0 {
            return;
        }
        heirs.extend(self.take_waker(self.recent));
        let mut places = std::mem::take(&mut self.places);
        let later = self.heap.iter().rev().filter(|Reverse((_, seat))| is_live(&places, *seat)).map(|item| item.0.1);
        let later: Vec<Seat> = later.filter(|seat| has_waker(&places, *seat)).take(HEIRS - 1).collect();
        self.waiting -= later.len();
        heirs.extend(later.into_iter().filter_map(|seat| places.get_mut(seat.place)?.waker.take()));
        self.places = places;
    }

    fn take_waker(&mut self, place: usize) -> Option<Waker> {
        let waker = self.places.get_mut(place)?.waker.take();
        self.waiting -= usize::from(waker.is_some());
        waker
    }

    /// Whoever is at `place` waits by this waker; the one from before comes back if it was another.
    fn put_waker(&mut self, place: usize, waker: &Waker) -> Option<Waker> {
        self.recent = place;
        let slot = &mut self.places.get_mut(place)?.waker;
        match slot {
            Some(before) if before.will_wake(waker) => None,
            before => {
                self.waiting += usize::from(before.is_none());
                before.replace(waker.clone())
            }
        }
    }
}

fn is_live(places: &[Place], seat: Seat) -> bool {
    places.get(seat.place).is_some_and(|place| place.number == seat.number)
}

fn has_waker(places: &[Place], seat: Seat) -> bool {
    places.get(seat.place).is_some_and(|place| place.waker.is_some())
}

/// One deadline. It waits while it is polled, and is cancelled when dropped.
pub(crate) struct Alarm {
    alarms: Arc<TimerQueue>,
    at: Instant,
    seat: Option<Seat>,
    /// The backend's timer and the keeper's number, while this is the keeper.
    duty: Option<(u64, BoxFuture<'static, ()>)>,
}

impl Alarm {
    pub(crate) fn new(alarms: &Arc<TimerQueue>, at: Instant) -> Self {
        Self { alarms: alarms.clone(), at, seat: None, duty: None }
    }

    fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.alarms.now() >= self.at {
            return Poll::Ready(());
        }
        let Some((keeper, at)) = self.wait(cx.waker()) else { return Poll::Pending };
        let mut timer = self.alarms.timer.sleep_until(at);
        let ring = Waker::from(Arc::new(Ring { alarms: self.alarms.clone(), keeper }));
        let passed = timer.as_mut().poll(&mut Context::from_waker(&ring)).is_ready();
        self.duty = Some((keeper, timer));
        if passed {
            self.alarms.ring(keeper);
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// The alarm stays set, and its task is not woken; what it may have been woken for is handed on.
    fn stand_by(&mut self) {
        let Some(seat) = self.seat else { return };
        let mut heirs = Vec::new();
        let waker = {
            let mut state = self.alarms.lock();
            let waker = state.take_waker(seat.place);
            state.take_heirs(&mut heirs);
            waker
        };
        drop(waker);
        heirs.into_iter().for_each(Waker::wake);
    }

    /// Joins those who wait. Returns the number of the keeper that this alarm now is, and when its timer must go off.
    fn wait(&mut self, waker: &Waker) -> Option<(u64, Instant)> {
        let mut state = self.alarms.lock();
        let seat = *self.seat.get_or_insert_with(|| state.sit(self.at));
        let before = state.put_waker(seat.place, waker);
        let at = state.soonest().unwrap_or(self.at);
        let mut deposed = None;
        let mut duty = None;
        match &state.keeper {
            Some(keeper) if keeper.at <= at => {}
            keeper => {
                // A keeper whose timer is set for later has nothing to keep; it lets go of its timer when polled.
                let other = keeper.as_ref().map(|keeper| keeper.place).filter(|place| *place != seat.place);
                deposed = other.and_then(|place| state.take_waker(place));
                let number = state.number();
                state.keeper = Some(Keeper { number, place: seat.place, at });
                duty = Some((number, at));
            }
        }
        let present = state.keeper.as_ref().map(|keeper| keeper.number);
        drop(state);
        drop(before);
        self.duty.take_if(|(number, _)| Some(*number) != present);
        deposed.into_iter().for_each(Waker::wake);
        duty
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let Some(seat) = self.seat else { return };
        let mut heirs = Vec::new();
        let waker = {
            let mut state = self.alarms.lock();
            let waker = state.leave(seat);
            let kept = self.duty.as_ref().map(|(number, _)| *number);
            state.keeper.take_if(|keeper| Some(keeper.number) == kept);
            state.take_heirs(&mut heirs);
            waker
        };
        // Outside of the lock: a task may go with either.
        drop((waker, self.duty.take()));
        heirs.into_iter().for_each(Waker::wake);
    }
}

impl Clock for Arc<TimerQueue> {
    type Wait = Alarm;

    fn now(&self) -> Instant {
        (**self).now()
    }

    fn until(&self, at: Instant) -> Alarm {
        Alarm::new(self, at)
    }
}

impl Wait for Alarm {
    fn at(&self) -> Instant {
        self.at
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_passed(cx)
    }

    fn rest(&mut self) {
        self.stand_by();
    }
}

/// What the backend's timer wakes.
struct Ring {
    alarms: Arc<TimerQueue>,
    keeper: u64,
}

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        self.alarms.ring(self.keeper);
    }
}

/// The same clock as a [`Timer`], for what is below the client: its waits are alarms too.
pub(crate) struct QueuedTimer(pub(crate) Arc<TimerQueue>);

impl Timer for QueuedTimer {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        let mut alarm = Alarm::new(&self.0, deadline);
        Box::pin(poll_fn(move |cx| alarm.poll(cx)))
    }
}

#[cfg(test)]
#[path = "timer_queue_tests.rs"]
mod tests;
