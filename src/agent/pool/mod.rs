//! Connections kept open between requests, by where they lead and how they were made.
//!
//! A connection is here, or in somebody's hands: HTTP/1.1 carries one exchange at a time. A request that has begun to
//! connect waits here as well, and is given a connection that is put back before its own is there.

mod handle;
mod idle_reaper;
mod waiters;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::channel::oneshot;

pub(super) use self::handle::{BackgroundConnect, PoolHandle, Reserved, Waiter};
pub(super) use self::idle_reaper::IdleReaper;
use self::waiters::{Delivered, Waiters};
use super::route::Route;
use crate::http1::Connection;
use crate::message::url::Origin;
use crate::runtime::Instant;

/// How often stale connections are looked for, at the most.
const PRUNE_EVERY: Duration = Duration::from_secs(1);

/// What two requests must have in common to use the same connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PoolKey {
    pub(super) origin: Origin,
    /// The way to connect, if it is not the agent's own.
    pub(super) via: Option<Route>,
}

/// How many connections are kept, and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdleLimits {
    pub(super) idle: Duration,
    pub(super) per_origin: usize,
    pub(super) total: usize,
}

/// The idle connections of an agent.
#[derive(Default)]
pub(super) struct Pool {
    kept: Mutex<Kept>,
    /// Who looks after connections that nobody uses, if anybody does.
    watch: Option<IdleReaper>,
}

#[derive(Default)]
struct Kept {
    /// Each key's connections, the one used last at the end.
    by_key: BTreeMap<PoolKey, Vec<Idle>>,
    count: usize,
    /// Requests that would rather have a connection that is there.
    lines: BTreeMap<PoolKey, Waiters>,
    /// When stale connections were last looked for.
    pruned: Instant,
    /// The number of the next connection that is kept, or request that waits.
    next: u64,
}

struct Idle {
    /// Nothing while it is looked at, which is done outside of the lock: a transport is foreign code.
    connection: Option<Connection>,
    number: u64,
    since: Instant,
    expires: Instant,
    /// Tells who watches it that it is gone.
    watched: Option<oneshot::Sender<()>>,
}

/// What has been removed, to be dropped after the lock: transports are foreign code, and so is the way to connect that a
/// key may hold the last of.
type Gone = (Vec<Idle>, Vec<PoolKey>);

/// A connection that nobody watches yet.
pub(super) struct Unwatched {
    pub(super) key: PoolKey,
    pub(super) number: u64,
    /// Completes when the connection is taken.
    pub(super) taken: oneshot::Receiver<()>,
}

/// What a look at all kept connections found.
pub(super) enum Sweep {
    Empty,
    /// There are connections to watch, and the first expires then.
    Kept(Vec<Unwatched>, Instant),
}

impl Pool {
    pub(super) fn new(watch: Option<IdleReaper>) -> Self {
        Self { kept: Mutex::default(), watch }
    }

    /// Takes the connection that was used last and still looks alive.
    pub(super) fn take(&self, key: &PoolKey, now: Instant) -> Option<Connection> {
        loop {
            let mut idle = self.lock().pop(key)?;
            if let Some(mut connection) = idle.connection.take().filter(|_| now < idle.expires) {
                if connection.is_idle() {
                    return Some(connection);
                }
            }
        }
    }

    /// Takes a connection, or puts a request in line for one that is put back: as which number, and whether it relies on
    /// a spare one, which it does only if it may.
    pub(super) fn take_or_wait(
        &self,
        key: &PoolKey,
        now: Instant,
        sender: oneshot::Sender<Delivered>,
        may_wait_for_background: bool,
    ) -> Result<Connection, (u64, bool)> {
        loop {
            if let Some(connection) = self.take(key, now) {
                return Ok(connection);
            }
            let mut kept = self.lock();
            if !kept.has(key) {
                let number = kept.number();
                return Err((
                    number,
                    kept.lines.entry(key.clone()).or_default().join(number, sender, may_wait_for_background),
                ));
            }
        }
    }

