//! What the lab remembers, by key: how often it was asked, how many at once, and what became of endless answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_io::Timer;
use futures::stream;
use waterspout::testing::{Incoming, Reply};
use waterspout::{Body, Bytes};

use super::{number, pause};

/// The records of all keys.
#[derive(Default)]
pub(super) struct Memory(Mutex<HashMap<String, Record>>);

#[derive(Default)]
struct Record {
    hits: usize,
    order: Vec<String>,
    busy: usize,
    peak: usize,
    endless: usize,
    ended: usize,
    failed: u64,
}

impl Memory {
    /// - `hit/KEY?name=N` counts and remembers the name; `hits/KEY` gives the names so far and forgets them;
    /// - `busy/KEY?ms=N` takes its time; `peak/KEY` says how many did so at once;
    /// - `flaky/KEY?fail=N&status=S&after=T` fails N times with the status S, and `retry-after: T` if that is given, then sends
    ///   the request's body back, and begins anew; with the status 0 it fails by silence;
    /// - `endless/KEY` never ends; `ended/KEY?wait=MS` says whether all of them were given up, waiting for it a while.
    pub(super) async fn answer(self: &Arc<Self>, name: &str, key: &str, request: &mut Incoming) -> Reply {
        match name {
            "hit" => {
                let name = request.query("name").unwrap_or_default().to_owned();
                self.with(key, |record| record.order.push(name));
                pause(request, "ms").await;
                Reply::text(self.with(key, |record| {
                    record.hits += 1;
                    record.hits.to_string()
                }))
            }
            "hits" => Reply::text(self.with(key, |record| std::mem::take(&mut record.order).join(" "))),
            "peak" => Reply::text(self.with(key, |record| record.peak.to_string())),
            "busy" => {
                self.with(key, |record| {
                    record.busy += 1;
                    record.peak = record.peak.max(record.busy);
                });
                pause(request, "ms").await;
                self.with(key, |record| record.busy -= 1);
                Reply::text("done")
            }
            "flaky" => self.flaky(key, request).await,
            "endless" => Reply::new(200, self.endless(key)),
            _ => Reply::text(self.ended(key, request).await.to_string()),
        }
    }

    async fn flaky(&self, key: &str, request: &mut Incoming) -> Reply {
        let body = request.body().await.unwrap_or_default();
        let fails = self.fails(key, number(request, "fail").unwrap_or(1));
        match request.query("status").unwrap_or("503") {
            _ if !fails => Reply::new(200, body),
            "0" => Reply::silence(),
            status => {
                let reply = Reply::text(format!("failed with {status}")).with_status(status);
                match request.query("after") {
                    Some(after) => reply.with_header("retry-after", after),
                    None => reply,
                }
            }
        }
    }

    /// Whether this is one of the first requests of a key, that are to fail; after them all begins anew.
    pub(super) fn fails(&self, key: &str, most: u64) -> bool {
        self.with(key, |record| {
            let fails = record.failed < most;
            record.failed = if fails { record.failed + 1 } else { 0 };
            fails
        })
    }

    /// A place among those that a group has at once; without a group there is always one.
    pub(super) fn place(self: &Arc<Self>, group: Option<&str>, capacity: Option<u64>) -> Option<Place> {
        let key = group.unwrap_or_default().to_owned();
        let most = capacity.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
        let is_free = self.with(&key, |record| {
            let is_free = record.busy < most;
            record.busy += usize::from(is_free);
            is_free
        });
        is_free.then(|| Place { memory: self.clone(), key })
    }

    fn endless(self: &Arc<Self>, key: &str) -> Body {
        self.with(key, |record| record.endless += 1);
        let watch = Watch { memory: self.clone(), key: key.to_owned() };
        Body::stream(stream::unfold(watch, |watch| async move {
            Timer::after(Duration::from_millis(5)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(&[b'.'; 4096])), watch))
        }))
    }

    async fn ended(&self, key: &str, request: &Incoming) -> bool {
        let ended = || self.with(key, |record| record.endless > 0 && record.ended == record.endless);
        for _ in 0..number(request, "wait").unwrap_or(0) / 5 {
            if ended() {
                break;
            }
            Timer::after(Duration::from_millis(5)).await;
        }
        ended()
    }

    fn with<T>(&self, key: &str, use_record: impl FnOnce(&mut Record) -> T) -> T {
        let mut records: MutexGuard<'_, _> = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        use_record(records.entry(key.to_owned()).or_default())
    }
}

/// Lives as long as an endless answer is being sent.
struct Watch {
    memory: Arc<Memory>,
    key: String,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.memory.with(&self.key, |record| record.ended += 1);
    }
}

/// Lives as long as a place is taken, be it given back or given up.
pub(super) struct Place {
    memory: Arc<Memory>,
    key: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.memory.with(&self.key, |record| record.busy -= 1);
    }
}
