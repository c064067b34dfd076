//! A stream lets other tasks run after a bounded amount of work, although its futures never have to wait.

use std::cell::Cell;
use std::future::{Future, pending};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
#[cfg(feature = "regex")]
use std::sync::OnceLock;
use std::task::{Context, Poll};

use futures::executor::block_on;
use futures::future::{FutureExt, LocalBoxFuture, join};
use futures::{AsyncRead, AsyncWrite};
use waterspout::Transport;
use waterspout::tornado::IoStream;
#[cfg(feature = "regex")]
use waterspout::tornado::Regex;

use super::Wire;
use crate::support::polling::yield_once;
use crate::support::wakers::WakeFlag;

/// Maximum number of calls between two turns of other tasks.
const MAX_CALLS: usize = 64;

/// Maximum number of bytes between two turns of other tasks, beside the bytes of the last call.
const MAX_BYTES: usize = 512 * 1024;

/// Polls `future` until it ends or waits for an event, and calls `after` after each poll. Returns the number of polls.
fn run(future: impl Future, mut after: impl FnMut()) -> usize {
    let (flag, waker) = WakeFlag::new();
    let mut future = pin!(future);
    for polls in 1.. {
        let poll = future.as_mut().poll(&mut Context::from_waker(&waker));
        after();
        if poll.is_ready() || !flag.take() {
            return polls;
        }
    }
    unreachable!()
}

/// A stream that has received `bytes`, and the peer's end of it.
fn received(bytes: Vec<u8>) -> (Wire, IoStream) {
    let wire = Wire::new();
    wire.send(bytes);
    wire.end();
    let stream = wire.stream();
    block_on(stream.closed()).unwrap();
    (wire, stream)
}

/// A read that ends at once. It returns how many bytes it gave.
type Read = for<'a> fn(&'a IoStream) -> LocalBoxFuture<'a, usize>;

/// Every kind of read, each of a few bytes.
fn short_reads() -> Vec<(&'static str, Read)> {
    let reads: [(&str, Read); 7] = [
        ("read_until", |stream| stream.read_until("\n", 99).map(|line| line.unwrap().len()).boxed_local()),
        ("read_exact", |stream| stream.read_exact(4).map(|bytes| bytes.unwrap().len()).boxed_local()),
        ("read_exact of nothing", |stream| stream.read_exact(0).map(|bytes| bytes.unwrap().len()).boxed_local()),
        ("read_partial", |stream| stream.read_partial(4).map(|bytes| bytes.unwrap().len()).boxed_local()),
        ("read_partial of nothing", |stream| stream.read_partial(0).map(|bytes| bytes.unwrap().len()).boxed_local()),
        ("read_into", |stream| async { stream.read_into(&mut [0; 4]).await.map(|()| 4).unwrap() }.boxed_local()),
        ("read_into_partial", |stream| async { stream.read_into_partial(&mut [0; 4]).await.unwrap() }.boxed_local()),
    ];
    #[allow(unused_mut)]
    let mut reads = Vec::from(reads);
    #[cfg(feature = "regex")]
    reads.push(("read_until_regex", |stream| {
        async {
            static LINE: OnceLock<Regex> = OnceLock::new();
            let line = LINE.get_or_init(|| Regex::new("\n").unwrap());
            stream.read_until_regex(line, 99).await.unwrap().len()
        }
        .boxed_local()
    }));
    reads
}

/// Reads `times` times in a loop. Asserts that other tasks run in between, and returns how many bytes were read.
fn assert_yields(name: &str, stream: &IoStream, times: usize, read: Read) -> usize {
    let (calls, bytes) = (Cell::new(0), Cell::new(0));
    let largest = Cell::new(0);
    let reading = async {
        for _ in 0..times {
            let count = read(stream).await;
            calls.set(calls.get() + 1);
            bytes.set(bytes.get() + count);
            largest.set(largest.get().max(count));
        }
    };
    let (mut calls_before, mut bytes_before) = (0, 0);
    run(reading, || {
        assert!(calls.get() - calls_before <= MAX_CALLS, "{name}: {} calls", calls.get() - calls_before);
        let moved = bytes.get() - bytes_before;
        assert!(moved <= MAX_BYTES + largest.get(), "{name}: {moved} bytes");
        (calls_before, bytes_before) = (calls.get(), bytes.get());
    });
    assert_eq!(calls.get(), times, "{name}");
    bytes.get()
}

#[test]
fn loop_of_short_reads_of_buffered_bytes_lets_other_tasks_run() {
    for (name, read) in short_reads() {
        let (_wire, stream) = received(b"abc\n".repeat(5000));
        let bytes = assert_yields(name, &stream, 5000, read);
        assert!(bytes == 20_000 || name.ends_with("nothing"), "{name}: {bytes}");
    }
}