    /// Takes a request out of the line.
    pub(super) fn leave(&self, key: &PoolKey, number: u64) {
        // Senders are dropped after the lock: one that goes may wake a task.
        let _gone = self.lock().in_line(key, |line| line.leave(number));
    }

    /// A spare connection takes too long.
    pub(super) fn give_up_spare(&self, key: &PoolKey) {
        self.lock().in_line(key, |line| {
            line.give_up_spare();
            None::<()>
        });
    }

    /// A spare connection has been made, or will not be.
    pub(super) fn end_spare(&self, key: &PoolKey) {
        let _told = self.lock().in_line(key, Waiters::end_spare);
    }

    /// Gives a connection whose exchange has ended cleanly to a request that waits for one, or keeps it. Those it crowds
    /// out are closed.
    pub(super) fn put(self: &Arc<Self>, home: &PoolHandle, mut connection: Connection) {
        if !connection.is_reusable() {
            return;
        }
        let (PoolHandle { key, keeping, .. }, now) = (home, home.timer.now());
        loop {
            let mut kept = self.lock();
            let Some((sender, spares)) = kept.in_line(key, Waiters::next) else {
                if keeping.total > 0 && keeping.per_origin > 0 {
                    let crowded_out = kept.put(key, connection, *keeping, now);
                    drop(kept);
                    drop(crowded_out);
                    self.watch.iter().for_each(|watch| watch.ensure(self));
                }
                return;
            };
            drop(kept);
            match sender.send((connection, spares.then(|| BackgroundConnect(home.clone())))) {
                Ok(()) => return,
                Err((back, _spare)) => connection = back,
            }
        }
    }

    /// Removes what has expired, and tells what to watch of the rest: what has been idle since `before` or longer.
    pub(super) fn round(&self, before: Instant, now: Instant) -> Sweep {
        let (expired, round) = {
            let mut kept = self.lock();
            (kept.remove_expired(now), kept.round(before))
        };
        drop(expired);
        round
    }

