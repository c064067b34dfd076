//! The options that a request can set over its client's options.

use std::sync::Arc;
use std::time::Duration;

use super::{RatePolicy, RetryPolicy};
use crate::message::extensions::{Extension, Extensions};

/// What to do with a redirect; the names come from the Fetch standard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Redirect {
    /// Follow it, 20 times at most.
    ///
    /// # Platform
    /// Natively a redirect from `https` to `http` is followed only if the agent allows it. Elsewhere the engine decides:
    /// browsers and Node follow it.
    #[default]
    Follow,
    /// Fail with [`Redirect`](crate::ErrorKind::Redirect). A browser does not say why a fetch fails, so there it is
    /// [`Network`](crate::ErrorKind::Network).
    Error,
    /// Return the redirect as a response; its `location` header has the target.
    ///
    /// # Platform
    /// A browser does not show redirects to a page: there such a response is an error of kind
    /// [`Unsupported`](crate::ErrorKind::Unsupported).
    Manual,
}

/// The options of a request; an option that is `None` is taken from the client.
///
/// A time limit of zero means no limit.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use waterspout::RequestOptions;
///
/// let mut options = RequestOptions::default();
/// options.timeout = Some(Duration::from_secs(60));
/// options.priority = Some(5);
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct RequestOptions {
    /// The maximum wait for a slot. Client default: no limit, unless the client stalls.
    ///
    /// A request that waits again before a retry has the whole limit again. If neither the request nor the client sets
    /// this limit, the request fails with it once the client has stalled for 30 s; see
    /// [`Builder::queue_timeout`](crate::Builder::queue_timeout).
    pub queue_timeout: Option<Duration>,
    /// The priority of the request while it waits for a slot, from -32768 to 32767. Client default: 0.
    ///
    /// A higher priority goes first. Requests of the same priority start in the order in which they came. A waiting request
    /// rises with time; see [`Builder::ageing`](crate::Builder::ageing).
    pub priority: Option<i16>,
    /// The maximum time to look up and connect to the server. Client default: 20 s.
    ///
    /// # Platform
    /// A browser does not show its connections: there this time is part of `head_timeout`.
    pub connect_timeout: Option<Duration>,
    /// The maximum silence between the start of an attempt and the response's head. Client default: 20 s.
    ///
    /// Connecting has a limit of its own and does not count. Each piece of the request's body that leaves starts the time
    /// again, so a slow upload is not a failure. Each informational (1xx) response starts it again, too:
    /// `102 Processing` says that the server still works on the request.
    ///
    /// # Platform
    /// A browser shows neither its connections nor how far an upload is: there this time includes connecting, and a body
    /// adds a second for each 32 KiB.
    pub head_timeout: Option<Duration>,
    /// The maximum time from the start of an attempt to the response's head. Client default: no limit.
    ///
    /// The attempt starts when the request has a slot. Connecting and sending count.
    pub attempt_timeout: Option<Duration>,
    /// The maximum silence between two pieces of the response's body. Client default: 20 s.
    ///
    /// It does not bound the whole body: a byte every 19 s keeps it going. `timeout` and
    /// [`set_min_download_rate`](Self::set_min_download_rate) do.
    pub idle_timeout: Option<Duration>,
    /// The maximum time from the first slot to the end of the response's body. Client default: no limit, so a server
    /// decides how long a body lasts.
    ///
    /// It begins when the request leaves the queue for the first time. Retries count, and so do the waits between them
    /// and their waits in the queue. Tornado's `request_timeout` begins at the same moment.
    pub timeout: Option<Duration>,
    /// The maximum time from the call to the end of the response's body. Client default: no limit.
    ///
    /// It covers what `timeout` covers, and the first wait in the queue.
    pub total_timeout: Option<Duration>,
    /// The maximum number of bytes that `bytes`, `text` and `json` collect. Client default: 100 MiB.
    ///
    /// It does not limit reading chunk by chunk; `stream_limit` does.
    pub body_limit: Option<u64>,
    /// The maximum number of bytes of a response's body, however it is read. Client default: no limit.
    ///
    /// It counts the bytes that the reader gets, after decoding. A body whose declared length is larger fails before its
    /// first byte.
    pub stream_limit: Option<u64>,
    /// Whether the client asks for the codings that it knows, and decodes them. Client default: yes.
    ///
    /// With `false`, a body arrives as it was sent, with the headers that describe it.
    ///
    /// # Platform
    /// A browser always decodes: there `false` is an error of kind [`Unsupported`](crate::ErrorKind::Unsupported). An
    /// engine does not say which codings it knows. A body in a coding that it has not asked for (zstd, for Node 20) arrives
    /// as it was sent, without the header that says so.
    pub decompress: Option<bool>,
    /// What to do with a redirect. Client default: follow it.
    pub redirect: Option<Redirect>,
    /// Whether to send the head alone, and the body only when the server asks for it (`Expect: 100-continue`) or after a
    /// second of silence. Client default: no.
    ///
    /// If a final response comes first, the body is never read. A request without a body does not ask. If a server does not
    /// support the question (417), the request is sent again without it, provided that its body can be read again (RFC 9110,
    /// section 10.1.1).
    ///
    /// # Platform
    /// A browser cannot ask: there such a request with a body fails with [`Unsupported`](crate::ErrorKind::Unsupported).
    pub expect_continue: Option<bool>,
    /// When to try again. Client default: never. Its setter is `set_retry`, in `client::retry`.
    pub(crate) retry: Option<Arc<dyn RetryPolicy>>,
    /// The minimum rate of the response's body. Client default: no limit. Its setter is `set_min_download_rate`, in
    /// `client::download_rate`.
    pub(crate) min_download_rate: Option<Arc<dyn RatePolicy>>,
    /// The extensions, each for a single backend.
    pub(crate) extensions: Extensions,
}

