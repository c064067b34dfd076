//! The cache of name look-ups.

use std::any::Any;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::FutureExt;
use futures::future::Shared;

use super::Resolver;
use crate::platform::native::timer::SystemTimer;
use crate::runtime::{BoxFuture, Instant, Timer};

/// How long [`CachingResolver`] keeps an answer by default. The operating system does not tell how long an answer is
/// valid.
const DEFAULT_MEMORY: Duration = Duration::from_secs(60);

/// Maximum number of names in the cache.
const MAX_ENTRIES: usize = 1000;

/// How long a question may be shared with new look-ups. Without this limit, a question that is never answered would hold
/// its name for as long as look-ups overlap.
const MAX_SHARED: Duration = Duration::from_secs(5);

/// Caches the answers of another resolver, at most 1,000 of them. Look-ups of the same host and port at the same time
/// share a single question, until it has been asked for 5 s. A question is dropped with the last look-up that waits for
/// it.
///
/// Failures and answers without an address are not cached, and an answer is forgotten when no address in it accepts a
/// connection before the connect limit. If the resolver panics, so does the look-up that polls it. The other look-ups that share its question get
/// an error, and the next look-up asks again.
///
/// The resolver and the clock may use the cache themselves. A look-up that waits for its own answer never ends.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use waterspout::platform::native::{CachingResolver, Network, SystemResolver};
///
/// let resolver = CachingResolver::new(SystemResolver).memory(Duration::from_secs(5));
/// let network = Network::new().resolver(resolver);
/// ```
pub struct CachingResolver {
    inner: Arc<dyn Resolver>,
    timer: Arc<dyn Timer>,
    memory: Duration,
    entries: Arc<Mutex<DnsEntries>>,
}

type DnsAnswer = Result<Arc<[SocketAddr]>, DnsFailure>;

/// A question to the resolver. It is shared, so dropping a look-up does not stop it for the other look-ups.
type Question = Shared<BoxFuture<'static, DnsAnswer>>;

#[derive(Clone)]
enum DnsFailure {
    Error(Arc<io::Error>),
    /// The resolver or the clock panicked. The first look-up that gets this takes the payload and panics with it.
    Panic(Arc<Mutex<Option<Box<dyn Any + Send>>>>),
}

type DnsKey = (String, u16);

enum DnsEntry {
    /// The question is being asked. Only look-ups own it, so it is dropped with the last look-up.
    Asked {
        question: Weak<Question>,
        number: u64,
        since: Instant,
    },
    Known {
        addresses: Arc<[SocketAddr]>,
        until: Instant,
    },
}

/// The entries, as plain state. They own no foreign code, so removing an entry runs none under the lock of the cache.
#[derive(Default)]
struct DnsEntries {
    map: HashMap<DnsKey, DnsEntry>,
    /// The number of the question that was asked last.
    last_number: u64,
}

impl DnsEntries {
    /// Makes room for another entry. Expired answers and dropped questions go first. If the cache is still full it
    /// starts again: its answers are valid for a short time, so the order of use is not worth recording.
    fn make_room(&mut self, now: Instant) {
        if self.map.len() < MAX_ENTRIES {
            return;
        }
        self.map.retain(|_, entry| match entry {
            DnsEntry::Asked { question, .. } => question.strong_count() > 0,
            DnsEntry::Known { until, .. } => now < *until,
        });
        if self.map.len() >= MAX_ENTRIES {
            // The answers of the present questions are worth more than the answers that were used already.
            self.map.retain(|_, entry| matches!(entry, DnsEntry::Asked { .. }));
        }
        if self.map.len() >= MAX_ENTRIES {
            self.map.clear();
        }
    }

