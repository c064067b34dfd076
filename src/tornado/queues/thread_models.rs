//! Thread models of work queues: each item is taken once, and no waiting task is forgotten.

use std::sync::Arc;

use super::{Queue, QueueError};
use crate::runtime::sync::Mutex;
use crate::runtime::sync::model::{JoinHandle, block_on, check, join_all, poll_once, spawn};

/// A queue, and the items that were taken out of it.
#[derive(Clone)]
struct Shared {
    queue: Arc<Queue<u32>>,
    taken: Arc<Mutex<Vec<u32>>>,
}

impl Shared {
    fn bounded(max: usize) -> Self {
        Self { queue: Arc::new(Queue::bounded(max)), taken: Arc::default() }
    }

    fn thread(&self, work: impl FnOnce(&Self) + Send + 'static) -> JoinHandle<()> {
        let shared = self.clone();
        spawn(move || work(&shared))
    }

    fn record(&self, item: u32) {
        self.taken.lock().unwrap().push(item);
        self.queue.task_done().unwrap();
    }

    /// Takes items until the queue is closed.
    fn take_all(&self) {
        while let Ok(item) = block_on(self.queue.get()) {
            self.record(item);
        }
    }

    fn assert_taken(&self, items: &[u32]) {
        let mut taken = self.taken.lock().unwrap().clone();
        taken.sort_unstable();
        assert_eq!(taken, items);
        assert_eq!((self.queue.len(), self.queue.unfinished()), (0, 0));
    }
}

#[test]
fn each_item_is_taken_once() {
    check("work queue: items", || {
        let shared = Shared::bounded(1);
        let put = |items: [u32; 2]| {
            shared.thread(move |shared| items.into_iter().for_each(|item| block_on(shared.queue.put(item)).unwrap()))
        };
        let putters = [put([1, 2]), put([3, 4])];
        let takers = [shared.thread(Shared::take_all), shared.thread(Shared::take_all)];
        join_all(putters);
        block_on(shared.queue.join());
        shared.queue.close();
        join_all(takers);
        shared.assert_taken(&[1, 2, 3, 4]);
    });
}

#[test]
fn item_of_a_dropped_get_goes_to_the_next() {
    check("work queue: dropped gets", || {
        let shared = Shared::bounded(1);
        let dropped = shared.thread(|shared| {
            let mut get = shared.queue.get();
            if let Some(Ok(item)) = poll_once(&mut get) {
                shared.record(item);
            }
        });
        let waiting = shared.thread(|shared| shared.take_all());
        let putter = shared.thread(|shared| (1..=2).for_each(|item| block_on(shared.queue.put(item)).unwrap()));
        join_all([dropped, putter]);
        block_on(shared.queue.join());
        shared.queue.close();
        join_all([waiting]);
        shared.assert_taken(&[1, 2]);
    });
}

#[test]
fn dropped_put_leaves_the_queue_to_other_puts() {
    check("work queue: dropped puts", || {
        let shared = Shared::bounded(1);
        shared.queue.put_nowait(1).unwrap();
        // Has entered if it was admitted before its drop.
        let dropped = shared.thread(|shared| {
            let mut put = shared.queue.put(2);
            poll_once(&mut put);
        });
        let putter = shared.thread(|shared| block_on(shared.queue.put(3)).unwrap());
        let taker = shared.thread(Shared::take_all);
        join_all([dropped, putter]);
        block_on(shared.queue.join());
        shared.queue.close();
        join_all([taker]);
        let has_entered = shared.taken.lock().unwrap().contains(&2);
        shared.assert_taken(if has_entered { &[1, 2, 3] } else { &[1, 3] });
    });
}

#[test]
fn close_ends_every_wait() {
    check("work queue: close", || {
        let shared = Shared::bounded(1);
        let taker = shared.thread(Shared::take_all);
        let putter = shared.thread(|shared| {
            let mut refused = (0..3).filter_map(|item| block_on(shared.queue.put(item)).err());
            assert!(refused.all(|error| error.reason == QueueError::Closed));
        });
        shared.queue.close();
        join_all([taker, putter]);
        assert!(shared.queue.is_closed() && shared.queue.is_empty());
    });
}
