//! An HTTP/1.1 and HTTP/2 server for tests, which serves connections over any transport.
//!
//! A connection that begins with the preface of HTTP/2 is served with HTTP/2 (feature `http2`), and every other
//! connection with HTTP/1.1. It is the counterpart of the client's engine and shares its framing. It can also behave
//! like a broken server: see [`Fault`] and [`Reply::raw`]. It does not parse multipart forms, because the crates for
//! that bring encodings and media types with them.
//!
//! `head` parses requests, and `request` is the request that a handler gets. `resource` calls a function for each
//! method. `reply` is the answer of a handler, `fault` a failure in it, `output` writes both. `recorder` keeps
//! requests. `connection` is the loop over the requests of a connection, `http1_source` the body of a request on it.
//! `http2` does the same for the streams of a connection.

mod connection;
mod fault;
mod head;
mod http1_source;
#[cfg(feature = "http2")]
mod http2;
#[cfg(not(feature = "http2"))]
#[path = "no_http2.rs"]
mod http2;
mod output;
mod recorder;
mod reply;
mod request;
mod resource;

#[allow(unused_imports, reason = "a platform that cannot listen serves no connections of its own")]
pub(crate) use self::connection::ServerConnection;
pub use self::connection::serve_connection;
pub use self::fault::Fault;
pub use self::http2::Http2Config;
#[cfg(feature = "http2")]
pub use self::http2::{Http2Action, Http2Control, Http2ErrorCode, Http2Frame};
pub use self::recorder::{Recorded, Recorder};
pub use self::reply::Reply;
pub use self::request::Incoming;
pub use self::resource::Resource;
use crate::runtime::BoxFuture;

/// Answers requests. [`handler`] makes a handler of a function. Each [`Resource`] is a handler with a function per
/// method.
pub trait Handler: Send + Sync + 'static {
    /// Answers a request. The unread rest of its body is skipped before the next request.
    fn handle<'a>(&'a self, request: &'a mut Incoming) -> BoxFuture<'a, Reply>;

    /// Returns how the server speaks HTTP/2 to the clients of this handler. Called once for each connection. A handler
    /// around another handler returns the other handler's configuration. Default: `Http2Config::new()`.
    fn http2(&self) -> Http2Config {
        Http2Config::default()
    }
}

/// Makes a handler that answers by `function`.
///
/// # Examples
///
/// ```
/// use waterspout::testing::{ManualTimer, MemoryConnector, Reply, handler};
/// use waterspout::{Agent, Client};
///
/// let echo = handler(|request| {
///     Box::pin(async move {
///         match request.body().await {
///             Ok(body) => Reply::new(200, body),
///             Err(error) => Reply::new(400, error.report().to_string()),
///         }
///     })
/// });
/// let client = Client::builder().backend(Agent::new(MemoryConnector::new(echo), ManualTimer::new())).build()?;
/// let request = client.post("http://example.com/").body("hello");
/// let text = futures::executor::block_on(async { request.await?.text().await })?;
/// assert_eq!(text, "hello");
/// # Ok::<(), waterspout::Error>(())
/// ```
pub fn handler<F>(function: F) -> impl Handler
where
    F: for<'a> Fn(&'a mut Incoming) -> BoxFuture<'a, Reply> + Send + Sync + 'static,
{
    FunctionHandler(function)
}

struct FunctionHandler<F>(F);

impl<F> Handler for FunctionHandler<F>
where
    F: for<'a> Fn(&'a mut Incoming) -> BoxFuture<'a, Reply> + Send + Sync + 'static,
{
    fn handle<'a>(&'a self, request: &'a mut Incoming) -> BoxFuture<'a, Reply> {
        (self.0)(request)
    }
}
