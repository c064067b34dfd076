//! The setters of the options.

/// The setters of [`RequestOptions`](super::RequestOptions): the client's builder and the request's builder both have them,
/// so that every option of a client can be a request's own.
macro_rules! option_setters {
    () => {
        /// Sets the maximum time from the first slot to the end of the response's body; zero means no limit. Default: no
        /// limit.
        ///
        /// It begins when the request leaves the queue for the first time, so a request of a long batch does not lose time
        /// while it waits for its turn. Retries count, and so do the waits between them and their waits in the queue.
        /// [`total_timeout`](Self::total_timeout) also covers the first wait in the queue.
        ///
        /// Without either limit, no limit bounds a whole transfer: a body of a byte per 19 s never ends.
        /// `min_download_rate` ends such a body too, and lets a long download go on.
        ///
        /// Tornado's `request_timeout` begins at the same moment, and starts again with each redirect and each retry.
        ///
        /// # Examples
        ///
        /// ```
        /// use std::time::Duration;
        /// use waterspout::{Client, Request};
        ///
        /// let client = Client::builder().timeout(Duration::from_secs(60)).build()?;
        /// let request = Request::get("http://example.com/").timeout(Duration::ZERO).build()?;
        /// # let _ = (client, request);
        /// # Ok::<(), waterspout::Error>(())
        /// ```
        pub fn timeout(self, limit: std::time::Duration) -> Self {
            self.with_options(|options| options.timeout = Some(limit))
        }

        /// Sets the maximum time from the call to the end of the response's body; zero means no limit. Default: no limit.
        ///
        /// It covers the first wait in the queue and all that [`timeout`](Self::timeout) covers. The call is the first
        /// poll of the request's future, or the call that spawns the request.
        ///
        /// # Examples
        ///
        /// ```
        /// use std::time::Duration;
        /// use waterspout::{Client, Request};
        ///
        /// let client = Client::builder().total_timeout(Duration::from_secs(60)).build()?;
        /// let request = Request::get("http://example.com/").total_timeout(Duration::from_secs(5)).build()?;
        /// # let _ = (client, request);
        /// # Ok::<(), waterspout::Error>(())
        /// ```
        pub fn total_timeout(self, limit: std::time::Duration) -> Self {
            self.with_options(|options| options.total_timeout = Some(limit))
        }

        /// Sets the maximum wait for a slot; zero means no limit. Default: no limit, unless the client stalls.
        ///
        /// A response holds its slot until its body has been read or dropped. If a program reads no bodies, further
        /// requests would wait for ever. A request for which this limit is not set therefore fails if all slots that it
        /// could get are held, and no request that holds a slot makes progress for 30 s: no attempt and no body is polled,
        /// and no slot becomes free. The wait may take 35 s if there was progress while the request waited. The error has
        /// [`Timeout::Queue`](crate::Timeout::Queue) and says how many slots unread responses hold.
        ///
        /// A server that is silent for long is no stall while a task waits for it: before the error, the client wakes the
        /// tasks of the requests that hold slots, and being polled is progress. A paused client does not stall, and a rate
        /// limit is no stall. If other requests of the client make progress, a request waits without limit for an origin
        /// whose slots are all held (`max_active_per_origin`).
        ///
        /// This limit, also a limit of zero, replaces the look for a stall.
        ///
        /// # Examples
        ///
        /// ```
        /// use std::time::Duration;
        /// use waterspout::{Client, Request};
        ///
        /// let client = Client::builder().queue_timeout(Duration::from_secs(10)).build()?;
        /// let request = Request::get("http://example.com/").queue_timeout(Duration::from_secs(1)).build()?;
        /// # let _ = (client, request);
        /// # Ok::<(), waterspout::Error>(())
        /// ```
        pub fn queue_timeout(self, limit: std::time::Duration) -> Self {
            self.with_options(|options| options.queue_timeout = Some(limit))
        }

        /// Sets the priority while requests wait for a slot: the higher goes first, equal priorities start in the order in
        /// which they came.
        ///
        /// # Examples
        ///
        /// ```
        /// use waterspout::Request;
        ///
        /// let request = Request::get("http://example.com/").priority(10).build()?;
        /// assert_eq!(request.options().priority, Some(10));
        /// # Ok::<(), waterspout::Error>(())
        /// ```
        pub fn priority(self, priority: i16) -> Self {
            self.with_options(|options| options.priority = Some(priority))
        }

        /// Sets the maximum time to look up and connect to the server; zero means no limit.
        ///
        /// # Platform
        /// A browser does not show its connections: there this time is part of `head_timeout`.
        ///
        /// # Examples
        ///
        /// ```
        /// use std::time::Duration;
        /// use waterspout::{Client, Request};
        ///
        /// let client = Client::builder().connect_timeout(Duration::from_secs(5)).build()?;
        /// let request = Request::get("http://example.com/").connect_timeout(Duration::from_secs(1)).build()?;
        /// # let _ = (client, request);
        /// # Ok::<(), waterspout::Error>(())
        /// ```
        pub fn connect_timeout(self, limit: std::time::Duration) -> Self {
            self.with_options(|options| options.connect_timeout = Some(limit))
        }

        /// Sets the maximum silence between the start of an attempt and the response's head; zero means no limit.
        ///
        /// Connecting has a limit of its own and does not count. Each piece of the request's body that leaves starts the
        /// time again.
        ///
        /// # Platform
        /// A browser shows neither its connections nor how far an upload is: there this time includes connecting, and a
        /// body adds a second for each 32 KiB.
        ///
        /// # Examples
        ///
        /// ```
        /// use std::time::Duration;
        /// use waterspout::{Client, Request};
        ///
        /// let client = Client::builder().head_timeout(Duration::from_secs(30)).build()?;
        /// let request = Request::get("http://example.com/").head_timeout(Duration::from_secs(2)).build()?;
        /// # let _ = (client, request);
        /// # Ok::<(), waterspout::Error>(())
        /// ```
        pub fn head_timeout(self, limit: std::time::Duration) -> Self {
            self.with_options(|options| options.head_timeout = Some(limit))
        }

        /// Sets the maximum time from the start of an attempt to the response's head; zero means no limit.
        ///
        /// # Examples
        ///
        /// ```
        /// use std::time::Duration;
        /// use waterspout::{Client, Request};
        ///
        /// let client = Client::builder().attempt_timeout(Duration::from_secs(30)).build()?;
        /// let request = Request::get("http://example.com/").attempt_timeout(Duration::from_secs(5)).build()?;
        /// # let _ = (client, request);
        /// # Ok::<(), waterspout::Error>(())
        /// ```
        pub fn attempt_timeout(self, limit: std::time::Duration) -> Self {
            self.with_options(|options| options.attempt_timeout = Some(limit))
        }

        /// Sets the maximum silence between two pieces of the response's body; zero means no limit.
        ///
        /// It does not bound the whole body: each piece, however small, starts the time again. `timeout` and
        /// `min_download_rate` bound it.
        ///
        /// # Examples
        ///
        /// ```
        /// use std::time::Duration;
        /// use waterspout::{Client, Request};
        ///
        /// let client = Client::builder().idle_timeout(Duration::from_secs(30)).build()?;
        /// let request = Request::get("http://example.com/").idle_timeout(Duration::from_secs(5)).build()?;
        /// # let _ = (client, request);
        /// # Ok::<(), waterspout::Error>(())
        /// ```
        pub fn idle_timeout(self, limit: std::time::Duration) -> Self {
            self.with_options(|options| options.idle_timeout = Some(limit))
        }

        /// Sets the maximum number of bytes that `bytes`, `text` and `json` collect.
        ///
        /// # Examples
        ///
        /// ```
        /// use waterspout::testing::MockBackend;
        /// use waterspout::{Client, ErrorKind};
        ///
        /// # futures::executor::block_on(async {
        /// let client = Client::builder().backend(MockBackend::text("hello")).body_limit(4).build()?;
        /// let error = client.get("http://example.com/").await?.text().await.unwrap_err();
        /// assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        /// let page = client.get("http://example.com/").body_limit(5).await?;
        /// assert_eq!(page.text().await?, "hello");
        /// # Ok::<(), waterspout::Error>(())
        /// # }).unwrap();
        /// ```
        pub fn body_limit(self, bytes: u64) -> Self {
            self.with_options(|options| options.body_limit = Some(bytes))
        }

        /// Sets the maximum number of bytes of a response's body, however it is read.
        ///
        /// # Examples
        ///
        /// ```
        /// use waterspout::testing::MockBackend;
        /// use waterspout::{Client, ErrorKind};
        ///
        /// # futures::executor::block_on(async {
        /// let client = Client::builder().backend(MockBackend::text("hello")).stream_limit(4).build()?;
        /// let error = client.get("http://example.com/").await?.chunk().await.unwrap_err();
        /// assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        /// let page = client.get("http://example.com/").stream_limit(5).await?;
        /// assert_eq!(page.text().await?, "hello");
        /// # Ok::<(), waterspout::Error>(())
        /// # }).unwrap();
        /// ```
        pub fn stream_limit(self, bytes: u64) -> Self {
            self.with_options(|options| options.stream_limit = Some(bytes))
        }

        /// Sets whether the client asks for the codings that it knows, and decodes them; default: yes.
        ///
        /// # Platform
        /// A browser always decodes: there `false` is an error of kind
        /// [`Unsupported`](crate::error::ErrorKind::Unsupported).
        ///
        /// # Examples
        ///
        /// ```
        /// use waterspout::Request;
        ///
        /// let request = Request::get("http://example.com/archive.gz").decompress(false).build()?;
        /// assert_eq!(request.options().decompress, Some(false));
        /// # Ok::<(), waterspout::Error>(())
        /// ```
        pub fn decompress(self, decode: bool) -> Self {
            self.with_options(|options| options.decompress = Some(decode))
        }

        /// Sets what to do with a redirect.
        ///
        /// # Examples
        ///
        /// ```
        /// use waterspout::{Redirect, Request};
        ///
        /// let request = Request::get("http://example.com/").redirect(Redirect::Manual).build()?;
        /// assert_eq!(request.options().redirect, Some(Redirect::Manual));
        /// # Ok::<(), waterspout::Error>(())
        /// ```
        pub fn redirect(self, redirect: crate::message::request::Redirect) -> Self {
            self.with_options(|options| options.redirect = Some(redirect))
        }

        /// Sets whether to ask the server before a body is sent (`Expect: 100-continue`); default: no.
        ///
        /// # Platform
        /// A browser cannot ask: there such a request with a body fails with `Unsupported`.
        ///
        /// # Examples
        ///
        /// ```
        /// use waterspout::Request;
        ///
        /// let request = Request::put("http://example.com/").body("hello").expect_continue(true).build()?;
        /// assert_eq!(request.options().expect_continue, Some(true));
        /// # Ok::<(), waterspout::Error>(())
        /// ```
        pub fn expect_continue(self, ask: bool) -> Self {
            self.with_options(|options| options.expect_continue = Some(ask))
        }

        /// Sets an extension that only a single backend understands, such as how its connections are made. It replaces an
        /// extension of the same type.
        ///
        /// # Errors
        /// On sending: [`Unsupported`](crate::error::ErrorKind::Unsupported) if it is for another backend.
        pub fn extension<S: crate::message::extensions::Extension>(self, extension: S) -> Self {
            self.with_options(|options| options.set_extension(extension))
        }
    };
}
pub(crate) use option_setters;
