//! Tests of the threads for tasks: refused threads, tasks that block or panic, wakes, and the end of the threads.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{self, Receiver, Sender};

use super::*;

const LIMIT: Duration = Duration::from_secs(10);

/// Spawns another task when it is dropped.
struct SpawnsOnDrop(TaskThreads, Arc<AtomicUsize>);

impl Drop for SpawnsOnDrop {
    fn drop(&mut self) {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.spawn_with(Box::pin(async {}), |_| Err(io::ErrorKind::WouldBlock.into()));
    }
}

#[test]
fn tasks_are_dropped_until_the_system_gives_a_thread() {
    for refusals in [0, 1, 2, 7] {
        let background = TaskThreads::new("test", 1);
        let starts = Cell::new(0);
        let start = |main: ThreadMain| {
            starts.set(starts.get() + 1);
            if starts.get() <= refusals {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            thread::spawn(main);
            Ok(())
        };
        let (sender, receiver) = mpsc::channel();
        let dropped = Arc::<AtomicUsize>::default();
        let spawn = |number| {
            let guard = SpawnsOnDrop(background.clone(), dropped.clone());
            let sender = sender.clone();
            let task = async move {
                let _guard = guard;
                sender.send((number, thread::current().id())).unwrap();
                // Run in place, it would never return.
                pending().await
            };
            background.spawn_with(Box::pin(task), start);
        };
        (0..refusals).for_each(spawn);
        assert!(receiver.try_recv().is_err(), "a task runs although there is no thread");
        assert_eq!(dropped.load(Ordering::SeqCst), refusals);
        // The thread starts once, and runs this task and the next.
        for number in refusals..refusals + 2 {
            spawn(number);
            let (ran, on) = receiver.recv_timeout(LIMIT).unwrap();
            assert_eq!(ran, number);
            assert_ne!(on, thread::current().id());
        }
        assert_eq!(starts.get(), refusals + 1);
    }
}

/// Blocks a thread until the returned sender is dropped.
fn block(threads: &TaskThreads) -> Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (begin, begun) = mpsc::channel();
    threads.spawn(Box::pin(async move {
        begin.send(()).unwrap();
        let _ = released.recv_timeout(2 * LIMIT);
    }));
    begun.recv_timeout(LIMIT).expect("the task does not start");
    release
}

/// Spawns a task that sends the name of its thread.
fn spawn_note(threads: &TaskThreads) -> Receiver<Option<String>> {
    let (sender, receiver) = mpsc::channel();
    threads.spawn(Box::pin(async move { sender.send(thread::current().name().map(str::to_owned)).unwrap() }));
    receiver
}

#[test]
fn task_runs_while_a_single_thread_is_free() {
    for max_threads in [1, 2, 3, 5] {
        let threads = TaskThreads::new("test", max_threads);
        let blocked: Vec<_> = (1..max_threads).map(|_| block(&threads)).collect();
        for _ in 0..3 {
            assert_eq!(spawn_note(&threads).recv_timeout(LIMIT), Ok(Some("test".to_owned())));
        }
        // The last thread is blocked, too: the next task waits until a thread is free.
        let last = block(&threads);
        let waiting = spawn_note(&threads);
        assert!(waiting.recv_timeout(4 * PATIENCE).is_err());
        drop(last);
        assert!(waiting.recv_timeout(LIMIT).is_ok());
        drop(blocked);
    }
}

#[test]
fn task_that_is_woken_in_any_state_runs_once_more() {
    let threads = TaskThreads::new("test", 1);
    let (sender, receiver) = mpsc::channel();
    let mut polls = 0;
    threads.spawn(Box::pin(poll_fn(move |cx| {
        polls += 1;
        // Two wakes while the task runs count as a single wake.
        if polls == 1 {
            cx.waker().wake_by_ref();
            cx.waker().wake_by_ref();
        }
        sender.send((polls, cx.waker().clone())).unwrap();
        if polls == 3 { Poll::Ready(()) } else { Poll::Pending }
    })));
    assert_eq!(receiver.recv_timeout(LIMIT).unwrap().0, 1);
    let (polls, waker) = receiver.recv_timeout(LIMIT).unwrap();
    assert_eq!(polls, 2);
    assert!(receiver.recv_timeout(PATIENCE).is_err(), "the task runs without a wake");
    waker.wake_by_ref();
    assert_eq!(receiver.recv_timeout(LIMIT).unwrap().0, 3);
    // The task has ended and dropped its sender.
    waker.wake();
    assert_eq!(receiver.recv_timeout(LIMIT).err(), Some(mpsc::RecvTimeoutError::Disconnected));
}

struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("a destructor's own mistake");
    }
}

/// A payload whose destructor panics, too.
fn panic_with_panicking_payload() {
    std::panic::panic_any(PanicsOnDrop);
}

/// Returns a future that owns a value with a destructor that panics.
fn owning_panic(mut poll: impl FnMut(&mut Context<'_>) -> Poll<()> + Send + 'static) -> BoxFuture<'static, ()> {
    let value = PanicsOnDrop;
    Box::pin(poll_fn(move |cx| {
        let _ = &value;
        poll(cx)
    }))
}

#[test]
fn panic_in_a_task_or_its_destructor_leaves_the_thread_alive() {
    let threads = TaskThreads::new("test", 1);
    let panics: [(&str, BoxFuture<'static, ()>); 6] = [
        ("task", Box::pin(async { panic!("a task's own mistake") })),
        ("payload", Box::pin(async { panic_with_panicking_payload() })),
        ("destructor after the end", owning_panic(|_| Poll::Ready(()))),
        ("destructor after a panic", owning_panic(|_| panic!("a task's own mistake"))),
        // Without a waker the task can never run again, so the thread drops it after the poll.
        ("destructor of a task that is not woken", owning_panic(|_| Poll::Pending)),
        ("destructor of a task that was woken", {
            let mut polls = 0;
            owning_panic(move |cx| {
                polls += 1;
                if polls == 1 {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            })
        }),
    ];
    for (name, task) in panics {
        threads.spawn(task);
        assert!(spawn_note(&threads).recv_timeout(LIMIT).is_ok(), "{name}");
    }
}

#[test]
fn panic_in_the_destructor_of_a_task_does_not_reach_the_owner_of_its_waker() {
    let threads = TaskThreads::new("test", 1);
    let (sender, receiver) = mpsc::channel();
    threads.spawn(owning_panic(move |cx| {
        sender.send(cx.waker().clone()).unwrap();
        Poll::Pending
    }));
    let waker = receiver.recv_timeout(LIMIT).unwrap();
    assert!(spawn_note(&threads).recv_timeout(LIMIT).is_ok());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(waker))).is_ok());
}

#[test]
fn task_that_becomes_ready_as_the_standby_thread_ends_starts_another() {
    let threads = TaskThreads::new("test", 2);
    let now = Instant::now();
    let mut state = TaskQueueState { threads: 1, busy: 1, has_standby: true, ..TaskQueueState::default() };
    let mut quiet_looks = 0;
    let looks: Vec<_> = std::iter::repeat_with(|| state.look(now, &mut quiet_looks))
        .take_while(|look| !matches!(look, Look::Exit))
        .collect();
    assert_eq!(looks.len() + 1, QUIET_LOOKS as usize);
    // No step lies between the last look and this task.
    let future = Mutex::new(None);
    let task = Arc::new(Task { future, state: Mutex::new(PollState::Ready), owner: threads.0.clone() });
    state.ready.push_back(ReadyTask { task, since: now });
    assert!(state.take_standby(2), "the task waits for a thread that has ended");
}

/// Sends when its thread ends.
struct ThreadEnd(Sender<()>);

impl Drop for ThreadEnd {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

thread_local! {
    static END: RefCell<Option<ThreadEnd>> = const { RefCell::new(None) };
}

#[test]
fn threads_end_when_no_handle_and_no_task_is_left() {
    let threads = TaskThreads::new("test", 1);
    let (sender, ended) = mpsc::channel();
    let (go, gone) = futures::channel::oneshot::channel::<()>();
    threads.spawn(Box::pin(async move {
        END.set(Some(ThreadEnd(sender)));
        let _ = gone.await;
    }));
    spawn_note(&threads).recv_timeout(LIMIT).unwrap();
    drop(threads);
    assert!(ended.recv_timeout(PATIENCE).is_err(), "the thread ends before its task");
    go.send(()).unwrap();
    assert!(ended.recv_timeout(LIMIT).is_ok());
}