    /// Records the outcome of a question, unless its entry was removed or replaced meanwhile.
    fn record(&mut self, key: DnsKey, question: u64, answer: Option<DnsEntry>) {
        let Entry::Occupied(mut entry) = self.map.entry(key) else { return };
        if !matches!(entry.get(), DnsEntry::Asked { number, .. } if *number == question) {
            return;
        }
        match answer {
            Some(answer) => drop(entry.insert(answer)),
            None => drop(entry.remove()),
        }
    }
}

impl CachingResolver {
    /// Makes a cache that keeps the answers of `inner` for 60 s.
    pub fn new(inner: impl Resolver) -> Self {
        Self { inner: Arc::new(inner), timer: Arc::new(SystemTimer), memory: DEFAULT_MEMORY, entries: Arc::default() }
    }

    /// Sets how long an answer is kept. Default: 60 s. With zero, only look-ups at the same time share an answer.
    #[must_use]
    pub fn memory(mut self, memory: Duration) -> Self {
        self.memory = memory;
        self
    }

    /// Sets the clock that answers expire on. Default: the system's monotonic clock.
    #[must_use]
    pub fn timer(mut self, timer: impl Timer) -> Self {
        self.timer = Arc::new(timer);
        self
    }

    /// Returns the cached answer, or the question for it, which starts with its first poll.
    fn entry(&self, host: &str, port: u16) -> Result<Arc<[SocketAddr]>, Arc<Question>> {
        let key = (host.to_ascii_lowercase(), port);
        // The clock is foreign code, so it is read before the lock is taken.
        let now = self.timer.now();
        let mut entries = lock(&self.entries);
        match entries.map.get(&key) {
            Some(DnsEntry::Known { addresses, until }) if now < *until => return Ok(addresses.clone()),
            Some(DnsEntry::Asked { question, since, .. }) if now.since(*since) <= MAX_SHARED => {
                if let Some(question) = question.upgrade() {
                    return Err(question);
                }
            }
            _ => {}
        }
        entries.make_room(now);
        entries.last_number += 1;
        let number = entries.last_number;
        let question = Arc::new(self.ask(key.clone(), number).shared());
        entries.map.insert(key, DnsEntry::Asked { question: Arc::downgrade(&question), number, since: now });
        Err(question)
    }

    /// Returns the question `number`, which asks the resolver and then records the answer.
    fn ask(&self, key: DnsKey, number: u64) -> BoxFuture<'static, DnsAnswer> {
        let inner = self.inner.clone();
        let timer = self.timer.clone();
        let memory = self.memory;
        // Weak, so that an unfinished look-up does not keep the answers of a dropped cache.
        let entries = Arc::downgrade(&self.entries);
        Box::pin(async move {
            // The resolver is called here, by the first poll, because this function is called under the lock. A panic
            // is caught: a shared future that panicked would panic at every later poll.
            let asking = async {
                let addresses: Arc<[SocketAddr]> = inner.resolve(&key.0, key.1).await?.into();
                Ok((addresses, timer.now() + memory))
            };
            let (answer, entry) = match AssertUnwindSafe(asking).catch_unwind().await {
                Ok(Ok((addresses, _))) if addresses.is_empty() => (Ok(addresses), None),
                Ok(Ok((addresses, until))) => (Ok(addresses.clone()), Some(DnsEntry::Known { addresses, until })),
                Ok(Err(error)) => (Err(DnsFailure::Error(Arc::new(error))), None),
                Err(panic) => (Err(DnsFailure::Panic(Arc::new(Mutex::new(Some(panic))))), None),
            };
            if let Some(entries) = entries.upgrade() {
                lock(&entries).record(key, number, entry);
            }
            answer
        })
    }
}

