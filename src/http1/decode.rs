//! Response heads: found without reading a byte twice, parsed by `httparse`, kept as slices of one buffer.

use std::mem::MaybeUninit;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};

use super::buffer::ReadBuffer;
use super::framing::malformed;
use crate::error::{Error, ErrorKind, Phase, Result};

/// The largest head.
const LARGEST_HEAD: usize = 64 * 1024;

/// The most header lines in a head.
const MOST_HEADERS: usize = 256;

/// What each response begins with.
const PREFIX: &[u8] = b"HTTP/1.";

/// A response's head.
#[derive(Debug)]
pub(crate) struct ResponseHead {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
}

/// Looks for a head in a read buffer that grows.
#[derive(Debug, Default)]
pub(crate) struct HeadDecoder {
    /// How many buffered bytes are known not to end the head.
    scanned: usize,
}

impl HeadDecoder {
    /// Takes the head out of `buffer`, if it is complete.
    pub(crate) fn next(&mut self, buffer: &mut ReadBuffer) -> Result<Option<ResponseHead>> {
        self.skip_blank_line(buffer);
        let data = buffer.data();
        let prefix = data.len().min(PREFIX.len());
        if data[..prefix] != PREFIX[..prefix] {
            return Err(malformed("the server's answer is not HTTP/1.x"));
        }
        match self.end(data) {
            Some(end) if end <= LARGEST_HEAD => {
                self.scanned = 0;
                parse(buffer, end).map(Some)
            }
            None if data.len() <= LARGEST_HEAD => Ok(None),
            _ => {
                let message = format!("the response's head is larger than {LARGEST_HEAD} bytes");
                Err(Error::new(ErrorKind::LimitExceeded, Phase::Head, message))
            }
        }
    }

    /// A line break left over from the response before is not part of this one (RFC 9112, section 2.2).
    fn skip_blank_line(&mut self, buffer: &mut ReadBuffer) {
        if self.scanned == 0 && buffer.data().starts_with(b"\r\n") {
            buffer.take(2);
        }
    }

    /// Where the head ends: after its first empty line.
    fn end(&mut self, data: &[u8]) -> Option<usize> {
        while let Some(at) = data[self.scanned..].iter().position(|byte| *byte == b'\n') {
            let after = self.scanned + at + 1;
            match &data[after..] {
                [b'\n', ..] => return Some(after + 1),
                [b'\r', b'\n', ..] => return Some(after + 2),
                // The line break may be the start of an empty line that is not here yet.
                [] | [b'\r'] => {
                    self.scanned = after - 1;
                    return None;
                }
                _ => self.scanned = after,
            }
        }
        self.scanned = data.len();
        None
    }
}

fn parse(buffer: &mut ReadBuffer, end: usize) -> Result<ResponseHead> {
    let bytes = buffer.take(end);
    let mut lines = [const { MaybeUninit::uninit() }; MOST_HEADERS];
    let mut parsed = httparse::Response::new(&mut []);
    let outcome = httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, &bytes, &mut lines);
    match outcome {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(malformed("the response's head is cut short")),
        Err(httparse::Error::TooManyHeaders) => {
            let message = format!("the response has more than {MOST_HEADERS} headers");
            return Err(Error::new(ErrorKind::LimitExceeded, Phase::Head, message));
        }
        Err(error) => return Err(malformed("the response's head is malformed").with_source(error)),
    }
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
    let mut headers = HeaderMap::with_capacity(parsed.headers.len());
    for line in parsed.headers.iter() {
        let name = HeaderName::from_bytes(line.name.as_bytes())
            .map_err(|error| malformed("a header's name is malformed").with_source(error))?;
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(line.value))
            .map_err(|error| malformed("a header's value is malformed").with_source(error))?;
        let added = headers.try_append(name, value);
        added.map_err(|error| malformed("there are too many headers").with_source(error))?;
    }
    Ok(ResponseHead {
        status: status.ok_or_else(|| malformed("the status code is not a number from 100 to 999"))?,
        version: if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 },
        headers,
    })
}
