//! The settings of an agent that concern HTTP/1.1 itself. A browser has no such settings, so they are not options of a
//! request that a browser would have to ignore.

use std::time::Duration;

use super::decode::DecodeLimits;
use super::pool::key::IdleLimits;
use super::shared::{Http2Settings, set_connections, set_windows};
use crate::http1::Http1Limits;
use crate::message::extensions::Extension;

/// Default time that a server may take to ask for a body.
const CONTINUE_TIMEOUT: Duration = Duration::from_secs(1);

/// Default maximum number of decoded bytes for each encoded byte.
const MAX_EXPANSION: u32 = 200;

/// Default maximum memory of all windows of a body. It is the largest window of brotli.
const MAX_WINDOW_BYTES: u64 = 16 * 1024 * 1024;

/// Default time that a connection stays idle. Servers close their idle connections after 5 to 75 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// Default maximum number of idle connections for an origin.
const IDLE_PER_ORIGIN: usize = 512;

/// Default maximum number of idle connections in total.
const IDLE_TOTAL: usize = 1024;

/// The configuration of an [`Agent`](super::Agent). As an [`Extension`] of a request or a client, it replaces the
/// agent's configuration as a whole.
///
/// The limits bound the memory that a response takes besides its body, independent of what the server sends. A response
/// beyond a limit fails with [`LimitExceeded`](crate::ErrorKind::LimitExceeded).
///
/// # Examples
///
/// ```
/// use waterspout::agent::{Agent, Config};
/// use waterspout::testing::{ManualTimer, ScriptedConnector};
///
/// let config = Config::new().head_bytes(8 * 1024).header_count(100);
/// let agent = Agent::new(ScriptedConnector::default(), ManualTimer::new()).with_config(config);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a configuration does nothing until an agent has it"]
pub struct Config {
    pub(super) http1: Http1Limits,
    pub(super) http2: Http2Settings,
    pub(super) continue_timeout: Duration,
    pub(super) decode: DecodeLimits,
    pub(super) idle: IdleLimits,
}

