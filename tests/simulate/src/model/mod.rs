//! Which arrivals, outcomes and states of the queue are right. The model knows nothing of the client: it judges by what the
//! servers, the network and the observer have seen.

pub(crate) mod arrival;
pub(crate) mod lateness;
pub(crate) mod outcome;
pub(crate) mod queue;
