//! Streams of plain bytes: what a read gives, what a limit does, when a write is done, and that nothing gets lost.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

mod wire;

use std::error::Error as _;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::future::{BoxFuture, FutureExt, LocalBoxFuture, join_all};
use waterspout::testing::{Script, ScriptedConnector};
use waterspout::tornado::IoStream;
use waterspout::tornado::StreamLimit;
use waterspout::{Bytes, Connector, Error, ErrorKind, Phase, Result, Transport, Url};

use self::wire::{Tasks, Wire};

/// A stream that has received these pieces and no more.
fn receiving(pieces: &[&str]) -> (Wire, IoStream) {
    let wire = Wire::new();
    pieces.iter().for_each(|piece| wire.send(*piece));
    let stream = wire.stream();
    (wire, stream)
}

fn limit(error: &Error) -> Option<StreamLimit> {
    error.source()?.downcast_ref().copied()
}

/// Asserts that a read met this limit, that this closed the stream, and that whoever comes later hears why.
fn assert_closed_at<T: std::fmt::Debug>(outcome: Result<T>, expected: StreamLimit, wire: &Wire, stream: &IoStream) {
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.phase(), limit(&error)), (ErrorKind::LimitExceeded, Phase::Stream, Some(expected)));
    assert!(error.to_string().ends_with(&expected.to_string()), "{error}");
    assert!(wire.is_dropped());
    for later in [
        block_on(stream.read_partial(1)).unwrap_err(),
        block_on(stream.write("x")).unwrap_err(),
        block_on(stream.closed()).unwrap_err(),
    ] {
        assert_eq!(later.kind(), ErrorKind::ConnectionClosed, "{later}");
        assert!(later.to_string().ends_with(&expected.to_string()), "{later}");
    }
}

#[test]
fn a_read_until_a_delimiter_ends_with_it_and_leaves_the_rest() {
    let (_wire, stream) = receiving(&["on", "e\r", "\ntwo\r\nrest"]);
    for expected in ["one\r\n", "two\r\n"] {
        assert_eq!(block_on(stream.read_until("\r\n", 100)).unwrap(), expected);
    }
    assert_eq!(block_on(stream.read_partial(100)).unwrap(), "rest");
    assert_eq!(block_on(stream.read_until("", 100)).unwrap_err().kind(), ErrorKind::InvalidRequest);
}

#[test]
fn a_delimiter_that_ends_at_max_bytes_is_found() {
    let (_wire, stream) = receiving(&["abcdef", "more"]);
    assert_eq!(block_on(stream.read_until("def", 6)).unwrap(), "abcdef");
}

#[test]
fn a_delimiter_that_does_not_come_within_max_bytes_closes_the_stream() {
    let (wire, stream) = receiving(&["abc", "def"]);
    let outcome = block_on(stream.read_until("x", 6));
    assert_closed_at(outcome, StreamLimit::Delimiter(6), &wire, &stream);
}

#[test]
fn a_delimiter_beyond_max_bytes_is_not_found_although_it_is_there() {
    let (wire, stream) = receiving(&["abcdef"]);
    let outcome = block_on(stream.read_until("def", 5));
    assert_closed_at(outcome, StreamLimit::Delimiter(5), &wire, &stream);
}

#[test]
fn a_delimiter_that_was_received_before_is_bounded_all_the_same() {
    let (wire, stream) = receiving(&["a.bcdef."]);
    assert_eq!(block_on(stream.read_until(".", 10)).unwrap(), "a.");
    let outcome = block_on(stream.read_until(".", 5));
    assert_closed_at(outcome, StreamLimit::Delimiter(5), &wire, &stream);
}

