//! [`Client::fetch_with`] and [`RequestBuilder::send_with`], which pass the result of a request to a callback.

use std::pin::pin;

use futures::future::{Either, select};

use crate::client::Client;
use crate::error::{Error, Result};
use crate::message::request::{CallOptions, Request, RequestBuilder};
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
    ///     Err(error) => eprintln!("{}", error.report()),
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
        let request = request.try_into().map_err(Into::into);
        run(self.clone(), request, CallOptions::default(), executor, callback)
    }
}

impl RequestBuilder<Client> {
    /// Sends the request as a task of `executor` and calls `callback` there with the result, as [`Client::fetch_with`]
    /// does.
    ///
    /// # Cancellation
    /// As [`Client::fetch_with`].
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    /// use waterspout::tornado::EventLoop;
    ///
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let request = client.get("http://example.com/").on_download(|progress| println!("{} bytes", progress.bytes));
    /// let done = request.send_with(EventLoop::new().executor(), |result| assert_eq!(result.unwrap().status(), 200));
    /// # futures::executor::block_on(done)?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn send_with(
        self,
        executor: impl Executor,
        callback: impl FnOnce(Result<Response>) + MaybeSend + 'static,
    ) -> Pending<()> {
        let (client, request, call_options) = self.into_parts();
        run(client, request, call_options, executor, callback)
    }
}

fn run(
    client: Client,
    request: Result<Request>,
    mut call_options: CallOptions,
    executor: impl Executor,
    callback: impl FnOnce(Result<Response>) + MaybeSend + 'static,
) -> Pending<()> {
    let (promise, pending) = promise();
    // The task may start much later, and the limits count from this call.
    call_options.called_at = Some(client.now());
    executor.spawn(Box::pin(async move {
        let fetch = async { client.run(request?, call_options).await };
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
