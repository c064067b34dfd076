//! Checks while nothing moves that no request goes on although its limit has passed.

use std::time::Duration;

use waterspout::{Instant, Stage};

use crate::plan::{DEFAULT_LIMIT, Plan};
use crate::record::{RecordState, RequestFacts};

/// The wait of a request for `100 Continue`, and the time to spare.
const CONTINUE: Duration = Duration::from_secs(2);

/// How long a request waits at most while nothing happens. The limit is 30 s, and a step of the clock may be 11 s.
const LONGEST_STALL: Duration = Duration::from_secs(60);

/// Checks that a request that is polled whenever it is woken has not passed a limit.
///
/// # Errors
/// Which limit has passed.
pub(crate) fn check_lateness(
    plan: &Plan,
    state: &RecordState,
    now: Instant,
    is_closed_now: bool,
) -> Result<(), String> {
    let facts = &state.requests[plan.id];
    if facts.is_pausing {
        return Ok(());
    }
    if is_closed_now {
        return Err(format!("request {} goes on although the client was closed at once", plan.id));
    }
    let limits = &plan.limits;
    let is_started = facts.stage == Some(Stage::Started);
    let attempt = facts.starts.last().filter(|_| is_started);
    let join = facts.joins.last().filter(|_| facts.is_queued());
    // Whatever a request waits for, something moves within the limits of a phase.
    let head = limits.head.unwrap_or(DEFAULT_LIMIT) + limits.connect.unwrap_or(DEFAULT_LIMIT) + CONTINUE;
    let idle = limits.idle.unwrap_or(DEFAULT_LIMIT);
    let is_reading = facts.stage == Some(Stage::Head);
    let passed = [
        ("total", limits.total, facts.polled.map(|mark| mark.at)),
        ("request", limits.request, facts.starts.first().map(|mark| mark.at)),
        ("attempt", limits.attempt, attempt.map(|mark| mark.at)),
        ("queue", limits.queue, join.map(|mark| mark.at)),
        ("head", Some(head), is_started.then_some(state.quiet_since)),
        ("idle", Some(idle), is_reading.then_some(state.quiet_since)),
    ];
    for (name, limit, since) in passed {
        if let (Some(limit), Some(since)) = (limit, since) {
            let elapsed = now.since(since);
            if elapsed >= limit {
                return Err(format!("request {} goes on {elapsed:?} after the limit {name} of {limit:?}", plan.id));
            }
        }
    }
    Ok(())
}

/// Checks that no request waits in the queue while no request with a slot is polled.
///
/// # Errors
/// Which request waits.
pub(crate) fn check_stall(state: &RecordState, now: Instant, is_held: impl Fn(usize) -> bool) -> Result<(), String> {
    // A waiting request that is held may be the request whose timer looks for a stall.
    let is_stuck = |(id, facts): (usize, &RequestFacts)| match facts.is_active() {
        true => facts.is_pausing || is_held(id),
        false => !facts.is_queued() || !is_held(id),
    };
    if !state.requests.iter().enumerate().all(is_stuck) {
        return Ok(());
    }
    let waits = |(id, facts): &(usize, &RequestFacts)| {
        let since = facts.joins.last().map_or(now, |join| join.at.max(state.quiet_since));
        facts.is_queued() && !is_held(*id) && !facts.has_queue_limit && now.since(since) >= LONGEST_STALL
    };
    match state.requests.iter().enumerate().find(waits) {
        Some((id, _)) => Err(format!("request {id} waits for slots that no request uses")),
        None => Ok(()),
    }
}
