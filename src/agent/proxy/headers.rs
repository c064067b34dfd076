//! The headers that the caller adds to requests to a proxy.

use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderName, HeaderValue};

use super::Proxy;
use crate::error::{Error, ErrorKind, Result, Source};

/// Headers that follow from the request or the connection.
const DERIVED: [HeaderName; 8] = [CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

impl Proxy {
    /// Adds a header for the proxy: to the `CONNECT` request of a tunnel, and to each request that the proxy forwards.
    /// A header of the same name that the forwarded request has itself is sent instead.
    ///
    /// A server behind a tunnel never receives the header. Debug output does not show the value. A `user-agent`
    /// replaces the agent's own in `CONNECT`, and a `proxy-authorization` replaces the
    /// [`credentials`](Self::credentials).
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if the name or the value is malformed, for a header that is
    /// derived from the request or the connection, such as `host`, `content-length` and `connection`, and for a SOCKS
    /// proxy, which has no headers.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::proxy::Proxy;
    ///
    /// let proxy = Proxy::parse("http://proxy.example:3128")?
    ///     .header("x-proxy-token", "secret")?
    ///     .header("user-agent", "spider/2")?;
    /// assert!(!format!("{proxy:?}").contains("secret"));
    /// assert!(Proxy::parse("socks5://proxy.example")?.header("x-proxy-token", "secret").is_err());
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn header<N, V>(mut self, name: N, value: V) -> Result<Self>
    where
        N: TryInto<HeaderName, Error: Into<Source>>,
        V: TryInto<HeaderValue, Error: Into<Source>>,
    {
        let refused = |message: String| Error::request(ErrorKind::InvalidRequest, message);
        let name = name
            .try_into()
            .map_err(|error| refused("the name of a proxy header is not a token".to_owned()).with_source(error))?;
        let mut value = value.try_into().map_err(|error| {
            refused(format!("the value of the proxy header {name} has a character that is not allowed"))
                .with_source(error)
        })?;
        if self.scheme.is_socks() {
            return Err(refused(format!("the header {name} cannot be sent to a SOCKS proxy, which has no headers")));
        }
        if DERIVED.contains(&name) {
            return Err(refused(format!("the proxy header {name} is derived from the request, and cannot be set")));
        }
        // Any of these headers may be a credential for the proxy.
        value.set_sensitive(true);
        self.headers.append(name, value);
        Ok(self)
    }
}
