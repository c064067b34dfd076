//! `gzip` (RFC 1952) and `deflate` (RFC 1950, and RFC 1951 as some servers send it).
//!
//! The library inflates the data alone. This decoder reads the header and the trailer, because a body without its
//! trailer is whole: its data says where it ends. curl and Node accept such bodies too.

use zlib_rs::adler32::adler32;
use zlib_rs::crc32::crc32;
use zlib_rs::{Inflate, InflateFlush, Status};

use super::gzip_header::{GZIP, GzipHeader};
use super::windows::WindowBudget;
use super::{Coding, Decode, Decoded};
use crate::error::Source;

pub(super) const CODINGS: &[Coding] = &[
    Coding { name: "gzip", alias: Some("x-gzip"), new_decoder: || Box::new(GzipDecoder::new(Format::Gzip)) },
    Coding { name: "deflate", alias: None, new_decoder: || Box::new(GzipDecoder::new(Format::Zlib)) },
];

/// The largest window, as a power of two. It has 32 KiB.
const WINDOW: u8 = 15;

/// The bit of the second byte of a zlib header that asks for a preset dictionary.
const PRESET_DICTIONARY: u8 = 0x20;

/// The length of the CRC-32 and of the data's length after a gzip member. The Adler-32 of zlib has half of it.
const GZIP_TRAILER_LENGTH: usize = 8;

/// What surrounds the deflated data.
#[derive(Clone, Copy)]
enum Format {
    Gzip,
    Zlib,
    /// RFC 1951 without a header and a trailer.
    Raw,
}

/// Decodes both codings. The first bytes of `deflate` decide between zlib and raw data.
struct GzipDecoder {
    format: Format,
    state: GzipState,
    /// The checksum of the member's output: CRC-32 or Adler-32.
    checksum: u32,
    /// The length of the member's output, modulo 2³².
    length: u32,
}

enum GzipState {
    /// Before the first member, or between two members.
    Between {
        /// The first byte of the next member, if it has arrived.
        first: Option<u8>,
        /// Whether a member has ended.
        any: bool,
    },
    Header(GzipHeader),
    Data(Inflate),
    /// After the data.
    Trailer(Trailer),
    /// After malformed data. The library had output before it, and the error follows that output.
    Failed(Source),
    /// After the end. Bytes that begin no further member are ignored, as in browsers and in gzip itself.
    Ended,
}

/// The trailer that the data of a member needs.
struct Trailer {
    /// The trailer ends at the end of the array.
    expected: [u8; GZIP_TRAILER_LENGTH],
    /// The position of the next byte. A shorter trailer does not begin at 0.
    at: usize,
}

impl Trailer {
    fn gzip(checksum: u32, length: u32) -> Self {
        let both = u64::from(length) << 32 | u64::from(checksum);
        Self { expected: both.to_le_bytes(), at: 0 }
    }

    fn zlib(checksum: u32) -> Self {
        Self { expected: u64::from(checksum).to_be_bytes(), at: GZIP_TRAILER_LENGTH / 2 }
    }

    /// Compares the next byte. Returns whether the trailer has ended.
    fn read(&mut self, byte: u8) -> std::result::Result<bool, Source> {
        if self.expected.get(self.at) != Some(&byte) {
            return Err("the checksum or the length at the end does not match the data".into());
        }
        self.at += 1;
        Ok(self.at == GZIP_TRAILER_LENGTH)
    }
}

impl GzipDecoder {
    fn new(format: Format) -> Self {
        Self { format, state: GzipState::Between { first: None, any: false }, checksum: 0, length: 0 }
    }

    /// Returns the state after these two first bytes, before the first member or after a member. Of raw data, only the
    /// first byte has been consumed.
    fn begin(&mut self, start: [u8; 2], any: bool) -> std::result::Result<GzipState, Source> {
        self.length = 0;
        match self.format {
            // The first member has to be gzip, so other bytes fail as its header. Other bytes after a member are ignored.
            Format::Gzip if start == GZIP || !any => {
                self.checksum = 0;
                let mut header = GzipHeader::new();
                header.read(start[0])?;
                header.read(start[1])?;
                Ok(GzipState::Header(header))
            }
            Format::Zlib if is_zlib(start) => {
                if start[1] & PRESET_DICTIONARY != 0 {
                    return Err("the body needs a preset dictionary".into());
                }
                self.checksum = 1;
                Ok(GzipState::Data(Inflate::new(false, WINDOW)))
            }
            Format::Zlib => {
                self.format = Format::Raw;
                let mut inflate = Inflate::new(false, WINDOW);
                // Without an output buffer: output of this byte, if there is any, stays in the library.
                match inflate_once(&mut inflate, &start[..1], &mut []) {
                    InflateStep { consumed: 1, failure: None, .. } => Ok(GzipState::Data(inflate)),
                    _ => Err("the decoder does not accept its first byte".into()),
                }
            }
            Format::Gzip | Format::Raw => Ok(GzipState::Ended),
        }
    }

