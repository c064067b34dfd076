//! The exports behind the npm package: the queue in front of the platform's own `fetch`.
//!
//! JavaScript makes the attempts, keeps their outcomes and the clock, and decides whether another attempt follows
//! (`pkg-js/src/request.ts`). It asks the core for a slot before each attempt and gives the slot back afterwards
//! (`pkg-js/src/core.ts`). The core decides which request starts next.
//!
//! Only numbers pass between them, and the text of an origin. Objects of JavaScript would need a table in the module and
//! glue of wasm-bindgen, and promises a queue of their own: together half of the module's imports. No byte of a body
//! passes through here.

// wasm-bindgen exports these functions, and its macro requires them to be public.
#![allow(unreachable_pub)]

mod host;
mod protocol;

use std::cell::RefCell;
use std::time::Duration;

use slab::Slab;
use wasm_bindgen::prelude::*;

use self::protocol::{NO_LIMIT, NO_START, QUEUE_FULL, UNLIMITED_QUEUE};
use crate::client::queue::{HostQueue, QueueSettings, Rate};

/// Nanoseconds in a millisecond.
const MILLISECOND: f64 = 1e6;

thread_local! {
    /// The queues of the clients, by the clients' numbers.
    static CLIENTS: RefCell<Slab<HostQueue>> = const { RefCell::new(Slab::new()) };
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
    CLIENTS.with_borrow_mut(|clients| clients.insert(HostQueue::new(settings))) as u32
}

/// Forgets a client.
#[wasm_bindgen]
pub fn forget(client: u32) {
    CLIENTS.with_borrow_mut(|clients| clients.try_remove(client as usize));
}

/// Takes a slot for a request, or adds the request to the queue. The origin may be empty if the client has no limits by
/// origin.
///
/// JavaScript calls [`dispatch`] before, because waiting requests come first.
///
/// Returns the ticket of the request times two, plus 1 if the request waits, or `QUEUE_FULL`. A request that waits
/// starts once [`dispatch`] reports its number `request`.
#[wasm_bindgen]
pub fn acquire(client: u32, request: u32, origin: String, priority: i16, is_retry: bool, now: f64) -> i32 {
    let entry = with(client, |queue| queue.acquire(request, &origin, priority, is_retry, nanos(now)));
    // A client that only JavaScript knows is a defect: its request fails, it does not hang.
    match entry {
        Some(Ok(entry)) => (entry.ticket as i32) << 1 | i32::from(!entry.has_slot),
        _ => QUEUE_FULL,
    }
}

/// Gives the slot of a request back, or takes the request out of the queue. JavaScript calls [`dispatch`] next.
///
/// `was_used` says whether the request was sent. If not, the rate limits do not count its start.
#[wasm_bindgen]
pub fn release(client: u32, ticket: u32, was_used: bool, now: f64) {
    with(client, |queue| queue.release(ticket, was_used, nanos(now)));
}

/// Gives free slots to the waiting requests that may start now, and calls `started` for each, in the order in which they
/// start.
///
/// Returns when to call this function again, in milliseconds, or `NO_START` if the time alone starts no request.
#[wasm_bindgen]
pub fn dispatch(client: u32, now: f64) -> f64 {
    if let Some(started) = with(client, |queue| queue.dispatch(nanos(now))) {
        // The table is not borrowed here.
        started.for_each(host::started);
    }
    let next_start = with(client, |queue| queue.next_start()).flatten();
    next_start.map_or(NO_START, |at| (at as f64 / MILLISECOND).max(now))
}

/// With `true`, lets no waiting request start; with `false`, lets them start again. JavaScript calls [`dispatch`] next.
#[wasm_bindgen]
pub fn pause(client: u32, paused: bool) {
    with(client, |queue| queue.pause(paused));
}

/// Calls `act` with the queue of a client. Returns `None` if the client is unknown.
fn with<T>(client: u32, act: impl FnOnce(&mut HostQueue) -> T) -> Option<T> {
    CLIENTS.with_borrow_mut(|clients| clients.get_mut(client as usize).map(act))
}

/// Returns a time in nanoseconds. The cast saturates: NaN becomes zero.
fn nanos(milliseconds: f64) -> i64 {
    (milliseconds * MILLISECOND) as i64
}

fn rate(requests: u32, per: f64, burst: u32) -> Option<Rate> {
    (requests != NO_LIMIT).then(|| Rate::new(requests, Duration::from_nanos((per * MILLISECOND) as u64)).burst(burst))
}