impl RequestOptions {
    /// Returns options of which none is set, as [`default`](Self::default) does.
    pub(super) const fn none() -> Self {
        Self {
            queue_timeout: None,
            priority: None,
            connect_timeout: None,
            head_timeout: None,
            attempt_timeout: None,
            idle_timeout: None,
            timeout: None,
            total_timeout: None,
            body_limit: None,
            stream_limit: None,
            decompress: None,
            redirect: None,
            expect_continue: None,
            retry: None,
            min_download_rate: None,
            extensions: Extensions::none(),
        }
    }

    /// Returns the extension of this type, if it is set.
    pub fn extension<S: Extension>(&self) -> Option<&S> {
        self.extensions.get()
    }

    /// Sets an extension for the backend `S::BACKEND`; it replaces an extension of the same type.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{Extension, RequestOptions};
    ///
    /// #[derive(Debug, PartialEq)]
    /// struct CacheFor(u64);
    ///
    /// impl Extension for CacheFor {
    ///     const NAME: &'static str = "cache_for";
    ///     const BACKEND: &'static str = "cache";
    /// }
    ///
    /// let mut options = RequestOptions::default();
    /// options.set_extension(CacheFor(60));
    /// assert_eq!(options.extension(), Some(&CacheFor(60)));
    /// assert_eq!(options.take_extension().as_deref(), Some(&CacheFor(60)));
    /// assert_eq!(options.extension::<CacheFor>(), None);
    /// ```
    pub fn set_extension<S: Extension>(&mut self, extension: S) {
        self.extensions.set(extension);
    }

    /// Removes the extension of this type and returns it.
    pub fn take_extension<S: Extension>(&mut self) -> Option<Arc<S>> {
        self.extensions.take()
    }

    /// Returns these options, with `defaults` for the options that are `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::RequestOptions;
    ///
    /// let (mut own, mut defaults) = (RequestOptions::default(), RequestOptions::default());
    /// own.priority = Some(1);
    /// defaults.priority = Some(2);
    /// defaults.timeout = Some(Duration::from_secs(60));
    /// let merged = own.over(&defaults);
    /// assert_eq!((merged.priority, merged.timeout), (Some(1), Some(Duration::from_secs(60))));
    /// ```
    pub fn over(mut self, defaults: &Self) -> Self {
        self.fill(defaults);
        self
    }

    /// Sets the options that are `None` to the values of `defaults`.
    pub(crate) fn fill(&mut self, defaults: &Self) {
        fill(&mut self.queue_timeout, &defaults.queue_timeout);
        fill(&mut self.priority, &defaults.priority);
        fill(&mut self.connect_timeout, &defaults.connect_timeout);
        fill(&mut self.head_timeout, &defaults.head_timeout);
        fill(&mut self.attempt_timeout, &defaults.attempt_timeout);
        fill(&mut self.idle_timeout, &defaults.idle_timeout);
        fill(&mut self.timeout, &defaults.timeout);
        fill(&mut self.total_timeout, &defaults.total_timeout);
        fill(&mut self.body_limit, &defaults.body_limit);
        fill(&mut self.stream_limit, &defaults.stream_limit);
        fill(&mut self.decompress, &defaults.decompress);
        fill(&mut self.redirect, &defaults.redirect);
        fill(&mut self.expect_continue, &defaults.expect_continue);
        fill(&mut self.retry, &defaults.retry);
        fill(&mut self.min_download_rate, &defaults.min_download_rate);
        self.extensions.fill(&defaults.extensions);
    }
}

/// Sets an option that is `None` to its default.
fn fill<T: Clone>(own: &mut Option<T>, default: &Option<T>) {
    if own.is_none() {
        own.clone_from(default);
    }
}
