//! Many queued requests: the memory that a queued request needs, and the time to join and to leave the queue.

use std::fmt;
use std::pin::Pin;
use std::process::Command;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use futures::Future;
use waterspout::{Backend, BoxFuture, Builder, CallContext, Client, Request, Response, Result};

use crate::effort::Effort;
use crate::measure::resident;
use crate::server::program;
use crate::table::{Table, grouped};

/// A case is repeated until this number of requests was queued, because a short queue takes too little time to measure.
const REQUESTS: usize = 100_000;

/// The maximum number of origins, each with a limit. With more, a start takes milliseconds, because the choice of the
/// request that watches for a stall visits the origins in turn.
const MAX_ORIGINS: usize = 10_000;

/// A backend that never answers.
struct Silent;

impl Backend for Silent {
    fn fetch(&self, _request: Request, _context: CallContext) -> BoxFuture<'_, Result<Response>> {
        Box::pin(std::future::pending())
    }
}

/// The cost of a queued request.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    /// The bytes of a request that is built and not polled.
    built: usize,
    /// The further bytes of the request while it waits.
    waiting: usize,
    join: Duration,
    leave: Duration,
    start: Duration,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [join, leave, start] = [self.join, self.leave, self.start].map(|time| time.as_nanos());
        write!(f, "{} {} {join} {leave} {start}", self.built, self.waiting)
    }
}

/// Returns the section of the report.
pub fn measure(effort: &Effort) -> String {
    let most = *effort.queued.last().expect("a number of requests");
    let mut table = Table::new(&COLUMNS);
    for &count in effort.queued {
        table.row(&row(&format!("{} requests, a single origin", grouped(count as f64)), "single-origin", count));
    }
    add_other_cases(&mut table, most);
    format!(
        "## Queued requests\n\nA client with a single slot, which a request without an answer holds; all further \
         requests wait. Bytes of resident memory and nanoseconds for each request. A queued request joins once, and \
         then it either leaves or starts. `-`: too few requests to see the memory grow.\n\n{}",
        table.finish()
    )
}

/// Prints the costs of `count` queued requests.
pub fn print(count: usize) {
    let mut table = Table::new(&COLUMNS);
    table.row(&row("a single origin", "single-origin", count));
    add_other_cases(&mut table, count);
    println!("{count} queued requests; bytes and nanoseconds for each request:\n\n{}", table.finish());
}

const COLUMNS: [&str; 6] = ["", "built: bytes", "waiting: bytes", "join: ns", "leave: ns", "start: ns"];

fn add_other_cases(table: &mut Table, count: usize) {
    let title = grouped(count as f64);
    table.row(&row(&format!("{title} requests, 1,000 origins with limits"), "origins", count));
    let origins = count.min(MAX_ORIGINS);
    let title = format!("{} requests, as many origins with limits", grouped(origins as f64));
    table.row(&row(&title, "separate-origins", origins));
}

/// Runs a case in a new process: in a process that has freed memory before, the growth of the memory proves nothing.
fn row(title: &str, case: &str, count: usize) -> Vec<String> {
    let output = Command::new(program()).args(["queue", case, &count.to_string()]).output().expect("this program runs");
    assert!(output.status.success(), "the queue failed: {}", String::from_utf8_lossy(&output.stderr));
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut cells = vec![title.to_owned()];
    cells.extend(line.split_whitespace().enumerate().map(|(column, number)| {
        let is_memory = column < 2;
        if is_memory && count < 10_000 { "-".to_owned() } else { grouped(number.parse().expect("a number")) }
    }));
    cells
}

/// Measures `count` queued requests in a case, and prints the costs.
pub fn print_case(case: &str, count: usize) {
    let (origins, per_origin) = match case {
        "single-origin" => (1, None),
        "origins" => (1_000, Some(2)),
        "separate-origins" => (count, Some(2)),
        _ => panic!("there is no case {case}"),
    };
    let repeats = (REQUESTS / count).max(1);
    let costs: Vec<_> = (0..repeats)
        .map(|_| {
            let mut builder = Client::builder().max_active(1);
            if let Some(limit) = per_origin {
                builder = builder.max_active_per_origin(limit);
            }
            run(builder, count, origins)
        })
        .collect();
    let mean = |time: fn(&Cost) -> Duration| costs.iter().map(time).sum::<Duration>() / repeats as u32;
    let (join, leave, start) = (mean(|cost| cost.join), mean(|cost| cost.leave), mean(|cost| cost.start));
    println!("{}", Cost { join, leave, start, ..costs[0] });
}

/// Queues `count` requests; half of them leave the queue, and the other half starts.
fn run(builder: Builder, count: usize, origins: usize) -> Cost {
    let client = builder.backend(Silent).build().expect("good settings");
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
    Cost {
        built: built.saturating_sub(before) / count,
        waiting: joined.saturating_sub(built) / count,
        join: join / count as u32,
        leave: leave / (count - remaining) as u32,
        start: start / remaining as u32,
    }
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