#[test]
fn four_mebibytes_before_a_delimiter_take_linear_time() {
    const SIZE: usize = 4 * 1024 * 1024;
    let wire = Wire::new();
    let stream = Rc::new(wire.stream());
    let mut tasks = Tasks::default();
    let reading = stream.clone();
    let read = tasks.spawn(async move { reading.read_until("\r\n\r\n", SIZE + 4).await });
    let started = Instant::now();
    // Each piece is a wake of its own; looking at all again each time would be 32 GiB.
    for _ in 0..SIZE / 256 {
        wire.send([b'\r'; 256]);
        tasks.run();
    }
    wire.send("\n\r\n");
    tasks.run();
    assert_eq!(read.take().unwrap().unwrap().len(), SIZE + 3);
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn reads_take_64_kibibytes_at_a_time() {
    const SIZE: usize = 4 * 1024 * 1024;
    let wire = Wire::new();
    wire.send(vec![b'.'; SIZE]);
    wire.send("\n");
    assert_eq!(block_on(wire.stream().read_until("\n", 2 * SIZE)).unwrap().len(), SIZE + 1);
    let reads = wire.reads();
    assert!(reads.iter().all(|room| (32 * 1024..=64 * 1024).contains(room)), "{reads:?}");
}

#[test]
fn a_long_read_lets_other_tasks_run() {
    let wire = Wire::new();
    wire.send(vec![b'.'; 4 * 1024 * 1024]);
    wire.end();
    let stream = wire.stream();
    let mut read = pin!(stream.read_until_close());
    let mut polls = 1;
    while read.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
        polls += 1;
    }
    assert!((3..100).contains(&polls), "{polls}");
}

#[test]
fn a_read_of_a_length_waits_for_all_of_it() {
    let mut tasks = Tasks::default();
    let (wire, stream) = receiving(&["abc"]);
    let stream = Rc::new(stream);
    let reading = stream.clone();
    let read = tasks.spawn(async move { reading.read_exact(4).await });
    assert!(!read.is_done());
    wire.send("de");
    tasks.run();
    assert_eq!(read.take().unwrap().unwrap(), "abcd");
    let mut rest = [0; 1];
    block_on(stream.read_into(&mut rest)).unwrap();
    assert_eq!(&rest, b"e");
    assert!(block_on(stream.read_exact(0)).unwrap().is_empty());
}

#[test]
fn a_partial_read_gives_what_is_there() {
    let (wire, stream) = receiving(&["abcde"]);
    assert_eq!(block_on(stream.read_partial(2)).unwrap(), "ab");
    let mut buffer = [b'-'; 5];
    assert_eq!(block_on(stream.read_into_partial(&mut buffer)).unwrap(), 3);
    assert_eq!(&buffer, b"cde--");
    assert!(stream.read_partial(1).now_or_never().is_none());
    wire.end();
    assert!(block_on(stream.read_partial(9)).unwrap().is_empty());
    assert_eq!(block_on(stream.read_into_partial(&mut buffer)).unwrap(), 0);
}

#[test]
fn the_read_buffer_may_be_filled_and_no_more() {
    let (wire, stream) = receiving(&["0123456789"]);
    wire.end();
    assert_eq!(block_on(stream.max_read_buffer(10).read_until_close()).unwrap(), "0123456789");

    let (wire, stream) = receiving(&["0123456789", "a"]);
    let stream = stream.max_read_buffer(10);
    let outcome = block_on(stream.read_until_close());
    assert_closed_at(outcome, StreamLimit::ReadBuffer(10), &wire, &stream);

    let (wire, stream) = receiving(&["0123456789", "a"]);
    let stream = stream.max_read_buffer(10);
    let outcome = block_on(stream.read_until("x", 100));
    assert_closed_at(outcome, StreamLimit::ReadBuffer(10), &wire, &stream);
}

#[test]
fn a_length_that_the_read_buffer_may_not_hold_is_refused_at_once() {
    let (wire, stream) = receiving(&["0123456789"]);
    let stream = stream.max_read_buffer(10);
    let error = block_on(stream.read_exact(11)).unwrap_err();
    assert_eq!((error.kind(), limit(&error)), (ErrorKind::LimitExceeded, Some(StreamLimit::ReadBuffer(10))));
    assert!(!wire.is_dropped());
    assert_eq!(block_on(stream.read_exact(10)).unwrap(), "0123456789");
}

