//! Stands in for `http2` in a build without the feature `http2`: the server speaks HTTP/1.1 alone.

use std::convert::Infallible;
use std::io;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

pub use self::NoHttp2Config as Http2Config;
pub(super) use self::NoStream as StreamSource;
use super::connection::ServerConnection;
use crate::error::Result;
use crate::transport::Transport;

/// The configuration of HTTP/2 in a build without the feature `http2`: nothing to configure.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct NoHttp2Config {}

/// A fault of HTTP/2, which does not exist in this build.
pub(super) type Http2Action = Infallible;

/// An error code of HTTP/2, which does not exist in this build.
pub(super) type Http2ErrorCode = Infallible;

/// A stream of HTTP/2, which does not exist in this build.
pub(super) enum NoStream {}

impl NoStream {
    pub(super) fn id(&self) -> u32 {
        match *self {}
    }

    pub(super) fn has_ended(&self) -> bool {
        match *self {}
    }

    pub(super) fn poll_chunk(&mut self, _cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        match *self {}
    }

    pub(super) fn poll_trailers(&mut self, _cx: &mut Context<'_>) -> Poll<Result<Option<HeaderMap>>> {
        match *self {}
    }

    pub(super) fn inform(&self, _status: StatusCode, _headers: HeaderMap) -> Result<()> {
        match *self {}
    }
}

/// Returns that no connection speaks HTTP/2.
pub(super) fn preface_left(_transport: &dyn Transport, _bytes: &[u8], _config: &Http2Config) -> Option<usize> {
    None
}

/// Never reached: [`preface_left`] returns `None`.
pub(super) async fn serve(
    _server: &ServerConnection<'_>,
    _config: Http2Config,
    _transport: Box<dyn Transport>,
    _received: &[u8],
) -> io::Result<()> {
    Ok(())
}
