//! Name look-up: by the operating system, by a map of the program's own, and from a cache.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::Shared;

use super::timer::SystemTimer;
use crate::runtime::{BoxFuture, Instant, Timer};

/// How long [`CachingResolver`] keeps an answer by default. The operating system does not tell how long an answer is
/// valid.
const DEFAULT_MEMORY: Duration = Duration::from_secs(60);

/// How many answers the cache holds at most.
const MAX_ENTRIES: usize = 1000;

/// Looks up the addresses of hosts.
///
/// # Examples
///
/// ```
/// use std::io;
/// use std::net::SocketAddr;
/// use waterspout::BoxFuture;
/// use waterspout::platform::native::{Network, Resolver};
///
/// /// Finds every host on this machine.
/// struct Loopback;
///
/// impl Resolver for Loopback {
///     fn resolve(&self, _host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
///         Box::pin(async move { Ok(vec![([127, 0, 0, 1], port).into()]) })
///     }
/// }
///
/// let network = Network::new().resolver(Loopback);
/// ```
pub trait Resolver: Send + Sync + 'static {
    /// Returns the addresses of `host` with `port`, the preferred address first. An IPv6 literal has no brackets here.
    ///
    /// # Errors
    /// If the look-up fails. An empty list is no error here: the caller refuses it.
    ///
    /// # Cancellation
    /// Dropping the future discards the answer.
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;
}

impl<R: Resolver + ?Sized> Resolver for Arc<R> {
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        (**self).resolve(host, port)
    }
}

/// Asks the operating system, on a thread for blocking work.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        // An address needs no look-up, and no thread.
        if let Ok(address) = host.parse::<IpAddr>() {
            return Box::pin(async move { Ok(vec![SocketAddr::new(address, port)]) });
        }
        let host = host.to_owned();
        // `getaddrinfo` blocks, and there is no portable form of it that does not.
        Box::pin(blocking::unblock(move || (host.as_str(), port).to_socket_addrs().map(Vec::from_iter)))
    }
}

/// Answers for some hosts itself, and asks another resolver for all other hosts.
///
/// # Examples
///
/// ```
/// use waterspout::platform::native::{HostMap, Resolver, SystemResolver};
///
/// let resolver = HostMap::new(SystemResolver)
///     .host("api.example", [127, 0, 0, 1])
///     .host_and_port("api.example", 443, ([127, 0, 0, 1], 8443));
/// let addresses = futures::executor::block_on(resolver.resolve("api.example", 443))?;
/// assert_eq!(addresses, [([127, 0, 0, 1], 8443).into()]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct HostMap {
    hosts: HashMap<String, IpAddr>,
    ports: HashMap<(String, u16), SocketAddr>,
    /// Asked for hosts that are not in the map.
    fallback: Box<dyn Resolver>,
}

impl HostMap {
    /// Makes an empty map, which asks `fallback` for every host.
    pub fn new(fallback: impl Resolver) -> Self {
        Self { hosts: HashMap::new(), ports: HashMap::new(), fallback: Box::new(fallback) }
    }

    /// Maps every port of `host` to the same port of `address`.
    #[must_use]
    pub fn host(mut self, host: &str, address: impl Into<IpAddr>) -> Self {
        self.hosts.insert(host.to_ascii_lowercase(), address.into());
        self
    }

    /// Maps a single port of `host` to `address`. It takes precedence over [`host`](Self::host).
    #[must_use]
    pub fn host_and_port(mut self, host: &str, port: u16, address: impl Into<SocketAddr>) -> Self {
        self.ports.insert((host.to_ascii_lowercase(), port), address.into());
        self
    }
}

impl Resolver for HostMap {
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        // Host names are compared without regard to case (RFC 4343).
        let by_port = self.ports.get(&(host.to_ascii_lowercase(), port)).copied();
        let by_host = || self.hosts.get(&host.to_ascii_lowercase()).map(|address| SocketAddr::new(*address, port));
        match by_port.or_else(by_host) {
            Some(address) => Box::pin(async move { Ok(vec![address]) }),
            None => self.fallback.resolve(host, port),
        }
    }
}

