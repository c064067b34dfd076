//! When writes leave, and when they are done.

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
fn a_write_that_is_kept_and_polled_no_more_holds_up_nobody() {
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
fn a_write_is_done_when_its_bytes_have_left_and_not_before() {
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
fn a_write_waits_until_the_transport_lets_its_bytes_go() {
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
fn a_dropped_write_is_sent_all_the_same() {
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
fn when_the_first_writer_leaves_the_next_one_drives() {
    let mut tasks = Tasks::default();
    let wire = Wire::narrow(0);
    let stream = Rc::new(wire.stream());
    let (first, second) = (stream.clone(), stream.clone());
    let (leave, left) = futures::channel::oneshot::channel::<()>();
    tasks.spawn(async move {
        futures::future::select(left, pin!(first.write("abc"))).await;
    });
    let write = tasks.spawn(async move { second.write("def").await });
    // Woken for both reasons at once, the first goes without looking at the stream.
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
fn a_thousand_writers_are_all_told() {
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
fn a_reader_drives_what_is_written_and_a_writer_need_not_wait() {
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
