//! The exports behind the npm package: the client's outer loop around the platform's own `fetch`.
//!
//! JavaScript makes the platform's `Request`, starts attempts when the core asks for them, and keeps their outcomes. The core
//! decides when a request runs, and for how long.
//!
//! Only numbers pass between them, and the text of an origin. Objects of JavaScript would need a table in the module and glue
//! of wasm-bindgen, and promises a queue of their own: together half of the module's imports. No byte of a body passes through
//! here.

// wasm-bindgen exports these functions, and its macro requires them to be public.
#![allow(unreachable_pub)]

mod call;
mod clock;
mod host;
mod protocol;
mod tasks;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use slab::Slab;
use wasm_bindgen::prelude::*;

use self::call::HostCall;
use self::clock::{HostClock, HostSleep};
use self::protocol::{Command, Failure, NO_LIMIT, Stat, UNLIMITED_QUEUE};
use self::tasks::AttemptEnd;
use crate::client::call::{Shared, Timeouts, run as run_call};
use crate::client::queue::{Queue, QueueSettings, Rate, SlotRequest, StallDetection};

type Client = Rc<Shared<HostSleep>>;

thread_local! {
    /// The clients, by their numbers.
    static CLIENTS: RefCell<Slab<Client>> = const { RefCell::new(Slab::new()) };
}

/// Makes a client and returns its number. `NO_LIMIT` and `UNLIMITED_QUEUE` mean no limit; times are in milliseconds.
///
/// JavaScript has checked all values.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn create(
    max_active: u32,
    max_active_per_origin: u32,
    max_queued: u32,
    requests: u32,
    per: f64,
    burst: u32,
    origin_requests: u32,
    origin_per: f64,
    origin_burst: u32,
) -> u32 {
    let settings = QueueSettings {
        max_active: max_active as usize,
        max_active_per_origin: (max_active_per_origin != NO_LIMIT).then_some(max_active_per_origin as usize),
        max_queued: (max_queued != UNLIMITED_QUEUE).then_some(max_queued as usize),
        rate: rate(requests, per, burst),
        origin_rate: rate(origin_requests, origin_per, origin_burst),
        ..QueueSettings::default()
    };
    let shared = Shared { queue: Arc::new(Queue::new(settings, Arc::new(HostClock))), clock: HostClock };
    CLIENTS.with_borrow_mut(|clients| clients.insert(Rc::new(shared))) as u32
}

/// Forgets a client.
#[wasm_bindgen]
pub fn forget(client: u32) {
    let forgotten = CLIENTS.with_borrow_mut(|clients| clients.try_remove(client as usize));
    // The table is not borrowed here: dropping the client may call JavaScript.
    drop(forgotten);
}

/// Makes a task of a request and returns the task's number. [`run`] starts it.
///
/// The time limits are in milliseconds. The origin may be empty if the client has no limits by origin.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn request(client: u32, origin: String, priority: i16, queue: f64, head: f64, request: f64, total: f64) -> u32 {
    let shared = find(client);
    let timeouts = Timeouts {
        queue: limit(queue),
        head: limit(head),
        attempt: None,
        request: limit(request),
        total: limit(total),
    };
    tasks::add(|task| {
        Box::pin(async move {
            // A client that only JavaScript knows is a defect: the request fails, it does not hang.
            let Some(shared) = shared else { return Failure::CoreFailed };
            let slot_request =
                SlotRequest { origin: &origin, priority, is_retry: false, detection: StallDetection::default() };
            let sent = run_call(&shared, timeouts, slot_request, &mut HostCall(task)).await;
            // The slot is given back here, at the response's head: the platform's Response is handed out untouched, so its body cannot
            // be watched.
            sent.map_or_else(|failure| failure, |_held| Failure::None)
        })
    })
}

/// Ends the present attempt of a task.
#[wasm_bindgen(js_name = endAttempt)]
pub fn end_attempt(task: u32, has_response: bool) {
    let end = if has_response { AttemptEnd::Response } else { AttemptEnd::Error };
    tasks::turn(|| tasks::end_attempt(task, end));
}

/// Runs a task.
///
/// JavaScript calls this once it knows the number, because `start` is called once a slot is free: within this call if a slot is free
/// now. `settle` is called at the end.
#[wasm_bindgen]
pub fn run(task: u32) {
    tasks::run(task);
}

/// Wakes a task whose timer has fired.
#[wasm_bindgen]
pub fn wake(task: u32) {
    tasks::turn(|| tasks::wake(task));
}

/// Takes a task out of the queue or out of its slot. If the task is being polled, `settle` is called after the poll.
#[wasm_bindgen]
pub fn cancel(task: u32) {
    tasks::cancel(task);
}

/// Changes a client as a whole, by the number of a [`Command`].
#[wasm_bindgen]
pub fn command(client: u32, number: u32) {
    let Some(shared) = find(client) else { return };
    // An enum exported through wasm-bindgen would check the number, with 100 bytes of code and text.
    tasks::turn(|| match number {
        it if it == Command::Pause as u32 => shared.queue.pause(true),
        it if it == Command::Resume as u32 => shared.queue.pause(false),
        it if it == Command::Clear as u32 => drop(shared.queue.clear()),
        it if it == Command::Close as u32 => shared.queue.close(),
        it if it == Command::CloseNow as u32 => shared.queue.close_now(),
        _ => (),
    });
}

/// Returns a number of a client's statistics: a [`Stat`], or a bucket from `Stat::FirstBucket` on.
#[wasm_bindgen]
pub fn stat(client: u32, number: u32) -> f64 {
    let Some(shared) = find(client) else { return 0.0 };
    let stats = shared.queue.totals();
    match number {
        it if it == Stat::Active as u32 => stats.active as f64,
        it if it == Stat::Queued as u32 => stats.queued as f64,
        it if it == Stat::TotalWait as u32 => milliseconds(stats.waits.total()),
        it if it == Stat::LongestWait as u32 => milliseconds(stats.waits.longest()),
        _ => stats.waits.bucket((number - Stat::FirstBucket as u32) as usize) as f64,
    }
}

fn find(client: u32) -> Option<Client> {
    // Cloned, so that the table is not borrowed while the client is used, which may call JavaScript.
    CLIENTS.with_borrow(|clients| clients.get(client as usize).cloned())
}

fn rate(requests: u32, per: f64, burst: u32) -> Option<Rate> {
    (requests != NO_LIMIT).then(|| Rate::new(requests, Duration::from_nanos((per * 1e6) as u64)).burst(burst))
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Returns a limit in milliseconds as a duration. The cast saturates: a negative number or NaN becomes zero, which means no limit.
fn limit(milliseconds: f64) -> Option<Duration> {
    // Rounded up, because a limit of less than a millisecond must not become zero.
    Some(Duration::from_millis(milliseconds.ceil() as u64))
}
