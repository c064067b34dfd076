//! Asynchronous work queues: Tornado's `queues`, for any executor.
//!
//! Three queues with the same methods: [`Queue`] returns the oldest item first, [`LifoQueue`] the newest,
//! [`PriorityQueue`] the lowest. Each is a [`WorkQueue`] with another [`Order`]. Tasks that wait are always served in
//! the order in which they came, independent of the order of the items.
//!
//! Tornado's other means of waiting (`Lock`, `Semaphore`, `Condition`, `Event`) are in the crates `async-lock` and
//! `event-listener`, which also work on any executor.

mod error;
mod futures;
mod order;
mod queue;
mod state;
mod wait_list;

pub use self::error::{PutError, QueueError};
pub use self::futures::{Get, Items, Join, Put};
pub use self::order::{Fifo, Lifo, Lowest, Order};
pub use self::queue::{LifoQueue, PriorityQueue, Queue, WorkQueue};