#[test]
fn loop_of_short_reads_of_a_fast_connection_lets_other_tasks_run() {
    for (name, read) in short_reads() {
        let wire = Wire::new();
        // Each read of the transport finds four lines.
        (0..1250).for_each(|_| wire.send(b"abc\n".repeat(4)));
        let bytes = assert_yields(name, &wire.stream(), 5000, read);
        assert!(bytes == 20_000 || name.ends_with("nothing"), "{name}: {bytes}");
    }
}

#[test]
fn loop_of_reads_at_the_end_lets_other_tasks_run() {
    let (_wire, stream) = received(Vec::new());
    let reads: [(&str, Read); 3] = [
        ("read_partial", |stream| stream.read_partial(9).map(|bytes| bytes.unwrap().len()).boxed_local()),
        ("read_until_close", |stream| stream.read_until_close().map(|bytes| bytes.unwrap().len()).boxed_local()),
        ("read_until", |stream| stream.read_until("x", 9).map(|outcome| outcome.is_ok().into()).boxed_local()),
    ];
    for (name, read) in reads {
        assert_yields(name, &stream, 1000, read);
    }
}

#[test]
fn loop_of_large_reads_lets_other_tasks_run() {
    const SIZE: usize = 4 * 1024 * 1024;
    let reads: [(&str, Read); 3] = [
        ("read_exact", |stream| stream.read_exact(64 * 1024).map(|bytes| bytes.unwrap().len()).boxed_local()),
        ("read_partial", |stream| stream.read_partial(64 * 1024).map(|bytes| bytes.unwrap().len()).boxed_local()),
        ("read_into", |stream| {
            async { stream.read_into(&mut vec![0; 64 * 1024]).await.map(|()| 64 * 1024).unwrap() }.boxed_local()
        }),
    ];
    for (name, read) in reads {
        let (_wire, buffered) = received(vec![0; SIZE]);
        assert_eq!(assert_yields(name, &buffered, SIZE / (64 * 1024), read), SIZE);
        let wire = Wire::new();
        wire.send(vec![0; SIZE]);
        // Reads of the transport give at most 64 KiB.
        assert_eq!(assert_yields(name, &wire.stream(), SIZE / (64 * 1024), read), SIZE);
    }
}

/// Returns how many polls `read` needs until it waits for more bytes.
fn polls_until_it_waits(read: impl Future) -> usize {
    run(read, || {})
}

#[test]
fn search_through_buffered_bytes_lets_other_tasks_run_and_is_not_repeated() {
    const SIZE: usize = 4 * 1024 * 1024;
    let wire = Wire::new();
    wire.send(vec![b'.'; SIZE]);
    let stream = wire.stream();
    run(stream.closed(), || {});
    // Each search is dropped when it waits for more bytes.
    let first = polls_until_it_waits(stream.read_until("\r\n", 2 * SIZE));
    assert!(first >= SIZE / MAX_BYTES, "{first} polls");
    let repeated = polls_until_it_waits(stream.read_until("\r\n", 2 * SIZE));
    assert!(repeated <= 2, "{repeated} polls: the same bytes were examined again");
    // Another delimiter needs another search.
    assert!(polls_until_it_waits(stream.read_until("\n", 2 * SIZE)) >= SIZE / MAX_BYTES);
    wire.send(".\r\n.");
    assert_eq!(block_on(stream.read_until("\r\n", 2 * SIZE)).unwrap().len(), SIZE + 3);
    assert_eq!(block_on(stream.read_partial(9)).unwrap(), ".");
}

#[cfg(feature = "regex")]
#[test]
fn search_for_a_pattern_lets_other_tasks_run_and_is_not_repeated() {
    const SIZE: usize = 4 * 1024 * 1024;
    let wire = Wire::new();
    wire.send(vec![b'1'; SIZE]);
    let stream = wire.stream();
    run(stream.closed(), || {});
    let end = Regex::new("\r?\n").unwrap();
    let first = polls_until_it_waits(stream.read_until_regex(&end, 2 * SIZE));
    assert!(first >= SIZE / MAX_BYTES, "{first} polls");
    let repeated = polls_until_it_waits(stream.read_until_regex(&end.clone(), 2 * SIZE));
    assert!(repeated <= 2, "{repeated} polls: the same bytes were examined again");
    // A match is not cut where other tasks run.
    let digits = Regex::new("[0-9]+").unwrap();
    assert_eq!(block_on(stream.read_until_regex(&digits, 2 * SIZE)).unwrap().len(), SIZE);
}

#[test]
fn search_that_was_dropped_respects_the_limit_and_the_bytes_of_the_next_read() {
    let (wire, stream) = super::receiving(&["abcdefgh"]);
    assert!(stream.read_until("\n", 99).now_or_never().is_none());
    // The next read takes bytes, so the search starts again.
    assert_eq!(block_on(stream.read_exact(2)).unwrap(), "ab");
    assert!(stream.read_until("gh\n", 99).now_or_never().is_none());
    wire.send("\nrest\n");
    assert_eq!(block_on(stream.read_until("gh\n", 99)).unwrap(), "cdefgh\n");
    assert!(stream.read_until("!", 99).now_or_never().is_none());
    // The bytes were examined for the same delimiter, and the limit of this read is smaller.
    assert!(block_on(stream.read_until("!", 3)).is_err());
}

