//! Middleware: code around each attempt that may change the request, answer it, refuse it, or send it again.

use std::sync::Arc;

use crate::auth;
use crate::backend::Backend;
use crate::error::{Attempt, Result};
use crate::message::call_context::CallContext;
use crate::message::progress::Progress;
use crate::message::request::Request;
use crate::message::response::Response;
use crate::runtime::BoxFuture;

/// Code between a client and its backend, for example a cache, a logger, or a refresh of tokens.
///
/// A middleware is called for each attempt. It runs with the attempt's slot and within the attempt's limits, and all that
/// it sends and waits for is part of the attempt. Send further requests through `next`: a request of the same client would
/// wait for another slot while this slot is held.
///
/// Several are called in the order in which they were added, and see the outcome in the reverse order: the first added is
/// the outermost. To change a [`Backend`] for all clients that use it, write a backend that wraps another.
///
/// # Cancellation
/// The future is dropped with the request, or when a limit of the attempt has passed.
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
///                 Err(error) => println!("{line}: {}", error.report()),
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
///
/// A middleware may change the request, and may know the attempts before this:
///
/// ```
/// use waterspout::http::HeaderValue;
/// # use waterspout::testing::MockBackend;
/// # use waterspout::{BoxFuture, Client, Middleware, Next, Request, Response, Result};
///
/// /// Sends the number of the attempt, from 1.
/// struct AttemptHeader;
///
/// impl Middleware for AttemptHeader {
///     fn handle<'a>(&'a self, mut request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
///         let attempt = next.attempts().len() + 1;
///         request.headers_mut().insert("x-attempt", HeaderValue::from(attempt));
///         next.run(request)
///     }
/// }
/// #
/// # let client = Client::builder().middleware(AttemptHeader).backend(MockBackend::text("hello")).build()?;
/// # futures::executor::block_on(client.get("http://example.com/").send())?;
/// # Ok::<(), waterspout::Error>(())
/// ```
// Retries are part of the client's loop and middleware of the attempt. So a middleware that fetches a token has a slot,
// even while all requests that hold slots wait for the token.
pub trait Middleware: Send + Sync + 'static {
    /// Answers `request`, in most cases with the result of `next`.
    ///
    /// # Errors
    /// The errors of `next`, or errors of its own. Such an error refuses the request; it is retried only if the error says
    /// that it may be.
    ///
    /// # Examples
    ///
    /// A middleware that answers without the backend:
    ///
    /// ```
    /// use waterspout::http::StatusCode;
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{BoxFuture, Client, Middleware, Next, Request, Response, Result};
    ///
    /// struct Robots;
    ///
    /// impl Middleware for Robots {
    ///     fn handle<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
    ///         if request.url().path() != "/robots.txt" {
    ///             return next.run(request);
    ///         }
    ///         Box::pin(async move { Ok(Response::new(StatusCode::OK, request.url().clone(), "User-agent: *\n")) })
    ///     }
    /// }
    ///
    /// let backend = MockBackend::text("from the server");
    /// let client = Client::builder().middleware(Robots).backend(backend.clone()).build()?;
    /// let text = futures::executor::block_on(async { client.get("http://example.com/robots.txt").await?.text().await })?;
    /// assert_eq!(text, "User-agent: *\n");
    /// assert!(backend.seen().is_empty());
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    fn handle<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>>;
}

impl<M: Middleware + ?Sized> Middleware for Arc<M> {
    fn handle<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        (**self).handle(request, next)
    }
}

/// The rest of the way after a [`Middleware`]: further middleware and then the backend. It may be run any number of times.
///
/// # Examples
///
/// A middleware that sends a refused request once more:
///
/// ```
/// use waterspout::http::{HeaderValue, StatusCode};
/// use waterspout::testing::MockBackend;
/// use waterspout::{BoxFuture, Client, Middleware, Next, Request, Response, Result};
///
/// struct Login;
///
/// impl Middleware for Login {
///     fn handle<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
///         Box::pin(async move {
///             // `None` if the body can be read only once.
///             let copy = request.try_clone();
///             let response = next.run(request).await?;
///             match copy {
///                 Some(mut copy) if response.status() == StatusCode::UNAUTHORIZED => {
///                     copy.headers_mut().insert("authorization", HeaderValue::from_static("Bearer token"));
///                     next.run(copy).await
///                 }
///                 _ => Ok(response),
///             }
///         })
///     }
/// }
///
/// let backend = MockBackend::new(|request| {
///     let known = request.headers().contains_key("authorization");
///     let status = if known { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
///     Box::pin(async move { Ok(Response::new(status, request.url().clone(), "")) })
/// });
/// let client = Client::builder().middleware(Login).backend(backend.clone()).build()?;
/// assert_eq!(futures::executor::block_on(client.get("http://example.com/").send())?.status(), 200);
/// assert_eq!(backend.seen().len(), 2);
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone)]
pub struct Next<'a> {
    rest: &'a [Arc<dyn Middleware>],
    backend: &'a dyn Backend,
    context: CallContext,
}

impl<'a> Next<'a> {
    /// Returns the attempts before this attempt.
    ///
    /// It is empty for a request without a [`Retry`](crate::Retry).
    pub fn attempts(&self) -> &[Attempt] {
        self.context.attempts()
    }

    /// Returns the progress of the attempt. All requests that are sent through this `Next` share it.
    pub fn progress(&self) -> &Progress {
        self.context.progress()
    }

    /// Sends `request` to the next middleware, or to the backend.
    ///
    /// # Errors
    /// If no response arrives, or if a middleware has made the request invalid.
    pub fn run(&self, mut request: Request) -> BoxFuture<'a, Result<Response>> {
        // Here and not in the builder: a middleware may change the headers and the body too.
        // A middleware finds the credentials of a URL among the headers.
        request.headers_mut();
        request.complete_headers();
        match self.rest {
            [] => self.send(request),
            // A slice of the client's list rather than a list of its own: the way through middleware allocates only futures.
            [first, rest @ ..] => first.handle(request, Self { rest, ..self.clone() }),
        }
    }

    fn send(&self, mut request: Request) -> BoxFuture<'a, Result<Response>> {
        match auth::take_from_url(&mut request).and_then(|()| request.validate()) {
            Ok(()) => self.backend.fetch(request, self.context.clone()),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }
}

/// The middleware of a client, from the outermost to the innermost.
///
/// A trait object that only [`Builder::middleware`](crate::Builder::middleware) creates, so that a program without
/// middleware does not link the code that calls it. `RetryPolicy` says what the idiom saves in all.
pub(super) trait MiddlewareChain: Send + Sync {
    /// Adds a middleware on the inside.
    fn push(&mut self, middleware: Arc<dyn Middleware>);

    /// Makes an attempt at `request` through all middleware.
    fn run<'a>(
        &'a self,
        request: Request,
        backend: &'a dyn Backend,
        context: CallContext,
    ) -> BoxFuture<'a, Result<Response>>;
}

impl MiddlewareChain for Vec<Arc<dyn Middleware>> {
    fn push(&mut self, middleware: Arc<dyn Middleware>) {
        Vec::push(self, middleware);
    }

    fn run<'a>(
        &'a self,
        request: Request,
        backend: &'a dyn Backend,
        context: CallContext,
    ) -> BoxFuture<'a, Result<Response>> {
        Next { rest: self, backend, context }.run(request)
    }
}

impl std::fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Next").field("middleware", &self.rest.len()).finish_non_exhaustive()
    }
}
