//! `zstd` (RFC 8878, with the window that RFC 9659 allows in HTTP).
//!
//! The library decodes only whole blocks. This decoder therefore collects the bytes that the library needs next: a
//! header, or a block of at most 128 KiB.

use std::io::Read;

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::windows::WindowBudget;
use super::{Coding, Decode, Decoded};
use crate::error::Source;

pub(super) const CODINGS: &[Coding] =
    &[Coding { name: "zstd", alias: None, new_decoder: || Box::new(ZstdDecoder::new()) }];

/// Maximum window of a frame (RFC 9659): 8 MiB.
const MAX_WINDOW: u64 = 8 * 1024 * 1024;

/// Maximum content of a block (RFC 8878, section 3.1.1.2.3).
const MAX_BLOCK: usize = 128 * 1024;

/// The length of the checksum after the last block.
const CHECKSUM_LENGTH: usize = 4;

/// An empty block, the last of its frame.
const EMPTY_LAST_BLOCK: [u8; BLOCK_HEADER_LENGTH] = [1, 0, 0];

/// The first bytes of a frame.
const FRAME: u32 = 0xfd2f_b528;

/// The length of the first bytes of either frame.
const MAGIC_LENGTH: usize = 4;

/// The length of a block's header.
const BLOCK_HEADER_LENGTH: usize = 3;

/// The length of the dictionary's number in a header, by the lowest two bits of the descriptor.
const DICTIONARY_LENGTHS: [usize; 4] = [0, 1, 2, 4];

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
    /// The bytes of the checksum of a frame that has ended, if they have not been compared. They are compared after the
    /// last byte of output.
    unchecked: Option<Vec<u8>>,
    /// Why the body is malformed, if it is. The error follows the output before the malformed bytes.
    failure: Option<Source>,
    /// The memory that has been reserved for the window. All frames of a body share it.
    reserved: u64,
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
    /// After a frame that is cut short or malformed.
    Cut,
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
            unchecked: None,
            failure: None,
            reserved: 0,
        }
    }

    /// Decodes the collected bytes, of which there are as many as were needed, and returns what is needed next.
    fn advance(&mut self, windows: &mut WindowBudget) -> std::result::Result<ZstdState, Source> {
        let needed = self.collected.len();
        Ok(match self.state {
            ZstdState::Header(_) => match self.header()? {
                ZstdState::Header(whole) if whole == needed => {
                    self.has_checksum = self.collected.get(4).is_some_and(|descriptor| descriptor & 4 != 0);
                    self.reserve(windows)?;
                    self.frame.reset(&*self.collected)?;
                    self.collected.clear();
                    ZstdState::Block(BLOCK_HEADER_LENGTH)
                }
                next => next,
            },
            ZstdState::Block(_) => match self.block()? {
                whole if whole == needed => {
                    let ended = self.frame.decode_blocks(&*self.collected, BlockDecodingStrategy::UptoBlocks(1))?;
                    if ended {
                        self.any = true;
                        let length = if self.has_checksum { CHECKSUM_LENGTH } else { 0 };
                        self.unchecked = Some(self.collected.split_off(whole - length));
                    }
                    self.collected.clear();
                    if ended { ZstdState::Header(MAGIC_LENGTH) } else { ZstdState::Block(BLOCK_HEADER_LENGTH) }
                }
                whole => ZstdState::Block(whole),
            },
            state @ (ZstdState::Skip(_) | ZstdState::Ended | ZstdState::Cut) => state,
        })
    }

    /// Returns how many bytes of the frame's header are needed (RFC 8878, section 3.1.1.1), or the state if no frame
    /// follows.
    fn header(&mut self) -> std::result::Result<ZstdState, Source> {
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
                let dictionary = DICTIONARY_LENGTHS[usize::from(descriptor & 3)];
                let size = [usize::from(single), 2, 4, 8][usize::from(descriptor >> 6)];
                Ok(ZstdState::Header(5 + usize::from(!single) + dictionary + size))
            }
        }
    }

    /// Reserves the memory of the window that the collected header declares.
    fn reserve(&mut self, windows: &mut WindowBudget) -> std::result::Result<(), Source> {
        let window = window_size(&self.collected);
        // The library refuses a larger window before it allocates memory.
        if window <= MAX_WINDOW {
            // The library's buffer has the size of a power of two. It keeps the buffer from frame to frame.
            let needed = window.next_power_of_two();
            windows.reserve(needed.saturating_sub(self.reserved))?;
            self.reserved = self.reserved.max(needed);
        }
        Ok(())
    }

    /// Returns the length of the block, with its header, and with the checksum after the last block (RFC 8878, section
    /// 3.1.1.2).
    fn block(&self) -> std::result::Result<usize, Source> {
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
        let checksum = if last == 1 && self.has_checksum { CHECKSUM_LENGTH } else { 0 };
        Ok(BLOCK_HEADER_LENGTH + length + checksum)
    }

    /// Decodes the last block of a frame whose checksum is cut short. Returns whether the block is complete.
    fn end_without_checksum(&mut self) -> std::result::Result<bool, Source> {
        let present = self.collected.len();
        let is_last = number(&self.collected, 0, 1) & 1 == 1;
        let (ZstdState::Block(needed), true) = (self.state, self.has_checksum && is_last) else { return Ok(false) };
        if needed == BLOCK_HEADER_LENGTH || present + CHECKSUM_LENGTH < needed {
            return Ok(false);
        }
        let checksum = self.collected.split_off(needed - CHECKSUM_LENGTH);
        // The library reads a checksum and does not compare it.
        self.collected.extend_from_slice(&[0; CHECKSUM_LENGTH]);
        self.frame.decode_blocks(&*self.collected, BlockDecodingStrategy::UptoBlocks(1))?;
        self.unchecked = Some(checksum);
        Ok(true)
    }

    /// Makes the library give the output that it has held back: the last window of a frame that is cut short.
    fn release(&mut self) {
        if matches!(self.state, ZstdState::Block(_)) {
            // The library releases the window at the end of the frame, so an empty block ends the frame. A failure
            // means that there is no output.
            let end = [&EMPTY_LAST_BLOCK[..], &[0; CHECKSUM_LENGTH]].concat();
            let _ = self.frame.decode_blocks(&*end, BlockDecodingStrategy::UptoBlocks(1));
        }
    }

    /// Compares the bytes of the frame's checksum, which may be cut short.
    fn check(&self, checksum: &[u8]) -> std::result::Result<(), Source> {
        match self.frame.get_calculated_checksum() {
            Some(calculated) if !calculated.to_le_bytes().starts_with(checksum) => {
                Err("the checksum of a frame does not match its content".into())
            }
            _ => Ok(()),
        }
    }
}

