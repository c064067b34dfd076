//! A queue beside a simple model of it: gets, puts and joins that begin, are polled and are dropped in random order.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use waterspout::tornado::{PutError, Queue, QueueError};

use crate::support::wakers::WakeFlag;

/// Numbers that look random and are the same in each run.
struct SeededNumbers(u64);

impl SeededNumbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }
}

/// What a future of the queue returns.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Got(Result<u32, QueueError>),
    Put(Result<(), PutError<u32>>),
    Joined,
}

#[derive(Clone, Copy)]
enum Kind {
    Get,
    Put(u32),
    Join,
}

/// What the model grants to a future that waits.
enum Grant {
    Item(u32),
    Entered,
    Closed,
    Joined,
}

/// A future of the queue, and its state in the model.
struct Task<'a> {
    number: usize,
    kind: Kind,
    future: Pin<Box<dyn Future<Output = Outcome> + 'a>>,
    has_begun: bool,
    grant: Option<Grant>,
    flag: Arc<WakeFlag>,
    waker: Waker,
}

/// The model: lists that are searched from the front.
struct Model {
    max: usize,
    items: VecDeque<u32>,
    getters: VecDeque<usize>,
    putters: VecDeque<(usize, u32)>,
    joiners: Vec<usize>,
    unfinished: usize,
    /// The order in which the items have entered.
    numbers: BTreeMap<u32, usize>,
    is_closed: bool,
    /// The grants of the present step, by the number of the task.
    granted: Vec<(usize, Grant)>,
}

impl Model {
    fn new(max: usize) -> Self {
        Self {
            max,
            items: VecDeque::new(),
            getters: VecDeque::new(),
            putters: VecDeque::new(),
            joiners: Vec::new(),
            unfinished: 0,
            numbers: BTreeMap::new(),
            is_closed: false,
            granted: Vec::new(),
        }
    }

    fn get(&mut self) -> Result<u32, QueueError> {
        if self.items.len() <= self.max {
            if let Some((number, item)) = self.putters.pop_front() {
                self.enter(item);
                self.items.push_back(item);
                self.granted.push((number, Grant::Entered));
            }
        }
        let missing = if self.is_closed { QueueError::Closed } else { QueueError::Empty };
        self.items.pop_front().ok_or(missing)
    }

    fn put(&mut self, item: u32) -> Result<(), QueueError> {
        if self.is_closed {
            return Err(QueueError::Closed);
        }
        if self.items.len() >= self.max {
            return Err(QueueError::Full);
        }
        self.enter(item);
        match self.getters.pop_front() {
            Some(number) => self.granted.push((number, Grant::Item(item))),
            None => self.items.push_back(item),
        }
        Ok(())
    }

    fn enter(&mut self, item: u32) {
        self.unfinished += 1;
        self.numbers.insert(item, self.numbers.len());
    }

    fn poll(&mut self, task: &mut Task<'_>) -> Poll<Outcome> {
        if task.has_begun {
            return match task.grant.take() {
                None => Poll::Pending,
                Some(Grant::Item(item)) => Poll::Ready(Outcome::Got(Ok(item))),
                Some(Grant::Entered) => Poll::Ready(Outcome::Put(Ok(()))),
                Some(Grant::Joined) => Poll::Ready(Outcome::Joined),
                Some(Grant::Closed) => Poll::Ready(match task.kind {
                    Kind::Put(item) => Outcome::Put(Err(PutError { item, reason: QueueError::Closed })),
                    _ => Outcome::Got(self.get()),
                }),
            };
        }
        task.has_begun = true;
        match task.kind {
            Kind::Get => match self.get() {
                Err(QueueError::Empty) => self.getters.push_back(task.number),
                got => return Poll::Ready(Outcome::Got(got)),
            },
            Kind::Put(item) => match self.put(item) {
                Err(QueueError::Full) => self.putters.push_back((task.number, item)),
                put => return Poll::Ready(Outcome::Put(put.map_err(|reason| PutError { item, reason }))),
            },
            Kind::Join if self.unfinished == 0 => return Poll::Ready(Outcome::Joined),
            Kind::Join => self.joiners.push(task.number),
        }
        Poll::Pending
    }

