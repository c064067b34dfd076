//! The options of a client's queue.

use std::time::Duration;

use super::builder::Builder;
use super::queue::Rate;

impl Builder {
    /// Sets the number of requests that run at once. Further requests wait. Default: 10.
    ///
    /// A request runs until its response's body has been read or dropped. If the body came whole with its head, the
    /// request has ended with the head. Ten responses that are not read hold all ten slots: further requests wait, and
    /// fail after 30 s without progress (see [`queue_timeout`](Self::queue_timeout)).
    ///
    /// Waiting requests start in the order of their [`priority`](Self::priority). A step of priority is worth 10 s of
    /// waiting ([`ageing`](Self::ageing)). Among equal priorities, the first to wait starts first.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().max_active(2).backend(MockBackend::text("hello")).build()?;
    /// let urls = ["http://example.com/a", "http://example.com/b", "http://example.com/c"];
    /// // Three requests, of which at most two run at a time.
    /// let requests = urls.map(|url| client.get(url));
    /// let texts = requests.map(|request| async { request.await?.text().await });
    /// assert_eq!(futures::future::try_join_all(texts).await?.len(), 3);
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn max_active(mut self, requests: usize) -> Self {
        self.queue.max_active = requests;
        self
    }

    /// Sets the number of requests to the same origin that run at once. Default: as many as `max_active` allows.
    ///
    /// Requests that wait for an origin do not block requests to other origins. The origin is that of the request's URL; a
    /// redirect does not change it.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::FutureExt;
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// let client = Client::builder().max_active_per_origin(1).backend(MockBackend::pending()).build()?;
    /// let urls = ["http://slow.example/1", "http://slow.example/2", "http://other.example/"];
    /// let mut requests = urls.map(|url| client.get(url).send().boxed());
    /// for request in &mut requests {
    ///     assert!(request.now_or_never().is_none());
    /// }
    /// let stats = client.stats();
    /// assert_eq!((stats.active, stats.queued), (2, 1));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn max_active_per_origin(mut self, requests: usize) -> Self {
        self.queue.max_active_per_origin = Some(requests);
        self
    }

    /// Sets the number of requests that may wait for a slot. A further request fails at once with
    /// [`QueueFull`](crate::ErrorKind::QueueFull). Zero means that no request waits. Default: no limit.
    ///
    /// A request that waits before a retry is counted and never fails for this reason.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::FutureExt;
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, ErrorKind};
    ///
    /// let client = Client::builder().max_active(1).max_queued(0).backend(MockBackend::pending()).build()?;
    /// let mut first = client.get("http://example.com/").send().boxed();
    /// assert!((&mut first).now_or_never().is_none());
    ///
    /// let error = client.get("http://example.com/").send().now_or_never().unwrap().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::QueueFull);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn max_queued(mut self, requests: usize) -> Self {
        self.queue.max_queued = Some(requests);
        let message = format!("the queue is full: `max_queued` is {requests}, and as many requests wait already");
        self.queue.full_message = Some(message);
        self
    }

    /// Sets the waiting time that is worth a step of [`priority`](Self::priority), so that no request waits for ever.
    /// Default: 10 s. Zero means that waiting never makes up for priority.
    ///
    /// With 10 s, a request of priority 2 overtakes requests of priority 0 that joined the queue less than 20 s before it.
    /// More than 39 hours count as 39 hours.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::Client;
    ///
    /// // A waiting request rises by a step of priority each second.
    /// let client = Client::builder().ageing(Duration::from_secs(1)).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn ageing(mut self, step: Duration) -> Self {
        self.queue.ageing = step;
        self
    }

    /// Sets how many requests may start per period. Default: no limit.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use futures::FutureExt;
    /// use waterspout::testing::{ManualTimer, MockBackend};
    /// use waterspout::{Client, Rate};
    ///
    /// let timer = ManualTimer::new();
    /// let client = Client::builder()
    ///     .rate_limit(Rate::new(1, Duration::from_secs(10)))
    ///     .timer(timer.clone())
    ///     .backend(MockBackend::text("hello"))
    ///     .build()?;
    /// let mut first = client.get("http://example.com/").send().boxed();
    /// let mut second = client.get("http://example.com/").send().boxed();
    /// assert!((&mut first).now_or_never().is_some());
    /// assert!((&mut second).now_or_never().is_none());
    /// timer.advance(Duration::from_secs(10));
    /// assert!(second.now_or_never().is_some());
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn rate_limit(mut self, rate: Rate) -> Self {
        self.queue.rate = Some(rate);
        self
    }

    /// Sets how many requests to the same origin may start per period. Default: no limit.
    ///
    /// As with [`max_active_per_origin`](Self::max_active_per_origin), requests that wait for an origin do not block requests
    /// to other origins.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::{Client, Rate};
    ///
    /// // Five requests per second to each origin, at most two of them at once.
    /// let rate = Rate::new(5, Duration::from_secs(1)).burst(2);
    /// let client = Client::builder().rate_limit_per_origin(rate).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn rate_limit_per_origin(mut self, rate: Rate) -> Self {
        self.queue.origin_rate = Some(rate);
        self
    }

    /// Sets whether [`Stats::origins`](crate::Stats::origins) counts requests by origin. Default: only if origins have limits.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::FutureExt;
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// let client = Client::builder().origin_stats(true).backend(MockBackend::pending()).build()?;
    /// let mut request = client.get("http://example.com/page").send().boxed();
    /// assert!((&mut request).now_or_never().is_none());
    ///
    /// let origins = client.stats().origins;
    /// assert_eq!((&*origins[0].origin, origins[0].active), ("http://example.com", 1));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn origin_stats(mut self, count: bool) -> Self {
        self.queue.origin_stats = count;
        self
    }
}
