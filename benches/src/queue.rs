//! A crowd in a client's queue: what each that waits costs in memory, and what it takes to join and to leave.

use std::pin::Pin;
use std::process::Command;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use futures::Future;
use waterspout::{Backend, BoxFuture, Builder, Client, Request, Response, Result};

/// A server that never answers.
struct Silent;

impl Backend for Silent {
    fn fetch(&self, _request: Request) -> BoxFuture<'_, Result<Response>> {
        Box::pin(std::future::pending())
    }
}

/// Measures `crowd` requests at once, with and without what makes the queue work harder; each `case` is a process of its
/// own, since memory that was used before says nothing.
pub fn measure(crowd: usize, case: Option<&str>) {
    match case {
        None => {
            println!("{crowd} requests wait; each, in bytes and nanoseconds:\n");
            println!("{:<28} {:>8} {:>8} {:>8} {:>8} {:>8}", "", "request", "waiting", "join", "leave", "start");
            for case in ["line", "origins", "crowd"] {
                let program = std::env::current_exe().expect("this program");
                let status = Command::new(program).args(["queue", &crowd.to_string(), case]).status();
                assert!(status.is_ok_and(|status| status.success()));
            }
        }
        Some("line") => run("one line", crowd, 1, |builder| builder),
        Some("origins") => run("1,000 origins with limits", crowd, 1_000, |builder| builder.max_active_per_origin(2)),
        Some(_) => run("as many origins as requests", crowd, crowd, |builder| builder.max_active_per_origin(2)),
    }
}

fn run(name: &str, crowd: usize, origins: usize, settings: impl Fn(Builder) -> Builder) {
    let client = settings(Client::builder().max_active(1)).backend(Silent).build().expect("good settings");
    let mut cx = Context::from_waker(Waker::noop());
    let mut first = request(&client, 0, origins);
    let _ = first.as_mut().poll(&mut cx);

    let before = resident();
    let mut requests: Vec<_> = (0..crowd).map(|number| Some(request(&client, number, origins))).collect();
    let built = resident();
    let join = time(|| requests.iter_mut().flatten().for_each(|request| drop(request.as_mut().poll(&mut cx))));
    let joined = resident();
    assert_eq!(client.stats().queued, crowd);

    // Every other leaves, all over the line; then each that runs ends, and the next starts.
    let leave = time(|| (0..crowd).step_by(2).for_each(|index| requests[index * 7919 % crowd] = None));
    let left: Vec<_> = requests.into_iter().flatten().collect();
    let remaining = left.len();
    let start = time(|| {
        drop(first);
        for mut request in left {
            let _ = request.as_mut().poll(&mut cx);
        }
    });
    assert_eq!((client.stats().active, client.stats().queued), (0, 0));
    let each = |time: Duration, count: usize| time.as_nanos() / count as u128;
    println!(
        "{name:<28} {:>8} {:>8} {:>8} {:>8} {:>8}",
        (built - before) / crowd,
        (joined - built) / crowd,
        each(join, crowd),
        each(leave, crowd - remaining),
        each(start, remaining)
    );
}

type Waiting = Pin<Box<dyn Future<Output = Result<Response>>>>;

fn request(client: &Client, number: usize, origins: usize) -> Waiting {
    let url = format!("http://host-{}.example/", number % origins);
    Box::pin(client.get(url).priority((number % 5) as i16).send())
}

fn time(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

/// The memory that this process has, in bytes; zero where there is no `/proc`.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").ok().and_then(|text| text.split(' ').nth(1)?.parse().ok());
    pages.unwrap_or(0) * rustix::param::page_size()
}
