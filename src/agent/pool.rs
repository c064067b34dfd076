//! Connections kept open between requests, by where they lead and how they were made.
//!
//! A connection is here, or in somebody's hands: HTTP/1.1 carries one exchange at a time. A request that has begun to
//! connect waits here as well, and is given a connection that is put back before its own is there.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::channel::oneshot;

use super::via::Via;
use super::watch::Watch;
use crate::http1::Connection;
use crate::runtime::Instant;
use crate::url::Origin;

/// How often stale connections are looked for, at the most.
const PRUNE_EVERY: Duration = Duration::from_secs(1);

/// What two requests must have in common to use the same connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) origin: Origin,
    /// The way to connect, if it is not the agent's own.
    pub(super) via: Option<Via>,
}

/// How many connections are kept, and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keeping {
    pub(super) idle: Duration,
    pub(super) per_origin: usize,
    pub(super) total: usize,
}

/// The idle connections of an agent.
#[derive(Default)]
pub(super) struct Pool {
    kept: Mutex<Kept>,
    /// Who looks after connections that nobody uses, if anybody does.
    watch: Option<Watch>,
}

#[derive(Default)]
struct Kept {
    /// Each key's connections, the one used last at the end.
    by_key: HashMap<Key, Vec<Idle>>,
    count: usize,
    /// Requests that connect, and would rather have a connection that is there.
    waiting: HashMap<Key, VecDeque<oneshot::Sender<Connection>>>,
    /// When stale connections were last looked for.
    pruned: Instant,
    /// The number of the connection kept next.
    next: u64,
}

struct Idle {
    connection: Connection,
    number: u64,
    since: Instant,
    expires: Instant,
    /// Tells who watches it that it is gone.
    watched: Option<oneshot::Sender<()>>,
}

/// A connection that nobody watches yet.
pub(super) struct Unwatched {
    pub(super) key: Key,
    pub(super) number: u64,
    /// Completes when the connection is taken.
    pub(super) taken: oneshot::Receiver<()>,
}

/// What a look at all kept connections found.
pub(super) enum Round {
    Empty,
    /// There are connections to watch, and the first expires then.
    Kept(Vec<Unwatched>, Instant),
}

impl Pool {
    pub(super) fn new(watch: Option<Watch>) -> Self {
        Self { kept: Mutex::default(), watch }
    }

    /// Takes the connection that was used last and still looks alive.
    pub(super) fn take(&self, key: &Key, now: Instant) -> Option<Connection> {
        loop {
            let mut idle = self.lock().pop(key)?;
            if now < idle.expires && idle.connection.is_idle() {
                return Some(idle.connection);
            }
        }
    }

    /// A place in line for a connection that is put back while another is being made.
    pub(super) fn wait(&self, key: &Key) -> oneshot::Receiver<Connection> {
        let (sender, receiver) = oneshot::channel();
        self.lock().waiting.entry(key.clone()).or_default().push_back(sender);
        receiver
    }

    /// Clears the line of those who have left it.
    pub(super) fn forget_gone(&self, key: &Key) {
        let mut kept = self.lock();
        let Some(line) = kept.waiting.get_mut(key) else { return };
        line.retain(|sender| !sender.is_canceled());
        if line.is_empty() {
            kept.waiting.remove(key);
        }
    }

    /// Keeps a connection whose exchange has ended cleanly, or gives it to a request that waits for one. Those it crowds
    /// out are closed.
    pub(super) fn put(self: &Arc<Self>, key: &Key, connection: Connection, keeping: Keeping, now: Instant) {
        if !connection.is_reusable() {
            return;
        }
        let Some(connection) = self.hand_over(key, connection) else { return };
        if keeping.total == 0 || keeping.per_origin == 0 {
            return;
        }
        let crowded_out = self.lock().put(key, connection, keeping, now);
        drop(crowded_out);
        if let Some(watch) = &self.watch {
            watch.ensure(self);
        }
    }

    fn hand_over(&self, key: &Key, mut connection: Connection) -> Option<Connection> {
        loop {
            let sender = {
                let mut kept = self.lock();
                if kept.waiting.is_empty() {
                    return Some(connection);
                }
                kept.waiting.get_mut(key).and_then(VecDeque::pop_front)
            };
            match sender {
                None => return Some(connection),
                Some(sender) => match sender.send(connection) {
                    Ok(()) => return None,
                    Err(back) => connection = back,
                },
            }
        }
    }

    /// Removes what has expired, and tells what to watch of the rest: what has been idle since `before` or longer.
    pub(super) fn round(&self, before: Instant, now: Instant) -> Round {
        let (expired, round) = {
            let mut kept = self.lock();
            (kept.remove_expired(now), kept.round(before))
        };
        drop(expired);
        round
    }

    /// Ready once a connection is gone, be it because it had to be removed: it was closed or has sent something.
    pub(super) fn poll_gone(&self, key: &Key, number: u64, cx: &mut Context<'_>) -> Poll<()> {
        let mut kept = self.lock();
        let Some(of_key) = kept.by_key.get_mut(key) else { return Poll::Ready(()) };
        let Some(index) = of_key.iter().position(|idle| idle.number == number) else { return Poll::Ready(()) };
        let Some(idle) = of_key.get_mut(index) else { return Poll::Ready(()) };
        if idle.connection.poll_unfit(cx).is_pending() {
            return Poll::Pending;
        }
        let removed = of_key.remove(index);
        kept.count -= 1;
        drop(kept);
        drop(removed);
        Poll::Ready(())
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
    fn pop(&mut self, key: &Key) -> Option<Idle> {
        let idle = self.by_key.get_mut(key)?.pop()?;
        self.count -= 1;
        Some(idle)
    }

    fn put(&mut self, key: &Key, connection: Connection, keeping: Keeping, now: Instant) -> Vec<Idle> {
        let mut crowded_out = Vec::new();
        if now.since(self.pruned) >= PRUNE_EVERY {
            self.pruned = now;
            crowded_out.extend(self.remove_expired(now));
        }
        while self.count >= keeping.total {
            crowded_out.extend(self.remove_oldest());
        }
        let of_key = match self.by_key.get_mut(key) {
            Some(of_key) => of_key,
            None => self.by_key.entry(key.clone()).or_default(),
        };
        if of_key.len() >= keeping.per_origin {
            crowded_out.push(of_key.remove(0));
            self.count -= 1;
        }
        let (number, expires) = (self.next, now + keeping.idle);
        of_key.push(Idle { connection, number, since: now, expires, watched: None });
        self.next += 1;
        self.count += 1;
        crowded_out
    }

    /// Removes what has been idle too long.
    fn remove_expired(&mut self, now: Instant) -> Vec<Idle> {
        let mut removed = Vec::new();
        for of_key in self.by_key.values_mut() {
            let (expired, kept): (Vec<_>, Vec<_>) = std::mem::take(of_key).into_iter().partition(|i| i.expires <= now);
            *of_key = kept;
            removed.extend(expired);
        }
        self.by_key.retain(|_, of_key| !of_key.is_empty());
        self.count -= removed.len();
        removed
    }

    /// Removes the connection that has been idle longest.
    fn remove_oldest(&mut self) -> Option<Idle> {
        let age = |of_key: &&mut Vec<Idle>| of_key.first().map(|idle| idle.number);
        let of_key = self.by_key.values_mut().filter(|of_key| !of_key.is_empty()).min_by_key(age)?;
        self.count -= 1;
        Some(of_key.remove(0))
    }

    fn round(&mut self, before: Instant) -> Round {
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
        first.map_or(Round::Empty, |first| Round::Kept(unwatched, first))
    }
}
