//! ALPN (RFC 7301): which protocols a handshake offers, and which version of HTTP the server's choice means.

use http::Version;

use super::TlsConfig;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::platform::native::http_versions::HttpVersions;

/// The protocol identifier of HTTP/2 over TLS (RFC 9113, section 3.2).
const HTTP2: &[u8] = b"h2";
/// The protocol identifier of HTTP/1.1 (RFC 7301, section 6).
const HTTP1: &[u8] = b"http/1.1";

impl TlsConfig {
    /// Sets the protocols that are offered to the server by ALPN (RFC 7301), the preferred protocol first. Default:
    /// none for a stream such as [`IoStream`](crate::tornado::IoStream), and the protocols of the
    /// [`Network`](crate::platform::native::Network) for its connections.
    ///
    /// The list replaces the protocols of a network; an empty list offers none. A connection speaks HTTP/2 if the
    /// server selects `h2`, and otherwise HTTP/1.1. The list is for servers: the derived configuration for `https`
    /// proxies offers `http/1.1`. A server that knows none of the protocols ends the handshake.
    ///
    /// # Errors
    /// A connect of a network fails with [`Tls`](ErrorKind::Tls) if the server selects a version of HTTP that the
    /// network does not speak.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::platform::native::{Network, TlsConfig};
    ///
    /// let network = Network::new().tls(TlsConfig::new().alpn_protocols(["http/1.1"]));
    /// ```
    #[must_use]
    pub fn alpn_protocols(self, protocols: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        let protocols = protocols.into_iter().map(Into::into).collect();
        self.change(|config| config.alpn = Some(protocols))
    }

    /// Returns whether a connection that may speak HTTP/2 offers it.
    pub(in crate::platform::native) fn offers_http2(&self) -> bool {
        self.alpn.as_ref().is_none_or(|own| own.iter().any(|protocol| protocol == HTTP2))
    }

    /// Returns the protocols to offer, the preferred protocol first. A connection without `versions` is not for HTTP.
    pub(super) fn offered(&self, versions: Option<HttpVersions>) -> Vec<Vec<u8>> {
        if let Some(own) = &self.alpn {
            return own.clone();
        }
        let Some(versions) = versions else { return Vec::new() };
        let http2 = versions.http2.then(|| HTTP2.to_vec());
        let http1 = versions.http1.then(|| HTTP1.to_vec());
        http2.into_iter().chain(http1).collect()
    }
}

/// Returns the version of HTTP that a selected protocol means. Returns `None` for another protocol, or without a
/// selection.
pub(super) fn http_version(selected: Option<&[u8]>) -> Option<Version> {
    match selected? {
        HTTP2 => Some(Version::HTTP_2),
        HTTP1 => Some(Version::HTTP_11),
        _ => None,
    }
}

/// Checks that the server has selected an offered protocol, and a version of HTTP that the connection may speak.
///
/// # Errors
/// [`Tls`](ErrorKind::Tls). The message names the host, what was offered, and what the server selected.
pub(super) fn check(versions: HttpVersions, host: &str, offered: &[Vec<u8>], selected: Option<&[u8]>) -> Result<()> {
    let is_offered = selected.is_none_or(|selected| offered.iter().any(|protocol| protocol == selected));
    // Without a selection, or with a protocol of the program's own, a connection speaks HTTP/1.1.
    let is_allowed = match http_version(selected) {
        Some(Version::HTTP_2) => versions.http2,
        _ => versions.http1,
    };
    if is_offered && is_allowed {
        return Ok(());
    }
    let choice = selected.map_or("no protocol".to_owned(), |protocol| protocol.escape_ascii().to_string());
    let facts = format!("{host} selected {choice} by ALPN, which offered {}", listed(offered));
    let message = if !is_offered {
        facts
    } else if versions.http1 {
        format!("{facts}, and this connection speaks HTTP/1.1 alone; leave h2 out of `TlsConfig::alpn_protocols`")
    } else {
        format!("{facts}, and this connection speaks HTTP/2 alone; without `Network::http2_only` it can speak HTTP/1.1")
    };
    Err(Error::new(ErrorKind::Tls, Phase::Connect, message))
}

/// Returns the names of protocols for a message.
pub(super) fn listed(protocols: &[Vec<u8>]) -> String {
    if protocols.is_empty() {
        return "no protocol".to_owned();
    }
    let names: Vec<_> = protocols.iter().map(|protocol| protocol.escape_ascii().to_string()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HTTP2_ONLY: HttpVersions = HttpVersions { http1: false, http2: true, prior_knowledge: true };
    const BOTH: HttpVersions = HttpVersions { http1: true, ..HTTP2_ONLY };

    /// The versions, what is offered, what the server selects, and a part of the error.
    type Selection<'a> = (HttpVersions, &'a [&'a str], Option<&'a str>, Option<&'a str>);

    #[test]
    fn selected_protocol_must_be_offered_and_allowed() {
        let cases: [Selection; 12] = [
            (BOTH, &["h2", "http/1.1"], Some("h2"), None),
            (BOTH, &["h2", "http/1.1"], Some("http/1.1"), None),
            (BOTH, &["h2", "http/1.1"], None, None),
            (BOTH, &["own"], Some("own"), None),
            (BOTH, &["h2"], Some("http/1.1"), Some("host.test selected http/1.1 by ALPN, which offered h2")),
            (BOTH, &[], Some("h2"), Some("selected h2 by ALPN, which offered no protocol")),
            (HttpVersions::HTTP1, &["http/1.1"], Some("h2"), Some("selected h2 by ALPN, which offered http/1.1")),
            (HttpVersions::HTTP1, &["h2", "http/1.1"], Some("h2"), Some("speaks HTTP/1.1 alone")),
            (HTTP2_ONLY, &["h2"], Some("h2"), None),
            (HTTP2_ONLY, &["h2"], None, Some("selected no protocol by ALPN, which offered h2, and")),
            (HTTP2_ONLY, &["h2", "http/1.1"], Some("http/1.1"), Some("selected http/1.1 by ALPN, which offered h2, ")),
            (HTTP2_ONLY, &["h2"], Some("a\n\u{7f}"), Some("selected a\\n\\x7f by ALPN")),
        ];
        for (versions, offered, selected, expected) in cases {
            let offered: Vec<_> = offered.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
            let outcome = check(versions, "host.test", &offered, selected.map(str::as_bytes));
            match (outcome, expected) {
                (Ok(()), None) => {}
                (Err(error), Some(part)) => {
                    assert_eq!(error.kind(), ErrorKind::Tls);
                    assert!(error.to_string().contains(part), "{error}");
                }
                (outcome, _) => panic!("{versions:?} {offered:?} {selected:?}: {outcome:?}"),
            }
        }
    }
}
