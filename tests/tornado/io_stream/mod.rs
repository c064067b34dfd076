//! Byte streams: the results of reads, limits, the completion of writes, upgrades, and the end of a stream.

mod accepted;
mod closing;
#[cfg(feature = "regex")]
mod patterns;
mod peer;
mod reading;
#[cfg(feature = "tls")]
mod tls_server;
#[cfg(feature = "tls")]
mod tls_server_roots;
mod upgrading;
mod writing;
mod yielding;

use std::error::Error as _;

use futures::executor::block_on;
use waterspout::tornado::{IoStream, StreamLimit};
use waterspout::{Error, ErrorKind, Phase, Result};

use self::peer::{Tasks, Wire};

/// A stream that receives these pieces, and the peer's end of it.
fn receiving(pieces: &[&str]) -> (Wire, IoStream) {
    let wire = Wire::new();
    pieces.iter().for_each(|piece| wire.send(*piece));
    let stream = wire.stream();
    (wire, stream)
}

fn limit(error: &Error) -> Option<StreamLimit> {
    error.source()?.downcast_ref().copied()
}

/// Asserts that a read failed with this limit, that the stream is closed, and that later calls report the limit.
fn assert_closed_at<T: std::fmt::Debug>(outcome: Result<T>, expected: StreamLimit, wire: &Wire, stream: &IoStream) {
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.phase(), limit(&error)), (ErrorKind::LimitExceeded, Phase::Stream, Some(expected)));
    assert!(error.report().to_string().ends_with(&expected.to_string()), "{error}");
    assert!(wire.is_dropped());
    for later in [
        block_on(stream.read_partial(1)).unwrap_err(),
        block_on(stream.write("x")).unwrap_err(),
        block_on(stream.closed()).unwrap_err(),
    ] {
        assert_eq!(later.kind(), ErrorKind::ConnectionClosed, "{later}");
        assert!(later.report().to_string().ends_with(&expected.to_string()), "{later}");
    }
}

#[test]
fn stream_is_send_and_sync() {
    fn assert_both<T: Send + Sync>(_: &T) {}
    assert_both(&Wire::new().stream());
}
