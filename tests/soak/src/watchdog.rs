//! The watch over all running requests: each must settle within its limit and a slack.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The requests that run.
#[derive(Default)]
pub struct Watchdog(Mutex<Watched>);

#[derive(Default)]
struct Watched {
    next: u64,
    requests: HashMap<u64, WatchedRequest>,
}

struct WatchedRequest {
    text: String,
    phase: &'static str,
    started: Instant,
    limit: Duration,
}

/// A running request. Dropping it ends the watch.
pub struct Watch {
    watchdog: Arc<Watchdog>,
    id: u64,
    started: Instant,
}

impl Watchdog {
    /// Watches a request that must settle within `limit`.
    pub fn watch(self: &Arc<Self>, text: String, limit: Duration) -> Watch {
        let mut watched = self.lock();
        watched.next += 1;
        let (id, started) = (watched.next, Instant::now());
        watched.requests.insert(id, WatchedRequest { text, phase: "queue", started, limit });
        Watch { watchdog: self.clone(), id, started }
    }

    /// Returns a description of each request that has run longer than its limit and `slack`.
    pub fn overdue(&self, slack: Duration) -> Vec<String> {
        let watched = self.lock();
        let late = watched.requests.values().filter(|request| request.started.elapsed() > request.limit + slack);
        late.map(|request| {
            let (text, phase, limit) = (&request.text, request.phase, request.limit);
            format!(
                "hang: {text} still runs after {:.1?}, in the phase: {phase}; its limit was {limit:?}",
                request.started.elapsed()
            )
        })
        .collect()
    }

    pub fn len(&self) -> usize {
        self.lock().requests.len()
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    /// Names what the request does now.
    pub fn phase(&self, phase: &'static str) {
        if let Some(request) = self.watchdog.lock().requests.get_mut(&self.id) {
            request.phase = phase;
        }
    }

    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watchdog.lock().requests.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_beyond_its_limit_is_named_with_its_phase() {
        let watchdog = Arc::new(Watchdog::default());
        let watch = watchdog.watch("the request".to_owned(), Duration::ZERO);
        let _patient = watchdog.watch("another request".to_owned(), Duration::from_secs(3600));
        watch.phase("body");
        std::thread::sleep(Duration::from_millis(1));
        let overdue = watchdog.overdue(Duration::ZERO);
        assert_eq!(overdue.len(), 1);
        assert!(
            overdue[0].contains("the request still runs") && overdue[0].contains("in the phase: body"),
            "{overdue:?}"
        );
        assert!(watchdog.overdue(Duration::from_secs(60)).is_empty());
        drop(watch);
        assert!(watchdog.overdue(Duration::ZERO).is_empty());
    }
}
