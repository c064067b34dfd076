//! Loops that do not hold each other up, and requests that a blocked thread does not delay.

use std::cell::RefCell;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use async_io::block_on;
use futures::FutureExt;
use waterspout::platform::native::{BackgroundThread, RunSyncError, SystemTimer};
use waterspout::testing::{ManualTimer, MockBackend, Reply, Server, handler};
use waterspout::tornado::{EventLoop, promise};
use waterspout::{Client, Executor, Request, Timeout};

use crate::support::executor::ManualExecutor;

/// How long a test waits before it fails.
const LIMIT: Duration = Duration::from_secs(10);

/// A callback that blocks its thread until this is dropped.
struct Blocked {
    _release: Sender<()>,
}

impl Blocked {
    /// Adds the callback with `add`, and returns once it runs.
    fn start(add: impl FnOnce(Box<dyn FnOnce() + Send>)) -> Self {
        let (release, released) = mpsc::channel::<()>();
        let (begin, begun) = mpsc::channel();
        add(Box::new(move || {
            begin.send(()).unwrap();
            let _ = released.recv_timeout(2 * LIMIT);
        }));
        begun.recv_timeout(LIMIT).expect("the callback does not start");
        Self { _release: release }
    }
}

/// The places where a callback of the program can block a thread of the library.
fn blocked(place: &str, event_loop: &EventLoop) -> Blocked {
    let client = Client::builder().backend(MockBackend::text("hello")).build().unwrap();
    Blocked::start(|callback| match place {
        "callback" => event_loop.add_callback(callback),
        "timed callback" => drop(event_loop.call_later(Duration::from_millis(1), callback)),
        "task" => event_loop.spawn(async { callback() }),
        "periodic call" => {
            let mut callback = Some(callback);
            let _periodic = event_loop.call_every(Duration::from_millis(1), 0.0, move || {
                let callback = callback.take();
                async { callback.into_iter().for_each(|callback| callback()) }
            });
        }
        "executor of the loop" => event_loop.executor().spawn(Box::pin(async { callback() })),
        "background thread" => BackgroundThread.spawn(Box::pin(async { callback() })),
        "result of fetch_with" => {
            let request = Request::get("http://a.example/");
            drop(client.fetch_with(event_loop.executor(), request, |_| callback()));
        }
        "progress of a spawned request" => {
            let callback = std::sync::Mutex::new(Some(callback));
            let server = Server::start(handler(|_| async { Reply::text("hello") }.boxed())).unwrap();
            let request = Client::new().get(server.url("/")).on_download(move |_| {
                let callback = callback.lock().unwrap().take();
                callback.into_iter().for_each(|callback| callback());
            });
            let spawned = request.send_spawned();
            std::thread::spawn(move || block_on(async { spawned.await.unwrap().bytes().await }));
            // The server must outlive the request.
            std::mem::forget(server);
        }
        _ => unreachable!(),
    })
}

const PLACES: [&str; 8] = [
    "callback",
    "timed callback",
    "task",
    "periodic call",
    "executor of the loop",
    "background thread",
    "result of fetch_with",
    "progress of a spawned request",
];

fn received<T>(what: &str, place: &str, receiver: &Receiver<T>) -> T {
    receiver.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("{what} waits for the {place} that blocks"))
}

#[test]
fn callback_that_blocks_does_not_delay_other_loops() {
    for place in PLACES {
        let event_loop = EventLoop::new();
        let _blocked = blocked(place, &event_loop);
        let other = EventLoop::new();
        let (sender, receiver) = mpsc::channel();
        let send = |what: &'static str| {
            let sender = sender.clone();
            move || sender.send(what).unwrap()
        };
        other.add_callback(send("a callback"));
        assert_eq!(received("a callback", place, &receiver), "a callback");
        other.call_later(Duration::from_millis(1), send("a timed callback"));
        assert_eq!(received("a timed callback", place, &receiver), "a timed callback");
        let task = send("a task");
        other.spawn(async move { task() });
        assert_eq!(received("a task", place, &receiver), "a task");
        let task = send("a background task");
        BackgroundThread.spawn(Box::pin(async move { task() }));
        assert_eq!(received("a background task", place, &receiver), "a background task");
    }
}

