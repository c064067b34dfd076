//! Connections kept open between requests, by origin.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::http1::Connection;
use crate::runtime::Instant;
use crate::url::Origin;

/// How long a connection is kept without a request; servers close theirs after 5 to 75 s.
const LONGEST_IDLE: Duration = Duration::from_secs(15);

/// How often stale connections are looked for, at the most.
const PRUNE_EVERY: Duration = Duration::from_secs(1);

/// The most connections kept for one origin.
const MOST_PER_ORIGIN: usize = 512;

/// The most connections kept in total.
const MOST: usize = 1024;

/// The idle connections of an agent.
#[derive(Default)]
pub(super) struct Pool(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// Each origin's connections, the one used last at the end.
    by_origin: HashMap<Origin, Vec<Idle>>,
    count: usize,
    /// When stale connections were last looked for.
    pruned: Instant,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl Pool {
    /// Takes the connection to `origin` that was used last and still looks alive.
    pub(super) fn take(&self, origin: &Origin, now: Instant) -> Option<Connection> {
        loop {
            let mut idle = self.pop(origin)?;
            if now.since(idle.since) < LONGEST_IDLE && idle.connection.is_idle() {
                return Some(idle.connection);
            }
        }
    }

    fn pop(&self, origin: &Origin) -> Option<Idle> {
        let mut kept = self.lock();
        let of_origin = kept.by_origin.get_mut(origin)?;
        let idle = of_origin.pop()?;
        if of_origin.is_empty() {
            kept.by_origin.remove(origin);
        }
        kept.count -= 1;
        Some(idle)
    }

    /// Keeps a connection whose exchange has ended cleanly. Those it crowds out are closed.
    pub(super) fn put(&self, origin: &Origin, connection: Connection, now: Instant) {
        if !connection.is_reusable() {
            return;
        }
        let idle = Idle { connection, since: now };
        let crowded_out = self.lock().put(origin, idle);
        drop(crowded_out);
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn put(&mut self, origin: &Origin, idle: Idle) -> Vec<Idle> {
        let mut crowded_out = Vec::new();
        if idle.since.since(self.pruned) >= PRUNE_EVERY {
            self.pruned = idle.since;
            crowded_out.extend(self.remove_stale(idle.since));
        }
        if self.count >= MOST {
            crowded_out.extend(self.remove_oldest());
        }
        let kept = match self.by_origin.get_mut(origin) {
            Some(kept) => kept,
            None => self.by_origin.entry(origin.clone()).or_default(),
        };
        if kept.len() >= MOST_PER_ORIGIN {
            crowded_out.push(kept.remove(0));
            self.count -= 1;
        }
        kept.push(idle);
        self.count += 1;
        crowded_out
    }

    /// Removes what has been idle too long.
    fn remove_stale(&mut self, now: Instant) -> Vec<Idle> {
        let mut removed = Vec::new();
        for kept in self.by_origin.values_mut() {
            let stale = kept.iter().take_while(|idle| now.since(idle.since) >= LONGEST_IDLE).count();
            removed.extend(kept.drain(..stale));
        }
        self.by_origin.retain(|_, kept| !kept.is_empty());
        self.count -= removed.len();
        removed
    }

    /// Removes the connection that has been idle longest.
    fn remove_oldest(&mut self) -> Option<Idle> {
        let age = |kept: &Vec<Idle>| kept.first().map(|idle| idle.since);
        let oldest = self.by_origin.iter().min_by_key(|(_, kept)| age(kept)).map(|(origin, _)| origin.clone())?;
        let kept = self.by_origin.get_mut(&oldest)?;
        let removed = kept.remove(0);
        if kept.is_empty() {
            self.by_origin.remove(&oldest);
        }
        self.count -= 1;
        Some(removed)
    }
}
