//! The measured clients. Each runs through its public API, as its documentation shows it.

mod hyper;
mod raw;
mod reqwest;
mod waterspout;

use std::cell::Cell;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use futures::future::join_all;

use self::hyper::HyperRequests;
use self::reqwest::ReqwestRequests;
use self::waterspout::WaterspoutRequests;
use crate::job::{Job, Kind, Sample};
use crate::measure::Stopwatch;

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
        Kind::Small | Kind::Fresh | Kind::Held => client.get().await,
        Kind::Download | Kind::Chunked => client.download().await,
        Kind::Upload => client.upload().await,
    };
    assert_eq!(length, job.expected_length());
}

/// Performs a job on the current thread, with a future for each connection.
async fn perform(client: &impl Requests, job: &Job) -> Sample {
    run_concurrently(job.connections, job.warm_up, || exchange(client, job)).await;
    let watch = Stopwatch::start();
    run_concurrently(job.connections, job.requests, || exchange(client, job)).await;
    watch.stop()
}

/// Calls `request` until `requests` of them are complete, with `connections` calls at once.
async fn run_concurrently<F: Future>(connections: usize, requests: usize, request: impl Fn() -> F) {
    let left = Cell::new(requests);
    join_all((0..connections.min(requests)).map(|_| async {
        while left.get() > 0 {
            left.set(left.get() - 1);
            request().await;
        }
    }))
    .await;
}

/// Performs a job with a task of tokio for each connection.
async fn perform_spawned(client: impl Requests + Send + 'static, job: &Job) -> Sample {
    let (client, job) = (Arc::new(client), Arc::new(job.clone()));
    run_spawned(&client, &job, job.warm_up).await;
    let watch = Stopwatch::start();
    run_spawned(&client, &job, job.requests).await;
    watch.stop()
}

async fn run_spawned(client: &Arc<impl Requests + Send + 'static>, job: &Arc<Job>, requests: usize) {
    let left = Arc::new(AtomicUsize::new(requests));
    let tasks = (0..job.connections.min(requests)).map(|_| {
        let (client, job, left) = (client.clone(), job.clone(), left.clone());
        tokio::spawn(async move {
            while left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
                exchange(&*client, &job).await;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("a task does not panic");
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
