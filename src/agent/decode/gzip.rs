//! `gzip` (RFC 1952) and `deflate` (RFC 1950, and RFC 1951 as some servers send it).

use zlib_rs::{Inflate, InflateFlush, Status};

use super::{Coding, Decode, Step};
use crate::error::{Result, Source};

pub(super) const CODINGS: &[Coding] = &[
    Coding { name: "gzip", alias: Some("x-gzip"), start: || Box::new(Inflating::new(Format::Gzip)) },
    Coding { name: "deflate", alias: None, start: || Box::new(Inflating::new(Format::Deflate)) },
];

/// The first bytes of a member.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The largest window, as a power of two; 16 more make zlib expect a member of gzip.
const WINDOW: u8 = 15;

#[derive(Clone, Copy)]
enum Format {
    Gzip,
    Deflate,
}

/// Both codings: some bytes tell what is to be inflated, then it is.
struct Inflating {
    format: Format,
    state: State,
}

enum State {
    /// At the beginning, or between two members, of whose beginning there may be a byte.
    Between {
        first: Option<u8>,
        any: bool,
    },
    Inside(Inflate),
    /// Behind the end. Bytes that begin no further member are ignored, as by browsers and gzip itself.
    Behind,
}

impl Inflating {
    fn new(format: Format) -> Self {
        Self { format, state: State::Between { first: None, any: false } }
    }

    /// What begins with these two bytes, at the beginning or after a member. The first of them has been used.
    fn begin(&self, start: [u8; 2], any: bool) -> Result<State, Source> {
        let mut inflate = match self.format {
            Format::Gzip if start == GZIP || !any => Inflate::new(true, WINDOW + 16),
            Format::Deflate if !any => Inflate::new(is_zlib(start), WINDOW),
            _ => return Ok(State::Behind),
        };
        // Without room: what the byte makes, if anything, waits inside.
        match step(&mut inflate, &start[..1], &mut [])? {
            (Step { used: 1, .. }, _) => Ok(State::Inside(inflate)),
            _ => Err("the decoder does not take its first byte".into()),
        }
    }
}

impl Decode for Inflating {
    fn decode(&mut self, input: &[u8], room: &mut [u8]) -> Result<Step, Source> {
        let mut rest = input;
        loop {
            match &mut self.state {
                State::Behind => return Ok(Step { used: input.len(), made: 0 }),
                State::Between { first, any } => {
                    let Some((next, behind)) = rest.split_first() else {
                        return Ok(Step { used: input.len(), made: 0 });
                    };
                    let Some(first) = *first else {
                        *first = Some(*next);
                        rest = behind;
                        continue;
                    };
                    let any = *any;
                    self.state = self.begin([first, *next], any)?;
                }
                State::Inside(inflate) => {
                    let (Step { used, made }, ended) = step(inflate, rest, room)?;
                    rest = rest.get(used..).unwrap_or_default();
                    if ended {
                        self.state = State::Between { first: None, any: true };
                    }
                    if made > 0 || !ended {
                        return Ok(Step { used: input.len() - rest.len(), made });
                    }
                }
            }
        }
    }

    fn is_complete(&self) -> bool {
        match self.state {
            State::Between { first, any } => any && !matches!((self.format, first), (Format::Gzip, Some(0x1f))),
            State::Inside(_) => false,
            State::Behind => true,
        }
    }
}

/// Inflates once; says whether that was the end.
fn step(inflate: &mut Inflate, input: &[u8], room: &mut [u8]) -> Result<(Step, bool), Source> {
    let before = (inflate.total_in(), inflate.total_out());
    let status = inflate.decompress(input, room, InflateFlush::NoFlush);
    let status = status.map_err(|error| inflate.error_message().unwrap_or(error.as_str()))?;
    let used = usize::try_from(inflate.total_in() - before.0)?;
    let made = usize::try_from(inflate.total_out() - before.1)?;
    Ok((Step { used, made }, status == Status::StreamEnd))
}

/// Whether these are the first bytes of RFC 1950's header: method 8, a window it allows, and its check. A raw stream
/// would have to begin with a stored block whose padding is not zero to look like it.
fn is_zlib([first, second]: [u8; 2]) -> bool {
    first & 0x0f == 8 && first >> 4 <= 7 && u16::from_be_bytes([first, second]) % 31 == 0
}
