//! Streams that end, from either side.

use std::error::Error as _;
use std::rc::Rc;

use futures::executor::block_on;
use futures::future::{FutureExt, LocalBoxFuture};
use waterspout::testing::ScriptedConnector;
use waterspout::tornado::IoStream;
use waterspout::{Bytes, Connector, ErrorKind, Phase, Result, Url};

use super::{Tasks, Wire, receiving};

#[test]
fn received_bytes_are_delivered_before_the_close() {
    for end in [Wire::end, Wire::reset] {
        let (wire, stream) = receiving(&["12"]);
        end(&wire);
        // This wait reads up to the close.
        let _ = block_on(stream.closed());
        for expected in ["1", "2"] {
            assert_eq!(block_on(stream.read_exact(1)).unwrap(), expected);
        }
        assert_eq!(block_on(stream.read_exact(1)).unwrap_err().kind(), ErrorKind::ConnectionClosed);
    }
}

#[test]
fn read_that_fails_at_the_close_takes_no_bytes() {
    let (wire, stream) = receiving(&["abc"]);
    wire.end();
    for _ in 0..2 {
        assert_eq!(block_on(stream.read_until("x", 9)).unwrap_err().kind(), ErrorKind::ConnectionClosed);
        assert_eq!(block_on(stream.read_exact(4)).unwrap_err().kind(), ErrorKind::ConnectionClosed);
    }
    assert_eq!(block_on(stream.read_partial(9)).unwrap(), "abc");
}

#[test]
fn read_until_close_works_after_the_close() {
    let (wire, stream) = receiving(&["abc", "def"]);
    wire.end();
    block_on(stream.closed()).unwrap();
    assert_eq!(block_on(stream.read_until_close()).unwrap(), "abcdef");
    assert!(block_on(stream.read_until_close()).unwrap().is_empty());
}

#[test]
fn reset_is_an_error_and_not_an_end() {
    let (wire, stream) = receiving(&["abc"]);
    wire.reset();
    let error = block_on(stream.read_until_close()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionClosed);
    assert!(error.source().is_some_and(|cause| cause.is::<std::io::Error>()), "{error:?}");
    assert_eq!(block_on(stream.read_partial(9)).unwrap(), "abc");
}

#[test]
fn received_bytes_can_be_read_after_writing_has_failed() {
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
fn close_is_noticed_without_a_read() {
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
fn waiting_for_the_close_holds_no_more_than_the_read_buffer() {
    let mut tasks = Tasks::default();
    let wire = Wire::new();
    wire.send(vec![b'.'; 1000]);
    wire.end();
    let stream = Rc::new(wire.stream().max_read_buffer(10));
    let watching = stream.clone();
    let closed = tasks.spawn(async move { watching.closed().await });
    assert!(wire.reads().iter().sum::<usize>() <= 11, "{:?}", wire.reads());
    // After 990 more bytes the rest fits into the read buffer, and the close is noticed.
    for _ in 0..99 {
        assert!(!closed.is_done());
        assert_eq!(block_on(stream.read_exact(10)).unwrap().len(), 10);
        tasks.run();
    }
    assert!(closed.take().unwrap().is_ok());
}

/// A future that waits on a stream.
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
fn failed_connect_is_reported_to_every_wait() {
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
fn shutdown_sends_queued_bytes_and_then_the_end() {
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
