//! The orders in which a queue returns its items.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// An item, and its number in the order in which items entered the queue.
#[doc(hidden)]
#[derive(Debug)]
pub struct NumberedItem<T> {
    pub(super) number: u64,
    pub(super) item: T,
}

/// The collection that a queue keeps its items in, which decides the next item: [`Fifo`], [`Lifo`] or [`Lowest`].
pub trait Order<T>: Default + sealed::Sealed {
    /// The name of the queue in debug output.
    #[doc(hidden)]
    const NAME: &'static str;

    /// Adds an item. The numbers rise from item to item.
    #[doc(hidden)]
    fn push(&mut self, item: NumberedItem<T>);

    /// Takes the next item.
    #[doc(hidden)]
    fn pop(&mut self) -> Option<NumberedItem<T>>;

    /// Returns an item that was popped and not delivered to its place.
    #[doc(hidden)]
    fn push_back(&mut self, item: NumberedItem<T>);

    #[doc(hidden)]
    fn count(&self) -> usize;
}

mod sealed {
    /// Keeps other crates from adding orders.
    pub trait Sealed {}
}

/// First in, first out.
pub struct Fifo<T>(VecDeque<NumberedItem<T>>);

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> sealed::Sealed for Fifo<T> {}

impl<T> Order<T> for Fifo<T> {
    const NAME: &'static str = "Queue";

    fn push(&mut self, item: NumberedItem<T>) {
        self.0.push_back(item);
    }

    fn pop(&mut self) -> Option<NumberedItem<T>> {
        self.0.pop_front()
    }

    fn push_back(&mut self, item: NumberedItem<T>) {
        let place = self.0.partition_point(|earlier| earlier.number < item.number);
        self.0.insert(place, item);
    }

    fn count(&self) -> usize {
        self.0.len()
    }
}

/// Last in, first out.
pub struct Lifo<T>(Vec<NumberedItem<T>>);

impl<T> Default for Lifo<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> sealed::Sealed for Lifo<T> {}

impl<T> Order<T> for Lifo<T> {
    const NAME: &'static str = "LifoQueue";

    fn push(&mut self, item: NumberedItem<T>) {
        self.0.push(item);
    }

    fn pop(&mut self) -> Option<NumberedItem<T>> {
        self.0.pop()
    }

    fn push_back(&mut self, item: NumberedItem<T>) {
        let place = self.0.partition_point(|earlier| earlier.number < item.number);
        self.0.insert(place, item);
    }

    fn count(&self) -> usize {
        self.0.len()
    }
}

/// The lowest item first; equal items in the order of their puts.
pub struct Lowest<T>(BinaryHeap<Reverse<(T, u64)>>);

impl<T: Ord> Default for Lowest<T> {
    fn default() -> Self {
        Self(BinaryHeap::new())
    }
}

impl<T> sealed::Sealed for Lowest<T> {}

impl<T: Ord> Order<T> for Lowest<T> {
    const NAME: &'static str = "PriorityQueue";

    fn push(&mut self, item: NumberedItem<T>) {
        self.0.push(Reverse((item.item, item.number)));
    }

    fn pop(&mut self) -> Option<NumberedItem<T>> {
        self.0.pop().map(|Reverse((item, number))| NumberedItem { number, item })
    }

    fn push_back(&mut self, item: NumberedItem<T>) {
        self.push(item);
    }

    fn count(&self) -> usize {
        self.0.len()
    }
}
