//! Which versions of HTTP the connections of a network speak.

use http::Version;

use super::http2_settings;
use super::network::Network;

/// The versions of HTTP that a connection may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HttpVersions {
    /// Whether a connection may speak HTTP/1.1.
    pub(super) http1: bool,
    /// Whether a server over TLS may select HTTP/2.
    pub(super) http2: bool,
    /// Whether a connection without TLS speaks HTTP/2 at once (RFC 9113, section 3.3).
    pub(super) prior_knowledge: bool,
}

impl HttpVersions {
    /// HTTP/1.1 alone.
    pub(super) const HTTP1: Self = Self { http1: true, http2: false, prior_knowledge: false };

    /// Returns the version on a connection without TLS, where nothing is negotiated.
    pub(super) fn without_tls(self) -> Version {
        if self.prior_knowledge { Version::HTTP_2 } else { Version::HTTP_11 }
    }
}

impl Default for HttpVersions {
    fn default() -> Self {
        http2_settings::DEFAULT
    }
}

impl Network {
    /// Speaks HTTP/1.1 alone: a server over TLS is offered `http/1.1` and no other protocol.
    ///
    /// It replaces `http2_only` and `http2_prior_knowledge`: of these three settings, the last call counts.
    ///
    /// # Errors
    /// A connect fails with [`Tls`](crate::ErrorKind::Tls) if the server selects `h2`. That happens only with a list of
    /// protocols that the program has set itself, by `TlsConfig::alpn_protocols`.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::platform::native::Network;
    /// use waterspout::{Client, Connector, Url};
    ///
    /// let network = Network::new().http1_only();
    /// assert!(!network.may_speak_http2(&Url::parse("https://example.com/")?.origin()));
    /// let client = Client::builder().network(network).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    #[must_use]
    pub fn http1_only(mut self) -> Self {
        self.versions = HttpVersions::HTTP1;
        self
    }
}
