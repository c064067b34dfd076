//! How much a run measures.

/// The sizes of the measurements.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Whether the README gets the figures.
    pub is_published: bool,
    /// The rounds of small requests.
    pub small_rounds: usize,
    /// The rounds of everything else.
    pub rounds: usize,
    /// The requests of a turn are divided by this number.
    pub divisor: usize,
    /// The numbers of connections of small requests.
    pub connections: &'static [usize],
    /// The numbers of connections whose memory is measured while they are idle.
    pub idle: &'static [usize],
    /// How long the idle client is observed, in seconds.
    pub idle_seconds: usize,
    /// The number of requests at once in a single process.
    pub at_once: usize,
    /// The numbers of queued requests.
    pub queued: &'static [usize],
    /// The sizes of the site that waterspout's spider crawls.
    pub pages: &'static [usize],
    /// The size of the site that all spiders crawl.
    pub compared_pages: usize,
    /// The rounds of the spiders.
    pub spider_rounds: usize,
    /// The contenders whose work is counted by tools; empty means all.
    pub counted: &'static [&'static str],
}

impl Effort {
    /// The run whose results are published.
    pub const FULL: Self = Self {
        is_published: true,
        small_rounds: 9,
        rounds: 5,
        divisor: 1,
        connections: &[1, 8, 64, 512, 4096],
        idle: &[1_000, 9_000],
        idle_seconds: 10,
        at_once: 10_000,
        queued: &[10, 1_000, 100_000, 1_000_000],
        pages: &[1_000, 10_000, 100_000],
        compared_pages: 3_000,
        spider_rounds: 3,
        counted: &[],
    };

    /// A run of about a minute, to try the benchmark.
    pub const QUICK: Self = Self {
        is_published: false,
        small_rounds: 3,
        rounds: 2,
        divisor: 4,
        connections: &[1, 64, 512],
        idle: &[1_000],
        idle_seconds: 2,
        at_once: 2_000,
        queued: &[10, 1_000, 100_000],
        pages: &[1_000, 10_000],
        compared_pages: 500,
        spider_rounds: 1,
        counted: &["waterspout", "hyper-util"],
    };
}