#[test]
fn what_was_received_is_delivered_before_the_close() {
    for end in [Wire::end, Wire::reset] {
        let (wire, stream) = receiving(&["12"]);
        end(&wire);
        // Reads as far as the close.
        let _ = block_on(stream.closed());
        for expected in ["1", "2"] {
            assert_eq!(block_on(stream.read_exact(1)).unwrap(), expected);
        }
        assert_eq!(block_on(stream.read_exact(1)).unwrap_err().kind(), ErrorKind::ConnectionClosed);
    }
}

#[test]
fn a_read_that_the_close_leaves_unsatisfied_takes_nothing() {
    let (wire, stream) = receiving(&["abc"]);
    wire.end();
    for _ in 0..2 {
        assert_eq!(block_on(stream.read_until("x", 9)).unwrap_err().kind(), ErrorKind::ConnectionClosed);
        assert_eq!(block_on(stream.read_exact(4)).unwrap_err().kind(), ErrorKind::ConnectionClosed);
    }
    assert_eq!(block_on(stream.read_partial(9)).unwrap(), "abc");
}

#[test]
fn reading_until_the_close_works_after_it() {
    let (wire, stream) = receiving(&["abc", "def"]);
    wire.end();
    block_on(stream.closed()).unwrap();
    assert_eq!(block_on(stream.read_until_close()).unwrap(), "abcdef");
    assert!(block_on(stream.read_until_close()).unwrap().is_empty());
}

#[test]
fn a_reset_is_no_end() {
    let (wire, stream) = receiving(&["abc"]);
    wire.reset();
    let error = block_on(stream.read_until_close()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionClosed);
    assert!(error.source().is_some_and(|cause| cause.is::<std::io::Error>()), "{error:?}");
    assert_eq!(block_on(stream.read_partial(9)).unwrap(), "abc");
}

#[test]
fn there_is_one_read_at_a_time() {
    let (_wire, stream) = receiving(&["a"]);
    let mut first = stream.read_exact(2).boxed();
    assert!((&mut first).now_or_never().is_none());
    assert_eq!(block_on(stream.read_exact(1)).unwrap_err().kind(), ErrorKind::InvalidRequest);
    drop(first);
    assert_eq!(block_on(stream.read_exact(1)).unwrap(), "a");
}

/// A read of `text`, which comes byte by byte; what it gives.
type Read = for<'a> fn(&'a IoStream) -> BoxFuture<'a, Vec<u8>>;

#[test]
fn a_dropped_read_loses_no_byte_wherever_it_is_dropped() {
    const TEXT: &[u8] = b"0123456\r\n";
    let reads: [Read; 6] = [
        |stream| stream.read_until("\r\n", 99).map(|bytes| bytes.unwrap().to_vec()).boxed(),
        |stream| stream.read_exact(9).map(|bytes| bytes.unwrap().to_vec()).boxed(),
        |stream| stream.read_partial(9).map(|bytes| bytes.unwrap().to_vec()).boxed(),
        |stream| stream.read_until_close().map(|bytes| bytes.unwrap().to_vec()).boxed(),
        |stream| {
            let read = async {
                let mut buffer = [0; 9];
                stream.read_into(&mut buffer).await.unwrap();
                buffer.to_vec()
            };
            read.boxed()
        },
        |stream| stream.closed().map(|outcome| outcome.map(|()| Vec::new()).unwrap()).boxed(),
    ];
    for (index, read) in reads.into_iter().enumerate() {
        for polls in 0.. {
            let connector = ScriptedConnector::new([Script::new().pause().drip(TEXT).pause()]);
            let stream = IoStream::connecting(async move {
                connector.connect(&Url::parse("http://example.com").unwrap().origin()).await
            });
            let mut taken = Vec::new();
            let mut future = read(&stream);
            for _ in 0..polls {
                if let Some(bytes) = (&mut future).now_or_never() {
                    taken = bytes;
                    break;
                }
            }
            drop(future);
            let finished = polls > 2 * TEXT.len();
            taken.extend(block_on(stream.read_until_close()).unwrap());
            assert_eq!(taken, TEXT, "read {index} dropped after {polls} polls");
            if finished {
                break;
            }
        }
    }
}

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
fn what_the_peer_sent_can_be_read_after_writing_has_failed() {
    let (wire, stream) = receiving(&["sorry"]);
    wire.break_writing();
    for _ in 0..2 {
        let error = block_on(stream.write("abc")).unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::ConnectionClosed, Phase::Stream), "{error}");
    }
    wire.end();
    assert_eq!(block_on(stream.read_until_close()).unwrap(), "sorry");
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

