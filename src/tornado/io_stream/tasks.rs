//! Who waits for a stream, and who of them is woken when.
//!
//! A transport keeps one waker for reading and one for writing, but several tasks may use a stream. So the transport is
//! given the waker of all of them, and whoever is woken drives the stream for everybody.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// What a task waits for.
#[derive(Clone, Copy)]
pub(super) enum Role {
    /// Bytes; there is one reader at most.
    Reader,
    /// The connection or its end. The number tells one from another.
    Watcher(u64),
    /// That all bytes before this position of the output have left; the second number tells one from another.
    Writer(u64, u64),
}

/// What a step changed that others may wait for.
#[derive(Default)]
pub(super) struct News {
    /// The connection was made or lost, or bytes came in.
    pub(super) heard: bool,
    /// The output has left up to here.
    pub(super) sent: Option<u64>,
}

/// The tasks that wait. Its lock is taken within that of the stream's state, never the other way round.
#[derive(Default)]
pub(super) struct Tasks(Mutex<Registry>);

#[derive(Default)]
struct Registry {
    /// The reader and the watchers; the reader is 0.
    others: BTreeMap<u64, Waker>,
    /// The writers, in the order of their bytes.
    writers: BTreeMap<(u64, u64), Waker>,
    /// Whether a read has begun and neither ended nor been dropped.
    reading: bool,
    /// Whether the state is locked: then nobody is woken, because a task that is woken, or dropped, may want that lock.
    held: bool,
    /// Whether the transport has woken us meanwhile.
    missed: bool,
    next: u64,
}

impl Registry {
    fn insert(&mut self, role: Role, waker: Waker) -> Option<Waker> {
        match role {
            Role::Reader => self.others.insert(0, waker),
            Role::Watcher(number) => self.others.insert(number, waker),
            Role::Writer(end, number) => self.writers.insert((end, number), waker),
        }
    }

    fn remove(&mut self, role: Role) -> Option<Waker> {
        match role {
            Role::Reader => self.others.remove(&0),
            Role::Watcher(number) => self.others.remove(&number),
            Role::Writer(end, number) => self.writers.remove(&(end, number)),
        }
    }

    fn take_others(&mut self, due: &mut Vec<Waker>) {
        due.extend(std::mem::take(&mut self.others).into_values());
    }

    fn take_writers(&mut self, sent: u64, due: &mut Vec<Waker>) {
        while let Some(first) = self.writers.first_entry().filter(|first| first.key().0 <= sent) {
            due.push(first.remove());
        }
    }

    /// Everybody who can drive the stream on. One would be enough, if it were sure to be polled; nobody is.
    fn take_drivers(&mut self, due: &mut Vec<Waker>) {
        self.take_others(due);
        due.extend(std::mem::take(&mut self.writers).into_values());
    }
}

impl Tasks {
    /// A number that no other task has.
    pub(super) fn number(&self) -> u64 {
        let mut registry = self.lock();
        registry.next += 1;
        registry.next
    }

    /// Begins a read, unless there is one.
    pub(super) fn begin_reading(&self) -> bool {
        !std::mem::replace(&mut self.lock().reading, true)
    }

    pub(super) fn is_reading(&self) -> bool {
        self.lock().reading
    }

    /// A step begins: the state is locked.
    pub(super) fn hold(&self) {
        self.lock().held = true;
    }

    /// A step has ended; its task goes on waiting if there is a waker. Who comes back is to be woken once the state is
    /// unlocked, but for the second, which is to be dropped then.
    pub(super) fn release(&self, task: Option<(Role, Option<Waker>)>, news: &News) -> (Vec<Waker>, Option<Waker>) {
        let mut due = Vec::new();
        let mut registry = self.lock();
        registry.held = false;
        // Whoever made the news knows them.
        let mut before = task.as_ref().and_then(|(role, _)| registry.remove(*role));
        if news.heard {
            registry.take_others(&mut due);
        }
        if let Some(sent) = news.sent {
            registry.take_writers(sent, &mut due);
        }
        if let Some((role, Some(waker))) = task {
            before = registry.insert(role, waker).or(before);
        }
        if std::mem::take(&mut registry.missed) {
            registry.take_drivers(&mut due);
        }
        (due, before)
    }

    /// A task has got what it waited for, or was dropped. Another writer may now be the first.
    pub(super) fn leave(&self, role: Role) {
        let mut registry = self.lock();
        let own = registry.remove(role);
        let next = match role {
            Role::Writer(..) => registry.writers.first_key_value().map(|(_, waker)| waker.clone()),
            Role::Watcher(_) => None,
            Role::Reader => {
                registry.reading = false;
                None
            }
        };
        drop(registry);
        drop(own);
        next.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Tasks {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut due = Vec::new();
        let mut registry = self.lock();
        if registry.held {
            registry.missed = true;
            return;
        }
        registry.take_drivers(&mut due);
        drop(registry);
        due.into_iter().for_each(Waker::wake);
    }
}
