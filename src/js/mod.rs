//! The exports behind the npm package: the queue in front of the platform's own `fetch`.
//!
//! JavaScript makes the attempts, keeps their outcomes, and decides whether another attempt follows. It asks the core for a slot
//! before each attempt and gives the slot back afterwards. The core decides which request runs next, and when.
//!
//! Only numbers pass between them, and the text of an origin. Objects of JavaScript would need a table in the module and glue
//! of wasm-bindgen, and promises a queue of their own: together half of the module's imports. No byte of a body passes through
//! here.

// wasm-bindgen exports these functions, and its macro requires them to be public.
#![allow(unreachable_pub)]

mod clock;
mod host;
mod protocol;
mod requests;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use slab::Slab;
use wasm_bindgen::prelude::*;

use self::clock::HostClock;
use self::protocol::{Command, Failure, NO_LIMIT, Stat, UNLIMITED_QUEUE};
use crate::client::queue::{Queue, QueueSettings, Rate, Rejection, SlotRequest, StallDetection};

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Full => Self::QueueFull,
            Rejection::Cleared => Self::Cleared,
            // The npm package looks for no stalls.
            Rejection::Closed | Rejection::Stalled => Self::Closed,
        }
    }
}

thread_local! {
    /// The clients, by their numbers.
    static CLIENTS: RefCell<Slab<Arc<Queue>>> = const { RefCell::new(Slab::new()) };
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
    let queue = Arc::new(Queue::new(settings, Arc::new(HostClock)));
    CLIENTS.with_borrow_mut(|clients| clients.insert(queue)) as u32
}

/// Forgets a client.
#[wasm_bindgen]
pub fn forget(client: u32) {
    let forgotten = CLIENTS.with_borrow_mut(|clients| clients.try_remove(client as usize));
    // The table is not borrowed here: dropping the client may call JavaScript.
    drop(forgotten);
}

/// Asks for a slot. The origin may be empty if the client has no limits by origin.
///
/// Returns the request's number times two, plus one if the request holds a slot already. If it does not, `answered` is called once the
/// wait has ended. A request that is rejected at once has no number: its `Failure` is returned as a negative number.
#[wasm_bindgen]
pub fn acquire(client: u32, origin: String, priority: i16, is_retry: bool) -> i32 {
    let outcome = join(client, origin, priority, is_retry);
    // This may give a slot to the new request too, which JavaScript does not know yet.
    requests::poll_woken();
    match outcome {
        Ok(request) => (request as i32) << 1 | i32::from(requests::is_running(request)),
        Err(failure) => -(failure as i32),
    }
}

/// Takes a slot or joins the queue. Returns the number of the request.
fn join(client: u32, origin: String, priority: i16, is_retry: bool) -> Result<u32, Failure> {
    // A client that only JavaScript knows is a defect: the request fails, it does not hang.
    let queue = find(client).ok_or(Failure::CoreFailed)?;
    let slot_request = SlotRequest { origin: &origin, priority, is_retry, detection: StallDetection::default() };
    if let Some(slot) = queue.try_acquire(&slot_request)? {
        return Ok(requests::add_running(slot));
    }
    let wait = async move { queue.acquire(SlotRequest { origin: &origin, priority, is_retry, ..Default::default() }).await };
    requests::add_waiting(Box::pin(wait))
}

/// Gives the slot of a request back, or takes the request out of the queue.
#[wasm_bindgen]
pub fn release(request: u32) {
    requests::release(request);
    requests::poll_woken();
}

/// Wakes a request whose timer has fired.
#[wasm_bindgen]
pub fn wake(request: u32) {
    requests::wake(request);
    requests::poll_woken();
}

/// Changes a client as a whole, by the number of a [`Command`].
#[wasm_bindgen]
pub fn command(client: u32, number: u32) {
    let Some(queue) = find(client) else { return };
    // An enum exported through wasm-bindgen would check the number, with 100 bytes of code and text.
    match number {
        it if it == Command::Pause as u32 => queue.pause(true),
        it if it == Command::Resume as u32 => queue.pause(false),
        it if it == Command::Clear as u32 => drop(queue.clear()),
        it if it == Command::Close as u32 => queue.close(),
        _ => (),
    }
    requests::poll_woken();
}

/// Returns a number of a client's statistics: a [`Stat`], or a bucket from `Stat::FirstBucket` on.
#[wasm_bindgen]
pub fn stat(client: u32, number: u32) -> f64 {
    let Some(queue) = find(client) else { return 0.0 };
    let stats = queue.totals();
    match number {
        it if it == Stat::Active as u32 => stats.active as f64,
        it if it == Stat::Queued as u32 => stats.queued as f64,
        it if it == Stat::TotalWait as u32 => milliseconds(stats.waits.total()),
        it if it == Stat::LongestWait as u32 => milliseconds(stats.waits.longest()),
        _ => stats.waits.bucket((number - Stat::FirstBucket as u32) as usize) as f64,
    }
}

fn find(client: u32) -> Option<Arc<Queue>> {
    // Cloned, so that the table is not borrowed while the client is used, which may call JavaScript.
    CLIENTS.with_borrow(|clients| clients.get(client as usize).cloned())
}

fn rate(requests: u32, per: f64, burst: u32) -> Option<Rate> {
    (requests != NO_LIMIT).then(|| Rate::new(requests, Duration::from_nanos((per * 1e6) as u64)).burst(burst))
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
