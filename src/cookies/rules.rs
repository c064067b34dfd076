//! Which hosts and paths a cookie is for (RFC 6265, section 5.1).

use std::net::Ipv4Addr;

/// Whether `host` is `domain` or within it.
pub(super) fn domain_matches(host: &str, domain: &str) -> bool {
    host == domain
        || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')) && !domain.is_empty() && !is_address(host)
}

/// Whether a host as URLs have it is an address and not a name.
pub(super) fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok()
}

/// Whether names within `domain` belong to different owners; the list has rules for what it does not name, too.
pub(super) fn is_public_suffix(domain: &str) -> bool {
    psl::suffix_str(domain).is_none_or(|suffix| suffix == domain)
}

/// Whether a request for `path` has the cookies of `prefix`.
pub(super) fn path_matches(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/'))
}

/// The path of a cookie that names none: the request's, up to its last slash.
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
    fn a_domain_covers_itself_and_what_is_within() {
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
    fn public_suffixes_are_known() {
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
        ] {
            assert_eq!(is_public_suffix(domain), expected, "{domain}");
        }
    }

    #[test]
    fn a_path_covers_itself_and_what_is_below() {
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
