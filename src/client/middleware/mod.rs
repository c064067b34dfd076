//! What is called around each attempt: it may change the request, answer in the server's place, refuse, send again.

mod hooks;
#[cfg(feature = "tracing")]
mod spans;

use std::sync::Arc;

pub(crate) use self::hooks::Hooked;
pub use self::hooks::Hooks;
#[cfg(feature = "tracing")]
pub use self::spans::Spans;
use crate::auth;
use crate::backend::Backend;
use crate::error::Result;
use crate::message::progress::Progress;
use crate::message::request::Request;
use crate::message::response::Response;
use crate::runtime::BoxFuture;

/// Stands between a client and its backend: a cache, a logger, whatever fetches a new token.
///
/// It is called for each attempt, with the attempt's slot and within its limits, so that all it sends and waits for is
/// part of one attempt: requests that it makes belong into `next`, since those of the same client would wait for a slot
/// while this one is held. For a few words before and after, [`Hooks`] are less to write. Whatever must also hold for
/// other clients of a [`Backend`] is a backend that wraps another.
///
/// # Cancellation
/// The future is dropped with the request, or when one of its limits has passed.
///
/// # Examples
///
/// A logger:
///
/// ```
/// use waterspout::testing::MockBackend;
/// use waterspout::{BoxFuture, Client, Middleware, Next, Request, Response, Result};
///
/// struct Log;
///
/// impl Middleware for Log {
///     fn handle<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
///         Box::pin(async move {
///             let line = format!("{} {}", request.method(), request.url());
///             let outcome = next.run(request).await;
///             match &outcome {
///                 Ok(response) => println!("{line}: {}", response.status()),
///                 Err(error) => println!("{line}: {error}"),
///             }
///             outcome
///         })
///     }
/// }
///
/// let client = Client::builder().middleware(Log).backend(MockBackend::text("hello")).build()?;
/// futures::executor::block_on(client.get("http://example.com/").send())?;
/// # Ok::<(), waterspout::Error>(())
/// ```
pub trait Middleware: Send + Sync + 'static {
    /// Answers `request`, most often by what `next` gives.
    ///
    /// # Errors
    /// Those of `next`, or its own: then the request is refused, and retried only if the error says that it may be.
    fn handle<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>>;
}

impl<M: Middleware + ?Sized> Middleware for Arc<M> {
    fn handle<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        (**self).handle(request, next)
    }
}

/// What comes after a [`Middleware`]: the next one, at last the backend. It may be run any number of times.
#[derive(Clone)]
pub struct Next<'a> {
    rest: &'a [Arc<dyn Middleware>],
    backend: &'a dyn Backend,
    progress: Progress,
}

impl<'a> Next<'a> {
    pub(crate) fn new(rest: &'a [Arc<dyn Middleware>], backend: &'a dyn Backend, progress: &Progress) -> Self {
        Self { rest, backend, progress: progress.clone() }
    }

    /// Sends `request` on.
    ///
    /// # Errors
    /// If no response could be had, or the request, as changed, is not valid.
    pub fn run(&self, request: Request) -> BoxFuture<'a, Result<Response>> {
        match self.rest {
            [] => self.send(request),
            [first, rest @ ..] => first.handle(request, Self { rest, ..self.clone() }),
        }
    }

    fn send(&self, mut request: Request) -> BoxFuture<'a, Result<Response>> {
        // The head limit looks at this attempt's progress, whichever request makes it.
        request.set_progress(self.progress.clone());
        match auth::take_from_url(&mut request).and_then(|()| request.validate()) {
            Ok(()) => self.backend.fetch(request),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }
}

impl std::fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Next").field("middleware", &self.rest.len()).finish_non_exhaustive()
    }
}
