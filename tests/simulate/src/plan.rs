//! What a seed plans for each request: how it is sent, and what servers do when it arrives.

use std::time::Duration;

use waterspout::http::Method;
use waterspout::testing::Http2ErrorCode;

use crate::rng::SeededRng;

/// How a response is sent, and where it stops.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) size: usize,
    pub(crate) is_chunked: bool,
    pub(crate) is_gzip: bool,
    /// Whether the server reads the body of the request before it answers.
    pub(crate) reads_body: bool,
    /// The wait before the head.
    pub(crate) delay: Duration,
    /// A wait after this many bytes of the body.
    pub(crate) pause: Option<(usize, Duration)>,
    /// The connection ends after this many bytes of the body.
    pub(crate) cut: Option<usize>,
    /// Nothing follows after this many bytes of the body.
    pub(crate) stall: Option<usize>,
    /// The value of `retry-after`, in seconds.
    pub(crate) retry_after: Option<u64>,
    pub(crate) sets_cookie: bool,
    /// Whether the server closes the connection after the response.
    pub(crate) closes: bool,
    /// Whether a 103 comes first.
    pub(crate) informs: bool,
}

impl Answer {
    /// Makes a response that comes at once.
    pub(crate) fn plain(status: u16, size: usize) -> Self {
        Self {
            status,
            size,
            is_chunked: false,
            is_gzip: false,
            reads_body: true,
            delay: Duration::ZERO,
            pause: None,
            cut: None,
            stall: None,
            retry_after: None,
            sets_cookie: false,
            closes: false,
            informs: false,
        }
    }

    fn random(rng: &mut SeededRng) -> Self {
        let size = rng.pick(&[0, 1, 10, 200, 200, 3_000, 20_000]);
        let mut answer = Self::plain(200, size);
        answer.is_chunked = rng.one_in(3);
        answer.is_gzip = rng.one_in(5);
        answer.reads_body = !rng.one_in(6);
        answer.sets_cookie = rng.one_in(3);
        answer.closes = rng.one_in(8);
        answer.informs = rng.one_in(10);
        if rng.one_in(3) {
            answer.delay = Duration::from_millis(rng.pick(&[1, 30, 900, 6_000, 40_000]));
        }
        // Before the last byte, of a compressed body too: after it, the fault would belong to the next request.
        let at = rng.index(size.clamp(1, 18));
        match rng.below(12) {
            _ if size == 0 => {}
            0 => answer.cut = Some(at),
            1 => answer.stall = Some(at),
            2 | 3 => answer.pause = Some((at, Duration::from_millis(rng.pick(&[1, 500, 3_000, 25_000])))),
            _ => {}
        }
        answer
    }

    /// Makes a response that asks for another attempt.
    fn transient(rng: &mut SeededRng) -> Self {
        let mut answer = Self::plain(rng.pick(&[503, 503, 429, 500]), rng.pick(&[0, 10, 3_000]));
        answer.retry_after = rng.one_in(2).then(|| rng.pick(&[0, 1, 1, 3, 60]));
        answer.closes = rng.one_in(4);
        answer.reads_body = !rng.one_in(4);
        answer
    }
}

/// What a server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Answer(Answer),
    /// Sends the client to another host, or to the same host.
    Redirect {
        status: u16,
        host: usize,
    },
    /// Closes the connection without an answer.
    Close,
    /// Answers nothing.
    Silence,
    /// Answers with bytes that are not HTTP.
    Garbage,
    /// Resets the stream, over HTTP/2. Over HTTP/1.1 the connection is closed.
    ResetStream(Http2ErrorCode),
    /// Answers 408 and closes the connection, as to a request that has not arrived whole.
    RequestTimeout,
}

impl Act {
    fn random(rng: &mut SeededRng, hosts: usize) -> Self {
        match rng.below(24) {
            0..=12 => Self::Answer(Answer::random(rng)),
            13..=15 => Self::Answer(Answer::transient(rng)),
            16..=18 => Self::Redirect { status: rng.pick(&[301, 302, 303, 307, 307, 308]), host: rng.index(hosts) },
            19 => Self::Close,
            20 => Self::Silence,
            21 => Self::Garbage,
            22 => Self::RequestTimeout,
            _ => Self::ResetStream(rng.pick(&[
                Http2ErrorCode::REFUSED_STREAM,
                Http2ErrorCode::REFUSED_STREAM,
                Http2ErrorCode::INTERNAL_ERROR,
                Http2ErrorCode::PROTOCOL_ERROR,
                Http2ErrorCode::CANCEL,
                Http2ErrorCode::ENHANCE_YOUR_CALM,
            ])),
        }
    }
}

/// The body of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Upload {
    None,
    Bytes,
    /// A stream that is made again for each attempt.
    Factory,
    /// A stream that can be read once.
    Once,
    /// A stream that can be read once, and waits between its pieces.
    Paced,
}