    /// Takes the output of a step into account. Returns the state after the step, if it changes.
    fn after_data(&mut self, output: &[u8], step: InflateStep) -> Option<GzipState> {
        self.checksum = match self.format {
            Format::Gzip => crc32(self.checksum, output),
            Format::Zlib => adler32(self.checksum, output),
            Format::Raw => 0,
        };
        self.length = self.length.wrapping_add(output.len() as u32);
        match step.failure {
            Some(failure) => Some(GzipState::Failed(failure)),
            None if step.ended => Some(self.trailer()),
            None => None,
        }
    }

    /// Returns the state after the data of a member.
    fn trailer(&self) -> GzipState {
        match self.format {
            Format::Gzip => GzipState::Trailer(Trailer::gzip(self.checksum, self.length)),
            Format::Zlib => GzipState::Trailer(Trailer::zlib(self.checksum)),
            Format::Raw => GzipState::Ended,
        }
    }
}

impl Decode for GzipDecoder {
    fn decode(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        _: &mut WindowBudget,
    ) -> std::result::Result<Decoded, Source> {
        let mut rest = input;
        loop {
            if let GzipState::Data(inflate) = &mut self.state {
                let step = inflate_once(inflate, rest, output);
                let produced = step.produced;
                rest = rest.get(step.consumed..).unwrap_or_default();
                let goes_on = !step.ended && step.failure.is_none();
                if let Some(state) = self.after_data(&output[..produced], step) {
                    self.state = state;
                }
                if produced > 0 || goes_on {
                    return Ok(Decoded { consumed: input.len() - rest.len(), produced });
                }
                continue;
            }
            if let GzipState::Failed(cause) = &mut self.state {
                return Err(std::mem::replace(cause, "the body is malformed".into()));
            }
            let Some((next, after)) = rest.split_first() else {
                return Ok(Decoded { consumed: input.len(), produced: 0 });
            };
            let whole = std::mem::replace(&mut rest, after);
            match &mut self.state {
                GzipState::Between { first: first @ None, .. } => *first = Some(*next),
                GzipState::Between { first: Some(first), any } => {
                    let start = [*first, *next];
                    let any = *any;
                    self.state = self.begin(start, any)?;
                    if matches!(self.format, Format::Raw) {
                        rest = whole;
                    }
                }
                GzipState::Header(header) => {
                    if header.read(*next)? {
                        self.state = GzipState::Data(Inflate::new(false, WINDOW));
                    }
                }
                GzipState::Trailer(trailer) => {
                    if trailer.read(*next)? {
                        self.state = match self.format {
                            Format::Gzip => GzipState::Between { first: None, any: true },
                            Format::Zlib | Format::Raw => GzipState::Ended,
                        };
                    }
                }
                GzipState::Ended => return Ok(Decoded { consumed: input.len(), produced: 0 }),
                // Both are handled above.
                GzipState::Data(_) | GzipState::Failed(_) => {}
            }
        }
    }

    fn is_complete(&self) -> bool {
        match self.state {
            // A first byte of gzip at the very end may be the beginning of a member that was cut short.
            GzipState::Between { first, any } => any && first != Some(GZIP[0]),
            GzipState::Header(_) | GzipState::Data(_) | GzipState::Failed(_) => false,
            // The data has ended, and the bytes of the trailer that have arrived match it.
            GzipState::Trailer(_) | GzipState::Ended => true,
        }
    }
}

/// The result of a call of the inflater.
struct InflateStep {
    consumed: usize,
    /// The number of output bytes, which are valid even if the call failed after them.
    produced: usize,
    /// Whether the data has ended.
    ended: bool,
    failure: Option<Source>,
}

/// Calls the inflater once.
fn inflate_once(inflate: &mut Inflate, input: &[u8], output: &mut [u8]) -> InflateStep {
    let total_in = inflate.total_in();
    let total_out = inflate.total_out();
    let status = inflate.decompress(input, output, InflateFlush::NoFlush);
    InflateStep {
        // Both differences are at most the lengths of the slices.
        consumed: (inflate.total_in() - total_in) as usize,
        produced: (inflate.total_out() - total_out) as usize,
        ended: matches!(status, Ok(Status::StreamEnd)),
        failure: status.err().map(|error| inflate.error_message().unwrap_or(error.as_str()).into()),
    }
}

/// Returns whether these are the first bytes of the header of RFC 1950: method 8, an allowed window, and a valid check.
/// Some servers send RFC 1951 without that header. Such a stream looks like a header only if it begins with a stored
/// block whose padding is not zero.
fn is_zlib([first, second]: [u8; 2]) -> bool {
    first & 0x0f == 8 && first >> 4 <= 7 && u16::from_be_bytes([first, second]) % 31 == 0
}
