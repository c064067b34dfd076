//! Content codings: which are compiled in, which a response's body is in, and the way back from them
//! (RFC 9110, section 8.4; Fetch standard, "handle content codings").
//!
//! A coding is a cargo feature; each has a module here that exports what it can decode, or nothing. `pipeline` decodes
//! bytes, without a stream; `body` drives it over one.

mod body;
#[cfg(feature = "brotli")]
mod brotli;
#[cfg(test)]
mod golden;
#[cfg(feature = "gzip")]
mod gzip;
mod pipeline;
#[cfg(test)]
mod tests;
#[cfg(feature = "zstd")]
mod zstd;

#[cfg(not(feature = "brotli"))]
mod brotli {
    pub(super) const CODINGS: &[super::Coding] = &[];
}
#[cfg(not(feature = "gzip"))]
mod gzip {
    pub(super) const CODINGS: &[super::Coding] = &[];
}
#[cfg(not(feature = "zstd"))]
mod zstd {
    pub(super) const CODINGS: &[super::Coding] = &[];
}

use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderValue};

pub(super) use self::body::{Encoded, decode_complete, decode_stream};
pub(super) use self::pipeline::Pipeline;
use crate::error::{Error, ErrorKind, Phase, Result, Source};

/// How many codings may be stacked; more would only make a bomb larger.
const MOST_STACKED: usize = 5;

/// A coding that is compiled in.
pub(super) struct Coding {
    /// Its name in `Accept-Encoding`.
    name: &'static str,
    /// Another name that a `Content-Encoding` may give it.
    alias: Option<&'static str>,
    start: fn() -> Box<dyn Decode>,
}

/// What a step of a decoder has done.
struct Step {
    /// How many bytes of the input it has used.
    used: usize,
    /// How many bytes it has put into the room.
    made: usize,
}

/// Takes a body out of one coding.
trait Decode: Send {
    /// Decodes from the front of `input` into the front of `room`, which is not empty.
    ///
    /// If it leaves room, it has used all of the input. What follows the end of the encoded data is used as well and
    /// makes nothing.
    fn decode(&mut self, input: &[u8], room: &mut [u8]) -> Result<Step, Source>;

    /// Whether the input may end here.
    fn is_complete(&self) -> bool;
}

/// All codings compiled in, those first that servers have most often.
fn codings() -> impl Iterator<Item = &'static Coding> {
    gzip::CODINGS.iter().chain(brotli::CODINGS).chain(zstd::CODINGS)
}

/// What `Accept-Encoding` says unless the caller sets it; nothing if no coding is compiled in.
pub(super) fn offer() -> Option<HeaderValue> {
    let names: Vec<_> = codings().map(|coding| coding.name).collect();
    HeaderValue::try_from(names.join(", ")).ok().filter(|value| !value.is_empty())
}

/// The codings that a body with these headers is in, the one applied first first. None if it is to be left as it is:
/// it is in no coding, or in one that is not known.
pub(super) fn of(headers: &HeaderMap) -> Result<Vec<&'static Coding>> {
    let mut stacked = Vec::new();
    let values = headers.get_all(CONTENT_ENCODING).iter();
    for name in values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii) {
        if name.is_empty() || name.eq_ignore_ascii_case(b"identity") {
            continue;
        }
        let is_it = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let Some(coding) = codings().find(|coding| is_it(coding.name) || coding.alias.is_some_and(is_it)) else {
            return Ok(Vec::new());
        };
        if stacked.len() == MOST_STACKED {
            let message = format!("the response's body is in more than {MOST_STACKED} codings, one upon the other");
            return Err(Error::new(ErrorKind::LimitExceeded, Phase::Head, message));
        }
        stacked.push(coding);
    }
    Ok(stacked)
}
