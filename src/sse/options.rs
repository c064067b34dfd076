//! The settings of a stream of events.

use std::time::Duration;

use super::Events;

impl Events {
    /// Sets the maximum size of an event in bytes. Default: 1 MiB.
    pub fn max_event_size(mut self, bytes: usize) -> Self {
        self.parser = self.parser.max_event_size(bytes);
        self
    }

    /// Sets the maximum number of consecutive attempts that may fail to get a stream. Zero means no
    /// maximum. Default: 5.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// Sets whether the stream reconnects. `true` also reconnects if the server ends the body in good order, for every
    /// method. `false` makes a single attempt: the stream ends with the body, or with the error of the attempt or the
    /// body. Default: `true` for `GET`; for other methods, only after a broken connection or a time limit.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::StreamExt;
    /// use waterspout::http::StatusCode;
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, Response};
    ///
    /// # futures::executor::block_on(async {
    /// let backend = MockBackend::new(|request| {
    ///     let builder = Response::builder(StatusCode::OK, request.url());
    ///     let response = builder.header("content-type", "text/event-stream").body("data: hello\n\n");
    ///     Box::pin(async move { response })
    /// });
    /// let client = Client::builder().backend(backend).build()?;
    /// let events = client.get("http://example.com/news").events().reconnect(false);
    /// assert_eq!(events.count().await, 1);
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn reconnect(mut self, reconnect: bool) -> Self {
        self.reconnect = Some(reconnect);
        self
    }

    /// Sets the delay before reconnecting, until the server sends another. Default: 3 s, minimum: 100 ms.
    pub fn retry_delay(mut self, delay: Duration) -> Self {
        self.retry_delay = delay;
        self
    }

    /// Sets the maximum delay before reconnecting, which also limits the server's `retry`. The random part is added to
    /// it. Default: 5 min.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }
}
