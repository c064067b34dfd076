//! What the lab remembers, by key: how often it was asked, how many at once, and what became of endless answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_io::Timer;
use futures::stream;
use waterspout::testing::{Incoming, Reply};
use waterspout::{Body, Bytes};

use super::pause;

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
}

impl Memory {
    /// - `hit/KEY?name=N` counts and remembers the name; `hits/KEY` gives the names so far and forgets them;
    /// - `busy/KEY?ms=N` takes its time; `peak/KEY` says how many did so at once;
    /// - `endless/KEY` never ends; `ended/KEY?wait=MS` says whether all of them were given up, waiting for it a while.
    pub(super) async fn answer(self: &Arc<Self>, name: &str, key: &str, request: &Incoming) -> Reply {
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
            "endless" => Reply::new(200, self.endless(key)),
            _ => Reply::text(self.ended(key, request).await.to_string()),
        }
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
        for _ in 0..super::number(request, "wait").unwrap_or(0) / 5 {
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
