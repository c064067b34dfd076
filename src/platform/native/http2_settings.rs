//! The settings of HTTP/2 on a network. Behind the feature `http2`.

use super::http_versions::HttpVersions;
use super::network::Network;

/// Whether a server over TLS is offered HTTP/2 by default.
const OFFERS_HTTP2_BY_DEFAULT: bool = true;

/// The versions of a network without a setting of its own.
pub(super) const DEFAULT: HttpVersions =
    HttpVersions { http1: true, http2: OFFERS_HTTP2_BY_DEFAULT, prior_knowledge: false };

/// The settings of HTTP/2. They exist with the feature `http2`.
impl Network {
    /// Speaks HTTP/2 alone: a server over TLS is offered `h2` and no other protocol, and a connection without TLS
    /// speaks HTTP/2 at once (RFC 9113, section 3.3).
    ///
    /// It replaces [`http1_only`](Self::http1_only) and [`http2_prior_knowledge`](Self::http2_prior_knowledge): of
    /// these three settings, the last call counts.
    ///
    /// # Errors
    /// A connect fails with [`Tls`](crate::ErrorKind::Tls) if a server over TLS selects another protocol or none. The
    /// error names the host, what was offered, and what the server selected. A connect through a proxy that would
    /// forward the requests fails with [`Unsupported`](crate::ErrorKind::Unsupported): such a proxy gets HTTP/1.1.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::platform::native::Network;
    /// use waterspout::{Connector, Url};
    ///
    /// let network = Network::new().http2_only();
    /// assert!(network.may_speak_http2(&Url::parse("http://example.com/")?.origin()));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    #[must_use]
    pub fn http2_only(mut self) -> Self {
        self.versions = HttpVersions { http1: false, http2: true, prior_knowledge: true };
        self
    }

    /// Speaks HTTP/2 at once on connections without TLS, as a client with prior knowledge does (RFC 9113, section 3.3).
    /// A server that does not speak HTTP/2 there fails the request. A server over TLS is offered `h2` and `http/1.1`,
    /// and chooses.
    ///
    /// A proxy that forwards requests for `http` origins gets HTTP/1.1. The tunnel of a SOCKS proxy carries HTTP/2.
    ///
    /// It replaces [`http1_only`](Self::http1_only) and [`http2_only`](Self::http2_only): of these three settings, the
    /// last call counts.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::platform::native::Network;
    /// use waterspout::{Connector, Url};
    ///
    /// let network = Network::new().http2_prior_knowledge();
    /// assert!(network.may_speak_http2(&Url::parse("http://example.com/")?.origin()));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    #[must_use]
    pub fn http2_prior_knowledge(mut self) -> Self {
        self.versions = HttpVersions { http1: true, http2: true, prior_knowledge: true };
        self
    }
}