impl Decode for ZstdDecoder {
    fn decode(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        windows: &mut WindowBudget,
    ) -> std::result::Result<Decoded, Source> {
        let mut rest = input;
        loop {
            // Output leaves before more input is taken, so the library holds at most a block besides its window.
            let produced = self.frame.read(output)?;
            if produced > 0 {
                return Ok(Decoded { consumed: input.len() - rest.len(), produced });
            }
            if let Some(cause) = self.failure.take() {
                return Err(cause);
            }
            if let Some(checksum) = self.unchecked.take() {
                self.check(&checksum)?;
            }
            let needed = match self.state {
                ZstdState::Ended | ZstdState::Cut => return Ok(Decoded { consumed: input.len(), produced: 0 }),
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
            self.state = match self.advance(windows) {
                Ok(state) => state,
                Err(cause) => {
                    self.release();
                    self.failure = Some(cause);
                    ZstdState::Cut
                }
            };
        }
    }

    fn end(&mut self) {
        // Between two frames the library holds nothing back.
        if matches!(self.state, ZstdState::Block(_)) {
            let is_whole = self.end_without_checksum().unwrap_or(false);
            if !is_whole {
                self.release();
            }
            self.state = if is_whole { ZstdState::Ended } else { ZstdState::Cut };
        }
    }

    fn is_complete(&self) -> bool {
        match self.state {
            ZstdState::Ended => true,
            // Fewer bytes than the first bytes of a frame are ignored too, unless they could begin a frame.
            ZstdState::Header(MAGIC_LENGTH) => self.any && !may_begin_frame(&self.collected),
            ZstdState::Header(_) | ZstdState::Skip(_) | ZstdState::Block(_) | ZstdState::Cut => false,
        }
    }
}

/// Returns the size of the window that a complete header of a frame declares (RFC 8878, section 3.1.1.1.2).
fn window_size(header: &[u8]) -> u64 {
    let descriptor = header.get(4).copied().unwrap_or_default();
    if descriptor & 0x20 == 0 {
        let window = header.get(5).copied().unwrap_or_default();
        let base = 1_u64 << (10 + (window >> 3));
        return base + base / 8 * u64::from(window & 7);
    }
    // Without a window descriptor, the window is the whole content of the frame.
    let dictionary = DICTIONARY_LENGTHS[usize::from(descriptor & 3)];
    let size = header.iter().skip(5 + dictionary).rev().fold(0, |size, byte| size << 8 | u64::from(*byte));
    // A size of two bytes counts from 256.
    if descriptor >> 6 == 1 { size + 256 } else { size }
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