#[test]
fn the_close_is_noticed_while_nobody_reads() {
    let mut tasks = Tasks::default();
    let (wire, stream) = receiving(&["unread"]);
    let stream = Rc::new(stream);
    let watching = stream.clone();
    let closed = tasks.spawn(async move { watching.closed().await });
    assert!(!closed.is_done());
    wire.end();
    tasks.run();
    assert!(closed.take().unwrap().is_ok());
    assert_eq!(block_on(stream.read_until_close()).unwrap(), "unread");

    let (wire, stream) = receiving(&[]);
    let closed = tasks.spawn(async move { stream.closed().await });
    wire.reset();
    tasks.run();
    assert_eq!(closed.take().unwrap().unwrap_err().kind(), ErrorKind::ConnectionClosed);
}

#[test]
fn a_reader_is_told_what_another_wait_has_received() {
    let mut tasks = Tasks::default();
    let wire = Wire::new();
    let stream = Rc::new(wire.stream());
    let reading = stream.clone();
    let read = tasks.spawn(async move { reading.read_exact(2).await });
    wire.send_unnoticed("ok");
    assert!(stream.closed().now_or_never().is_none());
    tasks.run();
    assert_eq!(read.take().unwrap().unwrap(), "ok");
}

#[test]
fn waiting_for_the_close_holds_no_more_than_the_read_buffer() {
    let mut tasks = Tasks::default();
    let wire = Wire::new();
    wire.send(vec![b'.'; 1000]);
    wire.end();
    let stream = Rc::new(wire.stream().max_read_buffer(10));
    let watching = stream.clone();
    let closed = tasks.spawn(async move { watching.closed().await });
    assert!(wire.reads().iter().sum::<usize>() <= 11, "{:?}", wire.reads());
    // Then no more are left than may be held.
    for _ in 0..99 {
        assert!(!closed.is_done());
        assert_eq!(block_on(stream.read_exact(10)).unwrap().len(), 10);
        tasks.run();
    }
    assert!(closed.take().unwrap().is_ok());
}

/// A wait for something of a stream.
type Wait = fn(Rc<IoStream>) -> LocalBoxFuture<'static, Result<Bytes>>;

#[test]
fn closing_ends_every_wait() {
    let mut tasks = Tasks::default();
    let wire = Wire::narrow(0);
    let stream = Rc::new(wire.stream());
    let waits: [Wait; 4] = [
        |stream| async move { stream.read_exact(1).await }.boxed_local(),
        |stream| async move { stream.write("abc").await.map(|()| Bytes::new()) }.boxed_local(),
        |stream| async move { stream.shutdown().await.map(|()| Bytes::new()) }.boxed_local(),
        |stream| async move { stream.closed().await.map(|()| Bytes::new()) }.boxed_local(),
    ];
    let waits = waits.map(|wait| tasks.spawn(wait(stream.clone())));
    assert!(waits.iter().all(|wait| !wait.is_done()));
    stream.close();
    tasks.run();
    for wait in waits {
        assert_eq!(wait.take().unwrap().unwrap_err().kind(), ErrorKind::ConnectionClosed);
    }
    assert!(wire.is_dropped());
}

