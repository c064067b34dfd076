//! The order, the completion and the limits of writes.

use std::pin::pin;
use std::rc::Rc;

use futures::executor::block_on;
use futures::future::{FutureExt, join_all};
use waterspout::tornado::{IoStream, StreamLimit};
use waterspout::{ErrorKind, Result, Transport};

use super::{Tasks, Wire, limit};

#[test]
fn writes_queue_while_connecting_and_leave_in_their_order() {
    let mut tasks = Tasks::default();
    let wire = Wire::new();
    let (connect, connected) = futures::channel::oneshot::channel::<()>();
    let transport = wire.transport();
    let stream = Rc::new(IoStream::connecting(async move {
        connected.await.unwrap();
        Ok(Box::new(transport) as Box<dyn Transport>)
    }));
    let writes: Vec<_> = ["one ", "two ", "three"]
        .into_iter()
        .map(|text| {
            let stream = stream.clone();
            tasks.spawn(async move { stream.write(text).await })
        })
        .collect();
    assert!(writes.iter().all(|write| !write.is_done()) && wire.written().is_empty());
    connect.send(()).unwrap();
    tasks.run();
    assert!(writes.iter().all(|write| write.take().unwrap().is_ok()));
    assert_eq!(wire.written(), "one two three");
}

#[test]
fn write_that_is_no_longer_polled_does_not_block_other_writes() {
    let mut tasks = Tasks::default();
    let wire = Wire::narrow(0);
    let stream = Rc::new(wire.stream());
    let mut kept = stream.write("one ");
    assert!((&mut kept).now_or_never().is_none());
    let other = stream.clone();
    let second = tasks.spawn(async move { other.write("two").await });
    assert!(!second.is_done());
    wire.widen(100);
    tasks.run();
    assert!(second.take().unwrap().is_ok());
    assert_eq!(wire.written(), "one two");
    drop(kept);
}

#[test]
fn write_completes_when_its_bytes_have_left() {
    let mut tasks = Tasks::default();
    let wire = Wire::narrow(2);
    let stream = Rc::new(wire.stream());
    let write = |text: &'static str| {
        let stream = stream.clone();
        async move { stream.write(text).await.unwrap() }
    };
    let (one, two, three) = (tasks.spawn(write("abc")), tasks.spawn(write("de")), tasks.spawn(write("f")));
    let mut done = |widen| {
        wire.widen(widen);
        tasks.run();
        [one.is_done(), two.is_done(), three.is_done()]
    };
    assert_eq!(done(0), [false, false, false]);
    assert_eq!(done(1), [true, false, false]);
    assert_eq!(done(1), [true, false, false]);
    assert_eq!(done(9), [true, true, true]);
    assert_eq!(wire.written(), "abcdef");
}

#[test]
fn write_waits_for_the_flush_of_the_transport() {
    let mut tasks = Tasks::default();
    let wire = Wire::new();
    wire.hold_flush(true);
    let stream = Rc::new(wire.stream());
    let writing = stream.clone();
    let write = tasks.spawn(async move { writing.write("abc").await });
    assert_eq!((wire.written().as_str(), write.is_done()), ("abc", false));
    wire.hold_flush(false);
    tasks.run();
    assert!(write.take().unwrap().is_ok());
}

#[test]
fn dropped_write_is_still_sent() {
    let wire = Wire::narrow(1);
    let stream = wire.stream();
    drop(stream.write("abc"));
    let mut polled = stream.write("def").boxed();
    assert!((&mut polled).now_or_never().is_none());
    drop(polled);
    wire.widen(9);
    block_on(stream.flush()).unwrap();
    assert_eq!(wire.written(), "abcdef");
}

#[test]
fn next_writer_drives_the_stream_when_the_first_leaves() {
    let mut tasks = Tasks::default();
    let wire = Wire::narrow(0);
    let stream = Rc::new(wire.stream());
    let (first, second) = (stream.clone(), stream.clone());
    let (leave, left) = futures::channel::oneshot::channel::<()>();
    tasks.spawn(async move {
        futures::future::select(left, pin!(first.write("abc"))).await;
    });
    let write = tasks.spawn(async move { second.write("def").await });
    // The first task is woken for both events at once, and ends without polling the stream.
    leave.send(()).unwrap();
    wire.widen(9);
    tasks.run();
    assert!(write.take().unwrap().is_ok());
}

#[test]
fn a_write_beyond_the_write_buffer_is_refused_whole() {
    let wire = Wire::narrow(0);
    let stream = wire.stream().max_write_buffer(5);
    let first = stream.write("abcd");
    let error = block_on(stream.write("ef")).unwrap_err();
    assert_eq!((error.kind(), limit(&error)), (ErrorKind::LimitExceeded, Some(StreamLimit::WriteBuffer(5))));
    let last = stream.write("e");
    wire.widen(9);
    block_on(join_all([first, last])).into_iter().for_each(Result::unwrap);
    assert_eq!(wire.written(), "abcde");
}

#[test]
fn thousand_writers_are_all_woken() {
    let mut tasks = Tasks::default();
    let wire = Wire::narrow(0);
    let stream = Rc::new(wire.stream());
    let writes: Vec<_> = (0..1000)
        .map(|_| {
            let stream = stream.clone();
            tasks.spawn(async move { stream.write("0123456789").await })
        })
        .collect();
    for step in 0..100 {
        wire.widen(100);
        tasks.run();
        assert_eq!(writes.iter().filter(|write| write.is_done()).count(), 10 * (step + 1));
    }
}

#[test]
fn reader_drives_writes_that_are_not_awaited() {
    let mut tasks = Tasks::default();
    let wire = Wire::narrow(0);
    let stream = Rc::new(wire.stream());
    let reading = stream.clone();
    let read = tasks.spawn(async move { reading.read_exact(2).await });
    drop(stream.write("question"));
    wire.widen(9);
    tasks.run();
    assert_eq!(wire.written(), "question");
    wire.send("ok");
    tasks.run();
    assert_eq!(read.take().unwrap().unwrap(), "ok");
}
