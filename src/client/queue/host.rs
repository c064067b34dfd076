//! The queue of the npm package. TypeScript keeps the requests and the clock, and makes the attempts. This queue decides
//! which request starts next.
//!
//! No future, waker or timer is here: the queue knows a waiting request by a number of JavaScript, and the caller passes
//! the time. That makes the module of the package a third smaller than with the futures of [`Acquire`](super::Acquire).

use super::rate::Nanos;
use super::requests::{Rejection, RequestState, Ticket};
use super::settings::QueueSettings;
use super::stall::RequestWaker;
use super::state::QueueState;
use super::wake_list::WakeList;

/// The number by which JavaScript knows a request.
pub(crate) type HostRequest = u32;

/// This queue looks for no stalls: TypeScript gives the slot of a response back if its body is not read within a second.
impl RequestWaker for HostRequest {
    type Watch = ();
    type Detection = ();
    type TimerMark = ();

    fn leave((): &mut (), (): &mut ()) {}
}

/// A request that joined the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HostEntry {
    /// Names the request until it is released.
    pub(crate) ticket: Ticket,
    /// Whether the request starts now. If not, it waits until [`HostQueue::dispatch`] returns its number.
    pub(crate) has_slot: bool,
}

/// The slots of a client and the queue in front of them. All times are nanoseconds of the caller's clock.
pub(crate) struct HostQueue {
    state: QueueState<HostRequest>,
}

impl HostQueue {
    pub(crate) fn new(settings: QueueSettings) -> Self {
        Self { state: QueueState::new(settings) }
    }

    /// Takes a slot, or adds the request to the waiting requests. Call [`dispatch`](Self::dispatch) before, because
    /// waiting requests come first.
    ///
    /// # Errors
    /// [`Rejection::Full`] if the queue is full and the request is not a retry.
    pub(crate) fn acquire(
        &mut self,
        request: HostRequest,
        origin: &str,
        priority: i16,
        is_retry: bool,
        now: Nanos,
    ) -> Result<HostEntry, Rejection> {
        if let Some(ticket) = self.state.try_start(origin, || None, now) {
            return Ok(HostEntry { ticket, has_slot: true });
        }
        let ticket = self.state.enqueue(origin, priority, is_retry, request, now)?;
        Ok(HostEntry { ticket, has_slot: false })
    }

    /// Removes a request, which waits or holds a slot. Call [`dispatch`](Self::dispatch) next.
    ///
    /// `was_used` says whether the request was sent. If not, its rate limits count no start.
    pub(crate) fn release(&mut self, ticket: Ticket, was_used: bool, now: Nanos) {
        if let Some(entry) = self.state.requests.get_mut(ticket) {
            if was_used && matches!(entry.state, RequestState::Granted) {
                entry.state = RequestState::Active(None);
            }
        }
        self.state.remove(ticket, now, &mut WakeList::default());
    }

    /// With `true`, lets no waiting request start; with `false`, lets them start again. Call
    /// [`dispatch`](Self::dispatch) next.
    pub(crate) fn pause(&mut self, paused: bool) {
        self.state.paused = paused;
    }

    /// Gives free slots to the waiting requests that may start now. Returns their numbers, in the order in which they
    /// start.
    pub(crate) fn dispatch(&mut self, now: Nanos) -> impl Iterator<Item = HostRequest> + use<> {
        let mut wakes = WakeList::default();
        self.state.dispatch(now, &mut wakes);
        wakes.into_woken()
    }

    /// Returns when to call [`dispatch`](Self::dispatch) again, if the time alone keeps a request from starting.
    pub(crate) fn next_start(&self) -> Option<Nanos> {
        self.state.time_of_next_start()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::client::queue::Rate;

    const ORIGIN: &str = "http://a.example";

    fn queue(settings: QueueSettings) -> HostQueue {
        HostQueue::new(QueueSettings { max_active: 1, ..settings })
    }

    fn acquire(queue: &mut HostQueue, request: HostRequest, priority: i16) -> HostEntry {
        queue.acquire(request, ORIGIN, priority, false, 0).unwrap()
    }

    fn started(queue: &mut HostQueue, now: Nanos) -> Vec<HostRequest> {
        queue.dispatch(now).collect()
    }

    #[test]
    fn freed_slot_goes_to_the_request_of_the_highest_priority() {
        let mut queue = queue(QueueSettings::default());
        let first = acquire(&mut queue, 10, 0);
        let waiting = [acquire(&mut queue, 11, 0), acquire(&mut queue, 12, 1), acquire(&mut queue, 13, 0)];
        assert!(first.has_slot && waiting.iter().all(|entry| !entry.has_slot));
        assert!(started(&mut queue, 0).is_empty());
        queue.release(first.ticket, true, 0);
        assert_eq!(started(&mut queue, 0), [12]);
        queue.release(waiting[0].ticket, false, 0);
        queue.release(waiting[1].ticket, true, 0);
        assert_eq!(started(&mut queue, 0), [13]);
    }

    #[test]
    fn full_queue_rejects_all_but_retries() {
        let mut queue = queue(QueueSettings { max_queued: Some(0), ..QueueSettings::default() });
        acquire(&mut queue, 1, 0);
        assert_eq!(queue.acquire(2, ORIGIN, 0, false, 0), Err(Rejection::Full));
        assert!(!queue.acquire(3, ORIGIN, 0, true, 0).unwrap().has_slot);
    }

    #[test]
    fn paused_queue_starts_no_request() {
        let mut queue = queue(QueueSettings::default());
        queue.pause(true);
        assert!(!acquire(&mut queue, 1, 0).has_slot);
        assert_eq!((started(&mut queue, 0), queue.next_start()), (vec![], None));
        queue.pause(false);
        assert_eq!(started(&mut queue, 0), [1]);
    }

    #[test]
    fn rate_names_the_time_of_the_next_start() {
        let rate = Some(Rate::new(1, Duration::from_nanos(100)));
        let mut queue = HostQueue::new(QueueSettings { rate, ..QueueSettings::default() });
        assert!(acquire(&mut queue, 1, 0).has_slot);
        assert_eq!(queue.next_start(), None);
        let second = acquire(&mut queue, 2, 0);
        let third = acquire(&mut queue, 3, 0);
        assert!(!second.has_slot && !third.has_slot);
        assert_eq!((started(&mut queue, 99), queue.next_start()), (vec![], Some(100)));
        assert_eq!((started(&mut queue, 100), queue.next_start()), (vec![2], Some(200)));
        // The second request gives its slot back unused, so the third takes its token. A slot that was used costs its
        // token.
        queue.release(second.ticket, false, 110);
        assert_eq!((started(&mut queue, 110), queue.next_start()), (vec![3], None));
        queue.release(third.ticket, true, 120);
        acquire(&mut queue, 4, 0);
        assert_eq!((started(&mut queue, 120), queue.next_start()), (vec![], Some(210)));
    }

    #[test]
    fn requests_at_the_limit_of_an_origin_let_other_origins_pass() {
        let mut queue = HostQueue::new(QueueSettings { max_active_per_origin: Some(1), ..QueueSettings::default() });
        let first = acquire(&mut queue, 1, 0);
        assert!(!acquire(&mut queue, 2, 0).has_slot);
        assert!(queue.acquire(3, "http://b.example", 0, false, 0).unwrap().has_slot);
        queue.release(first.ticket, true, 0);
        assert_eq!(started(&mut queue, 0), [2]);
    }
}