#[test]
fn a_connection_that_fails_is_told_to_everybody() {
    let refusing = ScriptedConnector::new([]);
    let stream =
        IoStream::connecting(async move { refusing.connect(&Url::parse("http://a.b").unwrap().origin()).await });
    let write = stream.write("lost");
    for error in [
        block_on(stream.connected()).unwrap_err(),
        block_on(write).unwrap_err(),
        block_on(stream.read_exact(1)).unwrap_err(),
        block_on(stream.closed()).unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Connect, Phase::Connect));
        assert!(error.to_string().contains("refuses, as scripted"), "{error}");
    }
}

#[test]
fn shutting_down_sends_what_is_queued_then_the_end() {
    let mut tasks = Tasks::default();
    let wire = Wire::narrow(1);
    let stream = Rc::new(wire.stream());
    drop(stream.write("abc"));
    let shutting = stream.clone();
    let shut = tasks.spawn(async move { shutting.shutdown().await });
    assert_eq!((wire.written().as_str(), shut.is_done()), ("a", false));
    wire.widen(9);
    wire.send("answer");
    tasks.run();
    assert!(shut.take().unwrap().is_ok());
    assert_eq!(wire.written(), "abc<end>");
    assert_eq!(block_on(stream.write("d")).unwrap_err().kind(), ErrorKind::ConnectionClosed);
    assert_eq!(block_on(stream.read_exact(6)).unwrap(), "answer");
    block_on(stream.shutdown()).unwrap();
}

/// An upgrade that never comes to an end.
fn upgrade(stream: &IoStream) -> Result<()> {
    stream.upgrade(|transport| async move {
        let _transport = transport;
        std::future::pending().await
    })
}

#[test]
fn only_an_idle_stream_is_upgraded() {
    let refused = |stream: &IoStream, reason: &str| {
        let error = upgrade(stream).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().contains(reason), "{error}");
    };
    let (wire, stream) = receiving(&["ab"]);
    block_on(stream.read_exact(1)).unwrap();
    refused(&stream, "received and not read");
    assert_eq!(block_on(stream.read_exact(1)).unwrap(), "b");
    let mut read = stream.read_exact(1).boxed();
    assert!((&mut read).now_or_never().is_none());
    refused(&stream, "being read");
    drop(read);
    upgrade(&stream).unwrap();
    assert!(!wire.is_dropped());
    refused(&stream, "still connecting");

    let wire = Wire::narrow(0);
    let stream = wire.stream();
    let write = stream.write("a");
    refused(&stream, "written and not sent");
    wire.widen(1);
    block_on(write).unwrap();
    upgrade(&stream).unwrap();
    stream.close();
    assert_eq!(upgrade(&stream).unwrap_err().kind(), ErrorKind::ConnectionClosed);
}

#[test]
fn what_follows_an_upgrade_goes_over_the_new_connection() {
    let mut tasks = Tasks::default();
    let (old, new) = (Wire::new(), Wire::new());
    new.send("welcome");
    let stream = Rc::new(old.stream());
    let (go, gone) = futures::channel::oneshot::channel::<()>();
    let transport = new.transport();
    let upgrading = stream.clone();
    let upgraded = tasks.spawn(async move {
        upgrading.upgrade(|old| async move {
            let _old = old;
            gone.await.unwrap();
            Ok(Box::new(transport) as Box<dyn Transport>)
        })?;
        upgrading.connected().await
    });
    let writing = stream.clone();
    let write = tasks.spawn(async move { writing.write("secret").await });
    assert!(!upgraded.is_done() && !write.is_done());
    go.send(()).unwrap();
    tasks.run();
    assert!(upgraded.take().unwrap().is_ok() && write.take().unwrap().is_ok());
    assert_eq!((old.written().as_str(), new.written().as_str()), ("", "secret"));
    assert_eq!(block_on(stream.read_exact(7)).unwrap(), "welcome");
}

