//! The fields of a request: pseudo-fields, the caller's headers, default headers, and trailers (RFC 9113, sections 8.2
//! and 8.3).
//!
//! The caller writes headers as for HTTP/1.1, and does not know which version a connection speaks. So headers that
//! HTTP/2 forbids are left out, and do not fail the request:
//!
//! | The caller's header | What is sent |
//! |---|---|
//! | `connection`, `proxy-connection`, `keep-alive`, `transfer-encoding`, `upgrade`, `http2-settings` | nothing (8.2.2) |
//! | a header that `connection` names | nothing (RFC 9110, 7.6.1) |
//! | `te` | `te: trailers` if it contains `trailers`, else nothing (8.2.2) |
//! | `host` | `:authority`, in place of the URL's authority (8.3.1) |
//! | a value with white space around it | the value without it, because the field would be malformed (8.2.1) |
//! | `cookie` | a field for each pair, never indexed (8.2.3) |
//!
//! `transfer-encoding` is in this list for completeness. [`check_head`] refuses it, as for HTTP/1.1.
//!
//! **Cookies are split** as browsers split them, so that a server cannot tell the client by the form. The server joins
//! the fields by `; `. The encoder of h2 stores no value of a cookie, so each further field costs about a byte.
//!
//! **Credentials are never indexed** (RFC 7541, section 7.1.3): `authorization`, `proxy-authorization` and `cookie`, and
//! each value that the caller marks with `HeaderValue::set_sensitive`. A value in a compression table can be guessed by
//! the length of later requests, and a proxy on the way would store it in its own table. A never-indexed field is as long
//! as a field that is only not indexed, so this costs nothing.

use http::header::{AUTHORIZATION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, PROXY_AUTHORIZATION, TE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, Version};

use super::connection_fields;
use crate::error::{Error, ErrorKind, Result};
use crate::http1::RequestHead;
use crate::http1::encode::{check_head, check_trailers};
use crate::http1::framing::Framing;

/// The field with which HTTP/1.1 asked for HTTP/2. It belongs to `upgrade`, and RFC 9113 has no use for it.
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// Fields whose values are never indexed.
const CREDENTIALS: [HeaderName; 3] = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION];

/// The fields of a request that follow from its body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyFields {
    /// How HTTP/1.1 would delimit the body; `None` without a body. Only a length becomes a field.
    pub(crate) framing: Option<Framing>,
    /// Whether the request asks for `100 Continue` before its body.
    pub(crate) expects_continue: bool,
}

/// The scheme and the authority of an origin. A connection parses them once for all of its requests.
#[derive(Debug)]
pub(crate) struct OriginFields {
    scheme: Scheme,
    /// `None` if the authority is no URI authority. Then each request fails with an error that says so.
    authority: Option<Authority>,
}

impl OriginFields {
    /// Takes the authority as a URL has it: without user name, and without the default port of the scheme.
    pub(crate) fn new(scheme: Scheme, authority: &str) -> Self {
        Self { scheme, authority: Authority::try_from(authority).ok() }
    }

    /// Makes a request of its parts, as h2 sends it.
    ///
    /// # Errors
    /// Everything that [`check_head`] refuses, with the same errors. In addition
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) for a `host` header that is no authority or has a user name, and
    /// [`InvalidUrl`](ErrorKind::InvalidUrl) for a URL that cannot be in a pseudo-field.
    pub(crate) fn request(&self, head: &RequestHead<'_>, body: BodyFields) -> Result<Request<()>> {
        check_head(head)?;
        let mut request = Request::new(());
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = self.uri(head)?;
        *request.version_mut() = Version::HTTP_2;
        *request.headers_mut() = fields(head, body)?;
        Ok(request)
    }

    /// Returns the URI, of which h2 makes `:scheme`, `:authority` and `:path`.
    fn uri(&self, head: &RequestHead<'_>) -> Result<Uri> {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority(head)?);
        // The parser drops a fragment, so what it returns is compared.
        let path = PathAndQuery::try_from(head.target).ok().filter(|path| path.as_str() == head.target);
        parts.path_and_query = Some(path.ok_or_else(|| invalid_url("path or query"))?);
        Uri::from_parts(parts).map_err(|error| invalid_url("form").with_source(error))
    }

    fn authority(&self, head: &RequestHead<'_>) -> Result<Authority> {
        // Most requests have no headers of their own.
        if !head.headers.is_empty() {
            if let Some(host) = head.headers.get(HOST) {
                return authority_of_host(host);
            }
        }
        match &self.authority {
            Some(authority) if authority.as_str() == head.authority => Ok(authority.clone()),
            _ => Authority::try_from(head.authority).map_err(|error| invalid_url("host").with_source(error)),
        }
    }
}

/// Returns the authority that the caller's `host` header names.
fn authority_of_host(host: &HeaderValue) -> Result<Authority> {
    let refuse = |message: &'static str| Error::request(ErrorKind::InvalidRequest, message);
    let authority = Authority::try_from(host.as_bytes().trim_ascii()).map_err(|error| {
        refuse("the `host` header is not a host with an optional port, so HTTP/2 cannot send it").with_source(error)
    })?;
    // RFC 9113, section 8.3.1, forbids user names there.
    if authority.as_str().contains('@') {
        return Err(refuse("the `host` header has a user name, which HTTP/2 forbids"));
    }
    Ok(authority)
}