#[test]
fn waiting_for_the_end_lets_other_tasks_run() {
    const SIZE: usize = 4 * 1024 * 1024;
    let wire = Wire::new();
    wire.send(vec![b'.'; SIZE]);
    wire.end();
    let polls = run(wire.stream().closed(), || {});
    assert!(polls >= SIZE / MAX_BYTES, "{polls} polls");
}

#[test]
fn loop_of_writes_lets_other_tasks_run() {
    for (size, times) in [(0, 1000), (4, 1000), (64 * 1024, 200)] {
        let wire = Wire::new();
        let stream = wire.stream();
        let calls = Cell::new(0);
        let writing = async {
            for _ in 0..times {
                stream.write(vec![b'.'; size]).await.unwrap();
                calls.set(calls.get() + 1);
            }
        };
        let mut before = 0;
        run(writing, || {
            assert!(calls.get() - before <= MAX_CALLS, "{size} bytes: {} calls", calls.get() - before);
            assert!((calls.get() - before) * size <= MAX_BYTES + size, "{size} bytes");
            before = calls.get();
        });
        assert_eq!((calls.get(), wire.written().len()), (times, times * size));
    }
}

#[test]
fn large_write_lets_other_tasks_run() {
    const SIZE: usize = 4 * 1024 * 1024;
    let wire = Wire::new();
    let stream = wire.stream();
    let write = stream.write(vec![b'.'; SIZE]);
    // A piece of a write is sent in a single call of the transport, so the pieces are what is counted here.
    let more = Vec::from_iter((0..100).map(|_| stream.write(vec![b'.'; 64 * 1024])));
    let mut before = wire.written().len();
    let polls = run(stream.flush(), || {
        let sent = wire.written().len() - before;
        assert!(sent <= 16 * 64 * 1024 + MAX_BYTES, "{sent} bytes");
        before = wire.written().len();
    });
    assert!(polls > 1, "{polls} polls");
    assert!(block_on(write).is_ok() && more.into_iter().all(|write| block_on(write).is_ok()));
    assert_eq!(wire.written().len(), SIZE + 100 * 64 * 1024);
}

/// A connection whose calls are always interrupted.
struct Interrupted;

impl Transport for Interrupted {}

impl AsyncRead for Interrupted {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::Interrupted.into()))
    }
}

impl AsyncWrite for Interrupted {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::Interrupted.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn connection_that_is_always_interrupted_holds_no_thread() {
    let stream = IoStream::new(Interrupted);
    for _ in 0..3 {
        assert!(stream.read_exact(1).now_or_never().is_none());
        assert!(stream.closed().now_or_never().is_none());
        assert!(stream.write("x").now_or_never().is_none());
    }
}

#[test]
fn other_task_of_an_executor_runs_between_short_reads() {
    let (_wire, stream) = received(b"abc\n".repeat(5000));
    let stream = Rc::new(stream);
    let turns = Rc::new(Cell::new(0));
    let mut pool = futures::executor::LocalPool::new();
    let counted = turns.clone();
    let other = async move {
        loop {
            yield_once().await;
            counted.set(counted.get() + 1);
        }
    };
    futures::task::LocalSpawnExt::spawn_local(&pool.spawner(), other).unwrap();
    let reading = async {
        for _ in 0..5000 {
            stream.read_until("\n", 99).await.unwrap();
        }
    };
    pool.run_until(reading);
    assert!(turns.get() >= 5000 / MAX_CALLS - 1, "{} turns", turns.get());
}

#[test]
fn read_that_is_dropped_when_it_yields_takes_no_byte() {
    let (_wire, stream) = received((0..20_000u32).flat_map(u32::to_be_bytes).collect());
    let mut numbers = Vec::new();
    let mut yields = 0;
    while numbers.len() < 20_000 {
        match stream.read_exact(4).now_or_never() {
            Some(bytes) => numbers.push(u32::from_be_bytes(bytes.unwrap()[..].try_into().unwrap())),
            None => yields += 1,
        }
    }
    assert!(yields >= 20_000 / MAX_CALLS - 1 && numbers.into_iter().eq(0..20_000));
}

#[test]
fn reader_and_writer_in_the_same_task_both_go_on() {
    let wire = Wire::new();
    let stream = wire.stream();
    (0..1000).for_each(|_| wire.send("abc\n"));
    let reading = async {
        for _ in 0..1000 {
            stream.read_until("\n", 99).await.unwrap();
        }
    };
    let writing = async {
        for _ in 0..1000 {
            stream.write("abcd").await.unwrap();
        }
    };
    assert!(crate::support::polling::run_until_stalled(join(reading, writing)).is_some());
    assert!(crate::support::polling::run_until_stalled(pending::<()>()).is_none());
    assert_eq!(wire.written().len(), 4000);
}
