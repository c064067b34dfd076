//! The fields that HTTP/1.1 uses for a single connection, and that no message of HTTP/2 may have (RFC 9113, section
//! 8.2.2).

use http::header::{CONNECTION, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName};

/// The names that RFC 9113, section 8.2.2, lists. `te` is another such field, which a request may have in a single form.
const NAMES: [HeaderName; 5] = [
    CONNECTION,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Returns whether no message may have a field of this name.
pub(super) fn is_forbidden(name: &HeaderName) -> bool {
    NAMES.contains(name)
}

/// Returns whether a `connection` field of `fields` names the field `name` (RFC 9110, section 7.6.1).
pub(super) fn is_named_by_connection(fields: &HeaderMap, name: &HeaderName) -> bool {
    let mut options = fields.get_all(CONNECTION).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    options.any(|option| option.trim_ascii().eq_ignore_ascii_case(name.as_str().as_bytes()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn fields_of_section_8_2_2_are_forbidden() {
        for name in ["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"] {
            let name = HeaderName::from_static(name);
            assert!(is_forbidden(&name), "{name}");
        }
        for name in ["te", "trailer", "host", "expect", "connection-x", "keep-aliv", "via"] {
            assert!(!is_forbidden(&HeaderName::from_static(name)), "{name}");
        }
    }

    #[test]
    fn options_of_connection_are_names_without_case() {
        let mut fields = HeaderMap::new();
        fields.append(CONNECTION, HeaderValue::from_static("close, X-Hop ,,te"));
        fields.append(CONNECTION, HeaderValue::from_static("x-other"));
        for (name, is_named) in
            [("x-hop", true), ("te", true), ("x-other", true), ("close", true), ("x-ho", false), ("accept", false)]
        {
            assert_eq!(is_named_by_connection(&fields, &HeaderName::from_static(name)), is_named, "{name}");
        }
    }
}
