//! Name look-up: by the operating system, by a map of one's own, from a short memory.

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

/// How long [`CachingResolver`] remembers an answer by default; the system does not say for how long it holds.
const DEFAULT_MEMORY: Duration = Duration::from_secs(60);

/// The most answers remembered.
const MOST_REMEMBERED: usize = 1000;

/// Looks up hosts.
///
/// # Cancellation
/// Dropping the future gives up the answer.
pub trait Resolver: Send + Sync + 'static {
    /// The addresses of `host`, in the order of preference, with `port`. An IPv6 literal comes without its brackets.
    ///
    /// # Errors
    /// If there is no answer. An answer without an address is for the caller to refuse.
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;
}

impl<R: Resolver + ?Sized> Resolver for Arc<R> {
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        (**self).resolve(host, port)
    }
}

/// Asks the operating system, on a thread that may wait.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Box::pin(async move { Ok(vec![SocketAddr::new(address, port)]) });
        }
        let host = host.to_owned();
        Box::pin(blocking::unblock(move || (host.as_str(), port).to_socket_addrs().map(Vec::from_iter)))
    }
}

/// Answers for some hosts itself and asks another resolver for the rest.
///
/// # Examples
///
/// ```
/// use waterspout::platform::native::{HostMap, SystemResolver};
///
/// let resolver = HostMap::new(SystemResolver)
///     .host("api.example", [127, 0, 0, 1])
///     .host_and_port("api.example", 443, ([127, 0, 0, 1], 8443));
/// ```
pub struct HostMap {
    hosts: HashMap<String, IpAddr>,
    ports: HashMap<(String, u16), SocketAddr>,
    rest: Box<dyn Resolver>,
}

impl HostMap {
    /// An empty map over `rest`.
    pub fn new(rest: impl Resolver) -> Self {
        Self { hosts: HashMap::new(), ports: HashMap::new(), rest: Box::new(rest) }
    }

    /// Maps every port of `host` to the same port of `address`.
    #[must_use]
    pub fn host(mut self, host: &str, address: impl Into<IpAddr>) -> Self {
        self.hosts.insert(host.to_ascii_lowercase(), address.into());
        self
    }

    /// Maps one port of `host` to `address`; this goes before [`host`](Self::host).
    #[must_use]
    pub fn host_and_port(mut self, host: &str, port: u16, address: impl Into<SocketAddr>) -> Self {
        self.ports.insert((host.to_ascii_lowercase(), port), address.into());
        self
    }
}

impl Resolver for HostMap {
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let by_port = self.ports.get(&(host.to_ascii_lowercase(), port)).copied();
        let by_host = || self.hosts.get(&host.to_ascii_lowercase()).map(|address| SocketAddr::new(*address, port));
        match by_port.or_else(by_host) {
            Some(address) => Box::pin(async move { Ok(vec![address]) }),
            None => self.rest.resolve(host, port),
        }
    }
}

impl fmt::Debug for HostMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostMap").field("hosts", &self.hosts).field("ports", &self.ports).finish_non_exhaustive()
    }
}

type Answer = Result<Arc<[SocketAddr]>, Arc<io::Error>>;

/// Remembers another resolver's answers for a while, and asks it once for all who ask the same at the same time.
///
/// A failure is not remembered.
pub struct CachingResolver {
    inner: Arc<dyn Resolver>,
    timer: Arc<dyn Timer>,
    memory: Duration,
    entries: Arc<Mutex<HashMap<(String, u16), Entry>>>,
}

enum Entry {
    Asked(Shared<BoxFuture<'static, Answer>>),
    Known { addresses: Arc<[SocketAddr]>, until: Instant },
}

impl CachingResolver {
    /// Remembers the answers of `inner` for 60 s.
    pub fn new(inner: impl Resolver) -> Self {
        Self { inner: Arc::new(inner), timer: Arc::new(SystemTimer), memory: DEFAULT_MEMORY, entries: Arc::default() }
    }