impl Resolver for CachingResolver {
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let entry = self.entry(host, port);
        Box::pin(async move {
            let answer = match entry {
                Ok(addresses) => Ok(addresses),
                // The look-up keeps its share of the question, and polls a clone of it.
                Err(question) => Question::clone(&question).await,
            };
            match answer {
                Ok(addresses) => Ok(addresses.to_vec()),
                // `io::Error` cannot be cloned, so the shared error becomes the source of a new error of the same kind.
                Err(DnsFailure::Error(error)) => Err(io::Error::new(error.kind(), error)),
                Err(DnsFailure::Panic(payload)) => {
                    let payload = lock(&payload).take();
                    match payload {
                        Some(payload) => resume_unwind(payload),
                        None => Err(io::Error::other("the resolver panicked in a look-up that this look-up shared")),
                    }
                }
            }
        })
    }

    /// Removes the cached answer, so that the next look-up asks again. A question under way is newer and stays.
    fn forget(&self, host: &str, port: u16) {
        let key = (host.to_ascii_lowercase(), port);
        let mut entries = lock(&self.entries);
        if let Some(DnsEntry::Known { .. }) = entries.map.get(&key) {
            entries.map.remove(&key);
        }
        drop(entries);
        self.inner.forget(host, port);
    }
}

impl fmt::Debug for CachingResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachingResolver").field("memory", &self.memory).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::executor::block_on;

    use super::*;
    use crate::testing::ManualTimer;

    /// Counts its questions, and answers on the second poll.
    #[derive(Clone, Default)]
    struct Counting(Arc<AtomicUsize>);

    impl Resolver for Counting {
        fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            let fails = host == "nowhere";
            Box::pin(async move {
                let mut waited = false;
                std::future::poll_fn(|cx| {
                    cx.waker().wake_by_ref();
                    if std::mem::replace(&mut waited, true) {
                        std::task::Poll::Ready(())
                    } else {
                        std::task::Poll::Pending
                    }
                })
                .await;
                if fails {
                    Err(io::ErrorKind::NotFound.into())
                } else {
                    Ok(vec![([10, 0, 0, number as u8], port).into()])
                }
            })
        }
    }

    fn caching() -> (CachingResolver, Arc<AtomicUsize>, ManualTimer) {
        let counting = Counting::default();
        let timer = ManualTimer::new();
        (CachingResolver::new(counting.clone()).timer(timer.clone()), counting.0, timer)
    }

    #[test]
    fn look_ups_of_the_same_host_at_the_same_time_share_a_question() {
        let (resolver, asked, _) = caching();
        let lower = resolver.resolve("a.example", 80);
        let upper = resolver.resolve("A.example", 80);
        let (lower, upper) = block_on(futures::future::join(lower, upper));
        assert_eq!((lower.unwrap(), asked.load(Ordering::Relaxed)), (upper.unwrap(), 1));
        block_on(resolver.resolve("a.example", 81)).unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn dropped_look_up_does_not_stop_a_shared_question() {
        let (resolver, asked, _) = caching();
        let mut dropped = resolver.resolve("a.example", 80);
        assert!((&mut dropped).now_or_never().is_none());
        let other = resolver.resolve("a.example", 80);
        drop(dropped);
        assert!(block_on(other).is_ok());
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn answer_is_cached_for_its_time() {
        let (resolver, asked, timer) = caching();
        let look_up = || block_on(resolver.resolve("a.example", 80)).unwrap();
        let first = look_up();
        timer.advance(DEFAULT_MEMORY - Duration::from_millis(1));
        assert_eq!(look_up(), first);
        timer.advance(Duration::from_millis(1));
        assert_ne!(look_up(), first);
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn failure_is_not_cached() {
        let (resolver, asked, _) = caching();
        for questions in 1..3 {
            let error = block_on(resolver.resolve("nowhere", 80)).unwrap_err();
            assert_eq!((error.kind(), asked.load(Ordering::Relaxed)), (io::ErrorKind::NotFound, questions));
        }
    }

    #[test]
    fn cache_size_is_bounded() {
        let (resolver, _, _) = caching();
        for port in 0..3 * MAX_ENTRIES as u16 {
            block_on(resolver.resolve("a.example", port)).unwrap();
        }
        assert!(lock(&resolver.entries).map.len() <= MAX_ENTRIES);
    }
}
