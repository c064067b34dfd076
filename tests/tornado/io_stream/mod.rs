//! Streams of plain bytes: what a read gives, what a limit does, when a write is done, and that nothing gets lost.

mod closing;
#[cfg(feature = "regex")]
mod patterns;
mod peer;
mod reading;
mod upgrading;
mod writing;

use std::error::Error as _;

use futures::executor::block_on;
use waterspout::tornado::{IoStream, StreamLimit};
use waterspout::{Error, ErrorKind, Phase, Result};

use self::peer::{Tasks, Wire};

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
fn stream_is_send_and_sync() {
    fn assert_both<T: Send + Sync>(_: &T) {}
    assert_both(&Wire::new().stream());
}
