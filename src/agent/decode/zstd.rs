//! `zstd` (RFC 8878, with the window that RFC 9659 allows in HTTP).
//!
//! The library decodes only whole blocks. This decoder therefore collects the bytes that the library needs next: a
//! header, or a block of at most 128 KiB.

use std::io::Read;

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::{Coding, Decode, Decoded};
use crate::error::{Result, Source};

pub(super) const CODINGS: &[Coding] =
    &[Coding { name: "zstd", alias: None, new_decoder: || Box::new(ZstdDecoder::new()) }];

/// Maximum window of a frame (RFC 9659): 8 MiB.
const MAX_WINDOW: u64 = 8 * 1024 * 1024;

/// Maximum content of a block (RFC 8878, section 3.1.1.2.3).
const MAX_BLOCK: usize = 128 * 1024;

/// The first bytes of a frame.
const FRAME: u32 = 0xfd2f_b528;

/// The length of the first bytes of either frame.
const MAGIC_LENGTH: usize = 4;

/// The length of a block's header.
const BLOCK_HEADER_LENGTH: usize = 3;

/// The first bytes of a skippable frame, without their lowest four bits.
const SKIPPABLE: u32 = 0x184d_2a50;

struct ZstdDecoder {
    frame: Box<FrameDecoder>,
    /// The collected bytes.
    collected: Vec<u8>,
    state: ZstdState,
    /// Whether a frame has ended.
    any: bool,
    /// Whether the header of the frame declares a checksum at its end.
    has_checksum: bool,
    /// Whether the frame has ended and its checksum has not been compared. It is compared after the last byte of
    /// output.
    unchecked: bool,
}

#[derive(Clone, Copy)]
enum ZstdState {
    /// At the beginning of a frame. The number is how many bytes of its header are needed.
    Header(usize),
    /// Within a skippable frame. The number is how many bytes are left of it.
    Skip(u64),
    /// At the beginning of a block. The number is how many bytes of it are needed.
    Block(usize),
    /// After the end. Bytes that begin no further frame are ignored, as with the other codings.
    Ended,
}

impl ZstdDecoder {
    fn new() -> Self {
        let mut frame = Box::new(FrameDecoder::new());
        frame.set_max_window_size(MAX_WINDOW);
        Self {
            frame,
            collected: Vec::new(),
            state: ZstdState::Header(MAGIC_LENGTH),
            any: false,
            has_checksum: false,
            unchecked: false,
        }
    }

    /// Decodes the collected bytes, of which there are as many as were needed, and returns what is needed next.
    fn advance(&mut self) -> Result<ZstdState, Source> {
        let needed = self.collected.len();
        Ok(match self.state {
            ZstdState::Header(_) => match self.header()? {
                ZstdState::Header(whole) if whole == needed => {
                    self.has_checksum = self.collected.get(4).is_some_and(|descriptor| descriptor & 4 != 0);
                    self.frame.reset(&*self.collected)?;
                    self.collected.clear();
                    ZstdState::Block(BLOCK_HEADER_LENGTH)
                }
                next => next,
            },
            ZstdState::Block(_) => match self.block()? {
                whole if whole == needed => {
                    let ended = self.frame.decode_blocks(&*self.collected, BlockDecodingStrategy::UptoBlocks(1))?;
                    self.collected.clear();
                    self.any |= ended;
                    self.unchecked = ended;
                    if ended { ZstdState::Header(MAGIC_LENGTH) } else { ZstdState::Block(BLOCK_HEADER_LENGTH) }
                }
                whole => ZstdState::Block(whole),
            },
            state @ (ZstdState::Skip(_) | ZstdState::Ended) => state,
        })
    }

