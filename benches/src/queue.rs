//! Many queued requests: the memory that a queued request needs, and the time to join and to leave the queue.

use std::pin::Pin;
use std::process::Command;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use futures::Future;
use waterspout::{Backend, BoxFuture, Builder, CallContext, Client, Request, Response, Result};

use crate::measure::resident;

/// A backend that never answers.
struct Silent;

impl Backend for Silent {
    fn fetch(&self, _request: Request, _context: CallContext) -> BoxFuture<'_, Result<Response>> {
        Box::pin(std::future::pending())
    }
}

/// Measures `count` queued requests in three cases: a single origin, 1,000 origins with limits, and a separate origin
/// for each request. Without a `case`, runs each case in a new process: in a process that has freed memory before, the
/// growth of the memory proves nothing.
pub fn measure(count: usize, case: Option<&str>) {
    match case {
        None => {
            println!("{count} queued requests; bytes and nanoseconds per request:\n");
            println!("{:<28} {:>8} {:>8} {:>8} {:>8} {:>8}", "", "request", "waiting", "join", "leave", "start");
            for case in ["single-origin", "origins", "separate-origins"] {
                let program = std::env::current_exe().expect("this program");
                let status = Command::new(program).args(["queue", &count.to_string(), case]).status();
                assert!(status.is_ok_and(|status| status.success()));
            }
        }
        Some("single-origin") => run("a single origin", count, 1, |builder| builder),
        Some("origins") => run("1,000 origins with limits", count, 1_000, |builder| builder.max_active_per_origin(2)),
        Some(_) => run("as many origins as requests", count, count, |builder| builder.max_active_per_origin(2)),
    }
}

/// Measures a case and prints its row.
fn run(name: &str, count: usize, origins: usize, configure: impl Fn(Builder) -> Builder) {
    let client = configure(Client::builder().max_active(1)).backend(Silent).build().expect("good settings");
    let mut cx = Context::from_waker(Waker::noop());
    // This request takes the only slot and never ends, so all further requests are queued.
    let mut first = request(&client, 0, origins);
    let _ = first.as_mut().poll(&mut cx);

    let before = resident();
    let mut requests: Vec<_> = (0..count).map(|number| Some(request(&client, number, origins))).collect();
    let built = resident();
    let join = time(|| requests.iter_mut().flatten().for_each(|request| drop(request.as_mut().poll(&mut cx))));
    let joined = resident();
    assert_eq!(client.stats().queued, count);

    // Every second request leaves. The prime factor makes the departures jump across the whole queue.
    let leave = time(|| (0..count).step_by(2).for_each(|index| requests[index * 7919 % count] = None));
    let left: Vec<_> = requests.into_iter().flatten().collect();
    let remaining = left.len();
    // The running request ends, and so does each remaining request: every end lets the queue start another request.
    let start = time(|| {
        drop(first);
        for mut request in left {
            let _ = request.as_mut().poll(&mut cx);
        }
    });
    assert_eq!((client.stats().active, client.stats().queued), (0, 0));
    let each = |time: Duration, requests: usize| time.as_nanos() / requests as u128;
    println!(
        "{name:<28} {:>8} {:>8} {:>8} {:>8} {:>8}",
        (built - before) / count,
        (joined - built) / count,
        each(join, count),
        each(leave, count - remaining),
        each(start, remaining)
    );
}

type RequestFuture = Pin<Box<dyn Future<Output = Result<Response>>>>;

/// Builds the request with a number. Priorities vary from 0 to 4, so that the order of the queue is not the order of
/// arrival.
fn request(client: &Client, number: usize, origins: usize) -> RequestFuture {
    let url = format!("http://host-{}.example/", number % origins);
    Box::pin(client.get(url).priority((number % 5) as i16).send())
}

fn time(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}
