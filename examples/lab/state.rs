//! Counters that the lab keeps between requests, by key: requests, concurrent requests, failures and endless responses.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_io::Timer;
use futures::stream;
use waterspout::testing::{Incoming, Reply};
use waterspout::{Body, Bytes};

use super::{query_number, sleep_ms};

/// The counters of each key.
#[derive(Default)]
pub(super) struct KeyedState(Mutex<HashMap<String, Counters>>);

#[derive(Default)]
struct Counters {
    /// Requests for `hit` that were answered.
    hits: usize,
    /// The names of the requests for `hit`, in the order of their arrival.
    names: Vec<String>,
    /// Requests for `busy` that are not answered yet, or taken slots of a group.
    busy: usize,
    /// The largest value of `busy` so far.
    max_busy: usize,
    /// Endless responses that were started.
    endless: usize,
    /// Endless responses that were dropped.
    dropped: usize,
    /// Failures since the last success.
    failures: u64,
}

impl KeyedState {
    /// Replies to an experiment that needs state:
    ///
    /// - `hit/KEY?name=NAME&ms=MS` stores the name, and after `ms` milliseconds counts the request and replies with
    ///   the count. `hits/KEY` returns the stored names and clears them.
    /// - `busy/KEY?ms=MS` replies after `ms` milliseconds. `peak/KEY` returns how many of these requests ran at once.
    /// - `flaky/KEY?fail=N&status=S&after=T` fails N times (default 1) with the status S (default 503), then returns
    ///   the request's body and starts over. With `after`, the failures have the header `retry-after: T`. With the
    ///   status 0, the server does not answer.
    /// - `endless/KEY` sends a body without an end. `ended/KEY?wait=MS` returns whether all endless bodies of the key
    ///   were dropped, and waits up to `wait` milliseconds for that.
    pub(super) async fn reply(self: &Arc<Self>, name: &str, key: &str, request: &mut Incoming) -> Reply {
        match name {
            "hit" => {
                let name = request.query("name").unwrap_or_default().to_owned();
                self.update(key, |counters| counters.names.push(name));
                sleep_ms(request, "ms").await;
                Reply::text(self.update(key, |counters| {
                    counters.hits += 1;
                    counters.hits.to_string()
                }))
            }
            "hits" => Reply::text(self.update(key, |counters| std::mem::take(&mut counters.names).join(" "))),
            "peak" => Reply::text(self.update(key, |counters| counters.max_busy.to_string())),
            "busy" => {
                self.update(key, |counters| {
                    counters.busy += 1;
                    counters.max_busy = counters.max_busy.max(counters.busy);
                });
                sleep_ms(request, "ms").await;
                self.update(key, |counters| counters.busy -= 1);
                Reply::text("done")
            }
            "flaky" => self.flaky(key, request).await,
            "endless" => Reply::new(200, self.endless(key)),
            _ => Reply::text(self.ended(key, request).await.to_string()),
        }
    }

    async fn flaky(&self, key: &str, request: &mut Incoming) -> Reply {
        let body = request.body().await.unwrap_or_default();
        let fails = self.should_fail(key, query_number(request, "fail").unwrap_or(1));
        match query_number(request, "status").unwrap_or(503) {
            _ if !fails => Reply::new(200, body),
            0 => Reply::silence(),
            status => {
                let status = u16::try_from(status).unwrap_or(503);
                let reply = Reply::text(format!("failed with {status}")).with_status(status);
                match request.query("after") {
                    Some(after) => reply.with_header("retry-after", after),
                    None => reply,
                }
            }
        }
    }

    /// Counts a request and returns whether it is among the first `count` requests of the key, which fail. The request
    /// after them succeeds and resets the counter.
    pub(super) fn should_fail(&self, key: &str, count: u64) -> bool {
        self.update(key, |counters| {
            let fails = counters.failures < count;
            counters.failures = if fails { counters.failures + 1 } else { 0 };
            fails
        })
    }

    /// Takes a slot of the group, or returns `None` if `capacity` slots are taken. Without a capacity, the number of
    /// slots is unlimited.
    pub(super) fn acquire_slot(self: &Arc<Self>, group: Option<&str>, capacity: Option<u64>) -> Option<Slot> {
        let key = group.unwrap_or_default().to_owned();
        let capacity = capacity.and_then(|capacity| usize::try_from(capacity).ok()).unwrap_or(usize::MAX);
        let is_free = self.update(&key, |counters| {
            let is_free = counters.busy < capacity;
            counters.busy += usize::from(is_free);
            is_free
        });
        is_free.then(|| Slot { state: self.clone(), key })
    }

    fn endless(self: &Arc<Self>, key: &str) -> Body {
        self.update(key, |counters| counters.endless += 1);
        let guard = EndlessGuard { state: self.clone(), key: key.to_owned() };
        Body::stream(stream::unfold(guard, |guard| async move {
            Timer::after(Duration::from_millis(5)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(&[b'.'; 4096])), guard))
        }))
    }

    async fn ended(&self, key: &str, request: &Incoming) -> bool {
        let ended = || self.update(key, |counters| counters.endless > 0 && counters.dropped == counters.endless);
        for _ in 0..query_number(request, "wait").unwrap_or(0) / 5 {
            if ended() {
                break;
            }
            Timer::after(Duration::from_millis(5)).await;
        }
        ended()
    }

    fn update<T>(&self, key: &str, change: impl FnOnce(&mut Counters) -> T) -> T {
        let mut all: MutexGuard<'_, _> = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(all.entry(key.to_owned()).or_default())
    }
}

/// Counts an endless response as dropped, at its end.
struct EndlessGuard {
    state: Arc<KeyedState>,
    key: String,
}

impl Drop for EndlessGuard {
    fn drop(&mut self) {
        self.state.update(&self.key, |counters| counters.dropped += 1);
    }
}

/// A slot of a group. Dropping it frees the slot, also when the request is cancelled.
pub(super) struct Slot {
    state: Arc<KeyedState>,
    key: String,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.state.update(&self.key, |counters| counters.busy -= 1);
    }
}