    /// Sets how long an answer is remembered; zero means only as long as it is being asked for.
    #[must_use]
    pub fn memory(mut self, memory: Duration) -> Self {
        self.memory = memory;
        self
    }

    /// Sets the clock.
    #[must_use]
    pub fn timer(mut self, timer: impl Timer) -> Self {
        self.timer = Arc::new(timer);
        self
    }

    /// The answer that is known, or the question that is under way, asked now if it is not.
    fn entry(&self, host: &str, port: u16) -> Result<Arc<[SocketAddr]>, Shared<BoxFuture<'static, Answer>>> {
        let key = (host.to_ascii_lowercase(), port);
        let mut entries = lock(&self.entries);
        match entries.get(&key) {
            Some(Entry::Known { addresses, until }) if self.timer.now() < *until => return Ok(addresses.clone()),
            // Nobody waits for a question whose askers were all dropped; it may still be polled on.
            Some(Entry::Asked(question)) => return Err(question.clone()),
            _ => {}
        }
        if entries.len() >= MOST_REMEMBERED {
            let now = self.timer.now();
            entries.retain(|_, entry| matches!(entry, Entry::Known { until, .. } if now < *until));
            if entries.len() >= MOST_REMEMBERED {
                entries.clear();
            }
        }
        let question = self.ask(key.clone()).shared();
        entries.insert(key, Entry::Asked(question.clone()));
        Err(question)
    }

    fn ask(&self, key: (String, u16)) -> BoxFuture<'static, Answer> {
        let asked = self.inner.resolve(&key.0, key.1);
        let (entries, timer, memory) = (self.entries.clone(), self.timer.clone(), self.memory);
        Box::pin(async move {
            let answer = asked.await;
            let mut entries = lock(&entries);
            match answer {
                Ok(addresses) => {
                    let addresses: Arc<[SocketAddr]> = addresses.into();
                    let until = timer.now() + memory;
                    entries.insert(key, Entry::Known { addresses: addresses.clone(), until });
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

    /// Counts its questions; answers when polled the second time.
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
        let (counting, timer) = (Counting::default(), ManualTimer::new());
        (CachingResolver::new(counting.clone()).timer(timer.clone()), counting.0, timer)
    }

    #[test]
    fn those_who_ask_the_same_at_the_same_time_share_one_question() {
        let (resolver, asked, _) = caching();
        let (one, two) = (resolver.resolve("a.example", 80), resolver.resolve("A.example", 80));
        let (one, two) = block_on(futures::future::join(one, two));
        assert_eq!((one.unwrap(), asked.load(Ordering::Relaxed)), (two.unwrap(), 1));
        block_on(resolver.resolve("a.example", 81)).unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_dropped_question_is_answered_to_the_others() {
        let (resolver, asked, _) = caching();
        let mut dropped = resolver.resolve("a.example", 80);
        assert!((&mut dropped).now_or_never().is_none());
        let other = resolver.resolve("a.example", 80);
        drop(dropped);
        assert!(block_on(other).is_ok());
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn an_answer_is_remembered_for_its_time() {
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
    fn a_failure_is_not_remembered() {
        let (resolver, asked, _) = caching();
        for questions in 1..3 {
            let error = block_on(resolver.resolve("nowhere", 80)).unwrap_err();
            assert_eq!((error.kind(), asked.load(Ordering::Relaxed)), (io::ErrorKind::NotFound, questions));
        }
    }

    #[test]
    fn the_memory_is_bounded() {
        let (resolver, _, _) = caching();
        for port in 0..3 * MOST_REMEMBERED as u16 {
            block_on(resolver.resolve("a.example", port)).unwrap();
        }
        assert!(lock(&resolver.entries).len() <= MOST_REMEMBERED);
    }

    #[test]
    fn a_map_answers_for_the_port_then_for_the_host_then_asks() {
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