impl Config {
    /// Creates the default configuration.
    ///
    /// # Examples
    ///
    /// A configuration for a single request:
    ///
    /// ```
    /// use waterspout::Request;
    /// use waterspout::agent::Config;
    ///
    /// let config = Config::new().head_bytes(1024 * 1024);
    /// let request = Request::get("http://example.com/").extension(config).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn new() -> Self {
        Self {
            http1: Http1Limits::default(),
            http2: Http2Settings::default(),
            continue_timeout: CONTINUE_TIMEOUT,
            decode: DecodeLimits { max_expansion: MAX_EXPANSION, max_window_bytes: MAX_WINDOW_BYTES },
            idle: IdleLimits { timeout: IDLE_TIMEOUT, per_key: IDLE_PER_ORIGIN, total: IDLE_TOTAL },
        }
    }

    /// Sets the maximum size of a response's head in bytes, status line and headers together. Default: 64 KiB.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::agent::Config;
    /// # use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
    /// # use waterspout::{Agent, Client, ErrorKind};
    /// # let answer = "HTTP/1.1 200 OK\r\nx-long: 0123456789012345678901234567890\r\n\r\n";
    /// # let connector = ScriptedConnector::new([Script::new().expect_head().send(answer)]);
    ///
    /// // The response's head has 60 bytes.
    /// let agent = Agent::new(connector, ManualTimer::new()).with_config(Config::new().head_bytes(50));
    /// let client = Client::builder().backend(agent).build()?;
    /// let error = futures::executor::block_on(async { client.get("http://example.com/").await }).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn head_bytes(mut self, bytes: usize) -> Self {
        self.http1.head = bytes;
        self
    }

    /// Sets how many bytes of response bodies a server may send over HTTP/2 before the caller takes them: for each
    /// stream, and for all streams of a connection together. Default: 2 MiB and 5 MiB. At least 64 KiB, at most 2 GiB.
    ///
    /// A window opens again by the bytes of each piece that the caller takes, so a caller that reads slowly stops its
    /// own stream alone, while the window of the connection has room (RFC 9113, section 5.2).
    ///
    /// Connections that are already open keep their windows. Without the feature `http2` this does nothing.
    pub fn http2_windows(mut self, stream: u32, connection: u32) -> Self {
        set_windows(&mut self.http2, stream, connection);
        self
    }

    /// Sets the maximum number of connections of HTTP/2 to an origin. Default: 2. At least 1.
    ///
    /// Another connection is opened when the server allows no more streams on the others (MAX_CONCURRENT_STREAMS).
    /// Beyond the maximum, a request waits for a stream, and fails with
    /// [`Timeout::Connect`](crate::Timeout::Connect) when its connect limit passes.
    ///
    /// Without the feature `http2` this does nothing.
    pub fn http2_connections(mut self, maximum: usize) -> Self {
        set_connections(&mut self.http2, maximum);
        self
    }

    /// Sets the maximum number of decoded bytes for each encoded byte of a body, once more than 1 MiB has been decoded.
    /// 0 means no limit. Default: 200.
    ///
    /// It ends a decompression bomb that is read as a stream: a byte of gzip becomes up to 1,032 bytes, a byte of
    /// brotli or zstd hundreds of thousands. Text becomes 5 to 50 times as large. Reading a body beyond the limit fails
    /// with [`LimitExceeded`](crate::ErrorKind::LimitExceeded).
    pub fn max_expansion(mut self, bytes: u32) -> Self {
        self.decode.max_expansion = bytes;
        self
    }

    /// Sets the maximum size in bytes of the windows of all decoders of a body together. 0 means no limit. Default: 16
    /// MiB, the largest window of a single `br` coding.
    ///
    /// A decoder keeps a window of its last output, whose size the body declares: up to 16 MiB for each `br` coding, and
    /// up to 8 MiB for each `zstd` coding, rounded up to a power of two. A body may have five codings. The windows of
    /// `gzip` and `deflate` have 32 KiB and do not count. Reading a body beyond the limit fails with
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) before the window is allocated.
    ///
    /// While a window grows, its old memory and its new memory exist together, so the peak is up to half as much again.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::agent::Config;
    /// # use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
    /// # use waterspout::{Agent, Client, ErrorKind};
    /// # // The body `hello` with a window of 4 MiB.
    /// # let body = b"\x0b\x02\x80hello\x03";
    /// # let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: {}\r\n\r\n", body.len());
    /// # let connector = ScriptedConnector::new([Script::new().expect_head().send([head.as_bytes(), body].concat())]);
    ///
    /// // The body of the response has the coding `br` with a window of 4 MiB.
    /// let agent = Agent::new(connector, ManualTimer::new()).with_config(Config::new().max_window_bytes(1024 * 1024));
    /// let client = Client::builder().backend(agent).build()?;
    /// let outcome = futures::executor::block_on(async { client.get("http://example.com/").await?.text().await });
    /// # // Without the feature `brotli`, the body stays encoded.
    /// # if cfg!(feature = "brotli") {
    /// assert_eq!(outcome.unwrap_err().kind(), ErrorKind::LimitExceeded);
    /// # }
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn max_window_bytes(mut self, bytes: u64) -> Self {
        self.decode.max_window_bytes = bytes;
        self
    }

    /// Sets the maximum number of header lines of a response. Its trailers have the same limit. Default: 256.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::agent::Config;
    /// # use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
    /// # use waterspout::{Agent, Client, ErrorKind};
    /// # let answer = "HTTP/1.1 200 OK\r\na: 1\r\nb: 2\r\ncontent-length: 0\r\n\r\n";
    /// # let connector = ScriptedConnector::new([Script::new().expect_head().send(answer)]);
    ///
    /// // The response has three headers.
    /// let agent = Agent::new(connector, ManualTimer::new()).with_config(Config::new().header_count(2));
    /// let client = Client::builder().backend(agent).build()?;
    /// let error = futures::executor::block_on(async { client.get("http://example.com/").await }).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn header_count(mut self, lines: usize) -> Self {
        self.http1.headers = lines;
        self
    }

    /// Sets the maximum length of the line before a chunk in bytes: the chunk's size, and extensions, which are
    /// ignored. Default: 4 KiB.
    pub fn chunk_line_bytes(mut self, bytes: usize) -> Self {
        self.http1.chunk_line = bytes;
        self
    }

    /// Sets the maximum size of a response's trailers in bytes. Default: 16 KiB.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::agent::Config;
    /// # use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
    /// # use waterspout::{Agent, Client, ErrorKind};
    /// # let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-long: 0123456789\r\n\r\n";
    /// # let connector = ScriptedConnector::new([Script::new().expect_head().send(answer)]);
    ///
    /// // The response has trailers of 20 bytes.
    /// let agent = Agent::new(connector, ManualTimer::new()).with_config(Config::new().trailer_bytes(10));
    /// let client = Client::builder().backend(agent).build()?;
    /// let error = futures::executor::block_on(async {
    ///     client.get("http://example.com/").await?.bytes().await
    /// }).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn trailer_bytes(mut self, bytes: usize) -> Self {
        self.http1.trailers = bytes;
        self
    }

    /// Sets the maximum size of the informational (1xx) responses before the final response, all their heads together,
    /// in bytes. Default: 256 KiB.
    ///
    /// Their number is not limited: a server may send `102 Processing` for as long as it works, and each starts
    /// [`head_timeout`](crate::RequestOptions::head_timeout) again. With 25 bytes every 15 s, the limit is reached
    /// after 43 hours. To limit the time, set [`attempt_timeout`](crate::RequestOptions::attempt_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::agent::Config;
    /// # use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
    /// # use waterspout::{Agent, Client, ErrorKind};
    /// # let hints = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(2);
    /// # let connector = ScriptedConnector::new([Script::new().expect_head().send(hints)]);
    ///
    /// // The server sends two informational responses of 28 bytes.
    /// let config = Config::new().informational_bytes(50);
    /// let client = Client::builder().backend(Agent::new(connector, ManualTimer::new()).with_config(config)).build()?;
    /// let error = futures::executor::block_on(async { client.get("http://example.com/").await }).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn informational_bytes(mut self, bytes: usize) -> Self {
        self.http1.informational = bytes;
        self
    }

    /// Sets whether malformed lines in the heads and trailers of responses are skipped. Default: `false`: such a line
    /// fails the request with [`Protocol`](crate::ErrorKind::Protocol), and the error names the line.
    ///
    /// Some servers send a line without a colon, or a space in a name. Browsers skip such lines. After a response with
    /// a skipped line, its connection is closed.
    ///
    /// # Errors
    /// A malformed line still fails the request if it could change where the response ends for another reader: it
    /// mentions `content-length` or `transfer-encoding`, begins with white space, continues on the next line, or
    /// contains a NUL or a CR. So does a malformed status line.
    ///
    /// Over HTTP/2, only white space around a value is accepted; the value stays as it came. All other malformed fields
    /// are errors (RFC 9113, section 8.2.1).
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::agent::Config;
    /// # use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
    /// # use waterspout::{Agent, Client};
    /// # let answer = "HTTP/1.1 200 OK\r\nno colon\r\ncontent-length: 5\r\n\r\nhello";
    /// # let script = || Script::new().expect_head().send(answer);
    /// # let connector = ScriptedConnector::new([script(), script()]);
    /// # let client = Client::builder().backend(Agent::new(connector, ManualTimer::new())).build()?;
    /// # futures::executor::block_on(async {
    ///
    /// // The second line of the response's head is `no colon`.
    /// let error = client.get("http://example.com/").await.unwrap_err();
    /// assert!(error.to_string().contains("line 2 of the response's head is malformed: \"no colon\""));
    ///
    /// let config = Config::new().ignore_invalid_headers(true);
    /// let response = client.get("http://example.com/").extension(config).await?;
    /// assert_eq!(response.text().await?, "hello");
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn ignore_invalid_headers(mut self, ignore: bool) -> Self {
        self.http1.ignore_invalid_headers = ignore;
        self
    }

    /// Sets how long a connection stays idle before it is closed. Zero means that no connection is kept. Default: 15 s,
    /// which is less than most servers keep their idle connections.
    ///
    /// A server that announces a shorter time is obeyed: after `Keep-Alive: timeout=5` the connection closes after 4 s.
    /// The margin of 1 s is for a request that is on its way while the server closes. A connection with `timeout=1`,
    /// `timeout=0` or `max=0` is not used again.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::agent::Config;
    /// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
    /// use waterspout::{Agent, Client};
    ///
    /// # let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    /// # let script = || Script::new().expect_head().send(answer).expect_head().send(answer);
    /// # let connector = ScriptedConnector::new([script(), script()]);
    /// let timer = ManualTimer::new();
    /// let config = Config::new().idle_connection_timeout(Duration::from_secs(5));
    /// let agent = Agent::new(connector.clone(), timer.clone()).with_config(config);
    /// let client = Client::builder().backend(agent).build()?;
    /// futures::executor::block_on(async {
    ///     client.get("http://example.com/").await?;
    ///     timer.advance(Duration::from_secs(5));
    ///     client.get("http://example.com/").await
    /// })?;
    /// assert_eq!(connector.connections(), 2);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn idle_connection_timeout(mut self, limit: Duration) -> Self {
        self.idle.timeout = limit;
        self
    }

    /// Sets the maximum number of idle connections for an origin. A further connection replaces the connection that
    /// has been idle longest. Default: 512.
    pub fn idle_connections_per_origin(mut self, connections: usize) -> Self {
        self.idle.per_key = connections;
        self
    }

    /// Sets the maximum number of idle connections in total. Default: 1,024.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::agent::Config;
    /// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
    /// use waterspout::{Agent, Client};
    ///
    /// # let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    /// # let connector = ScriptedConnector::new([Script::new().expect_head().send(answer)]);
    /// // Without idle connections, each connection is closed after its response.
    /// let agent = Agent::new(connector.clone(), ManualTimer::new()).with_config(Config::new().idle_connections(0));
    /// let client = Client::builder().backend(agent).build()?;
    /// futures::executor::block_on(async { client.get("http://example.com/").await })?;
    /// assert_eq!((connector.connections(), connector.open()), (1, 0));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn idle_connections(mut self, connections: usize) -> Self {
        self.idle.total = connections;
        self
    }

    /// Sets how long a request with [`expect_continue`](crate::RequestOptions::expect_continue) waits for `100
    /// Continue` before it sends its body without it. Zero means that it waits until another limit passes. Default: 1
    /// s.
    pub fn continue_timeout(mut self, limit: Duration) -> Self {
        self.continue_timeout = limit;
        self
    }
}

/// A request's configuration replaces the agent's configuration as a whole.
impl Extension for Config {
    const NAME: &'static str = "config";
    const BACKEND: &'static str = "agent";
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}
