//! The headers that a browser would add to a request.

use std::sync::LazyLock;

use http::header::{ACCEPT, ACCEPT_ENCODING, RANGE, USER_AGENT};
use http::{HeaderName, HeaderValue};

use super::decode;
use crate::http1::AGENT_NAME;
use crate::message::default_fields::DefaultFields;
use crate::message::request::Request;

/// For a request whose response is decoded.
static WITH_CODINGS: LazyLock<DefaultFields> = LazyLock::new(|| make(decode::offer()));

/// For a request of a part of a body: a part of an encoded body cannot be decoded (Fetch standard, "HTTP-network-or-cache
/// fetch").
static WITH_IDENTITY: LazyLock<DefaultFields> =
    LazyLock::new(|| make(decode::offer().map(|_| HeaderValue::from_static("identity"))));

/// For a request whose response is not decoded.
static WITHOUT_CODINGS: LazyLock<DefaultFields> = LazyLock::new(|| make(None));

/// Returns the headers for `request`. A header that the request has itself is sent instead of the header of that name
/// here.
pub(super) fn of(request: &Request) -> &'static DefaultFields {
    // A look-up in an empty map would hash the name.
    let headers = request.headers();
    // The response decides whether it is decoded, so a body is also decoded if the request has its own
    // `accept-encoding`.
    if request.options().decompress == Some(false) {
        &WITHOUT_CODINGS
    } else if !headers.is_empty() && headers.contains_key(RANGE) {
        &WITH_IDENTITY
    } else {
        &WITH_CODINGS
    }
}

fn make(codings: Option<HeaderValue>) -> DefaultFields {
    let fields: [(HeaderName, Option<HeaderValue>); 3] =
        [(ACCEPT, Some(HeaderValue::from_static("*/*"))), (USER_AGENT, Some(AGENT_NAME)), (ACCEPT_ENCODING, codings)];
    DefaultFields::new(fields.into_iter().filter_map(|(name, value)| Some((name, value?))))
}