    /// Ready once a connection is gone, be it because it had to be removed: it was closed or has sent something.
    pub(super) fn poll_gone(&self, key: &PoolKey, number: u64, cx: &mut Context<'_>) -> Poll<()> {
        let Some(mut connection) = self.lock().borrow(key, number) else { return Poll::Ready(()) };
        let poll = connection.poll_unfit(cx);
        let (removed, _told) = {
            let mut kept = self.lock();
            let removed = kept.settle(key, number, connection, poll.is_ready());
            // Who has come since it was lent out could not see it.
            let told = if removed.is_none() { kept.in_line(key, Waiters::look_again) } else { None };
            (removed, told)
        };
        if removed.is_some() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Whether nobody has to be told to watch anything.
    pub(super) fn all_watched(&self) -> bool {
        self.lock().by_key.values().flatten().all(|idle| idle.watched.is_some())
    }

    /// Whether no connection is kept.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().count == 0
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn pop(&mut self, key: &PoolKey) -> Option<Idle> {
        let of_key = self.by_key.get_mut(key)?;
        let last = of_key.iter().rposition(|idle| idle.connection.is_some())?;
        self.count -= 1;
        Some(of_key.remove(last))
    }

    /// Lends a kept connection out, to be looked at; meanwhile nobody can take it.
    fn borrow(&mut self, key: &PoolKey, number: u64) -> Option<Connection> {
        self.by_key.get_mut(key)?.iter_mut().find(|idle| idle.number == number)?.connection.take()
    }

    /// Has a connection back that was lent out, unless it is unfit or has been given up meanwhile: then what is left of
    /// it comes back, to be dropped after the lock.
    fn settle(
        &mut self,
        key: &PoolKey,
        number: u64,
        connection: Connection,
        is_unfit: bool,
    ) -> Option<(Connection, Option<Idle>)> {
        let place = self.by_key.get_mut(key).and_then(|of_key| {
            let index = of_key.iter().position(|idle| idle.number == number)?;
            Some((of_key, index))
        });
        match place {
            None => Some((connection, None)),
            Some((of_key, index)) if is_unfit => {
                self.count -= 1;
                Some((connection, Some(of_key.remove(index))))
            }
            Some((of_key, index)) => {
                if let Some(idle) = of_key.get_mut(index) {
                    idle.connection = Some(connection);
                }
                None
            }
        }
    }

    /// Whether a connection can be taken.
    fn has(&self, key: &PoolKey) -> bool {
        self.by_key.get(key).is_some_and(|of_key| of_key.iter().any(|idle| idle.connection.is_some()))
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Does something to a line, if there is one.
    fn in_line<T>(&mut self, key: &PoolKey, act: impl FnOnce(&mut Waiters) -> Option<T>) -> Option<T> {
        if self.lines.is_empty() {
            return None;
        }
        let line = self.lines.get_mut(key)?;
        let outcome = act(line);
        if line.is_empty() {
            self.lines.remove(key);
        }
        outcome
    }

    fn put(&mut self, key: &PoolKey, connection: Connection, keeping: IdleLimits, now: Instant) -> Gone {
        let (mut crowded_out, mut keys) = (Vec::new(), Vec::new());
        if now.since(self.pruned) >= PRUNE_EVERY {
            self.pruned = now;
            (crowded_out, keys) = self.remove_expired(now);
        }
        while self.count >= keeping.total {
            crowded_out.extend(self.remove_oldest());
        }
        let number = self.number();
        let of_key = match self.by_key.get_mut(key) {
            Some(of_key) => of_key,
            None => self.by_key.entry(key.clone()).or_default(),
        };
        if of_key.len() >= keeping.per_origin {
            crowded_out.push(of_key.remove(0));
            self.count -= 1;
        }
        let expires = now + keeping.idle;
        of_key.push(Idle { connection: Some(connection), number, since: now, expires, watched: None });
        self.count += 1;
        (crowded_out, keys)
    }

    /// Removes what has been idle too long, and the places that nothing is kept for.
    fn remove_expired(&mut self, now: Instant) -> Gone {
        let (mut removed, mut keys) = (Vec::new(), Vec::new());
        for (key, of_key) in std::mem::take(&mut self.by_key) {
            let (expired, kept): (Vec<_>, Vec<_>) = of_key.into_iter().partition(|idle| idle.expires <= now);
            removed.extend(expired);
            if kept.is_empty() {
                keys.push(key);
            } else {
                self.by_key.insert(key, kept);
            }
        }
        self.count -= removed.len();
        (removed, keys)
    }

    /// Removes the connection that has been idle longest.
    fn remove_oldest(&mut self) -> Option<Idle> {
        let age = |of_key: &&mut Vec<Idle>| of_key.first().map(|idle| idle.number);
        let of_key = self.by_key.values_mut().filter(|of_key| !of_key.is_empty()).min_by_key(age)?;
        self.count -= 1;
        Some(of_key.remove(0))
    }

    fn round(&mut self, before: Instant) -> Sweep {
        let mut unwatched = Vec::new();
        let mut first: Option<Instant> = None;
        for (key, of_key) in &mut self.by_key {
            for idle in of_key {
                first = Some(first.map_or(idle.expires, |first| first.min(idle.expires)));
                if idle.watched.is_none() && idle.since <= before {
                    let (sender, taken) = oneshot::channel();
                    idle.watched = Some(sender);
                    unwatched.push(Unwatched { key: key.clone(), number: idle.number, taken });
                }
            }
        }
        first.map_or(Sweep::Empty, |first| Sweep::Kept(unwatched, first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::url::Url;

    #[test]
    fn leaving_the_line_does_not_look_at_the_whole_of_it() {
        // Looking at the whole line each time would be 5 * 10^9 steps.
        const WAITING: usize = 100_000;
        let pool = Pool::default();
        let key = PoolKey { origin: Url::parse("http://example.com/").unwrap().origin(), via: None };
        let wait = |_| pool.take_or_wait(&key, Instant::default(), oneshot::channel().0, true).err().unwrap();
        let places: Vec<_> = (0..WAITING).map(wait).collect();
        assert!(!pool.lock().lines.is_empty());
        for (number, relies) in places {
            assert!(!relies);
            pool.leave(&key, number);
        }
        assert!(pool.lock().lines.is_empty());
    }
}
