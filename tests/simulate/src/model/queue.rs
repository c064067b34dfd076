//! Checks the queue while nothing moves: limits hold, free slots are used, and requests start in the right order.

use waterspout::{Client, Stats};

use crate::record::{RecordState, RequestFacts};
use crate::server::Plans;
use crate::settings::Settings;

/// Checks the queue of a client.
///
/// `held_back` is the number of requests that were woken and not polled since: the observer does not know their steps.
/// `is_ready` tells whether a request is one of them.
///
/// # Errors
/// What is wrong.
pub(crate) fn check_queue(
    client: &Client,
    settings: &Settings,
    state: &mut RecordState,
    plans: &Plans,
    held_back: usize,
    is_ready: impl Fn(usize) -> bool,
) -> Result<(), String> {
    let stats = client.stats();
    if stats.active > settings.max_active {
        return Err(format!("{} requests are active", stats.active));
    }
    if held_back == 0 && (stats.active, stats.queued) != (state.active, state.queued) {
        let (active, queued) = (state.active, state.queued);
        return Err(format!("{stats:?} differs from {active} active and {queued} queued requests"));
    }
    check_slots(&stats, settings)?;
    // A retry joins a full queue.
    let is_first = |facts: &&RequestFacts| facts.is_queued() && facts.starts.is_empty();
    let first = state.requests.iter().filter(is_first).count();
    if held_back == 0 && settings.max_queued.is_some_and(|max| first > max) {
        return Err(format!("{first} requests wait in the queue"));
    }
    let starts = std::mem::take(&mut state.new_starts);
    for waiting in (0..state.requests.len()).filter(|id| state.requests[*id].is_queued() && !is_ready(*id)) {
        for started in &starts {
            let is_comparable = settings.per_origin.is_none() || plans.of(waiting).host == plans.of(*started).host;
            if is_comparable && overtakes(&state.requests[*started], &state.requests[waiting]) {
                return Err(format!("request {started} started before request {waiting}"));
            }
        }
    }
    Ok(())
}

/// Checks that no request waits for a slot that is free.
fn check_slots(stats: &Stats, settings: &Settings) -> Result<(), String> {
    let per_origin = settings.per_origin.unwrap_or(usize::MAX);
    if let Some(origin) = stats.origins.iter().find(|origin| origin.active > per_origin) {
        return Err(format!("{origin:?} has more than {per_origin} active requests"));
    }
    let is_free = stats.active < settings.max_active && !stats.paused && settings.rate.is_none();
    match stats.origins.iter().find(|origin| is_free && origin.queued > 0 && origin.active < per_origin) {
        Some(origin) => Err(format!("requests wait although slots are free: {origin:?} of {stats:?}")),
        None => Ok(()),
    }
}

/// Returns whether a request that has started joined after a request that waits, and has no higher priority.
fn overtakes(started: &RequestFacts, waiting: &RequestFacts) -> bool {
    let Some(start) = started.starts.last() else { return false };
    let Some(waits_since) = waiting.joins.last() else { return false };
    let joined = started.joins.iter().map(|join| join.tick).rfind(|join| *join < start.tick);
    // Without a wait of its own, a request joins when it starts.
    let began = started.starts.len().checked_sub(2).map_or(0, |before| started.starts[before].tick);
    let joined = joined.filter(|join| *join > began).unwrap_or(start.tick);
    joined > waits_since.tick && started.priority <= waiting.priority
}