impl fmt::Debug for HostMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostMap").field("hosts", &self.hosts).field("ports", &self.ports).finish_non_exhaustive()
    }
}

type DnsAnswer = Result<Arc<[SocketAddr]>, Arc<io::Error>>;

/// Caches the answers of another resolver. Look-ups of the same host and port at the same time share a single question.
///
/// Failures are not cached.
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
    entries: Arc<Mutex<HashMap<(String, u16), DnsEntry>>>,
}

enum DnsEntry {
    /// The question is being asked.
    Asked(Shared<BoxFuture<'static, DnsAnswer>>),
    Known {
        addresses: Arc<[SocketAddr]>,
        until: Instant,
    },
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

    /// Returns the cached answer, or the question for it, which is started if it is not under way.
    fn entry(&self, host: &str, port: u16) -> Result<Arc<[SocketAddr]>, Shared<BoxFuture<'static, DnsAnswer>>> {
        let key = (host.to_ascii_lowercase(), port);
        let mut entries = lock(&self.entries);
        match entries.get(&key) {
            Some(DnsEntry::Known { addresses, until }) if self.timer.now() < *until => return Ok(addresses.clone()),
            // If every earlier asker was dropped, the question has stopped; the new asker polls it on.
            Some(DnsEntry::Asked(question)) => return Err(question.clone()),
            _ => {}
        }
        // Expired entries go first. If the cache is still full it starts again: its entries are valid for a short time, so
        // the order of use is not worth recording.
        if entries.len() >= MAX_ENTRIES {
            let now = self.timer.now();
            entries.retain(|_, entry| matches!(entry, DnsEntry::Known { until, .. } if now < *until));
            if entries.len() >= MAX_ENTRIES {
                entries.clear();
            }
        }
        // Shared, so that dropping a look-up does not stop the question for the other look-ups.
        let question = self.ask(key.clone()).shared();
        entries.insert(key, DnsEntry::Asked(question.clone()));
        Err(question)
    }

    fn ask(&self, key: (String, u16)) -> BoxFuture<'static, DnsAnswer> {
        let question = self.inner.resolve(&key.0, key.1);
        let entries = self.entries.clone();
        let timer = self.timer.clone();
        let memory = self.memory;
        Box::pin(async move {
            let answer = question.await;
            let mut entries = lock(&entries);
            match answer {
                Ok(addresses) => {
                    let addresses: Arc<[SocketAddr]> = addresses.into();
                    let until = timer.now() + memory;
                    entries.insert(key, DnsEntry::Known { addresses: addresses.clone(), until });
                    Ok(addresses)
                }
                Err(error) => {
                    entries.remove(&key);
                    Err(Arc::new(error))
                }
            }
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
            // `io::Error` cannot be cloned, so the shared error becomes the source of a new error of the same kind.
            answer.map(|addresses| addresses.to_vec()).map_err(|error| io::Error::new(error.kind(), error))
        })
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
        assert!(lock(&resolver.entries).len() <= MAX_ENTRIES);
    }

    #[test]
    fn host_map_prefers_the_port_then_the_host_then_the_fallback() {
        let map = HostMap::new(SystemResolver).host("A.example", [10, 0, 0, 1]).host_and_port(
            "a.example",
            443,
            ([10, 0, 0, 2], 8443),
        );
        let look_up = |host: &str, port| block_on(map.resolve(host, port)).unwrap();
        assert_eq!(look_up("a.EXAMPLE", 443), [([10, 0, 0, 2], 8443).into()]);
        assert_eq!(look_up("a.example", 80), [([10, 0, 0, 1], 80).into()]);
        assert_eq!(look_up("127.0.0.1", 80), [([127, 0, 0, 1], 80).into()]);
    }
}
