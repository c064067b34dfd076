//! `gzip` (RFC 1952) and `deflate` (RFC 1950, and RFC 1951 as some servers send it).

use zlib_rs::{Inflate, InflateFlush, Status};

use super::{Coding, Decode, Decoded};
use crate::error::{Result, Source};

pub(super) const CODINGS: &[Coding] = &[
    Coding { name: "gzip", alias: Some("x-gzip"), new_decoder: || Box::new(GzipDecoder::new(Format::Gzip)) },
    Coding { name: "deflate", alias: None, new_decoder: || Box::new(GzipDecoder::new(Format::Deflate)) },
];

/// The first bytes of a member.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The largest window, as a power of two.
const WINDOW: u8 = 15;

/// Added to the window, it makes zlib expect a member of gzip.
const EXPECT_GZIP: u8 = 16;

#[derive(Clone, Copy)]
enum Format {
    Gzip,
    Deflate,
}

/// Decodes both codings. The first bytes decide how the rest is inflated.
struct GzipDecoder {
    format: Format,
    state: GzipState,
}

enum GzipState {
    /// Before the first member, or between two members.
    Between {
        /// The first byte of the next member, if it has arrived.
        first: Option<u8>,
        /// Whether a member has ended.
        any: bool,
    },
    /// Within a member.
    Inside(Inflate),
    /// After the end. Bytes that begin no further member are ignored, as in browsers and in gzip itself.
    Ended,
}

impl GzipDecoder {
    fn new(format: Format) -> Self {
        Self { format, state: GzipState::Between { first: None, any: false } }
    }

    /// Returns the state after these two first bytes, before the first member or after a member. The first byte has
    /// been consumed.
    fn begin(&self, start: [u8; 2], any: bool) -> Result<GzipState, Source> {
        let mut inflate = match self.format {
            Format::Gzip if start == GZIP || !any => Inflate::new(true, WINDOW + EXPECT_GZIP),
            Format::Deflate if !any => Inflate::new(is_zlib(start), WINDOW),
            _ => return Ok(GzipState::Ended),
        };
        // Without an output buffer: output of this byte, if there is any, stays in the decoder.
        match inflate_once(&mut inflate, &start[..1], &mut [])? {
            InflateStep { consumed: 1, .. } => Ok(GzipState::Inside(inflate)),
            _ => Err("the decoder does not accept its first byte".into()),
        }
    }
}

impl Decode for GzipDecoder {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Decoded, Source> {
        let mut rest = input;
        loop {
            match &mut self.state {
                GzipState::Ended => return Ok(Decoded { consumed: input.len(), produced: 0 }),
                GzipState::Between { first, any } => {
                    let Some((next, after)) = rest.split_first() else {
                        return Ok(Decoded { consumed: input.len(), produced: 0 });
                    };
                    let Some(first) = *first else {
                        *first = Some(*next);
                        rest = after;
                        continue;
                    };
                    let any = *any;
                    self.state = self.begin([first, *next], any)?;
                }
                GzipState::Inside(inflate) => {
                    let InflateStep { consumed, produced, ended } = inflate_once(inflate, rest, output)?;
                    rest = rest.get(consumed..).unwrap_or_default();
                    if ended {
                        self.state = GzipState::Between { first: None, any: true };
                    }
                    if produced > 0 || !ended {
                        return Ok(Decoded { consumed: input.len() - rest.len(), produced });
                    }
                }
            }
        }
    }

    fn is_complete(&self) -> bool {
        match self.state {
            GzipState::Between { first, any } => any && !matches!((self.format, first), (Format::Gzip, Some(0x1f))),
            GzipState::Inside(_) => false,
            GzipState::Ended => true,
        }
    }
}

/// The result of a call of the inflater.
struct InflateStep {
    consumed: usize,
    produced: usize,
    /// Whether the member has ended.
    ended: bool,
}

/// Calls the inflater once.
fn inflate_once(inflate: &mut Inflate, input: &[u8], output: &mut [u8]) -> Result<InflateStep, Source> {
    let total_in = inflate.total_in();
    let total_out = inflate.total_out();
    let status = inflate.decompress(input, output, InflateFlush::NoFlush);
    let status = status.map_err(|error| inflate.error_message().unwrap_or(error.as_str()))?;
    Ok(InflateStep {
        consumed: usize::try_from(inflate.total_in() - total_in)?,
        produced: usize::try_from(inflate.total_out() - total_out)?,
        ended: status == Status::StreamEnd,
    })
}

/// Returns whether these are the first bytes of the header of RFC 1950: method 8, an allowed window, and a valid check.
/// Some servers send RFC 1951 without that header. Such a stream looks like a header only if it begins with a stored
/// block whose padding is not zero.
fn is_zlib([first, second]: [u8; 2]) -> bool {
    first & 0x0f == 8 && first >> 4 <= 7 && u16::from_be_bytes([first, second]) % 31 == 0
}
