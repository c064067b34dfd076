//! An HTTP/1.1 server for tests: one connection served over any transport, by one handler.
//!
//! It is the counterpart of the client's engine and shares its framing. What a broken server would do, it can be
//! told to do: see [`Fault`] and [`Reply::raw`].
//!
//! `head` reads requests and `request` is what handlers see of them; `resource` calls a function for each method; `reply` is
//! what handlers say, `fault` what goes wrong with it, `output` how it is written; `record` remembers; `connection` is the
//! loop around them.

mod connection;
mod fault;
mod head;
mod output;
mod record;
mod reply;
mod request;
mod resource;

#[allow(unused_imports, reason = "a platform that cannot listen serves no connections of its own")]
pub(crate) use self::connection::Session;
pub use self::connection::serve_connection;
pub use self::fault::Fault;
pub use self::record::{Recorded, Recorder};
pub use self::reply::Reply;
pub use self::request::Incoming;
pub use self::resource::Resource;
use crate::runtime::BoxFuture;

/// Answers requests. [`handler`] makes one of a function; a [`Resource`], with a function for each method, is one.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. What the handler leaves unread of the body is read over before the next request.
    fn handle<'a>(&'a self, request: &'a mut Incoming) -> BoxFuture<'a, Reply>;
}

/// A handler that answers by `function`.
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
