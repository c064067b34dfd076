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

mod closing;
mod joining;
mod order;
mod reentrancy;
mod timeouts;
mod waits;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

const SECOND: Duration = Duration::from_secs(1);
