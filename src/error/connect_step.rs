//! The steps of opening a connection.

use std::fmt;

use super::Error;

/// A step of opening a connection.
///
/// [`Error::connect_step`](crate::Error::connect_step) says in which step the connect limit passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectStep {
    /// Looking up the addresses of the server, or of a proxy.
    Dns,
    /// Connecting to the addresses of the server, or of a proxy.
    Connect,
    /// Asking a connected proxy for a tunnel.
    Proxy,
    /// The TLS handshake with the server, or with a proxy.
    Tls,
}

impl ConnectStep {
    /// Returns the step's stable name, in lower case: `dns`, `connect`, `proxy` or `tls`.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::ConnectStep;
    ///
    /// assert_eq!(ConnectStep::Tls.name(), "tls");
    /// assert_eq!(ConnectStep::Dns.to_string(), "dns");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
        }
    }
}

impl fmt::Display for ConnectStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Error {
    /// Returns in which step of connecting the connect limit passed. The text of the error names the step's target: the
    /// host and port, and the addresses that were tried.
    ///
    /// It is `None` for other errors, and if the [`Connector`](crate::Connector) does not report its steps.
    ///
    /// # Platform
    /// A browser does not show its connections, so there it is always `None`.
    pub fn connect_step(&self) -> Option<ConnectStep> {
        self.0.connect_step
    }

    /// Returns the same error about this step, with `message` as its text.
    pub(crate) fn with_connect_step(mut self, step: Option<ConnectStep>, message: String) -> Self {
        self.0.connect_step = step;
        self.0.message = message.into();
        self
    }
}