#[test]
fn callback_that_blocks_delays_no_spawned_request() {
    let server = Server::start(handler(|request| {
        async move { if request.path() == "/silence" { std::future::pending().await } else { Reply::text("hello") } }
            .boxed()
    }))
    .unwrap();
    for place in PLACES {
        let event_loop = EventLoop::new();
        let client = Client::new();
        let _blocked = blocked(place, &event_loop);
        let answered = client.get(server.url("/")).send_spawned();
        let limited = client.get(server.url("/silence")).timeout(Duration::from_millis(50)).send_spawned();
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            sender.send(block_on(async { answered.await?.text().await })).unwrap();
            sender.send(block_on(limited).map(|_| String::new())).unwrap();
        });
        assert_eq!(received("a request", place, &receiver).unwrap(), "hello");
        assert_eq!(received("a limit", place, &receiver).unwrap_err().timeout(), Some(Timeout::Request));
    }
}

#[test]
fn spawned_request_can_be_awaited_within_a_callback() {
    type Await = fn(waterspout::Spawned) -> waterspout::Result<waterspout::SendResponse>;
    let waits: [(&str, Await); 4] = [
        ("async_io::block_on", |spawned| block_on(spawned)),
        ("futures::executor::block_on", |spawned| futures::executor::block_on(spawned)),
        ("run_sync of another loop", |spawned| EventLoop::new().run_sync(spawned)),
        ("run_sync_timeout of another loop", |spawned| EventLoop::new().run_sync_timeout(spawned, LIMIT).unwrap()),
    ];
    for (name, wait) in waits {
        for (place, event_loop) in
            [("own thread", EventLoop::new()), ("background thread", EventLoop::over(BackgroundThread, SystemTimer))]
        {
            let client = Client::builder().backend(MockBackend::text("hello")).build().unwrap();
            let (sender, receiver) = mpsc::channel();
            event_loop.add_callback(move || {
                let response = wait(client.fetch_spawned(Request::get("http://a.example/"))).unwrap();
                sender.send(block_on(response.text()).unwrap()).unwrap();
            });
            let text = receiver.recv_timeout(LIMIT);
            assert_eq!(text.as_deref(), Ok("hello"), "{name} on the {place}");
        }
    }
}

#[test]
fn limits_of_fetch_with_count_from_the_call() {
    let second = Duration::from_secs(1);
    let limit = 2 * second;
    for timeout in [Timeout::Total, Timeout::Queue] {
        // When the executor first polls the task, in seconds after the call.
        for first_poll in [0, 1, 2, 5] {
            let (turns, timer) = (ManualExecutor::default(), ManualTimer::new());
            let builder = Client::builder().timer(timer.clone()).backend(MockBackend::pending()).max_active(1);
            let is_total = timeout == Timeout::Total;
            let builder = if is_total { builder.total_timeout(limit) } else { builder.queue_timeout(limit) };
            let client = builder.build().unwrap();
            let mut running = client.get("http://a.example/").total_timeout(Duration::ZERO).send().boxed();
            assert!((&mut running).now_or_never().is_none());
            let (sender, receiver) = mpsc::channel();
            let request = Request::get("http://a.example/");
            let _done = client.fetch_with(turns.clone(), request, move |result| sender.send(result).unwrap());
            timer.advance(first_poll * second);
            turns.run();
            if first_poll < 2 {
                assert!(receiver.try_recv().is_err(), "{timeout:?} {first_poll}");
                timer.advance((2 - first_poll) * second);
                turns.run();
            }
            let error = receiver.try_recv().unwrap().unwrap_err();
            let elapsed = first_poll.max(2) * second;
            let facts = (error.timeout(), error.limit(), error.elapsed());
            assert_eq!(facts, (Some(timeout), Some(limit), Some(elapsed)), "{first_poll}");
        }
    }
}

