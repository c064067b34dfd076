//! The orders in which a queue returns its items.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// The collection that a queue keeps its items in, which decides the next item: [`Fifo`], [`Lifo`] or [`Lowest`].
pub trait Order<T>: Default + sealed::Sealed {
    /// The name of the queue in debug output.
    #[doc(hidden)]
    const NAME: &'static str;

    #[doc(hidden)]
    fn push(&mut self, item: T);

    /// Takes the next item.
    #[doc(hidden)]
    fn pop(&mut self) -> Option<T>;

    /// Returns an item that was popped and not delivered: it is the next item again.
    #[doc(hidden)]
    fn push_back(&mut self, item: T);

    #[doc(hidden)]
    fn count(&self) -> usize;
}

mod sealed {
    /// Keeps other crates from adding orders.
    pub trait Sealed {}
}

/// First in, first out.
pub struct Fifo<T>(VecDeque<T>);

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> sealed::Sealed for Fifo<T> {}

impl<T> Order<T> for Fifo<T> {
    const NAME: &'static str = "Queue";

    fn push(&mut self, item: T) {
        self.0.push_back(item);
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop_front()
    }

    fn push_back(&mut self, item: T) {
        self.0.push_front(item);
    }

    fn count(&self) -> usize {
        self.0.len()
    }
}

/// Last in, first out.
pub struct Lifo<T>(Vec<T>);

impl<T> Default for Lifo<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> sealed::Sealed for Lifo<T> {}

impl<T> Order<T> for Lifo<T> {
    const NAME: &'static str = "LifoQueue";

    fn push(&mut self, item: T) {
        self.0.push(item);
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }

    fn push_back(&mut self, item: T) {
        self.0.push(item);
    }

    fn count(&self) -> usize {
        self.0.len()
    }
}

/// The lowest item first; equal items in the order of their puts.
pub struct Lowest<T> {
    heap: BinaryHeap<Reverse<(T, i64)>>,
    /// The rank of the item that was pushed last. Equal items are ordered by rank.
    last: i64,
    /// The rank of the item that was pushed back last, below every other rank.
    first: i64,
}

impl<T: Ord> Default for Lowest<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), last: 0, first: 0 }
    }
}

impl<T> sealed::Sealed for Lowest<T> {}

impl<T: Ord> Order<T> for Lowest<T> {
    const NAME: &'static str = "PriorityQueue";

    fn push(&mut self, item: T) {
        self.last += 1;
        self.heap.push(Reverse((item, self.last)));
    }

    fn pop(&mut self) -> Option<T> {
        self.heap.pop().map(|Reverse((item, _))| item)
    }

    fn push_back(&mut self, item: T) {
        // Ranks below zero: a returned item comes before every equal item that was pushed.
        self.first -= 1;
        self.heap.push(Reverse((item, self.first)));
    }

    fn count(&self) -> usize {
        self.heap.len()
    }
}
