//! Tornado's other tools: its event loop, promise, work queues and byte streams, and defaults for the whole process.

pub(crate) mod event_loop;
mod fetch_with;
pub(crate) mod io_stream;
pub(crate) mod promise;
mod queues;

pub use self::event_loop::{EventLoop, Periodic, Scheduled};
#[cfg(feature = "regex")]
pub use self::io_stream::Regex;
pub use self::io_stream::{IoStream, StreamLimit, Write};
pub use self::promise::{Pending, Promise, promise};
pub use self::queues::{
    Fifo, Get, Items, Join, Lifo, LifoQueue, Lowest, Order, PriorityQueue, Put, PutError, Queue, QueueError, WorkQueue,
};
pub use crate::client::configure::{configure, reset_configuration};
