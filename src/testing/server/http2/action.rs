//! What a server does to an HTTP/2 connection besides answering requests.

use bytes::Bytes;

use super::{Http2ErrorCode, Http2Frame};
use crate::testing::server::fault::{Fault, FaultAction};

/// An event on an HTTP/2 connection that a test causes: at a position of a reply ([`Fault::http2`]), when a certain
/// request arrives ([`Http2Config::on_request`](super::Http2Config::on_request)), or at any time
/// ([`Http2Control::run`](super::Http2Control::run)).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Http2Action {
    /// Sends GOAWAY. The streams up to `last_stream` are answered, and then the connection is closed. The server
    /// ignores all streams above: it neither answers nor resets them (RFC 9113, section 6.8).
    GoAway {
        /// The reason. A client sees [`NO_ERROR`](Http2ErrorCode::NO_ERROR) as a graceful end.
        code: Http2ErrorCode,
        /// The last stream that the server answers. `None`: the last stream that has arrived.
        last_stream: Option<u32>,
    },
    /// Sends GOAWAY, and closes the connection at once: no stream gets the rest of its answer.
    Shutdown {
        /// The reason.
        code: Http2ErrorCode,
    },
    /// Shuts down in two steps (RFC 9113, section 6.8): GOAWAY that still allows all streams, a PING, and after the
    /// client's answer a second GOAWAY with the last stream that has arrived. Then the running streams are answered,
    /// and the connection is closed.
    GracefulShutdown,
    /// Changes SETTINGS_MAX_CONCURRENT_STREAMS. Once the client has acknowledged it, a stream above the limit is reset
    /// with [`REFUSED_STREAM`](Http2ErrorCode::REFUSED_STREAM).
    MaxConcurrentStreams(u32),
    /// Changes SETTINGS_INITIAL_WINDOW_SIZE, which also changes the windows of the open streams.
    InitialWindowSize(u32),
    /// Sends a PING with these bytes.
    Ping([u8; 8]),
    /// Sends frames as they are.
    Frames(Vec<Http2Frame>),
    /// Sends bytes, which need not be frames.
    Bytes(Bytes),
    /// Closes the connection: all replies are cut off.
    Close,
    /// Resets the connection: the client's read fails. Over
    /// [`serve_connection`](crate::testing::serve_connection) the connection is closed instead.
    Reset,
}

impl Fault {
    /// Makes a fault that resets the request's stream by an RST_STREAM frame. The connection and its other streams
    /// stay.
    ///
    /// Over HTTP/1.1, which has no streams, the connection is reset.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::FutureExt;
    /// use waterspout::http::Version;
    /// use waterspout::testing::{Fault, Http2ErrorCode, ManualTimer, MemoryConnector, Reply, handler};
    /// use waterspout::{Agent, Client};
    ///
    /// // Half of the body arrives, and then the stream is reset.
    /// let connector = MemoryConnector::new(handler(|_| {
    ///     let fault = Fault::stream_reset(Http2ErrorCode::INTERNAL_ERROR).after_body(6);
    ///     async { Reply::text("hello, world").with_fault(fault) }.boxed()
    /// }));
    /// let agent = Agent::new(connector.version(Version::HTTP_2), ManualTimer::new());
    /// let client = Client::builder().backend(agent).build()?;
    /// let text = futures::executor::block_on(async { client.get("http://example.com/").await?.text().await });
    /// assert!(text.is_err());
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn stream_reset(code: Http2ErrorCode) -> Self {
        Self::new(FaultAction::StreamReset(code))
    }

    /// Makes a fault that does something to the connection, and then sends the rest of the reply if the connection
    /// still allows it. The bytes of the reply before the fault are on the wire then.
    ///
    /// Over HTTP/1.1 it has no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::FutureExt;
    /// use waterspout::http::Version;
    /// use waterspout::testing::{Fault, Http2Action, Http2ErrorCode, ManualTimer, MemoryConnector, Reply, handler};
    /// use waterspout::{Agent, Client};
    ///
    /// // The server retires the connection while it sends a body. The body arrives completely.
    /// let connector = MemoryConnector::new(handler(|_| {
    ///     let go_away = Http2Action::GoAway { code: Http2ErrorCode::NO_ERROR, last_stream: None };
    ///     async { Reply::text("hello, world").with_fault(Fault::http2(go_away).after_body(6)) }.boxed()
    /// }));
    /// let agent = Agent::new(connector.version(Version::HTTP_2), ManualTimer::new());
    /// let client = Client::builder().backend(agent).build()?;
    /// let text = futures::executor::block_on(async { client.get("http://example.com/").await?.text().await });
    /// assert_eq!(text?, "hello, world");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn http2(action: Http2Action) -> Self {
        Self::new(FaultAction::Http2(action))
    }
}
