//! Work queues: Tornado's behaviours on a manual clock. Tests that do not depend on the order run for all three kinds.

/// Makes a test of each function for each kind of queue.
macro_rules! for_each_queue {
    ($($name:ident)+) => {
        mod queue {
            $(#[test] fn $name() { super::$name::<waterspout::tornado::Fifo<i32>>(); })+
        }
        mod lifo_queue {
            $(#[test] fn $name() { super::$name::<waterspout::tornado::Lifo<i32>>(); })+
        }
        mod priority_queue {
            $(#[test] fn $name() { super::$name::<waterspout::tornado::Lowest<i32>>(); })+
        }
    };
}

mod admission;
mod closing;
mod joining;
mod model;
mod order;
mod reentrancy;
mod timeouts;
mod waits;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use waterspout::tornado::{Order, WorkQueue};

/// Returns the order in which a full queue gives its item and the item of a waiting put. `present` is the lower item.
fn in_order_of<O: Order<i32>>(queue: &WorkQueue<i32, O>, present: i32, waiting: i32) -> [i32; 2] {
    // The put enters before a get takes, and a last-in queue then gives that put's item.
    if format!("{queue:?}").starts_with("LifoQueue") { [waiting, present] } else { [present, waiting] }
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

const SECOND: Duration = Duration::from_secs(1);
