//! The futures that wait for a stream, and which of their tasks are woken when.
//!
//! A transport keeps a single waker for reads and a single waker for writes, but several tasks may use a stream: a
//! reader, any number of writers, and tasks that wait for the connection or for its end. There is no background task
//! either, so the futures move the bytes when they are polled. Every future sends; reads and `closed` also receive:
//!
//! 1. The future locks the stream's state and makes a step. In the step the transport is polled with the waker of
//!    [`StreamWaiters`], not with that of the future's task.
//! 2. The step reports its [`StreamChanges`]. At its end the futures that waited for such a change are woken, and the
//!    future itself joins the waiters if it is still pending.
//! 3. When the transport wakes the waker of `StreamWaiters`, the tasks of all waiting futures are woken. Each task polls
//!    its future.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// What a future waits for. It identifies the future too; a task may hold several futures.
#[derive(Clone, Copy)]
pub(super) enum StreamWaiter {
    /// For received bytes. A stream has a single reader, or none.
    Reader,
    /// For the connection to be made or to end. The number identifies the future.
    Connection(u64),
    /// For every byte before a position of the output to be flushed. The second number identifies the future.
    Writer(u64, u64),
}

/// What a step changed that other futures may wait for.
#[derive(Default)]
pub(super) struct StreamChanges {
    /// The connection was made or lost, or bytes were received.
    pub(super) input: bool,
    /// The output was flushed up to this position.
    pub(super) flushed: Option<u64>,
}

/// The futures that wait. Its lock is taken while the stream's state is locked, never the other way round.
#[derive(Default)]
pub(super) struct StreamWaiters(Mutex<WaiterMap>);

#[derive(Default)]
struct WaiterMap {
    /// The futures that wait for the connection or for received bytes, by number. The reader has the number 0.
    input_waiters: BTreeMap<u64, Waker>,
    /// The futures that wait for the output, in the order of their positions.
    writers: BTreeMap<(u64, u64), Waker>,
    /// Whether a read has begun, and has neither ended nor been dropped.
    is_reading: bool,
    /// Whether a step is running, so the stream's state is locked. No task is woken or dropped then, because it may
    /// need that lock.
    in_step: bool,
    /// Whether the transport has woken the stream during the step.
    woken_in_step: bool,
    last_number: u64,
}

impl WaiterMap {
    fn insert(&mut self, waiter: StreamWaiter, waker: Waker) -> Option<Waker> {
        match waiter {
            StreamWaiter::Reader => self.input_waiters.insert(0, waker),
            StreamWaiter::Connection(number) => self.input_waiters.insert(number, waker),
            StreamWaiter::Writer(end, number) => self.writers.insert((end, number), waker),
        }
    }

    fn remove(&mut self, waiter: StreamWaiter) -> Option<Waker> {
        match waiter {
            StreamWaiter::Reader => self.input_waiters.remove(&0),
            StreamWaiter::Connection(number) => self.input_waiters.remove(&number),
            StreamWaiter::Writer(end, number) => self.writers.remove(&(end, number)),
        }
    }

    fn take_input_waiters(&mut self, wakers: &mut Vec<Waker>) {
        wakers.extend(std::mem::take(&mut self.input_waiters).into_values());
    }

    /// Takes the writers that wait for a position up to `flushed`.
    fn take_writers(&mut self, flushed: u64, wakers: &mut Vec<Waker>) {
        while let Some(first) = self.writers.first_entry().filter(|first| first.key().0 <= flushed) {
            wakers.push(first.remove());
        }
    }

    /// Takes all wakers. To wake a single task is not enough: that task may hold its future and never poll it again.
    fn take_all(&mut self, wakers: &mut Vec<Waker>) {
        self.take_input_waiters(wakers);
        wakers.extend(std::mem::take(&mut self.writers).into_values());
    }
}

impl StreamWaiters {
    /// Returns a number that identifies a future.
    pub(super) fn next_number(&self) -> u64 {
        let mut map = self.lock();
        map.last_number += 1;
        map.last_number
    }

    /// Begins a read. Returns false if another read has not ended.
    pub(super) fn begin_reading(&self) -> bool {
        !std::mem::replace(&mut self.lock().is_reading, true)
    }

    pub(super) fn is_reading(&self) -> bool {
        self.lock().is_reading
    }

    /// Marks the begin of a step: the stream's state is locked.
    pub(super) fn begin_step(&self) {
        self.lock().in_step = true;
    }

    /// Marks the end of a step of the future `waiter`, which goes on waiting if there is a waker.
    ///
    /// Returns the wakers to wake, and a waker to drop. The caller does both after it has unlocked the state.
    pub(super) fn end_step(
        &self,
        waiter: Option<(StreamWaiter, Option<Waker>)>,
        changes: &StreamChanges,
    ) -> (Vec<Waker>, Option<Waker>) {
        let mut wakers = Vec::new();
        let mut map = self.lock();
        map.in_step = false;
        // The future that made the step has seen the changes itself, so its task is not woken for them.
        let mut replaced = waiter.as_ref().and_then(|(waiter, _)| map.remove(*waiter));
        if changes.input {
            map.take_input_waiters(&mut wakers);
        }
        if let Some(flushed) = changes.flushed {
            map.take_writers(flushed, &mut wakers);
        }
        if let Some((waiter, Some(waker))) = waiter {
            replaced = map.insert(waiter, waker).or(replaced);
        }
        if std::mem::take(&mut map.woken_in_step) {
            map.take_all(&mut wakers);
        }
        (wakers, replaced)
    }

    /// Removes a future that has its result or was dropped. If it was a writer, the first of the other writers is woken.
    /// That is a spare wake-up: the transport's waker wakes all waiters, so no writer depends on it.
    pub(super) fn leave(&self, waiter: StreamWaiter) {
        let mut map = self.lock();
        let own = map.remove(waiter);
        let next = match waiter {
            StreamWaiter::Writer(..) => map.writers.first_key_value().map(|(_, waker)| waker.clone()),
            StreamWaiter::Connection(_) => None,
            StreamWaiter::Reader => {
                map.is_reading = false;
                None
            }
        };
        drop(map);
        drop(own);
        if let Some(next) = next {
            next.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, WaiterMap> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The waker that the transport is polled with.
impl Wake for StreamWaiters {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut wakers = Vec::new();
        let mut map = self.lock();
        if map.in_step {
            map.woken_in_step = true;
            return;
        }
        map.take_all(&mut wakers);
        drop(map);
        wakers.into_iter().for_each(Waker::wake);
    }
}
