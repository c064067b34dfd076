//! How a seed sets the client, the servers and the network.

use std::time::Duration;

use waterspout::agent::{Config, RedirectPolicy};
use waterspout::testing::Http2Config;
use waterspout::{Builder, CircuitBreaker, Rate, RetryBudget};

use crate::link::{Cut, CutKind, DOWN, Shape, UP};
use crate::rng::SeededRng;

/// The names of the hosts.
pub(crate) const HOSTS: [&str; 3] = ["a.test", "b.test", "c.test"];

/// What a host speaks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Speech {
    Http1,
    Http2,
    /// Each connection speaks HTTP/1.1 or HTTP/2.
    Both,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) hosts: Vec<Speech>,
    pub(crate) max_active: usize,
    pub(crate) per_origin: Option<usize>,
    pub(crate) max_queued: Option<usize>,
    pub(crate) rate: Option<Rate>,
    /// The failures in a row after which a circuit opens, and how long it stays open.
    pub(crate) breaker: Option<(u32, Duration)>,
    /// The most retries at once, if there is a budget.
    pub(crate) budget: Option<u32>,
    pub(crate) max_redirects: usize,
    pub(crate) idle_connections: usize,
    pub(crate) http2_connections: usize,
    pub(crate) has_executor: bool,
    pub(crate) http2: Http2Config,
    /// The bytes of a body that the servers take over HTTP/2 before they have read any, if fewer than the 65,535 of RFC 9113.
    pub(crate) window: Option<u32>,
    pub(crate) has_few_streams: bool,
    /// Whether connections may be slow.
    pub(crate) is_slow: bool,
    /// A connection in this many has a fault; 0 means none.
    pub(crate) cuts: u64,
    /// Whether steps may break connections and close the client.
    pub(crate) is_destructive: bool,
    pub(crate) requests: usize,
}

impl Settings {
    pub(crate) fn random(rng: &mut SeededRng) -> Self {
        let speeches = [Speech::Http1, Speech::Http2, Speech::Both];
        let mut http2 = Http2Config::new();
        let has_few_streams = rng.one_in(3);
        if has_few_streams {
            http2 = http2.max_concurrent_streams(rng.pick(&[1, 2]));
        }
        let window = rng.one_in(3).then(|| rng.pick(&[1_000, 30_000]));
        if let Some(size) = window {
            http2 = http2.initial_window_size(size);
        }
        let hosts = rng.pick(&[1, 2, 2, 3]);
        Self {
            hosts: (0..hosts).map(|_| rng.pick(&speeches)).collect(),
            max_active: rng.pick(&[1, 2, 3, 3, 6, 20]),
            per_origin: rng.one_in(3).then(|| rng.pick(&[1, 2])),
            max_queued: rng.one_in(6).then(|| rng.pick(&[0, 2, 4])),
            rate: rng.one_in(8).then(|| Rate::new(rng.pick(&[1, 5]), Duration::from_secs(1))),
            breaker: rng.one_in(4).then(|| (rng.pick(&[1, 2, 4]), Duration::from_secs(rng.pick(&[1, 10])))),
            budget: rng.one_in(5).then(|| rng.pick(&[0, 1, 3])),
            max_redirects: rng.pick(&[20, 20, 2, 0]),
            idle_connections: rng.pick(&[1_024, 1_024, 1, 0]),
            http2_connections: rng.pick(&[1, 2, 2]),
            has_executor: rng.one_in(2),
            http2,
            window,
            has_few_streams,
            is_slow: rng.one_in(3),
            cuts: rng.pick(&[0, 0, 3, 10]),
            is_destructive: rng.one_in(2),
            requests: rng.pick(&[3, 8, 12, 16]),
        }
    }

    pub(crate) fn config(&self) -> Config {
        Config::new()
            .idle_connections(self.idle_connections)
            .http2_connections(self.http2_connections)
            .idle_connection_timeout(Duration::from_secs(15))
    }

    pub(crate) fn build(&self, mut builder: Builder) -> Builder {
        builder = builder.max_active(self.max_active).origin_stats(true);
        if let Some(limit) = self.per_origin {
            builder = builder.max_active_per_origin(limit);
        }
        if let Some(limit) = self.max_queued {
            builder = builder.max_queued(limit);
        }
        if let Some(rate) = self.rate {
            builder = builder.rate_limit(rate);
        }
        if let Some((failures, open_for)) = self.breaker {
            builder = builder.circuit_breaker(CircuitBreaker::new().failures(failures).open_for(open_for));
        }
        let budget = match self.budget {
            Some(retries) => RetryBudget::new().percent(0).per_second(0).capacity(retries),
            None => RetryBudget::unlimited(),
        };
        builder.retry_budget(budget).extension(RedirectPolicy::new().limit(self.max_redirects))
    }

    /// Picks how a new connection carries bytes.
    pub(crate) fn shape(&self, rng: &mut SeededRng) -> Shape {
        let mut shape = Shape {
            latency: Duration::ZERO,
            pace: Duration::ZERO,
            piece: rng.pick(&[usize::MAX, usize::MAX, 1_400, 100]),
            capacity: rng.pick(&[usize::MAX, 1 << 16, 4_000]),
            linger: Duration::from_millis(rng.pick(&[0, 0, 0, 0, 0, 0, 1, 2_000])),
            cut: None,
        };
        if self.is_slow && rng.one_in(2) {
            shape.latency = Duration::from_millis(rng.pick(&[1, 40, 600, 8_000]));
            if rng.one_in(2) {
                shape.pace = Duration::from_millis(rng.pick(&[1, 50]));
                shape.piece = rng.pick(&[400, 4_000]);
            }
        }
        if self.cuts > 0 && rng.one_in(self.cuts) {
            shape.cut = Some(Cut {
                direction: rng.pick(&[UP, DOWN]),
                after: rng.pick(&[1, 30, 150, 300, 1_000, 5_000]),
                kind: rng.pick(&[CutKind::Reset, CutKind::Reset, CutKind::BlackHole]),
            });
        }
        shape
    }
}
