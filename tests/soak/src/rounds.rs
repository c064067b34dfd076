//! The rounds of a run, and the rests between them, where everything must be back at its level.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::future::join_all;

use crate::clients::{IDLE, SoakClient, sleeps};
use crate::levels::{Levels, mebibytes};
use crate::random::Random;
use crate::run::Run;
use crate::troubles::Troubles;

/// The threads of the clients without tokio. Each runs requests of all of these clients, so clients share threads and
/// threads share clients.
const THREADS: usize = 3;

/// How long a rest waits until idle connections are closed and helper threads have ended.
const SETTLING: Duration = Duration::from_secs(20);

/// The most threads of the library's pools together: tasks, and blocking work.
const MAX_POOLED: usize = 68;

/// The time between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(10);

/// The clients of a run. Some rests drop them and make new clients.
#[derive(Default)]
pub struct Clients {
    pub on_threads: Vec<Arc<SoakClient>>,
    pub on_tokio: Vec<Arc<SoakClient>>,
}

impl Clients {
    pub fn is_empty(&self) -> bool {
        self.on_threads.is_empty() && self.on_tokio.is_empty()
    }

    fn all(&self) -> impl Iterator<Item = &Arc<SoakClient>> {
        self.on_threads.iter().chain(&self.on_tokio)
    }
}

/// A request that does not settle: the run cannot go on.
pub struct Hang;

/// Runs all workers and troubles for the time of a round, and waits until each request has settled.
pub fn round(
    run: &Arc<Run>,
    number: u32,
    length: Duration,
    clients: &Clients,
    runtime: &tokio::runtime::Runtime,
    troubles: &mut Troubles,
) -> Result<(), Hang> {
    run.stopping.store(false, Ordering::Relaxed);
    let mut part = u64::from(number) << 32;
    let mut random = || {
        part += 1;
        Random::new(run.options.seed, part)
    };
    let mut workers = Vec::new();
    let per_thread = (run.options.workers * clients.on_threads.len()).div_ceil(THREADS);
    for thread in 0..THREADS {
        let tasks: Vec<_> = (0..per_thread)
            .map(|index| {
                let client = &clients.on_threads[(thread * per_thread + index) % clients.on_threads.len()];
                (run.clone(), client.clone(), random())
            })
            .collect();
        workers.push(thread::spawn(move || {
            block_on(join_all(tasks.into_iter().map(|(run, client, random)| async move {
                run.work(&client, random).await;
            })));
        }));
    }
    let mut tasks = Vec::new();
    for client in &clients.on_tokio {
        for _ in 0..run.options.workers {
            let (run, client, random) = (run.clone(), client.clone(), random());
            tasks.push(runtime.spawn(async move { run.work(&client, random).await }));
        }
    }
    let random = random();
    thread::scope(|scope| {
        let troubles = scope.spawn(|| troubles.make(run, random));
        let have_ended = || workers.iter().all(JoinHandle::is_finished) && tasks.iter().all(|task| task.is_finished());
        let result = watch(run, length, clients, have_ended);
        run.stopping.store(true, Ordering::Relaxed);
        match troubles.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => run.tally.violation(&format!("the troubles failed: {error}")),
            Err(_) => run.tally.violation("the thread of the troubles panicked"),
        }
        result
    })?;
    for worker in workers {
        run.tally.check(worker.join().is_ok(), || "a thread of requests panicked".to_owned());
    }
    for task in tasks {
        run.tally.check(runtime.block_on(task).is_ok(), || "a task of requests panicked".to_owned());
    }
    Ok(())
}

/// Waits until the round ends and all requests have settled. Prints the progress, and each request that hangs.
fn watch(run: &Run, length: Duration, clients: &Clients, has_ended: impl Fn() -> bool) -> Result<(), Hang> {
    let started = Instant::now();
    let mut next_line = PROGRESS;
    while !has_ended() {
        thread::sleep(Duration::from_millis(100));
        if started.elapsed() >= length {
            run.stopping.store(true, Ordering::Relaxed);
        }
        if started.elapsed() >= next_line {
            next_line += PROGRESS;
            progress(run, clients);
        }
        let overdue = run.watchdog.overdue(run.options.slack);
        if !overdue.is_empty() {
            overdue.iter().for_each(|text| run.tally.violation(text));
            run.stopping.store(true, Ordering::Relaxed);
            return Err(Hang);
        }
    }
    Ok(())
}

fn progress(run: &Run, clients: &Clients) {
    let active: usize = clients.all().map(|client| client.client.stats().active).sum();
    let queued: usize = clients.all().map(|client| client.client.stats().queued).sum();
    let counts = run.tally.counts().clone();
    println!(
        "{} requests, {} cancelled, {:.0} MiB; errors: {}; {} run, {active} active, {queued} queued; {}; {} violations",
        counts.requests(),
        counts.cancelled,
        mebibytes(counts.bytes),
        counts.errors_by_kind(),
        run.watchdog.len(),
        Levels::now(),
        counts.violations
    );
}

/// Waits until everything is back at its level, and checks it. Returns the levels.
pub fn rest(run: &Run, clients: &Clients, base: Option<&Levels>, counts: &Path) -> io::Result<Levels> {
    let started = Instant::now();
    let threads = base.map_or(usize::MAX, |base| base.threads);
    let descriptors = base.map_or(usize::MAX, |base| base.descriptors);
    let mut levels = Levels::now();
    while started.elapsed() < SETTLING {
        levels = Levels::now();
        let is_settled = levels.sockets == 0 && levels.threads <= threads && levels.descriptors <= descriptors;
        // Idle connections, and the timers of their limits, last this long.
        if is_settled && sleeps() == 0 && started.elapsed() > IDLE {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    let tally = &run.tally;
    tally.check(run.watchdog.len() == 0, || format!("{} requests run at a rest", run.watchdog.len()));
    for client in clients.all() {
        let stats = client.client.stats();
        tally.check((stats.active, stats.queued) == (0, 0), || {
            format!(
                "slots: the client {} has {} active and {} queued requests at a rest",
                client.name, stats.active, stats.queued
            )
        });
    }
    tally.check(levels.sockets == 0, || format!("descriptors: {} sockets are open at a rest", levels.sockets));
    tally.check(levels.descriptors <= descriptors, || {
        format!("descriptors: {} are open at a rest, and {descriptors} were after the warm-up", levels.descriptors)
    });
    tally.check(levels.threads <= threads, || {
        format!("threads: {} exist at a rest, and {threads} did after the warm-up", levels.threads)
    });
    tally.check(levels.pooled_threads <= MAX_POOLED, || {
        format!("threads: the library's pools have {} threads, more than {MAX_POOLED}", levels.pooled_threads)
    });
    tally.check(sleeps() == 0, || format!("timers: {} sleeps exist at a rest", sleeps()));
    let ids = fs::read(counts)?;
    // The servers append to the file.
    fs::OpenOptions::new().write(true).open(counts)?.set_len(0)?;
    tally.check_counted(&ids);
    Ok(levels)
}

/// Returns the bytes that are allocated after all clients were dropped at a rest. Prints them.
pub fn level_without_clients() -> u64 {
    // Tasks of the clients end when they find them gone.
    thread::sleep(Duration::from_millis(500));
    let allocated = Levels::now().allocated;
    println!("without clients: {:.2} MiB allocated", mebibytes(allocated));
    allocated
}
