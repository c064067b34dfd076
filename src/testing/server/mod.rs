//! An HTTP/1.1 server for tests: one connection served over any transport, by one handler.
//!
//! It is the counterpart of the client's engine and shares its framing. What a broken server would do, it can be
//! told to do: see [`Reply::raw`].

mod connection;
mod reply;
mod request;

pub use self::connection::serve_connection;
pub use self::reply::Reply;
pub use self::request::Incoming;
use crate::future::BoxFuture;

/// Answers requests. [`handler`] makes one of a function.
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
