//! The tasks of a seed: requests, servers, and the background work of the client. Each poll is a step that the seed picks.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use waterspout::{BoxFuture, Executor};

use crate::rng::SeededRng;

/// The numbers of the tasks that were woken, in the order of their wake-ups.
type Woken = Arc<Mutex<Vec<usize>>>;

struct TaskWaker {
    number: usize,
    is_woken: AtomicBool,
    woken: Woken,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_woken.swap(true, Ordering::Relaxed) {
            self.woken.lock().unwrap_or_else(PoisonError::into_inner).push(self.number);
        }
    }
}

/// Takes the tasks that servers and the client spawn.
#[derive(Clone, Default)]
pub(crate) struct Spawner(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl Executor for Spawner {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }
}

struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    waker: Arc<TaskWaker>,
    /// The request of the task; `None` for servers and background work.
    request: Option<u64>,
    /// A held task is not polled, although it is woken.
    is_held: bool,
}

/// What a poll has done.
pub(crate) enum Polled {
    /// No task is woken that may be polled.
    Idle,
    /// A server or background work was polled.
    Background,
    /// The task of this request was polled, and has ended or not.
    Request(u64),
}

#[derive(Default)]
pub(crate) struct Tasks {
    pub(crate) spawner: Spawner,
    tasks: Vec<Option<Task>>,
    woken: Woken,
    /// The held tasks that were woken.
    aside: Vec<usize>,
    count: usize,
}

impl Tasks {
    /// Adds the task of a request, which is woken from the start.
    pub(crate) fn add_request(&mut self, request: u64, future: impl Future<Output = ()> + 'static) {
        self.add(Box::pin(future), Some(request));
    }

    fn add(&mut self, future: Pin<Box<dyn Future<Output = ()>>>, request: Option<u64>) {
        let number = self.tasks.len();
        let waker = Arc::new(TaskWaker { number, is_woken: AtomicBool::new(false), woken: self.woken.clone() });
        waker.wake_by_ref();
        self.tasks.push(Some(Task { future, waker, request, is_held: false }));
        self.count += 1;
    }

    /// Polls a woken task that is not held.
    pub(crate) fn poll_any(&mut self, rng: &mut SeededRng) -> Polled {
        loop {
            let spawned = std::mem::take(&mut *self.spawner.0.lock().unwrap_or_else(PoisonError::into_inner));
            spawned.into_iter().for_each(|task| self.add(task, None));
            let number = {
                let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
                if woken.is_empty() {
                    return Polled::Idle;
                }
                let index = rng.index(woken.len());
                woken.swap_remove(index)
            };
            match &self.tasks[number] {
                Some(task) if task.is_held => self.aside.push(number),
                Some(_) => return self.poll(number),
                None => {}
            }
        }
    }

    fn poll(&mut self, number: usize) -> Polled {
        let Some(task) = &mut self.tasks[number] else { return Polled::Background };
        task.waker.is_woken.store(false, Ordering::Relaxed);
        let waker = Waker::from(task.waker.clone());
        let outcome = task.future.as_mut().poll(&mut Context::from_waker(&waker));
        let request = task.request;
        if outcome == Poll::Ready(()) {
            self.remove(number);
        }
        request.map_or(Polled::Background, Polled::Request)
    }

    fn remove(&mut self, number: usize) {
        // A binding: what a task owns may wake other tasks when it is dropped.
        let removed = self.tasks[number].take();
        self.count -= usize::from(removed.is_some());
        self.aside.retain(|aside| *aside != number);
        drop(removed);
    }

    /// Returns the number of the task of a request that has not ended.
    fn of_request(&self, request: u64) -> Option<usize> {
        self.tasks.iter().position(|task| task.as_ref().is_some_and(|task| task.request == Some(request)))
    }

    /// Polls the task of a request although it may not be woken.
    pub(crate) fn poll_request(&mut self, request: u64) {
        let is_free = |number: &usize| self.tasks[*number].as_ref().is_some_and(|task| !task.is_held);
        if let Some(number) = self.of_request(request).filter(is_free) {
            self.woken.lock().unwrap_or_else(PoisonError::into_inner).retain(|woken| *woken != number);
            self.poll(number);
        }
    }

    /// Drops the task of a request.
    pub(crate) fn drop_request(&mut self, request: u64) {
        if let Some(number) = self.of_request(request) {
            self.remove(number);
        }
    }

    /// Holds the task of a request, or lets it go.
    pub(crate) fn hold(&mut self, request: u64, is_held: bool) {
        let Some(number) = self.of_request(request) else { return };
        if let Some(task) = &mut self.tasks[number] {
            task.is_held = is_held;
        }
        if !is_held && self.aside.contains(&number) {
            self.aside.retain(|aside| *aside != number);
            self.woken.lock().unwrap_or_else(PoisonError::into_inner).push(number);
        }
    }

    /// Returns whether the task of a request was woken and not polled since.
    pub(crate) fn is_woken(&self, request: u64) -> bool {
        let task = self.of_request(request).and_then(|number| self.tasks[number].as_ref());
        task.is_some_and(|task| task.waker.is_woken.load(Ordering::Relaxed))
    }

    /// Returns whether a task is woken that may be polled. A task that was spawned is woken.
    pub(crate) fn is_any_woken(&self) -> bool {
        let is_spawned = !self.spawner.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        is_spawned || !self.woken.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Returns how many held tasks wait for a poll.
    pub(crate) fn held_back(&self) -> usize {
        self.aside.len()
    }

    /// Returns how many tasks have not ended.
    pub(crate) fn count(&self) -> usize {
        self.count
    }
}
