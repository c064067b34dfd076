//! The kinds of the errors that an open connection reports.

use std::io;

use super::ErrorKind;
use crate::platform::is_tls_failure;

impl ErrorKind {
    /// Returns the kind of an error that reading or writing an open connection has caused.
    pub(crate) fn of_connection(error: &io::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
        match error.kind() {
            // Checked first: an alert says more than the kind of the I/O error around it.
            _ if is_tls_failure(error) => Self::Tls,
            BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected => Self::ConnectionClosed,
            _ => Self::Io,
        }
    }
}
