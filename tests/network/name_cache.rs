//! The name cache beside resolvers and clocks that panic, or that use the same cache.

use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use waterspout::platform::native::{CachingResolver, Resolver, SystemTimer};
use waterspout::testing::ManualTimer;
use waterspout::{BoxFuture, Instant, Timer};

type Answer = io::Result<Vec<SocketAddr>>;

/// A resolver that is a function.
struct FnResolver<F>(F);

impl<F: Fn(&str, u16) -> BoxFuture<'static, Answer> + Send + Sync + 'static> Resolver for FnResolver<F> {
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, Answer> {
        (self.0)(host, port)
    }
}

fn address(port: u16) -> SocketAddr {
    ([10, 0, 0, 1], port).into()
}

fn answer(port: u16) -> BoxFuture<'static, Answer> {
    Box::pin(async move { Ok(vec![address(port)]) })
}

/// When the first question panics.
#[derive(Clone, Copy, Debug, PartialEq)]
enum PanicsAt {
    Resolve,
    FirstPoll,
    SecondPoll,
    Drop,
    Clock,
}

struct PanickingAnswer {
    at: PanicsAt,
    polls: usize,
    port: u16,
}

impl Future for PanickingAnswer {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        self.polls += 1;
        assert!(self.polls != 1 || self.at != PanicsAt::FirstPoll, "the resolver's own mistake");
        assert!(self.polls != 2 || self.at != PanicsAt::SecondPoll, "the resolver's own mistake");
        cx.waker().wake_by_ref();
        if self.polls < 2 { Poll::Pending } else { Poll::Ready(Ok(vec![address(self.port)])) }
    }
}

impl Drop for PanickingAnswer {
    fn drop(&mut self) {
        assert!(self.polls < 2 || self.at != PanicsAt::Drop, "the resolver's own mistake");
    }
}

/// A clock that panics once, after the first answer.
struct PanickingClock {
    panics: bool,
    asked: Arc<AtomicUsize>,
    reads: AtomicUsize,
}

impl Timer for PanickingClock {
    fn now(&self) -> Instant {
        let is_answered = self.asked.load(Ordering::SeqCst) == 1;
        let first = is_answered && self.reads.fetch_add(1, Ordering::SeqCst) == 0;
        assert!(!(self.panics && first), "the clock's own mistake");
        Instant::default()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        SystemTimer.sleep_until(deadline)
    }
}

/// A cache over a resolver whose first question panics. Returns also how many questions there were.
fn panicking(at: PanicsAt) -> (CachingResolver, Arc<AtomicUsize>) {
    let asked = Arc::<AtomicUsize>::default();
    let count = asked.clone();
    let resolver = FnResolver(move |_: &str, port| {
        let is_first = count.fetch_add(1, Ordering::SeqCst) == 0;
        assert!(!is_first || at != PanicsAt::Resolve, "the resolver's own mistake");
        if is_first { Box::pin(PanickingAnswer { at, polls: 0, port }) } else { answer(port) }
    });
    let clock = PanickingClock { panics: at == PanicsAt::Clock, asked: asked.clone(), reads: AtomicUsize::new(0) };
    (CachingResolver::new(resolver).timer(clock), asked)
}

const ALL: [PanicsAt; 5] =
    [PanicsAt::Resolve, PanicsAt::FirstPoll, PanicsAt::SecondPoll, PanicsAt::Drop, PanicsAt::Clock];

#[test]
fn panic_of_a_resolver_does_not_reach_later_look_ups() {
    for at in ALL {
        let (resolver, asked) = panicking(at);
        let first = catch_unwind(AssertUnwindSafe(|| block_on(resolver.resolve("a.example", 80))));
        assert!(first.is_err(), "{at:?}: the panic reaches the look-up that ran into it");
        for _ in 0..2 {
            let later = catch_unwind(AssertUnwindSafe(|| block_on(resolver.resolve("a.example", 80))));
            assert_eq!(later.unwrap_or_else(|_| panic!("{at:?}")).unwrap(), [address(80)], "{at:?}");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 2, "{at:?}");
    }
}

#[test]
fn panic_of_a_resolver_is_an_error_of_the_look_ups_that_share_the_question() {
    for at in ALL {
        let (resolver, _) = panicking(at);
        let mut look_ups = Vec::from_iter((0..3).map(|_| resolver.resolve("a.example", 80)));
        let mut panics = 0;
        // Polled in turns, so that each look-up waits for the question before it panics.
        for _ in 0..3 {
            look_ups.retain_mut(|look_up| match catch_unwind(AssertUnwindSafe(|| look_up.now_or_never())) {
                Ok(None) => true,
                Ok(Some(outcome)) => {
                    assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::Other, "{at:?}");
                    false
                }
                Err(_) => {
                    panics += 1;
                    false
                }
            });
        }
        assert_eq!((panics, look_ups.len()), (1, 0), "{at:?}");
        assert_eq!(block_on(resolver.resolve("a.example", 80)).unwrap(), [address(80)], "{at:?}");
    }
}

/// The cache itself, for the resolver or the clock below it.
type Own = Arc<OnceLock<Arc<CachingResolver>>>;

