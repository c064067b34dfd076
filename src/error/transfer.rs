//! How much of a failed request was transferred.

use super::Error;

/// How much was transferred before an error, and on which kind of connection. A field that is not known is `None`.
///
/// # Platform
/// A browser does not show its connections, so there `connection_reused` is `None`.
///
/// # Examples
///
/// ```
/// use waterspout::{Error, ErrorKind, Phase, Transfer};
///
/// let error = Error::new(ErrorKind::Io, Phase::Body, "the connection was reset");
/// let error = error.with_transfer(Transfer::bytes(120, 4)).with_transfer(Transfer::on_connection(true));
/// let transfer = error.transfer();
/// assert_eq!((transfer.bytes_sent, transfer.bytes_received), (Some(120), Some(4)));
/// assert_eq!(transfer.connection_reused, Some(true));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transfer {
    /// Whether the connection had carried another request before.
    pub connection_reused: Option<bool>,
    /// The bytes of the request that were sent in the last attempt, its head included, if an attempt was made. A
    /// browser does not show what it sends: there it counts the bytes taken from a body that is a stream.
    pub bytes_sent: Option<u64>,
    /// The bytes of the response's body that were handed out, after decoding, if an attempt was made.
    pub bytes_received: Option<u64>,
}

impl Transfer {
    /// Returns a value that says whether the connection had carried another request before, and nothing else.
    pub const fn on_connection(reused: bool) -> Self {
        Self { connection_reused: Some(reused), bytes_sent: None, bytes_received: None }
    }

    /// Returns a value that counts bytes of the request and of the response's body, and says nothing else.
    pub const fn bytes(sent: u64, received: u64) -> Self {
        Self { connection_reused: None, bytes_sent: Some(sent), bytes_received: Some(received) }
    }
}

impl Error {
    /// Returns how much was transferred before the error, and on which kind of connection.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{Request, Transfer};
    ///
    /// let error = Request::get("not a URL").build().unwrap_err();
    /// assert_eq!(error.transfer(), Transfer::default(), "nothing is known of a request that was not sent");
    /// ```
    pub fn transfer(&self) -> Transfer {
        self.0.transfer
    }

    /// Returns the same error with the facts of `transfer` added.
    ///
    /// A known `connection_reused` replaces the earlier value. The two counts of bytes belong together: they are added
    /// only if neither is known yet.
    #[must_use]
    pub fn with_transfer(mut self, transfer: Transfer) -> Self {
        let known = &mut self.0.transfer;
        known.connection_reused = transfer.connection_reused.or(known.connection_reused);
        // Each layer counts on the way out. The layer closest to the body has counted first, and two layers' counts must
        // not be mixed.
        if known.bytes_sent.is_none() && known.bytes_received.is_none() {
            known.bytes_sent = transfer.bytes_sent;
            known.bytes_received = transfer.bytes_received;
        }
        self
    }
}
