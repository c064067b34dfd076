//! `zstd` (RFC 8878, with the window that RFC 9659 allows in HTTP).
//!
//! The library decodes a block once all of it is here, so this gathers what it asks for next: a header, or a block of
//! 128 KiB at most.

use std::io::Read;

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::{Coding, Decode, Step};
use crate::error::{Result, Source};

pub(super) const CODINGS: &[Coding] = &[Coding { name: "zstd", alias: None, start: || Box::new(Zstd::new()) }];

/// The largest window of a frame.
const LARGEST_WINDOW: u64 = 8 * 1024 * 1024;

/// The largest content of a block (RFC 8878, section 3.1.1.2.3).
const LARGEST_BLOCK: usize = 128 * 1024;

/// What a frame begins with, and what one that may be skipped begins with, but for its lowest four bits.
const FRAME: u32 = 0xfd2f_b528;
const SKIPPABLE: u32 = 0x184d_2a50;

struct Zstd {
    frame: Box<FrameDecoder>,
    gathered: Vec<u8>,
    state: State,
    /// Whether a frame has ended.
    any: bool,
    /// Whether the frame says that it ends with a checksum.
    has_checksum: bool,
    /// Whether the frame has ended, and its checksum is to be compared once the last byte has been handed out.
    unchecked: bool,
}

#[derive(Clone, Copy)]
enum State {
    /// At the beginning of a frame, of whose header this many bytes are needed.
    Header(usize),
    /// Within a frame that may be skipped, this many bytes before its end.
    Skip(u64),
    /// At the beginning of a block, of which this many bytes are needed.
    Block(usize),
    /// Behind the end. Bytes that begin no further frame are ignored, as with the other codings.
    Behind,
}

impl Zstd {
    fn new() -> Self {
        let mut frame = Box::new(FrameDecoder::new());
        frame.set_max_window_size(LARGEST_WINDOW);
        let state = State::Header(4);
        Self { frame, gathered: Vec::new(), state, any: false, has_checksum: false, unchecked: false }
    }

    /// What is gathered is as long as was asked for: uses it, or asks for more.
    fn advance(&mut self) -> Result<State, Source> {
        let needed = self.gathered.len();
        Ok(match self.state {
            State::Header(_) => match self.header()? {
                State::Header(whole) if whole == needed => {
                    self.has_checksum = self.gathered.get(4).is_some_and(|descriptor| descriptor & 4 != 0);
                    self.frame.reset(&*self.gathered)?;
                    self.gathered.clear();
                    State::Block(3)
                }
                next => next,
            },
            State::Block(_) => match self.block()? {
                whole if whole == needed => {
                    let ended = self.frame.decode_blocks(&*self.gathered, BlockDecodingStrategy::UptoBlocks(1))?;
                    self.gathered.clear();
                    self.any |= ended;
                    self.unchecked = ended;
                    if ended { State::Header(4) } else { State::Block(3) }
                }
                whole => State::Block(whole),
            },
            state @ (State::Skip(_) | State::Behind) => state,
        })
    }

    /// How long the header is that has begun (section 3.1.1.1), or what there is instead.
    fn header(&mut self) -> Result<State, Source> {
        let magic = number(&self.gathered, 0, 4);
        if magic & !0xf == SKIPPABLE {
            if self.gathered.len() < 8 {
                return Ok(State::Header(8));
            }
            let length = number(&self.gathered, 4, 4);
            self.gathered.clear();
            self.any = true;
            return Ok(State::Skip(length.into()));
        }
        match self.gathered.get(4) {
            _ if magic != FRAME && self.any => Ok(State::Behind),
            _ if magic != FRAME => Err("it does not begin with a frame".into()),
            None => Ok(State::Header(5)),
            Some(descriptor) => {
                let single = descriptor & 0x20 != 0;
                let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
                let size = [usize::from(single), 2, 4, 8][usize::from(descriptor >> 6)];
                Ok(State::Header(5 + usize::from(!single) + dictionary + size))
            }
        }
    }

    /// How long the block is that has begun, with its header and with the checksum behind the last (section 3.1.1.2).
    fn block(&self) -> Result<usize, Source> {
        let header = number(&self.gathered, 0, 3);
        let (last, kind, size) = (header & 1, header >> 1 & 3, usize::try_from(header >> 3)?);
        let length = match kind {
            1 => 1,
            _ if size <= LARGEST_BLOCK => size,
            _ => return Err("a block is too large".into()),
        };
        let checksum = if last == 1 && self.has_checksum { 4 } else { 0 };
        Ok(3 + length + checksum)
    }

    /// Compares the checksum, if there is one.
    fn check(&self) -> Result<(), Source> {
        match self.frame.get_checksum_from_data() {
            Some(sum) if self.frame.get_calculated_checksum() != Some(sum) => Err("the checksum is wrong".into()),
            _ => Ok(()),
        }
    }
}

impl Decode for Zstd {
    fn decode(&mut self, input: &[u8], room: &mut [u8]) -> Result<Step, Source> {
        let mut rest = input;
        loop {
            let made = self.frame.read(room)?;
            if made > 0 {
                return Ok(Step { used: input.len() - rest.len(), made });
            }
            if std::mem::take(&mut self.unchecked) {
                self.check()?;
            }
            let needed = match self.state {
                State::Behind => return Ok(Step { used: input.len(), made: 0 }),
                State::Skip(0) => {
                    self.state = State::Header(4);
                    continue;
                }
                State::Skip(left) => usize::try_from(left).unwrap_or(usize::MAX),
                State::Header(length) | State::Block(length) => length - self.gathered.len(),
            };
            let (taken, behind) = rest.split_at(needed.min(rest.len()));
            rest = behind;
            if let State::Skip(left) = &mut self.state {
                *left -= taken.len() as u64;
            } else {
                self.gathered.extend_from_slice(taken);
            }
            if taken.len() < needed {
                return Ok(Step { used: input.len(), made: 0 });
            }
            self.state = self.advance()?;
        }
    }

    fn is_complete(&self) -> bool {
        match self.state {
            State::Behind => true,
            // Fewer bytes than a frame begins with are ignored too, unless it could have been one.
            State::Header(4) => self.any && !may_begin_frame(&self.gathered),
            State::Header(_) | State::Skip(_) | State::Block(_) => false,
        }
    }
}

/// Whether a frame may begin with these bytes, of which there are too few to tell.
fn may_begin_frame(bytes: &[u8]) -> bool {
    let begins = |magic: u32, bytes: &[u8]| magic.to_le_bytes().starts_with(bytes);
    let skippable = bytes.first().is_some_and(|first| begins(SKIPPABLE | u32::from(first & 0xf), bytes));
    skippable || (!bytes.is_empty() && begins(FRAME, bytes))
}

/// The little-endian number in these bytes; those that are missing are 0.
fn number(bytes: &[u8], start: usize, length: usize) -> u32 {
    let bytes = bytes.iter().skip(start).take(length);
    bytes.rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}
