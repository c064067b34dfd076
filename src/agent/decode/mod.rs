//! Decodes the content codings of a response's body (RFC 9110, section 8.4; Fetch standard, "handle content codings").
//!
//! Each coding is a cargo feature and has a module here, which exports the codings that it decodes. Without the feature
//! it exports none. `pipeline` decodes bytes, without a stream; `body` drives the pipeline over a stream.
//!
//! Like the agent, this module compiles on every platform. A program that does not use the agent does not link it.

mod body;
#[cfg(feature = "brotli")]
mod brotli;
#[cfg(test)]
mod cut_tests;
#[cfg(test)]
mod golden;
#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "gzip")]
mod gzip_header;
mod pipeline;
#[cfg(test)]
mod tests;
mod windows;
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

pub(super) use self::body::{CompleteBody, Encoded, decode_complete, decode_stream};
pub(super) use self::pipeline::{DecodeLimits, Pipeline};
use self::windows::WindowBudget;
use crate::error::{Error, ErrorKind, Phase, Result, Source};

/// Maximum number of codings of a body. More codings only make a decompression bomb larger.
const MAX_CODINGS: usize = 5;

/// A coding that is compiled in.
pub(super) struct Coding {
    /// The name in `Accept-Encoding`.
    name: &'static str,
    /// Another name in `Content-Encoding`.
    alias: Option<&'static str>,
    /// Creates a decoder.
    new_decoder: fn() -> Box<dyn Decode>,
}

/// The result of a step of a decoder.
struct Decoded {
    /// The number of input bytes that were consumed.
    consumed: usize,
    /// The number of output bytes that were produced.
    produced: usize,
}

/// Decodes a coding.
trait Decode: Send {
    /// Decodes from the front of `input` to the front of `output`, which is not empty. Reserves its window in `windows`
    /// before it allocates the window.
    ///
    /// A decoder that does not fill `output` has consumed the whole input. Bytes after the end of the encoded data are
    /// consumed as well and produce nothing. A decoder returns all output before malformed input, and then the error.
    fn decode(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        windows: &mut WindowBudget,
    ) -> std::result::Result<Decoded, Source>;

    /// Ends the input. A decoder that has held output back returns it from the next calls of `decode`, whose input is
    /// empty.
    fn end(&mut self) {}

    /// Returns whether the input may end here. Data without its last checksum is complete, because it says itself where
    /// it ends. It is called after [`end`](Self::end).
    fn is_complete(&self) -> bool;
}

/// Returns the codings that are compiled in, the most common first.
fn codings() -> impl Iterator<Item = &'static Coding> {
    gzip::CODINGS.iter().chain(brotli::CODINGS).chain(zstd::CODINGS)
}

/// Returns the default `Accept-Encoding`. Returns `None` if no coding is compiled in.
pub(super) fn offer() -> Option<HeaderValue> {
    let names: Vec<_> = codings().map(|coding| coding.name).collect();
    HeaderValue::try_from(names.join(", ")).ok().filter(|value| !value.is_empty())
}

/// Returns the codings of a body with these headers, in the order in which they were applied. Returns no coding if the
/// body is not to be decoded: it has no coding, or a coding that is not known.
pub(super) fn content_codings(headers: &HeaderMap) -> Result<Vec<&'static Coding>> {
    let mut found = Vec::new();
    let values = headers.get_all(CONTENT_ENCODING).iter();
    for name in values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii) {
        if name.is_empty() || name.eq_ignore_ascii_case(b"identity") {
            continue;
        }
        let is_name = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let Some(coding) = codings().find(|coding| is_name(coding.name) || coding.alias.is_some_and(is_name)) else {
            // An unknown coding leaves the whole body encoded, with its headers, as the Fetch standard says.
            return Ok(Vec::new());
        };
        if found.len() == MAX_CODINGS {
            let message = format!("the response's body has more than {MAX_CODINGS} content codings, the limit");
            return Err(Error::new(ErrorKind::LimitExceeded, Phase::Head, message));
        }
        found.push(coding);
    }
    Ok(found)
}