    /// Returns how many bytes of the frame's header are needed (RFC 8878, section 3.1.1.1), or the state if no frame
    /// follows.
    fn header(&mut self) -> Result<ZstdState, Source> {
        let magic = number(&self.collected, 0, 4);
        if magic & !0xf == SKIPPABLE {
            if self.collected.len() < 8 {
                return Ok(ZstdState::Header(8));
            }
            let length = number(&self.collected, 4, 4);
            self.collected.clear();
            self.any = true;
            return Ok(ZstdState::Skip(length.into()));
        }
        match self.collected.get(4) {
            _ if magic != FRAME && self.any => Ok(ZstdState::Ended),
            _ if magic != FRAME => Err("the body does not begin with a zstd frame".into()),
            None => Ok(ZstdState::Header(5)),
            Some(descriptor) => {
                let single = descriptor & 0x20 != 0;
                let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
                let size = [usize::from(single), 2, 4, 8][usize::from(descriptor >> 6)];
                Ok(ZstdState::Header(5 + usize::from(!single) + dictionary + size))
            }
        }
    }

    /// Returns the length of the block, with its header, and with the checksum after the last block (RFC 8878, section
    /// 3.1.1.2).
    fn block(&self) -> Result<usize, Source> {
        let header = number(&self.collected, 0, BLOCK_HEADER_LENGTH);
        let last = header & 1;
        let kind = header >> 1 & 3;
        let size = usize::try_from(header >> 3)?;
        let length = match kind {
            // A block that repeats a single byte.
            1 => 1,
            _ if size <= MAX_BLOCK => size,
            _ => return Err("a block is larger than 128 KiB".into()),
        };
        let checksum = if last == 1 && self.has_checksum { 4 } else { 0 };
        Ok(BLOCK_HEADER_LENGTH + length + checksum)
    }

    /// Compares the checksum of the frame, if it has a checksum.
    fn check(&self) -> Result<(), Source> {
        match self.frame.get_checksum_from_data() {
            Some(sum) if self.frame.get_calculated_checksum() != Some(sum) => {
                Err("the checksum of a frame does not match its content".into())
            }
            _ => Ok(()),
        }
    }
}

impl Decode for ZstdDecoder {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Decoded, Source> {
        let mut rest = input;
        loop {
            let produced = self.frame.read(output)?;
            if produced > 0 {
                return Ok(Decoded { consumed: input.len() - rest.len(), produced });
            }
            if std::mem::take(&mut self.unchecked) {
                self.check()?;
            }
            let needed = match self.state {
                ZstdState::Ended => return Ok(Decoded { consumed: input.len(), produced: 0 }),
                ZstdState::Skip(0) => {
                    self.state = ZstdState::Header(MAGIC_LENGTH);
                    continue;
                }
                ZstdState::Skip(left) => usize::try_from(left).unwrap_or(usize::MAX),
                ZstdState::Header(length) | ZstdState::Block(length) => length - self.collected.len(),
            };
            let (taken, after) = rest.split_at(needed.min(rest.len()));
            rest = after;
            if let ZstdState::Skip(left) = &mut self.state {
                *left -= taken.len() as u64;
            } else {
                self.collected.extend_from_slice(taken);
            }
            if taken.len() < needed {
                return Ok(Decoded { consumed: input.len(), produced: 0 });
            }
            self.state = self.advance()?;
        }
    }

    fn is_complete(&self) -> bool {
        match self.state {
            ZstdState::Ended => true,
            // Fewer bytes than the first bytes of a frame are ignored too, unless they could begin a frame.
            ZstdState::Header(MAGIC_LENGTH) => self.any && !may_begin_frame(&self.collected),
            ZstdState::Header(_) | ZstdState::Skip(_) | ZstdState::Block(_) => false,
        }
    }
}

/// Returns whether a frame may begin with these bytes, which are fewer than the first bytes of a frame.
fn may_begin_frame(bytes: &[u8]) -> bool {
    let begins = |magic: u32, bytes: &[u8]| magic.to_le_bytes().starts_with(bytes);
    let skippable = bytes.first().is_some_and(|first| begins(SKIPPABLE | u32::from(first & 0xf), bytes));
    skippable || (!bytes.is_empty() && begins(FRAME, bytes))
}

/// Returns the little-endian number in these bytes. Missing bytes count as 0.
fn number(bytes: &[u8], start: usize, length: usize) -> u32 {
    let bytes = bytes.iter().skip(start).take(length);
    bytes.rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}
