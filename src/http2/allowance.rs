//! How many requests a new connection gets before its server has shown that it goes on.
//!
//! A server may retire each connection after few requests, as nginx does after `keepalive_requests`. It does not process
//! the requests beyond, which would be sent again and again. So a connection after such a connection gets as many requests
//! at first as the last connection has taken. Each response allows two more.
//!
//! If three connections in a row have taken the same number, the next connection gets no more. A request beyond would reach
//! a server that closes the connection: it resets a connection whose last bytes it has not read, and then its responses
//! are lost on their way (RFC 9112, section 9.6, describes this for HTTP/1.1).

use std::sync::atomic::{AtomicUsize, Ordering};

/// The count of a connection's requests. All methods but [`new`](Self::new) run under the lock of the pool.
#[derive(Debug)]
pub(super) struct RequestAllowance {
    /// The requests that may begin before the first response.
    first: AtomicUsize,
    begun: AtomicUsize,
    ended: AtomicUsize,
    /// All requests that the connection gets.
    limit: AtomicUsize,
}

impl RequestAllowance {
    /// Creates the allowance of a server that has refused no request: no limit.
    pub(super) fn new() -> Self {
        let none = || AtomicUsize::new(usize::MAX);
        Self { first: none(), begun: AtomicUsize::new(0), ended: AtomicUsize::new(0), limit: none() }
    }

    pub(super) fn set_limit(&self, requests: usize) {
        self.limit.store(requests.max(1), Ordering::Relaxed);
    }

    /// Returns whether all requests have begun that the server is known to take.
    pub(super) fn is_spent(&self) -> bool {
        self.begun.load(Ordering::Relaxed) >= self.limit.load(Ordering::Relaxed)
    }

    pub(super) fn set_first(&self, requests: usize) {
        self.first.store(requests.max(1), Ordering::Relaxed);
    }

    /// Returns whether the last connection to the server has refused requests.
    pub(super) fn is_limited(&self) -> bool {
        self.first.load(Ordering::Relaxed) < usize::MAX
    }

    /// Returns whether another request may begin. A connection without a running request has room until it is spent.
    pub(super) fn has_room(&self) -> bool {
        let ended = self.ended.load(Ordering::Relaxed);
        let allowed = self.first.load(Ordering::Relaxed).max(ended.saturating_mul(2));
        self.begun.load(Ordering::Relaxed) < allowed && !self.is_spent()
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
    fn connection_gets_no_more_requests_than_the_limit() {
        let allowance = RequestAllowance::new();
        allowance.set_limit(3);
        assert_eq!(begin_all(&allowance, 100), 3);
        assert!(allowance.is_spent());
        allowance.end();
        assert_eq!(begin_all(&allowance, 100), 0);
    }

    #[test]
    fn server_that_refused_no_request_has_no_limit() {
        assert_eq!(begin_all(&RequestAllowance::new(), 100_000), 100_000);
    }
}