/// Waits for a loop, which returns 42.
type Wait = fn(&EventLoop) -> Result<u32, RunSyncError>;

/// The ways to wait for a loop.
fn waits() -> [(&'static str, Wait); 3] {
    [
        ("try_run_sync", |event_loop| event_loop.try_run_sync(async { 42 })),
        ("run_sync_timeout", |event_loop| event_loop.run_sync_timeout(async { 42 }, LIMIT)),
        ("run_sync", |event_loop| {
            let wait = || event_loop.run_sync(async { 42 });
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(wait)).map_err(|panic| {
                assert_eq!(panic.downcast_ref::<String>(), Some(&RunSyncError::InsideLoop.to_string()));
                RunSyncError::InsideLoop
            })
        }),
    ]
}

/// Waits for its loop when it is dropped.
struct WaitsOnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for WaitsOnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn wait_for_a_loop_from_inside_it_is_an_error() {
    type Enter = fn(&EventLoop, Box<dyn FnOnce() + Send>);
    let places: [(&str, Enter); 7] = [
        ("callback", |event_loop, wait| event_loop.add_callback(wait)),
        ("timed callback", |event_loop, wait| drop(event_loop.call_later(Duration::ZERO, wait))),
        ("task", |event_loop, wait| event_loop.spawn(async { wait() })),
        ("task of the executor", |event_loop, wait| event_loop.executor().spawn(Box::pin(async { wait() }))),
        ("destructor of a task", |event_loop, wait| {
            let mut wait = Some(wait);
            let guard = WaitsOnDrop(move || wait.take().into_iter().for_each(|wait| wait()));
            event_loop.spawn(std::future::poll_fn(move |_| {
                let _ = &guard;
                std::task::Poll::Ready(())
            }));
        }),
        ("future of run_sync", |event_loop, wait| event_loop.run_sync(async { wait() })),
        ("future of run_sync_timeout", |event_loop, wait| {
            event_loop.run_sync_timeout(async { wait() }, LIMIT).unwrap();
        }),
    ];
    for (name, wait) in waits() {
        for (place, enter) in places {
            for event_loop in [EventLoop::new(), EventLoop::over(BackgroundThread, SystemTimer)] {
                let (sender, receiver) = mpsc::channel();
                let same = event_loop.clone();
                enter(&event_loop, Box::new(move || sender.send(wait(&same)).unwrap()));
                let result = receiver.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("{name} in a {place} hangs"));
                assert_eq!(result, Err(RunSyncError::InsideLoop), "{name} in a {place}");
                // The loop goes on, and the caller may wait for it from outside.
                assert_eq!(wait(&event_loop), Ok(42), "{name} after a {place}");
            }
        }
    }
}

#[test]
fn waits_of_two_loops_for_each_other_are_an_error() {
    for (name, wait) in waits() {
        let [first, second] = [EventLoop::new(), EventLoop::new()];
        let (sender, receiver) = mpsc::channel();
        let (outer, inner) = (first.clone(), second.clone());
        first.add_callback(move || {
            let (result, done) = promise();
            let asked = inner.clone();
            // Added while the first loop waits already.
            let ask = async move {
                asked.add_callback(move || assert!(result.resolve(wait(&outer))));
                done.await
            };
            sender.send(inner.run_sync(ask).unwrap()).unwrap();
        });
        let result = receiver.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("{name} hangs"));
        assert_eq!(result, Err(RunSyncError::InsideLoop), "{name}");
        assert_eq!((wait(&first), wait(&second)), (Ok(42), Ok(42)), "{name}");
    }
}