/// What the caller does with the response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Reading {
    All,
    /// Drops the response.
    Nothing,
    /// Drops the response after its first chunk.
    Part,
    /// Waits before each chunk.
    Slow(Duration),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryPlan {
    pub(crate) attempts: u32,
    /// Whether the policy may repeat a POST.
    pub(crate) has_post: bool,
}

/// The time limits of a request; `None` leaves the client's limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) total: Option<Duration>,
    pub(crate) request: Option<Duration>,
    pub(crate) attempt: Option<Duration>,
    pub(crate) head: Option<Duration>,
    pub(crate) idle: Option<Duration>,
    pub(crate) connect: Option<Duration>,
    pub(crate) queue: Option<Duration>,
}

/// The limit of the client for connecting, for the head, and for a piece of the body.
pub(crate) const DEFAULT_LIMIT: Duration = Duration::from_secs(20);

/// How long a request without a limit of its own waits for a slot while no request makes progress.
pub(crate) const STALL_LIMIT: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) id: usize,
    pub(crate) host: usize,
    pub(crate) method: Method,
    pub(crate) upload: Upload,
    pub(crate) upload_size: usize,
    pub(crate) priority: i16,
    pub(crate) limits: Limits,
    pub(crate) retry: Option<RetryPlan>,
    pub(crate) reading: Reading,
    pub(crate) has_credentials: bool,
    pub(crate) expects_continue: bool,
    /// What servers do at each arrival. The last act repeats.
    pub(crate) acts: Vec<Act>,
}

impl Plan {
    pub(crate) fn random(rng: &mut SeededRng, id: usize, hosts: usize) -> Self {
        let mut plan = Self::probe(id, rng.index(hosts), 0);
        plan.method = rng.pick(&[Method::GET, Method::GET, Method::POST, Method::PUT].each_ref()).clone();
        if plan.method != Method::GET {
            plan.upload =
                rng.pick(&[Upload::None, Upload::Bytes, Upload::Bytes, Upload::Factory, Upload::Once, Upload::Paced]);
            plan.upload_size = rng.pick(&[1, 100, 100, 5_000, 30_000]);
            plan.expects_continue = plan.upload != Upload::None && rng.one_in(8);
        }
        plan.priority = rng.pick(&[-1, 0, 0, 0, 1]);
        plan.limits = random_limits(rng);
        if rng.one_in(2) {
            plan.retry = Some(RetryPlan { attempts: rng.pick(&[2, 3, 5]), has_post: rng.one_in(4) });
        }
        plan.reading = match rng.below(8) {
            0 => Reading::Nothing,
            1 => Reading::Part,
            2 => Reading::Slow(Duration::from_millis(rng.pick(&[1, 100, 4_000]))),
            _ => Reading::All,
        };
        plan.has_credentials = rng.one_in(2);
        plan.acts = (0..rng.pick(&[1, 2, 4])).map(|_| Act::random(rng, hosts)).collect();
        if rng.one_in(2) {
            plan.acts.push(Act::Answer(Answer::plain(200, 20)));
        }
        plan
    }

    /// Makes a GET that is answered at once.
    pub(crate) fn probe(id: usize, host: usize, size: usize) -> Self {
        Self {
            id,
            host,
            method: Method::GET,
            upload: Upload::None,
            upload_size: 0,
            priority: 0,
            limits: Limits::default(),
            retry: None,
            reading: Reading::All,
            has_credentials: false,
            expects_continue: false,
            acts: vec![Act::Answer(Answer::plain(200, size))],
        }
    }

    pub(crate) fn act(&self, visit: usize) -> Act {
        self.acts[visit.min(self.acts.len() - 1)].clone()
    }

    /// Returns whether the body can be sent again.
    pub(crate) fn is_replayable(&self) -> bool {
        !matches!(self.upload, Upload::Once | Upload::Paced)
    }

    pub(crate) fn has_body(&self) -> bool {
        self.upload != Upload::None
    }
}

fn random_limits(rng: &mut SeededRng) -> Limits {
    let mut limits = Limits::default();
    if rng.one_in(2) {
        return limits;
    }
    let length = Some(Duration::from_millis(rng.pick(&[40, 1_000, 5_000, 30_000])));
    match rng.below(7) {
        0 => limits.total = length,
        1 => limits.request = length,
        2 => limits.attempt = length,
        3 => limits.head = length,
        4 => limits.idle = length,
        5 => limits.connect = length,
        _ => limits.queue = length,
    }
    limits
}

/// Returns a byte of the body of a response: it tells the request and the visit.
pub(crate) fn response_byte(id: usize, visit: usize, at: usize) -> u8 {
    (id.wrapping_mul(31) ^ visit.wrapping_mul(7) ^ at ^ (at >> 8)) as u8
}

/// Returns a byte of the body of a request.
pub(crate) fn request_byte(id: usize, at: usize) -> u8 {
    (id.wrapping_mul(17) ^ at ^ (at >> 7)) as u8
}
