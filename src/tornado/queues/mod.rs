//! Asynchronous work queues: Tornado's `queues`, for any executor.
//!
//! One queue, in three orders: [`Queue`] is first in, first out, [`LifoQueue`] gives the newest first, [`PriorityQueue`]
//! the lowest. They are all [`WorkQueue`]s and differ in nothing else.
//!
//! Tornado's other means of waiting (`Lock`, `Semaphore`, `Condition`, `Event`) are not here: the crates `async-lock` and
//! `event-listener` have them, for any executor as well.

mod error;
mod order;
mod queue;
mod waiters;
mod waits;

pub use self::error::{PutError, QueueError};
pub use self::order::{Fifo, Lifo, Lowest, Order};
pub use self::queue::{LifoQueue, PriorityQueue, Queue, WorkQueue};
pub use self::waits::{Get, Items, Join, Put};
