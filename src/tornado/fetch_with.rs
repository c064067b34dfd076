//! [`Client::fetch_with`], which passes the result of a request to a callback.

use std::pin::pin;

use futures::future::{Either, select};

use crate::client::Client;
use crate::error::{Error, Result};
use crate::message::request::Request;
use crate::message::response::Response;
use crate::runtime::{Executor, MaybeSend};
use crate::tornado::promise::{Pending, promise};

impl Client {
    /// Sends a request as a task of `executor` and calls `callback` there with the result: for programs without
    /// `async`.
    ///
    /// The limits of the request count from this call. The callback is called once, never within this call. The returned
    /// [`Pending`] completes after the callback; dropping it changes nothing.
    ///
    /// # Cancellation
    /// [`Pending::cancel`] stops the request; the callback then gets an error of kind
    /// [`Cancelled`](crate::ErrorKind::Cancelled).
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, Request};
    /// use waterspout::tornado::EventLoop;
    ///
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let request = Request::get("http://example.com/");
    /// let done = client.fetch_with(EventLoop::new().executor(), request, |result| match result {
    ///     Ok(response) => println!("{}", response.status()),
    ///     Err(error) => eprintln!("{error}"),
    /// });
    /// # futures::executor::block_on(done)?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn fetch_with(
        &self,
        executor: impl Executor,
        request: impl TryInto<Request, Error: Into<Error>>,
        callback: impl FnOnce(Result<Response>) + MaybeSend + 'static,
    ) -> Pending<()> {
        let (promise, pending) = promise();
        let client = self.clone();
        let request = request.try_into().map_err(Into::into);
        let called_at = client.now();
        executor.spawn(Box::pin(async move {
            let fetch = async { client.run(request?, Some(called_at)).await };
            // Cancellation is polled first, so that a cancelled request is not started.
            let result = match select(pin!(promise.cancelled()), pin!(fetch)).await {
                Either::Left(_) => Err(Error::cancelled("the request was cancelled")),
                Either::Right((result, _)) => result,
            };
            callback(result);
            // Resolved after the callback, so that awaiting the `Pending` means that the callback has returned.
            promise.resolve(());
        }));
        pending
    }
}