/// Creates the error for a URL part that no pseudo-field can have.
fn invalid_url(part: &str) -> Error {
    Error::request(ErrorKind::InvalidUrl, format!("the URL's {part} has a character that HTTP/2 cannot send"))
}

/// Returns all fields of a request after its pseudo-fields, in the order of HTTP/1.1: the caller's headers, the default
/// headers, and what follows from the body.
fn fields(head: &RequestHead<'_>, body: BodyFields) -> Result<HeaderMap> {
    /// Room for three default headers, `content-length` and `expect`.
    const OWN: usize = 5;
    let mut fields = HeaderMap::try_with_capacity(head.headers.len().saturating_add(OWN)).map_err(|_| too_many())?;
    if !head.headers.is_empty() {
        append_headers(&mut fields, head.headers, |name| *name == HOST)?;
        if accepts_trailers(head.headers) {
            append(&mut fields, &TE, HeaderValue::from_static("trailers"))?;
        }
    }
    if let Some(defaults) = head.defaults {
        for (name, value) in defaults.missing_in(head.headers) {
            append(&mut fields, name, value.clone())?;
        }
    }
    if let Some(Framing::Length(length)) = body.framing {
        append(&mut fields, &CONTENT_LENGTH, HeaderValue::from(length))?;
    }
    if body.expects_continue {
        append(&mut fields, &EXPECT, HeaderValue::from_static("100-continue"))?;
    }
    Ok(fields)
}

/// Returns the trailers as h2 sends them.
///
/// # Errors
/// [`InvalidRequest`](ErrorKind::InvalidRequest) for a field that a server has to know before the body, as for HTTP/1.1.
pub(crate) fn trailers(trailers: &HeaderMap) -> Result<HeaderMap> {
    check_trailers(trailers)?;
    let mut fields = HeaderMap::try_with_capacity(trailers.len()).map_err(|_| too_many())?;
    append_headers(&mut fields, trailers, |_| false)?;
    Ok(fields)
}

/// Appends the caller's headers that HTTP/2 allows, except the headers that `is_left_out` names, and except `te`.
fn append_headers(fields: &mut HeaderMap, headers: &HeaderMap, is_left_out: fn(&HeaderName) -> bool) -> Result<()> {
    let has_options = headers.contains_key(http::header::CONNECTION);
    for (name, value) in headers {
        if *name == TE || *name == HTTP2_SETTINGS || is_left_out(name) || connection_fields::is_forbidden(name) {
            continue;
        }
        if has_options && connection_fields::is_named_by_connection(headers, name) {
            continue;
        }
        let mut value = without_white_space(value);
        if CREDENTIALS.contains(name) {
            value.set_sensitive(true);
        }
        if *name == COOKIE && value.as_bytes().contains(&b';') {
            append_crumbs(fields, &value)?;
        } else {
            append(fields, name, value)?;
        }
    }
    Ok(())
}

/// Appends the pairs of a `cookie` header. Only `; ` ends a pair, so joining the pairs by `; ` gives the same value.
fn append_crumbs(fields: &mut HeaderMap, value: &HeaderValue) -> Result<()> {
    let mut rest = value.as_bytes();
    loop {
        let end = rest.windows(2).position(|bytes| bytes == b"; ");
        let crumb = end.map_or(rest, |end| &rest[..end]);
        // Always valid: each part of a value is a value.
        if let Ok(mut crumb) = HeaderValue::from_bytes(crumb) {
            crumb.set_sensitive(true);
            append(fields, &COOKIE, crumb)?;
        }
        match end {
            Some(end) => rest = &rest[end + 2..],
            None => return Ok(()),
        }
    }
}

/// Returns whether a `te` header contains `trailers`. HTTP/1.1 requires that `connection` names `te` then (RFC 9110,
/// section 10.1.4), so that is no reason to leave the field out.
fn accepts_trailers(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TE).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    codings.any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}

/// Returns the value without white space around it, and as sensitive as before.
fn without_white_space(value: &HeaderValue) -> HeaderValue {
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let bytes = value.as_bytes();
    if !is_blank(bytes.first()) && !is_blank(bytes.last()) {
        return value.clone();
    }
    match HeaderValue::from_bytes(bytes.trim_ascii()) {
        Ok(mut trimmed) => {
            trimmed.set_sensitive(value.is_sensitive());
            trimmed
        }
        // Not possible: each part of a value is a value.
        Err(_) => value.clone(),
    }
}

fn append(fields: &mut HeaderMap, name: &HeaderName, value: HeaderValue) -> Result<()> {
    fields.try_append(name, value).map(|_| ()).map_err(|_| too_many())
}

/// Creates the error for more fields than a map can hold.
fn too_many() -> Error {
    Error::request(ErrorKind::InvalidRequest, "the request has more headers than a header map can hold")
}

#[cfg(test)]
mod tests;
