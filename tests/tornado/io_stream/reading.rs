//! The results of reads, and their limits.

use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::future::{BoxFuture, FutureExt};
use waterspout::testing::{Script, ScriptedConnector};
use waterspout::tornado::{IoStream, StreamLimit};
use waterspout::{Connector, ErrorKind, Url};

use super::{Tasks, Wire, assert_closed_at, limit, receiving};

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
fn max_bytes_also_bounds_a_delimiter_in_buffered_bytes() {
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
    // Each piece wakes the reader. Searching all bytes again each time would mean 32 GiB.
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
fn partial_read_returns_the_available_bytes() {
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
fn read_buffer_may_be_filled_but_not_exceeded() {
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
fn second_read_at_the_same_time_is_refused() {
    let (_wire, stream) = receiving(&["a"]);
    let mut first = stream.read_exact(2).boxed();
    assert!((&mut first).now_or_never().is_none());
    assert_eq!(block_on(stream.read_exact(1)).unwrap_err().kind(), ErrorKind::InvalidRequest);
    drop(first);
    assert_eq!(block_on(stream.read_exact(1)).unwrap(), "a");
}

/// Reads a text that arrives byte by byte, and returns the bytes that the read gave.
type Read = for<'a> fn(&'a IoStream) -> BoxFuture<'a, Vec<u8>>;

#[test]
fn read_dropped_at_any_point_loses_no_byte() {
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
fn reader_is_woken_for_bytes_that_another_wait_received() {
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
