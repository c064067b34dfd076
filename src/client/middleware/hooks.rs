//! The four moments of an attempt at which a client can be told something.

use super::{Middleware, Next};
use crate::error::{Attempt, Error, Result};
use crate::message::request::Request;
use crate::message::response::Response;
use crate::runtime::BoxFuture;

/// What to do before and after each attempt; each of the four does nothing unless written.
///
/// They run with the attempt's slot and within its limits. Several are called in the order in which they were added,
/// and for responses and errors the other way round: the first is the outermost.
///
/// # Examples
///
/// ```
/// use waterspout::http::HeaderValue;
/// use waterspout::testing::MockBackend;
/// use waterspout::{BoxFuture, Client, Hooks, Request, Response, Result};
///
/// /// Gives each request a number.
/// #[derive(Default)]
/// struct Numbers(std::sync::atomic::AtomicU32);
///
/// impl Hooks for Numbers {
///     fn before_request<'a>(&'a self, request: &'a mut Request) -> BoxFuture<'a, Result<Option<Response>>> {
///         let number = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
///         request.headers_mut().insert("x-number", HeaderValue::from(number));
///         Box::pin(async { Ok(None) })
///     }
/// }
///
/// let client = Client::builder().hooks(Numbers::default()).backend(MockBackend::text("hello")).build()?;
/// futures::executor::block_on(client.get("http://example.com/").send())?;
/// # Ok::<(), waterspout::Error>(())
/// ```
pub trait Hooks: Send + Sync + 'static {
    /// Before each attempt, the first and every other: may change the request, or give the response in the server's
    /// place.
    ///
    /// # Errors
    /// One refuses the request; it does not come to [`on_error`](Self::on_error).
    fn before_request<'a>(&'a self, request: &'a mut Request) -> BoxFuture<'a, Result<Option<Response>>> {
        let _ = request;
        Box::pin(async { Ok(None) })
    }

    /// Before each attempt but the first, ahead of [`before_request`](Self::before_request); `made` are those before.
    ///
    /// # Errors
    /// One refuses the attempt and is what the request returns, unless the policy tries again even then.
    fn before_retry<'a>(&'a self, request: &'a mut Request, made: &'a [Attempt]) -> BoxFuture<'a, Result<()>> {
        let _ = (request, made);
        Box::pin(async { Ok(()) })
    }

    /// After a response's head: may change or replace it.
    ///
    /// # Errors
    /// One takes the place of the response.
    fn after_response(&self, response: Response) -> BoxFuture<'_, Result<Response>> {
        Box::pin(async { Ok(response) })
    }

    /// After an attempt without a response: may change or replace the error, or give a response in its place.
    ///
    /// # Errors
    /// What the attempt ends with.
    fn on_error(&self, error: Error) -> BoxFuture<'_, Result<Response>> {
        Box::pin(async { Err(error) })
    }
}

/// Hooks as a middleware.
pub(crate) struct Hooked<H>(pub(crate) H);

impl<H: Hooks> Middleware for Hooked<H> {
    fn handle<'a>(&'a self, mut request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            if !request.attempts().is_empty() {
                let made = request.attempts().to_vec();
                self.0.before_retry(&mut request, &made).await?;
            }
            let outcome = match self.0.before_request(&mut request).await? {
                Some(response) => Ok(response),
                None => next.run(request).await,
            };
            match outcome {
                Ok(response) => self.0.after_response(response).await,
                Err(error) => self.0.on_error(error).await,
            }
        })
    }
}
