//! The values of a span's attributes, as the semantic conventions of OpenTelemetry for HTTP clients define them.

use http::Method;

use crate::message::url::Url;

/// The text in place of a value that may be secret.
const REDACTED: &str = "REDACTED";

/// The methods that `http.request.method` names: RFC 9110, and PATCH of RFC 5789.
const KNOWN_METHODS: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::CONNECT,
    Method::OPTIONS,
    Method::TRACE,
    Method::PATCH,
];

/// The keys of a query whose values are always hidden. The conventions name the first four; the last three sign requests
/// to Amazon S3.
const SECRET_KEYS: [&str; 7] = [
    "AWSAccessKeyId",
    "Signature",
    "sig",
    "X-Goog-Signature",
    "X-Amz-Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
];

/// Returns whether `http.request.method` names the method; it is `_OTHER` for any other method.
pub(super) fn is_known(method: &Method) -> bool {
    KNOWN_METHODS.contains(method)
}

/// Returns the name of the span: the method, and the template of the URL if there is a template.
pub(super) fn span_name(method: &Method, template: Option<&str>) -> String {
    let method = if is_known(method) { method.as_str() } else { "HTTP" };
    match template {
        Some(template) => [method, " ", template].concat(),
        None => method.to_owned(),
    }
}

/// Returns the host of the URL, an IPv6 address without brackets.
pub(super) fn server_address(url: &Url) -> &str {
    url.host().trim_start_matches('[').trim_end_matches(']')
}

/// Returns `url.full`: the URL without user name, password and fragment. Without `shows_query`, all values of its query
/// are hidden.
pub(super) fn full_url(url: &Url, shows_query: bool) -> String {
    let mut full = url.without_userinfo();
    full.truncate(full.find(['?', '#']).unwrap_or(full.len()));
    let mut separator = '?';
    for pair in url.query().into_iter().flat_map(|query| query.split('&')) {
        full.push(separator);
        separator = '&';
        let (name, value) = match pair.split_once('=') {
            // The end of a text in base64 is no value.
            Some((name, value)) if value.bytes().any(|byte| byte != b'=') => (Some(name), value),
            _ => (None, pair),
        };
        let is_shown = shows_query && !name.is_some_and(is_secret);
        if let Some(name) = name {
            full.push_str(name);
            full.push('=');
        }
        full.push_str(if is_shown || value.is_empty() { value } else { REDACTED });
    }
    full
}

fn is_secret(name: &str) -> bool {
    SECRET_KEYS.iter().any(|key| key.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_has_no_credentials_no_fragment_and_no_secret_values() {
        for (url, hidden, shown) in [
            ("http://h", "http://h/", "http://h/"),
            ("https://name:secret@h:81/p#secret", "https://h:81/p", "https://h:81/p"),
            ("http://h/p?a=1&b=2", "http://h/p?a=REDACTED&b=REDACTED", "http://h/p?a=1&b=2"),
            ("http://h/p?word", "http://h/p?REDACTED", "http://h/p?word"),
            ("http://h/p?", "http://h/p?", "http://h/p?"),
            ("http://h/p?&a=", "http://h/p?&REDACTED", "http://h/p?&a="),
            ("http://h/?sig=x&a=1", "http://h/?sig=REDACTED&a=REDACTED", "http://h/?sig=REDACTED&a=1"),
            ("http://h/?Signature=x", "http://h/?Signature=REDACTED", "http://h/?Signature=REDACTED"),
            ("http://h/?AWSAccessKeyId=x", "http://h/?AWSAccessKeyId=REDACTED", "http://h/?AWSAccessKeyId=REDACTED"),
            (
                "http://h/?X-Goog-Signature=x&c2VjcmV0cw==",
                "http://h/?X-Goog-Signature=REDACTED&REDACTED",
                "http://h/?X-Goog-Signature=REDACTED&c2VjcmV0cw==",
            ),
            ("http://h/?x-amz-signature=x", "http://h/?x-amz-signature=REDACTED", "http://h/?x-amz-signature=REDACTED"),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!((full_url(&url, false), full_url(&url, true)), (hidden.to_owned(), shown.to_owned()));
        }
    }
}
