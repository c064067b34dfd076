//! The site that the servers serve: bodies from a seed, echoes, counted requests, events, redirects.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures::stream;
use waterspout::platform::native::SystemTimer;
use waterspout::testing::{Handler, Incoming, Reply};
use waterspout::{Body, BoxFuture, Bytes, Timer};

use crate::payload::{self, PIECE, Sum};
use crate::random::mix;

/// The time between two events, and between two pieces of a slow body.
const PACE: Duration = Duration::from_millis(15);

/// Answers the requests of a server process.
#[derive(Clone)]
pub struct Site(Arc<Shared>);

struct Shared {
    /// The ids of counted requests. The file outlives the process, so a killed server loses no count.
    counts: File,
    /// Counts every counted request twice, to see that the check notices.
    repeats: bool,
    /// The number of requests to `/unstable`.
    unstable: AtomicU64,
}

impl Site {
    pub fn new(counts: File, repeats: bool) -> Self {
        Self(Arc::new(Shared { counts, repeats, unstable: AtomicU64::new(0) }))
    }

    async fn answer(&self, request: &mut Incoming) -> Reply {
        let path = request.path().to_owned();
        let mut parts = path.split('/').skip(1);
        let name = parts.next().unwrap_or_default();
        let mut number = || parts.next().and_then(|part| part.parse::<u64>().ok()).unwrap_or_default();
        match name {
            "bytes" => body(request, number(), number()),
            "slow" => slow(number(), number()),
            "echo" => match request.body().await {
                Ok(body) => Reply::new(200, body),
                Err(_) => Reply::close(),
            },
            "sum" => sum(request).await,
            "count" => self.count(request, number()).await,
            "events" => events(request, number(), number()),
            "redirect" => redirect(number(), number(), number()),
            "unstable" => self.unstable(number(), number()),
            "silence" => Reply::silence(),
            _ => Reply::new(404, "no such path"),
        }
    }

    /// Writes the id of a request to the file, then answers with the id.
    async fn count(&self, request: &mut Incoming, id: u64) -> Reply {
        if request.body().await.is_err() {
            return Reply::close();
        }
        for _ in 0..=u64::from(self.0.repeats) {
            // A single write of 8 bytes at the end of the file is not divided.
            if (&self.0.counts).write_all(&id.to_le_bytes()).is_err() {
                return Reply::new(500, "the id could not be written");
            }
        }
        Reply::text(format!("counted {id}"))
    }

    /// Answers half of the requests with status 503.
    fn unstable(&self, length: u64, seed: u64) -> Reply {
        let number = self.0.unstable.fetch_add(1, Ordering::Relaxed);
        match mix(number ^ seed).is_multiple_of(2) {
            true => Reply::new(503, "unstable"),
            false => Reply::new(200, payload::bytes(seed, 0, length)),
        }
    }
}

impl Handler for Site {
    fn handle<'a>(&'a self, request: &'a mut Incoming) -> BoxFuture<'a, Reply> {
        Box::pin(self.answer(request))
    }
}

/// Answers with a body from a seed: with a known length, in pieces without a length, or compressed.
fn body(request: &Incoming, length: u64, seed: u64) -> Reply {
    if request.query("gzip").is_some() && request.header("accept-encoding").is_some_and(|list| list.contains("gzip")) {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let written = encoder.write_all(&payload::bytes(seed, 0, length)).and_then(|()| encoder.finish());
        return match written {
            Ok(compressed) => Reply::new(200, compressed).with_header("content-encoding", "gzip"),
            Err(_) => Reply::new(500, "compression failed"),
        };
    }
    let reply = Reply::new(200, streamed(length, seed));
    match request.query("chunked") {
        Some(_) => reply,
        None => reply.with_header("content-length", &length.to_string()),
    }
}

/// Makes a body that is sent in pieces.
pub fn streamed(length: u64, seed: u64) -> Body {
    Body::stream(pieces(length, seed))
}

/// Returns the pieces of a body.
pub fn pieces(length: u64, seed: u64) -> impl futures::Stream<Item = std::io::Result<Bytes>> + Send {
    let starts = (0..length).step_by(PIECE as usize);
    stream::iter(starts.map(move |start| Ok(payload::bytes(seed, start, PIECE.min(length - start)).into())))
}

/// Sends a body in few pieces, with a wait before each.
fn slow(length: u64, seed: u64) -> Reply {
    let piece = length.div_ceil(8).max(1);
    let pieces = stream::unfold(0, move |start| async move {
        if start >= length {
            return None;
        }
        SystemTimer.sleep_until(SystemTimer.now() + PACE).await;
        let end = (start + piece).min(length);
        Some((Ok::<_, std::io::Error>(payload::bytes(seed, start, end - start)), end))
    });
    Reply::new(200, Body::stream(pieces))
}

/// Reads a body, and answers with its length and checksum.
async fn sum(request: &mut Incoming) -> Reply {
    let mut sum = Sum::default();
    let mut length = 0;
    loop {
        match request.chunk().await {
            Ok(Some(piece)) => {
                sum.add(&piece);
                length += piece.len();
            }
            Ok(None) => return Reply::text(format!("{length} {:016x}", sum.value())),
            Err(_) => return Reply::close(),
        }
    }
}

/// Returns the data of an event.
pub fn event_data(seed: u64, number: u64) -> String {
    format!("{:016x}", mix(seed ^ mix(number)))
}

/// Sends events from the number after the last id that the client has, up to `count`.
fn events(request: &Incoming, count: u64, seed: u64) -> Reply {
    let last: u64 = request.header("last-event-id").and_then(|id| id.parse().ok()).unwrap_or_default();
    let events = stream::unfold(last + 1, move |number| async move {
        if number > count {
            return None;
        }
        SystemTimer.sleep_until(SystemTimer.now() + PACE).await;
        let event = format!("retry: 50\nid: {number}\ndata: {}\n\n", event_data(seed, number));
        Some((Ok::<_, std::io::Error>(event), number + 1))
    });
    Reply::new(200, Body::stream(events)).with_header("content-type", "text/event-stream")
}

/// Redirects `steps` times to a body.
fn redirect(steps: u64, length: u64, seed: u64) -> Reply {
    match steps {
        0 => Reply::new(200, payload::bytes(seed, 0, length)),
        _ => Reply::redirect(302, &format!("/redirect/{}/{length}/{seed}", steps - 1)),
    }
}
