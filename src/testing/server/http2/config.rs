//! How the server speaks HTTP/2.

use h2::server::Builder;

use super::{Http2Action, Http2Control};
use crate::runtime::BoxFuture;
use crate::testing::server::{Handler, Incoming, Reply};

/// How a server for tests speaks HTTP/2 to the clients of a handler. Each connection that begins with the preface of
/// HTTP/2 (RFC 9113, section 3.4) is served with HTTP/2, so most tests need no configuration.
///
/// A setting without a value is not sent, so its initial value applies (RFC 9113, section 6.5.2).
///
/// # Examples
///
/// A server that answers two requests at once, and retires each connection at its third request:
///
/// ```
/// use futures::FutureExt;
/// use waterspout::http::Version;
/// use waterspout::testing::{
///     Http2Action, Http2Config, Http2ErrorCode, ManualTimer, MemoryConnector, Reply, handler,
/// };
/// use waterspout::{Agent, Client};
///
/// let retire = Http2Action::GoAway { code: Http2ErrorCode::NO_ERROR, last_stream: None };
/// let config = Http2Config::new().max_concurrent_streams(2).on_request(3, retire);
/// let server = config.wrap(handler(|_| async { Reply::text("hello") }.boxed()));
/// let connector = MemoryConnector::new(server).version(Version::HTTP_2);
/// let client = Client::builder().backend(Agent::new(connector.clone(), ManualTimer::new())).build()?;
/// futures::executor::block_on(async {
///     for _ in 0..5 {
///         assert_eq!(client.get("http://example.com/").await?.text().await?, "hello");
///     }
///     Ok::<(), waterspout::Error>(())
/// })?;
/// assert_eq!(connector.connections(), 2);
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Http2Config {
    pub(super) is_disabled: bool,
    pub(super) max_concurrent_streams: Option<u32>,
    initial_window_size: Option<u32>,
    connection_window_size: Option<u32>,
    max_frame_size: Option<u32>,
    max_header_list_size: Option<u32>,
    header_table_size: Option<u32>,
    pub(super) max_resets: Option<u64>,
    pub(super) keeps_windows_closed: bool,
    pub(super) ignores_pings: bool,
    /// The actions, each with the number of the request at which it happens.
    pub(super) actions: Vec<(u64, Http2Action)>,
    pub(super) control: Option<Http2Control>,
}

impl Http2Config {
    /// Makes a configuration without settings and without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a configuration of a server that speaks only HTTP/1.1: it answers the preface of HTTP/2 with status 505.
    pub fn disabled() -> Self {
        Self { is_disabled: true, ..Self::default() }
    }

    /// Sets how many streams of a connection may be open at once. A stream above the limit is reset with
    /// REFUSED_STREAM. Default: no limit.
    #[must_use]
    pub fn max_concurrent_streams(self, streams: u32) -> Self {
        Self { max_concurrent_streams: Some(streams), ..self }
    }

    /// Sets the window of each stream in bytes, up to 2^31 - 1. Default: 65,535.
    #[must_use]
    pub fn initial_window_size(self, bytes: u32) -> Self {
        Self { initial_window_size: Some(bytes.min(MAX_WINDOW)), ..self }
    }

    /// Sets the window of the connection in bytes, up to 2^31 - 1. Default: 65,535.
    #[must_use]
    pub fn connection_window_size(self, bytes: u32) -> Self {
        Self { connection_window_size: Some(bytes.min(MAX_WINDOW)), ..self }
    }

    /// Sets the maximum size of a frame's payload in bytes. Default: 16,384, which is also the minimum; the maximum is
    /// 2^24 - 1.
    #[must_use]
    pub fn max_frame_size(self, bytes: u32) -> Self {
        Self { max_frame_size: Some(bytes.clamp(16_384, 16_777_215)), ..self }
    }

    /// Sets the maximum size of a request's head in bytes, counted as RFC 9113, section 6.5.2, says. Default: 16 MiB.
    #[must_use]
    pub fn max_header_list_size(self, bytes: u32) -> Self {
        Self { max_header_list_size: Some(bytes), ..self }
    }

    /// Sets the size of the table for the compression of requests' heads in bytes. Default: 4,096.
    #[must_use]
    pub fn header_table_size(self, bytes: u32) -> Self {
        Self { header_table_size: Some(bytes), ..self }
    }

    /// Sets how many streams of a connection the client may reset. At the next reset the server shuts the connection
    /// down with ENHANCE_YOUR_CALM, as servers do against rapid resets. Default: no limit, but h2 has a limit of its
    /// own of 20 streams that are reset in the same read as they begin.
    #[must_use]
    pub fn max_resets(self, streams: u64) -> Self {
        Self { max_resets: Some(streams), ..self }
    }

    /// Sends no WINDOW_UPDATE: a request body stops at the initial window of its stream or of the connection.
    #[must_use]
    pub fn keep_windows_closed(self) -> Self {
        Self { keeps_windows_closed: true, ..self }
    }

    /// Answers no PING.
    #[must_use]
    pub fn ignore_pings(self) -> Self {
        Self { ignores_pings: true, ..self }
    }

    /// Runs `action` when the request with this number arrives on a connection, before the handler gets it. The first
    /// request of a connection has the number 1. Several actions of a request run in the order in which they were
    /// added.
    #[must_use]
    pub fn on_request(mut self, number: u64, action: Http2Action) -> Self {
        self.actions.push((number, action));
        self
    }

    /// Sets a handle to the connections, on which a test runs actions at any time.
    #[must_use]
    pub fn control(self, control: &Http2Control) -> Self {
        Self { control: Some(control.clone()), ..self }
    }

    /// Returns a handler that answers as `handler`, with this configuration.
    pub fn wrap(self, handler: impl Handler) -> impl Handler {
        ConfiguredHandler { handler, config: self }
    }

    /// Returns the server half of h2 with these settings.
    pub(super) fn builder(&self) -> Builder {
        let mut builder = Builder::new();
        type Setter = fn(&mut Builder, u32) -> &mut Builder;
        let settings: [(Option<u32>, Setter); 5] = [
            (self.initial_window_size, Builder::initial_window_size),
            (self.connection_window_size, Builder::initial_connection_window_size),
            (self.max_frame_size, Builder::max_frame_size),
            (self.max_header_list_size, Builder::max_header_list_size),
            (self.header_table_size, Builder::header_table_size),
        ];
        for (value, set) in settings {
            if let Some(value) = value {
                set(&mut builder, value);
            }
        }
        builder
    }
}

/// The largest window (RFC 9113, section 6.9.1).
pub(super) const MAX_WINDOW: u32 = 0x7fff_ffff;

struct ConfiguredHandler<H> {
    handler: H,
    config: Http2Config,
}

impl<H: Handler> Handler for ConfiguredHandler<H> {
    fn handle<'a>(&'a self, request: &'a mut Incoming) -> BoxFuture<'a, Reply> {
        self.handler.handle(request)
    }

    fn http2(&self) -> Http2Config {
        self.config.clone()
    }
}
