//! The cache of name look-ups.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::Shared;

use super::Resolver;
use crate::platform::native::timer::SystemTimer;
use crate::runtime::{BoxFuture, Instant, Timer};

/// How long [`CachingResolver`] keeps an answer by default. The operating system does not tell how long an answer is
/// valid.
const DEFAULT_MEMORY: Duration = Duration::from_secs(60);

/// How many answers the cache holds at most.
const MAX_ENTRIES: usize = 1000;

/// Caches the answers of another resolver. Look-ups of the same host and port at the same time share a single question.
///
/// Failures are not cached, and an answer is forgotten when no address in it accepts a connection. If the resolver panics, so does the look-up that polls it. The other look-ups that share
/// its question get an error, and the next look-up asks again.
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

/// Shared, so that dropping a look-up does not stop the question for the other look-ups.
type Question = Shared<BoxFuture<'static, DnsAnswer>>;

#[derive(Clone)]
enum DnsFailure {
    Error(Arc<io::Error>),
    /// The resolver or the clock panicked. The first look-up that gets this takes the payload and panics with it.
    Panic(Arc<Mutex<Option<Box<dyn Any + Send>>>>),
}

type DnsKey = (String, u16);

enum DnsEntry {
    /// The question is being asked.
    Asked(Question),
    Known {
        addresses: Arc<[SocketAddr]>,
        until: Instant,
    },
}

/// The entries, as plain state. A question owns foreign code, which must not run under the lock of the cache. Each
/// method therefore returns the entries that it removes, to be dropped after the lock is released.
#[derive(Default)]
struct DnsEntries(HashMap<DnsKey, DnsEntry>);

impl DnsEntries {
    /// Makes room for another entry. Expired entries go first. If the cache is still full it starts again: its entries
    /// are valid for a short time, so the order of use is not worth recording.
    fn make_room(&mut self, now: Instant) -> Vec<(DnsKey, DnsEntry)> {
        if self.0.len() < MAX_ENTRIES {
            return Vec::new();
        }
        let is_valid = |entry: &DnsEntry| matches!(entry, DnsEntry::Known { until, .. } if now < *until);
        let (kept, mut removed): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.0).into_iter().partition(|(_, entry)| is_valid(entry));
        if kept.len() < MAX_ENTRIES {
            self.0.extend(kept);
        } else {
            removed.extend(kept);
        }
        removed
    }

    /// Replaces the entry of `key`, or removes it.
    fn replace(&mut self, key: DnsKey, entry: Option<DnsEntry>) -> Option<DnsEntry> {
        match entry {
            Some(entry) => self.0.insert(key, entry),
            None => self.0.remove(&key),
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
    fn entry(&self, host: &str, port: u16) -> Result<Arc<[SocketAddr]>, Question> {
        let key = (host.to_ascii_lowercase(), port);
        // The clock is foreign code, so it is read before the lock is taken.
        let now = self.timer.now();
        let mut entries = lock(&self.entries);
        match entries.0.get(&key) {
            Some(DnsEntry::Known { addresses, until }) if now < *until => return Ok(addresses.clone()),
            // If every earlier asker was dropped, the question has stopped; the new asker polls it on.
            Some(DnsEntry::Asked(question)) => return Err(question.clone()),
            _ => {}
        }
        let removed = entries.make_room(now);
        let question = self.ask(key.clone()).shared();
        let replaced = entries.replace(key, Some(DnsEntry::Asked(question.clone())));
        drop(entries);
        drop((removed, replaced));
        Err(question)
    }

    /// Returns a question that asks the resolver, and then records the answer.
    fn ask(&self, key: DnsKey) -> BoxFuture<'static, DnsAnswer> {
        let inner = self.inner.clone();
        let timer = self.timer.clone();
        let memory = self.memory;
        // The entries hold the question. Without a weak reference, an unfinished question would never be dropped.
        let entries = Arc::downgrade(&self.entries);
        Box::pin(async move {
            // The resolver is called here, by the first poll, because this function is called under the lock. A panic
            // is caught: a shared future that panicked would panic at every later poll.
            let asking = async {
                let addresses: Arc<[SocketAddr]> = inner.resolve(&key.0, key.1).await?.into();
                Ok((addresses, timer.now() + memory))
            };
            let (answer, entry) = match AssertUnwindSafe(asking).catch_unwind().await {
                Ok(Ok((addresses, until))) => (Ok(addresses.clone()), Some(DnsEntry::Known { addresses, until })),
                Ok(Err(error)) => (Err(DnsFailure::Error(Arc::new(error))), None),
                Err(panic) => (Err(DnsFailure::Panic(Arc::new(Mutex::new(Some(panic))))), None),
            };
            if let Some(entries) = entries.upgrade() {
                // The lock is released at the end of this line, before the old entry is dropped.
                let replaced = lock(&entries).replace(key, entry);
                drop(replaced);
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
                Err(question) => question.await,
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
        if let Some(DnsEntry::Known { .. }) = entries.0.get(&key) {
            entries.0.remove(&key);
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
        assert!(lock(&resolver.entries).0.len() <= MAX_ENTRIES);
    }
}
