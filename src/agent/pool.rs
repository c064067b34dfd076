//! Connections kept open between requests, by origin.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::http1::Connection;
use crate::runtime::Instant;
use crate::url::Origin;

/// How long a connection is kept without a request; servers close theirs after 5 to 75 s.
const LONGEST_IDLE: Duration = Duration::from_secs(15);

/// The most connections kept for one origin.
const MOST_PER_ORIGIN: usize = 16;

/// The most connections kept in total.
const MOST: usize = 128;

/// The idle connections of an agent.
#[derive(Default)]
pub(super) struct Pool(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// Each origin's connections, the one used last at the end.
    by_origin: HashMap<Origin, Vec<Idle>>,
    count: usize,
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
        let idle = kept.by_origin.get_mut(origin)?.pop()?;
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
        if self.count >= MOST {
            crowded_out = self.remove_stale(idle.since);
        }
        if self.count >= MOST {
            crowded_out.push(idle);
            return crowded_out;
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

    /// Removes what has been idle too long, or the longest idle of each origin if nothing has.
    fn remove_stale(&mut self, now: Instant) -> Vec<Idle> {
        let mut removed = Vec::new();
        for kept in self.by_origin.values_mut() {
            let stale = kept.iter().take_while(|idle| now.since(idle.since) >= LONGEST_IDLE).count();
            removed.extend(kept.drain(..stale));
        }
        if removed.is_empty() {
            let oldest = self.by_origin.values_mut().filter(|kept| !kept.is_empty()).min_by_key(|kept| kept[0].since);
            removed.extend(oldest.map(|kept| kept.remove(0)));
        }
        self.by_origin.retain(|_, kept| !kept.is_empty());
        self.count -= removed.len();
        removed
    }
}
