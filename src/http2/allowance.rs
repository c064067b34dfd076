//! How many requests a new connection gets before its server has shown that it goes on.
//!
//! A server may retire each connection after few requests, as nginx does after `keepalive_requests`. It does not process
//! the requests beyond, which would be sent again and again. So a connection after such a connection gets as many requests
//! at first as the last connection has taken. Each response allows two more. The limit is lifted when a request has waited
//! for it for a second, because the requests that have begun may be held, or their responses may never end.

use crate::runtime::sync::atomic::{AtomicUsize, Ordering};

/// The count of a connection's requests. All methods but [`new`](Self::new) run under the lock of the pool.
#[derive(Debug)]
pub(super) struct RequestAllowance {
    /// The requests that may begin before the first response.
    first: AtomicUsize,
    begun: AtomicUsize,
    ended: AtomicUsize,
}

impl RequestAllowance {
    /// Creates the allowance of a server that has refused no request: no limit.
    pub(super) fn new() -> Self {
        Self { first: AtomicUsize::new(usize::MAX), begun: AtomicUsize::new(0), ended: AtomicUsize::new(0) }
    }

    pub(super) fn set_first(&self, requests: usize) {
        self.first.store(requests.max(1), Ordering::Relaxed);
    }

    /// Lets all requests begin.
    pub(super) fn lift(&self) {
        self.set_first(usize::MAX);
    }

    /// Returns whether another request may begin. A connection without a running request always has room.
    pub(super) fn has_room(&self) -> bool {
        let ended = self.ended.load(Ordering::Relaxed);
        let allowed = self.first.load(Ordering::Relaxed).max(ended.saturating_mul(2));
        self.begun.load(Ordering::Relaxed) < allowed
    }

    pub(super) fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::RequestAllowance;

    /// Begins as many requests as the allowance has room for.
    fn begin_all(allowance: &RequestAllowance, max: usize) -> usize {
        (0..max).take_while(|_| allowance.has_room()).map(|_| allowance.begin()).count()
    }

    #[test]
    fn first_requests_are_limited_and_each_response_allows_two() {
        let allowance = RequestAllowance::new();
        allowance.set_first(3);
        assert_eq!(begin_all(&allowance, 100), 3);
        allowance.end();
        assert_eq!(begin_all(&allowance, 100), 0);
        allowance.end();
        assert_eq!(begin_all(&allowance, 100), 1);
        allowance.end();
        assert_eq!(begin_all(&allowance, 100), 2);
    }

    #[test]
    fn idle_connection_always_has_room() {
        let allowance = RequestAllowance::new();
        allowance.set_first(0);
        for _ in 0..100 {
            let begun = begin_all(&allowance, 1_000);
            assert!(begun > 0);
            (0..begun).for_each(|_| allowance.end());
        }
    }

    #[test]
    fn server_that_refused_no_request_has_no_limit() {
        assert_eq!(begin_all(&RequestAllowance::new(), 100_000), 100_000);
    }
}
