//! The measured clients. Each runs through its public API, as its documentation shows it.

mod h2;
mod hyper;
mod raw;
mod reqwest;
mod waterspout;

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::join_all;

use self::h2::H2Requests;
use self::hyper::HyperRequests;
use self::reqwest::ReqwestRequests;
use self::waterspout::WaterspoutRequests;
use crate::job::{Job, Kind, Sample};
use crate::measure::{Stopwatch, open_sockets, resident};

/// A client on an executor.
pub struct Contender {
    /// The name in tables and arguments.
    pub name: &'static str,
    /// Performs a job and returns its cost.
    pub run: fn(&Job) -> Sample,
}

/// All contenders, in the order of the tables.
pub const CONTENDERS: &[Contender] = &[
    Contender { name: "raw", run: raw::run },
    Contender { name: "waterspout", run: |job| async_io::block_on(perform(&WaterspoutRequests::new(job), job)) },
    Contender {
        name: "waterspout-agent",
        run: |job| async_io::block_on(perform(&WaterspoutRequests::with_agent(job), job)),
    },
    Contender { name: "hyper-util", run: |job| current_thread(async { perform(&HyperRequests::new(job), job).await }) },
    Contender { name: "reqwest", run: |job| current_thread(async { perform(&ReqwestRequests::new(job), job).await }) },
    Contender {
        name: "waterspout-tokio",
        run: |job| current_thread(async { perform(&WaterspoutRequests::on_tokio(job), job).await }),
    },
    Contender {
        name: "waterspout-tokio-mt",
        run: |job| multi_thread(async { perform_spawned(WaterspoutRequests::on_tokio(job), job).await }),
    },
    Contender {
        name: "waterspout-in-tokio",
        run: |job| current_thread(async { perform(&WaterspoutRequests::new(job), job).await }),
    },
    Contender {
        name: "waterspout-in-tokio-mt",
        run: |job| multi_thread(async { perform_spawned(WaterspoutRequests::new(job), job).await }),
    },
    Contender {
        name: "hyper-util-mt",
        run: |job| multi_thread(async { perform_spawned(HyperRequests::new(job), job).await }),
    },
];

/// The contender that speaks HTTP/2 alone.
pub const H2: Contender =
    Contender { name: "h2", run: |job| current_thread(async { perform(&H2Requests::connect(job).await, job).await }) };

/// The requests of a client. Each function returns the length of the response's body.
pub trait Requests: Sync {
    /// Sends a GET and reads the body as a whole.
    fn get(&self) -> impl Future<Output = usize> + Send;
    /// Sends a GET and reads the body in pieces.
    fn download(&self) -> impl Future<Output = usize> + Send;
    /// Sends a body of [`UPLOAD`](crate::server::UPLOAD) bytes.
    fn upload(&self) -> impl Future<Output = usize> + Send;
}

/// Sends the request of a job and checks the length of the response's body.
async fn exchange(client: &impl Requests, job: &Job) {
    let length = match job.kind {
        Kind::Small | Kind::Fresh | Kind::Held | Kind::Idle => client.get().await,
        Kind::Download | Kind::Chunked => client.download().await,
        Kind::Upload => client.upload().await,
    };
    assert_eq!(length, job.expected_length());
}

/// Performs a job on the current thread, with a future for each connection.
async fn perform(client: &impl Requests, job: &Job) -> Sample {
    if job.kind == Kind::Idle {
        return stay_idle(client, job).await;
    }
    let progress = Progress::new(job);
    join_all((0..progress.connections).map(|_| requests_in_turn(client, job, &progress))).await;
    progress.stop()
}

/// Performs a job with a task of tokio for each connection.
async fn perform_spawned(client: impl Requests + Send + 'static, job: &Job) -> Sample {
    let shared = Arc::new((client, job.clone(), Progress::new(job)));
    let tasks = (0..shared.2.connections).map(|_| {
        let shared = shared.clone();
        tokio::spawn(async move {
            let (client, job, progress) = &*shared;
            requests_in_turn(client, job, progress).await;
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("a task does not panic");
    }
    shared.2.stop()
}

/// Sends requests in turn until no request is left.
async fn requests_in_turn(client: &impl Requests, job: &Job, progress: &Progress) {
    let mut is_first = true;
    while progress.begin_request() {
        exchange(client, job).await;
        progress.opened.fetch_add(usize::from(std::mem::take(&mut is_first)), Relaxed);
    }
}

/// Opens the connections of a job at the same time, and then leaves them idle.
async fn stay_idle(client: &impl Requests, job: &Job) -> Sample {
    let before = resident();
    join_all((0..job.connections).map(|_| exchange(client, job))).await;
    let watch = Stopwatch::start();
    async_io::Timer::after(Duration::from_secs(job.requests as u64)).await;
    let sample = watch.stop();
    assert!(open_sockets() >= job.connections, "the client closed idle connections");
    Sample { resident: sample.resident.saturating_sub(before), ..sample }
}

/// Counts the requests of a job. The measurement starts without a pause after the requests that open the connections: a
/// client may close connections that are idle.
struct Progress {
    connections: usize,
    /// The connections that have had a response.
    opened: AtomicUsize,
    /// The requests before the measured requests that have begun.
    warmed_up: AtomicUsize,
    /// [`Job::warm_up`].
    warm_up: usize,
    /// The measured requests that have not begun.
    left: AtomicUsize,
    watch: OnceLock<Stopwatch>,
}

impl Progress {
    fn new(job: &Job) -> Self {
        let connections = job.connections.min(job.warm_up + job.requests);
        let (opened, warmed_up, left) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(job.requests));
        Self { connections, opened, warmed_up, warm_up: job.warm_up, left, watch: OnceLock::new() }
    }

    /// Returns whether a request is left, and takes it.
    fn begin_request(&self) -> bool {
        if self.watch.get().is_none() {
            if self.is_warming_up() {
                return true;
            }
            let _ = self.watch.set(Stopwatch::start());
        }
        self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Takes a request before the measured requests, if it is needed.
    ///
    /// The first connections send further requests until all are open. Otherwise they could use up these requests, and
    /// the other connections would open during the measurement: a task of tokio may begin long after the first task.
    fn is_warming_up(&self) -> bool {
        let is_needed = self.warmed_up.fetch_add(1, Relaxed) < self.warm_up;
        is_needed || (self.warm_up > 0 && self.opened.load(Relaxed) < self.connections)
    }

    fn stop(&self) -> Sample {
        self.watch.get().expect("the measurement has started").stop()
    }
}

/// Runs a future as `#[tokio::main(flavor = "current_thread")]` does.
fn current_thread<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// Runs a future as `#[tokio::main]` does.
fn multi_thread<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime").block_on(future)
}