/// Looks `host` up in the cache and drops the look-up, after a poll if `polled`.
fn use_cache(own: &Own, host: &str, polled: bool) {
    if let Some(cache) = own.get() {
        let mut look_up = cache.resolve(host, 80);
        if polled {
            let _ = (&mut look_up).now_or_never();
        }
    }
}

/// Uses the cache when it is dropped.
struct UsesCache(Own);

impl Drop for UsesCache {
    fn drop(&mut self) {
        use_cache(&self.0, "dropped.example", false);
    }
}

/// Runs `test` on another thread, because a deadlock would never end.
fn ends(name: &str, test: impl FnOnce() + Send + 'static) {
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        test();
        let _ = sender.send(());
    });
    match receiver.recv_timeout(Duration::from_secs(10)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{name}: a deadlock"),
        _ => thread.join().expect(name),
    }
}

fn cache_over<F>(own: &Own, resolver: F, timer: impl Timer) -> Arc<CachingResolver>
where
    F: Fn(&str, u16) -> BoxFuture<'static, Answer> + Send + Sync + 'static,
{
    let cache = Arc::new(CachingResolver::new(FnResolver(resolver)).timer(timer));
    assert!(own.set(cache.clone()).is_ok());
    cache
}

#[test]
fn resolver_may_use_its_own_cache() {
    // The same name, another name, and a name that differs in its case only.
    for inner in ["a.example", "A.EXAMPLE", "b.example"] {
        for polled in [false, true] {
            let name = format!("{inner}, polled: {polled}");
            ends(&name, move || {
                let own = Own::default();
                let used = own.clone();
                let resolver = move |host: &str, port| {
                    let uses_cache = host == "a.example";
                    if uses_cache {
                        use_cache(&used, inner, polled);
                    }
                    let used = UsesCache(used.clone());
                    Box::pin(async move {
                        if uses_cache {
                            use_cache(&used.0, inner, polled);
                        }
                        drop(used);
                        Ok(vec![address(port)])
                    }) as BoxFuture<'static, Answer>
                };
                let cache = cache_over(&own, resolver, ManualTimer::new());
                assert_eq!(block_on(cache.resolve("a.example", 80)).unwrap(), [address(80)]);
                assert_eq!(block_on(cache.resolve("b.example", 80)).unwrap(), [address(80)]);
            });
        }
    }
}

#[test]
fn resolver_may_await_another_name_of_its_own_cache() {
    ends("alias", || {
        let own = Own::default();
        let names = own.clone();
        let resolver = move |host: &str, port| {
            let names = names.clone();
            match host {
                "alias.example" => async move { names.get().unwrap().resolve("a.example", port).await }.boxed(),
                _ => answer(port),
            }
        };
        let cache = cache_over(&own, resolver, ManualTimer::new());
        assert_eq!(block_on(cache.resolve("alias.example", 81)).unwrap(), [address(81)]);
    });
}

#[test]
fn clock_may_use_the_cache() {
    /// A clock that uses the cache at each reading, except within that use.
    struct UsingClock(Own, Mutex<bool>);

    impl Timer for UsingClock {
        fn now(&self) -> Instant {
            if !std::mem::replace(&mut *self.1.lock().unwrap(), true) {
                use_cache(&self.0, "clock.example", true);
                *self.1.lock().unwrap() = false;
            }
            Instant::default()
        }

        fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
            SystemTimer.sleep_until(deadline)
        }
    }

    ends("clock", || {
        let own = Own::default();
        let cache = cache_over(&own, |_: &str, port| answer(port), UsingClock(own.clone(), Mutex::new(false)));
        for port in 0..2 {
            assert_eq!(block_on(cache.resolve("a.example", port)).unwrap(), [address(port)]);
            assert_eq!(block_on(cache.resolve("a.example", port)).unwrap(), [address(port)]);
        }
    });
}

#[test]
fn unfinished_look_ups_that_leave_the_cache_may_use_it() {
    ends("eviction", || {
        let own = Own::default();
        let uses = own.clone();
        let dropped = Arc::<AtomicUsize>::default();
        let count = dropped.clone();
        let resolver = move |_: &str, _| {
            let guard = (UsesCache(uses.clone()), CountDrops(count.clone()));
            Box::pin(async move {
                let _guard = guard;
                std::future::pending().await
            }) as BoxFuture<'static, Answer>
        };
        let cache = cache_over(&own, resolver, ManualTimer::new());
        // More than the cache holds. Each look-up is polled, so that its question has started.
        for port in 0..2500 {
            assert!(cache.resolve("a.example", port).now_or_never().is_none());
        }
        assert!(dropped.load(Ordering::SeqCst) >= 1000, "the cache is bounded");
    });
}

struct CountDrops(Arc<AtomicUsize>);

impl Drop for CountDrops {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn unfinished_question_outlives_the_cache_and_not_its_look_up() {
    let dropped = Arc::<AtomicUsize>::default();
    let count = dropped.clone();
    let cache = CachingResolver::new(FnResolver(move |_: &str, _| {
        let guard = CountDrops(count.clone());
        Box::pin(async move {
            let _guard = guard;
            std::future::pending().await
        }) as BoxFuture<'static, Answer>
    }));
    let mut look_up = cache.resolve("a.example", 80);
    assert!((&mut look_up).now_or_never().is_none());
    drop(cache);
    assert!((&mut look_up).now_or_never().is_none());
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    drop(look_up);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}
