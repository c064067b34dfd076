//! The npm package looks for no stalls: there a request frees its slot with the response's head, and its attempts are not
//! polled while they run.
//!
//! This file stands in for `stall.rs`. Its names do nothing, so that the module has no code and no fields for them.

use super::rate::Nanos;
use super::requests::{RequestEntry, Ticket};
use super::state::QueueState;
use super::wake_list::WakeList;
use crate::error::{Error, Phase, Timeout};

/// Stands in for each type of `stall.rs`.
// Not a unit struct: its use by `default()` is right for the types of both files.
#[derive(Clone, Copy, Default)]
pub(crate) struct NoStalls {}

pub(super) use NoStalls as Activity;
pub(super) use NoStalls as StallWatch;
pub(super) use NoStalls as UnreadMark;
pub(crate) use NoStalls as StallDetection;

impl NoStalls {
    pub(crate) const fn new(_: bool) -> Self {
        Self {}
    }

    pub(super) fn record(&self) {}

    pub(super) fn set_unread(&self, _: &mut UnreadMark, _: bool) {}

    pub(super) fn leave<W>(&mut self, _: &mut RequestEntry<W>) {}

    pub(super) fn error(&self) -> Error {
        Error::timed_out(Phase::Queue, Timeout::Queue, Default::default(), Default::default())
    }
}

impl QueueState {
    pub(super) fn detect_stall(&mut self, _: Ticket, _: StallDetection) {}

    pub(super) fn watches_for_stall(&self) -> bool {
        false
    }

    pub(super) fn may_look_for_stall(&self, _: Ticket) -> bool {
        false
    }

    pub(super) fn look_for_stall(&mut self, _: &Activity, now: Nanos, _: &mut WakeList) -> Nanos {
        now
    }
}
