//! Asynchronous work queues: Tornado's `queues`, for any executor.

mod queue;
mod waits;

pub use self::queue::{Queue, QueueError};
pub use self::waits::{Get, Join, Put};
