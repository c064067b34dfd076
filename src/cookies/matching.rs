//! Matching of hosts and paths against cookies (RFC 6265, section 5.1).
//!
//! Hosts are compared in a single form: the form of a URL's host. It is in lower case and Punycode (RFC 6265bis, section
//! 5.1.2), and an address has its normal notation. A trailing dot is part of the host, as in browsers: `example.com` and
//! `example.com.` are two hosts and share no cookie. Only the rule for public suffixes disregards the dot, because
//! `co.uk.` has the same owners below it as `co.uk`.

use std::net::{IpAddr, Ipv4Addr};

use crate::message::url::{Scheme, Url};

/// Returns whether `host` is `domain` or a subdomain of it.
pub(super) fn domain_matches(host: &str, domain: &str) -> bool {
    // An address has no subdomains: a cookie for `0.0.1` is not sent to `127.0.0.1`.
    host == domain
        || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')) && !domain.is_empty() && !is_address(host)
}

/// Returns whether the host of a URL is an address and not a name.
pub(super) fn is_address(host: &str) -> bool {
    // A URL has IPv6 addresses in brackets, and its parser has normalized all notations of IPv4.
    host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok()
}

/// Returns whether `domain` is a public suffix: its subdomains belong to different owners. The list also has rules for
/// names that it does not contain.
///
/// A domain with an empty label, such as `.com` or `com..`, counts as a public suffix.
pub(super) fn is_public_suffix(domain: &str) -> bool {
    // The list has no trailing dots. A trailing dot makes a name absolute and does not change its owner.
    let name = domain.strip_suffix('.').unwrap_or(domain);
    // The list would find a suffix of such a text that differs from the text, and the text would pass as a domain.
    let has_empty_label = name.split('.').any(str::is_empty);
    has_empty_label || psl::suffix_str(name).is_none_or(|suffix| suffix == name)
}

/// Returns whether secure cookies may be set by `url` and sent to it: over https, or on a loopback host.
///
/// As in browsers (Secure Contexts, section 3.1): a direct connection to a loopback host does not leave the machine. A proxy
/// may be another machine, and this file does not know of proxies: the documentation of `CookieJar` says so.
pub(super) fn is_secure(url: &Url) -> bool {
    url.scheme() == Scheme::Https || is_loopback(url.host())
}

/// Returns whether `host` is a loopback address, `localhost`, or a name below it (RFC 6761, section 6.3).
fn is_loopback(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    if name == "localhost" || name.ends_with(".localhost") {
        return true;
    }
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    // An IPv4 address may be written as an IPv6 address, such as `::ffff:127.0.0.1`.
    address.is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Returns whether a request for `path` sends the cookies of the path `prefix`.
pub(super) fn path_matches(path: &str, prefix: &str) -> bool {
    // Only whole segments match: `/ab` is not below `/a`.
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/'))
}

/// Returns the path of a cookie without a `Path`: the path of the request up to its last slash.
pub(super) fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(end) => &path[..end],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domain_matches_itself_and_its_subdomains() {
        for (host, domain, expected) in [
            ("example.com", "example.com", true),
            ("a.b.example.com", "example.com", true),
            ("badexample.com", "example.com", false),
            ("example.com", "a.example.com", false),
            ("example.com", "", false),
            ("127.0.0.1", "0.0.1", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("[::1]", "[::1]", true),
        ] {
            assert_eq!(domain_matches(host, domain), expected, "{host} {domain}");
        }
    }

    #[test]
    fn public_suffixes_are_recognized() {
        for (domain, expected) in [
            ("com", true),
            ("co.uk", true),
            ("example.co.uk", false),
            ("github.io", true),
            ("me.github.io", false),
            ("localhost", true),
            ("something.ck", true),
            ("www.ck", false),
            ("xn--55qx5d.cn", true),
            ("example.xn--55qx5d.cn", false),
            // An absolute name has the same suffix.
            ("com.", true),
            ("co.uk.", true),
            ("example.co.uk.", false),
            ("github.io.", true),
            ("me.github.io.", false),
            ("localhost.", true),
            ("something.ck.", true),
            ("www.ck.", false),
            ("xn--55qx5d.cn.", true),
            ("example.xn--55qx5d.cn.", false),
            // A name with an empty label is no name: it counts as a suffix.
            ("", true),
            (".", true),
            ("..", true),
            (".com", true),
            ("com..", true),
            ("example.com..", true),
            (".example.com", true),
            ("a..example.com", true),
        ] {
            assert_eq!(is_public_suffix(domain), expected, "{domain}");
        }
    }

    #[test]
    fn path_matches_itself_and_paths_below() {
        for (path, prefix, expected) in [
            ("/", "/", true),
            ("/a/b", "/", true),
            ("/a", "/a", true),
            ("/a/", "/a", true),
            ("/a/b", "/a", true),
            ("/a/b", "/a/", true),
            ("/ab", "/a", false),
            ("/a", "/a/", false),
        ] {
            assert_eq!(path_matches(path, prefix), expected, "{path} {prefix}");
        }
        let defaults = ["/", "/a", "/a/", "/a/b"].map(default_path);
        assert_eq!(defaults, ["/", "/", "/a", "/a"]);
    }
}
