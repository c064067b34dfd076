//! Asynchronous work queues: Tornado's `queues`, for any executor.
//!
//! Three queues with the same methods: [`Queue`] returns the oldest item first, [`LifoQueue`] the newest,
//! [`PriorityQueue`] the lowest. Each is a [`WorkQueue`] with another [`Order`]. Tasks that wait are always served in
//! the order in which they came, independent of the order of the items.
//!
//! Tornado's `locks` (`Lock`, `Semaphore`, `BoundedSemaphore`, `Condition`, `Event`) are in other crates: the table of
//! [`tornado`](super) names them and what differs.

mod error;
mod futures;
mod order;
mod queue;
mod state;
#[cfg(test)]
#[cfg(panic = "unwind")]
mod thread_models;
mod wait_list;

pub use self::error::{PutError, QueueError};
pub use self::futures::{Get, Items, Join, Put};
pub use self::order::{Fifo, Lifo, Lowest, Order};
pub use self::queue::{LifoQueue, PriorityQueue, Queue, WorkQueue};