#[test]
fn a_stream_is_used_by_several_threads() {
    fn assert_both<T: Send + Sync>(_: &T) {}
    assert_both(&Wire::new().stream());
}

#[cfg(feature = "regex")]
mod patterns {
    use waterspout::tornado::Regex;

    use super::*;

    fn end_of_head() -> Regex {
        Regex::new(r"\r?\n\r?\n").unwrap()
    }

    #[test]
    fn a_read_until_a_pattern_ends_with_its_match_and_leaves_the_rest() {
        let (_wire, stream) = receiving(&["a: b\r", "\n\r", "\nc: d\n\nrest"]);
        for expected in ["a: b\r\n\r\n", "c: d\n\n"] {
            assert_eq!(block_on(stream.read_until_regex(&end_of_head(), 100)).unwrap(), expected);
        }
        assert_eq!(block_on(stream.read_partial(100)).unwrap(), "rest");
    }

    #[test]
    fn a_match_that_ends_at_max_bytes_is_found() {
        let (_wire, stream) = receiving(&["abc", "\n\nmore"]);
        assert_eq!(block_on(stream.read_until_regex(&end_of_head(), 5)).unwrap(), "abc\n\n");
    }

    #[test]
    fn a_match_that_does_not_come_within_max_bytes_closes_the_stream() {
        let (wire, stream) = receiving(&["abc", "def"]);
        let outcome = block_on(stream.read_until_regex(&end_of_head(), 6));
        assert_closed_at(outcome, StreamLimit::Match(6), &wire, &stream);
    }

    #[test]
    fn a_match_beyond_max_bytes_is_not_found_although_it_is_there() {
        let (wire, stream) = receiving(&["abcd\n\n"]);
        let outcome = block_on(stream.read_until_regex(&end_of_head(), 5));
        assert_closed_at(outcome, StreamLimit::Match(5), &wire, &stream);
    }

    #[test]
    fn a_match_that_was_received_before_is_bounded_all_the_same() {
        let (wire, stream) = receiving(&["a\n\nbcdef\n\n"]);
        assert_eq!(block_on(stream.read_until_regex(&end_of_head(), 9)).unwrap(), "a\n\n");
        let outcome = block_on(stream.read_until_regex(&end_of_head(), 5));
        assert_closed_at(outcome, StreamLimit::Match(5), &wire, &stream);
    }

    #[test]
    fn four_mebibytes_before_a_match_take_linear_time() {
        const SIZE: usize = 4 * 1024 * 1024;
        let wire = Wire::new();
        let stream = Rc::new(wire.stream());
        let mut tasks = Tasks::default();
        let reading = stream.clone();
        let read = tasks.spawn(async move { reading.read_until_regex(&end_of_head(), SIZE + 3).await });
        let started = Instant::now();
        for _ in 0..SIZE / 256 {
            wire.send([b'\r'; 256]);
            tasks.run();
        }
        wire.send("\n\r\n");
        tasks.run();
        assert_eq!(read.take().unwrap().unwrap().len(), SIZE + 3);
        assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    }

    #[test]
    fn a_dropped_read_until_a_pattern_loses_no_byte() {
        for polls in 0..30 {
            let connector = ScriptedConnector::new([Script::new().drip(b"0123456\r\n\r\nmore")]);
            let stream = IoStream::connecting(async move {
                connector.connect(&Url::parse("http://example.com").unwrap().origin()).await
            });
            let regex = end_of_head();
            let mut read = stream.read_until_regex(&regex, 99).boxed();
            let taken = (0..polls).find_map(|_| (&mut read).now_or_never());
            drop(read);
            let rest = block_on(stream.read_until_close()).unwrap();
            let whole = [&taken.map_or(Bytes::new(), Result::unwrap)[..], &rest].concat();
            assert_eq!(whole, b"0123456\r\n\r\nmore", "after {polls} polls");
        }
    }
}