    fn drop_task(&mut self, task: &mut Task<'_>) {
        self.getters.retain(|number| *number != task.number);
        self.putters.retain(|(number, _)| *number != task.number);
        self.joiners.retain(|number| *number != task.number);
        if let Some(Grant::Item(item)) = task.grant.take() {
            match self.getters.pop_front() {
                Some(number) => self.granted.push((number, Grant::Item(item))),
                // Items are numbered as they enter.
                None => {
                    let number = self.numbers[&item];
                    let place = self.items.partition_point(|earlier| self.numbers[earlier] < number);
                    self.items.insert(place, item);
                }
            }
        }
    }

    fn task_done(&mut self) -> Result<(), QueueError> {
        self.unfinished = self.unfinished.checked_sub(1).ok_or(QueueError::NothingUnfinished)?;
        if self.unfinished == 0 {
            self.granted.extend(self.joiners.drain(..).map(|number| (number, Grant::Joined)));
        }
        Ok(())
    }

    fn close(&mut self) {
        self.is_closed = true;
        let waiting = self.getters.drain(..).chain(self.putters.drain(..).map(|(number, _)| number));
        self.granted.extend(waiting.map(|number| (number, Grant::Closed)));
    }
}

fn begin(queue: &Queue<u32>, number: usize, kind: Kind) -> Task<'_> {
    let future: Pin<Box<dyn Future<Output = Outcome> + '_>> = match kind {
        Kind::Get => Box::pin(async { Outcome::Got(queue.get().await) }),
        Kind::Put(item) => Box::pin(async move { Outcome::Put(queue.put(item).await) }),
        Kind::Join => Box::pin(async {
            queue.join().await;
            Outcome::Joined
        }),
    };
    let (flag, waker) = WakeFlag::new();
    Task { number, kind, future, has_begun: false, grant: None, flag, waker }
}

#[test]
fn queue_is_as_its_model_in_random_runs() {
    for seed in 0..500 {
        let mut numbers = SeededNumbers(seed);
        let max = 1 + numbers.below(4);
        let queue = Queue::bounded(max);
        let mut model = Model::new(max);
        let mut tasks: Vec<Task<'_>> = Vec::new();
        for step in 0..200 {
            let place = format!("seed {seed}, step {step}");
            let index = numbers.below(tasks.len());
            match numbers.below(40) {
                0..8 => tasks.push(begin(&queue, step, Kind::Get)),
                8..16 => tasks.push(begin(&queue, step, Kind::Put(step as u32))),
                16 => tasks.push(begin(&queue, step, Kind::Join)),
                17..30 if !tasks.is_empty() => {
                    let task = &mut tasks[index];
                    let expected = model.poll(task);
                    task.flag.take();
                    assert_eq!(task.future.as_mut().poll(&mut Context::from_waker(&task.waker)), expected, "{place}");
                    if expected.is_ready() {
                        tasks.swap_remove(index);
                    }
                }
                30..34 if !tasks.is_empty() => model.drop_task(&mut tasks.swap_remove(index)),
                34 => assert_eq!(queue.get_nowait(), model.get(), "{place}"),
                35 => {
                    let put = queue.put_nowait(step as u32).map_err(|error| error.reason);
                    assert_eq!(put, model.put(step as u32), "{place}");
                }
                36..39 => assert_eq!(queue.task_done(), model.task_done(), "{place}"),
                39 if step > 150 => {
                    queue.close();
                    model.close();
                }
                _ => {}
            }
            for (number, grant) in std::mem::take(&mut model.granted) {
                let task =
                    tasks.iter_mut().find(|task| task.number == number).expect("only tasks that wait are granted");
                task.grant = Some(grant);
            }
            for task in tasks.iter().filter(|task| task.grant.is_some()) {
                assert!(task.flag.take(), "{place}: task {} sleeps with its grant", task.number);
                // It counts as woken until it is polled.
                task.waker.wake_by_ref();
            }
            let state = (queue.len(), queue.unfinished(), queue.is_full());
            assert_eq!(state, (model.items.len(), model.unfinished, model.items.len() >= max), "{place}");
        }
    }
}
