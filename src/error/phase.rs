//! The phase of a request in which an error happened.

use std::fmt;

/// The wait or step of a request in which something happened.
///
/// # Examples
///
/// ```
/// use waterspout::{Phase, Request};
///
/// let error = Request::get("not a URL").build().unwrap_err();
/// assert_eq!(error.phase(), Phase::Request);
/// assert_eq!(error.phase().to_string(), "request");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Building the request: nothing was sent.
    Request,
    /// Waiting for a slot of the client.
    Queue,
    /// Looking up the host and connecting to it. [`Error::connect_step`](crate::Error::connect_step) names the step in
    /// which a limit passed. In a browser this is part of [`Phase::Head`].
    Connect,
    /// Sending the request and waiting for the response's head.
    Head,
    /// Reading the response's body.
    Body,
    /// Reading or writing an [`IoStream`](crate::tornado::IoStream), which is not part of any request.
    Stream,
}

impl Phase {
    /// Returns the phase's stable name, in lower case.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(waterspout::Phase::Connect.name(), "connect");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Queue => "queue",
            Self::Connect => "connect",
            Self::Head => "head",
            Self::Body => "body",
            Self::Stream => "stream",
        }
    }

    pub(super) const fn activity(self) -> &'static str {
        match self {
            Self::Request => "building the request",
            Self::Queue => "waiting for a free slot",
            Self::Connect => "connecting",
            Self::Head => "waiting for the response's head",
            Self::Body => "reading the body",
            Self::Stream => "using a stream",
        }
    }

    /// Returns the word by which a message names the phase: its activity need not be added then.
    pub(super) const fn keyword(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Queue => "slot",
            Self::Connect => "connect",
            Self::Head => "response",
            Self::Body => "body",
            Self::Stream => "stream",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