#[test]
fn threads_may_wait_for_two_loops_in_any_order() {
    for (name, wait) in waits() {
        let [first, second] = [EventLoop::new(), EventLoop::new()];
        let (begin, begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let (outer, inner) = (first.clone(), second.clone());
        // The futures run on this thread, so neither loop is blocked.
        let thread = std::thread::spawn(move || {
            outer.run_sync(async {
                inner.run_sync(async {
                    begin.send(()).unwrap();
                    let _ = released.recv_timeout(2 * LIMIT);
                });
            });
        });
        begun.recv_timeout(LIMIT).unwrap();
        assert_eq!(second.run_sync(async { wait(&first) }), Ok(42), "{name}");
        drop(release);
        thread.join().unwrap();
    }
}

#[test]
fn loop_can_be_dropped_inside_its_own_callback() {
    let (sender, receiver) = mpsc::channel();
    let event_loop = EventLoop::new();
    let (last, later) = (event_loop.clone(), sender.clone());
    let (begin, begun) = mpsc::channel::<()>();
    event_loop.add_callback(move || {
        let _ = begun.recv_timeout(LIMIT);
        drop(last.call_later(Duration::from_millis(1), move || later.send("later").unwrap()));
        drop(last);
        sender.send("dropped").unwrap();
    });
    drop(event_loop);
    drop(begin);
    assert_eq!(receiver.recv_timeout(LIMIT), Ok("dropped"));
    // The callback that is left runs, and then the loop's thread ends.
    assert_eq!(receiver.recv_timeout(LIMIT), Ok("later"));
    assert_eq!(receiver.recv_timeout(LIMIT), Err(mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn thread_of_a_loop_ends_with_the_loop() {
    thread_local! {
        static END: RefCell<Option<Sender<()>>> = const { RefCell::new(None) };
    }
    // A handle of the executor, and a callback, keep the thread, too.
    for held in ["nothing", "an executor", "a timed callback"] {
        let event_loop = EventLoop::new();
        let (sender, ended) = mpsc::channel();
        event_loop.add_callback(move || END.set(Some(sender)));
        event_loop.run_sync(event_loop.sleep(Duration::from_millis(1)));
        let executor = (held == "an executor").then(|| event_loop.executor());
        let scheduled = (held == "a timed callback").then(|| event_loop.call_later(LIMIT * 100, || ()));
        drop(event_loop);
        if held != "nothing" {
            assert_eq!(ended.recv_timeout(Duration::from_millis(50)), Err(mpsc::RecvTimeoutError::Timeout), "{held}");
        }
        drop(executor);
        scheduled.inspect(|scheduled| assert!(scheduled.cancel()));
        // The thread's variables are dropped at its end.
        assert_eq!(ended.recv_timeout(LIMIT), Err(mpsc::RecvTimeoutError::Disconnected), "{held}");
    }
}

#[test]
fn limit_passes_while_requests_of_a_blocked_loop_wait_on_the_same_clock() {
    // The limits of the requests on the loop that blocks, in milliseconds. The spawned request has 100 ms.
    for limits in [[50; 8], [5_000; 8], [50, 5_000, 5_000, 5_000, 5_000, 5_000, 5_000, 5_000]] {
        for is_first in [true, false] {
            let client = Client::builder().max_active(20).backend(MockBackend::pending()).build().unwrap();
            let request =
                |limit| Request::get("http://a.example/").timeout(Duration::from_millis(limit)).build().unwrap();
            let event_loop = EventLoop::new();
            let early = is_first.then(|| client.fetch_spawned(request(100)));
            let done = limits.map(|limit| client.fetch_with(event_loop.executor(), request(limit), |_| ()));
            let _blocked = blocked("callback", &event_loop);
            let spawned = early.unwrap_or_else(|| client.fetch_spawned(request(100)));
            let (sender, receiver) = mpsc::channel();
            std::thread::spawn(move || sender.send(block_on(spawned).unwrap_err().timeout()).unwrap());
            let timeout = receiver.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("{limits:?} {is_first}"));
            assert_eq!(timeout, Some(Timeout::Request));
            drop(done);
        }
    }
}
