//! Asynchronous work queues: Tornado's `queues`, for any executor.

mod queue;

pub use self::queue::{Get, Join, Put, Queue, QueueError};
