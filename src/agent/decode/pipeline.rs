//! Decodes bytes to pieces: a stage for each coding, and the guard against decompression bombs.

use bytes::{Bytes, BytesMut};

use super::{Coding, Decode, Decoded};
use crate::error::{Error, ErrorKind, Phase, Result, Source};

/// Maximum size of a stage's output buffer, and so of a piece.
const MAX_PIECE: usize = 64 * 1024;

/// The first size of a stage's output buffer. It is enough for most small responses.
const FIRST_BUFFER: usize = 8 * 1024;

/// Maximum bytes that the first stage receives at once. They count as consumed as soon as it receives them, so the
/// guard may count up to this many bytes too early.
const MAX_INPUT: usize = 16 * 1024;

/// The number of bytes that any input may decode to, however short it is: a page of zeros is not an attack.
const ALWAYS_ALLOWED: u64 = 1024 * 1024;

/// What the bytes fed so far decode to.
#[derive(Debug)]
pub(super) enum DecodeEvent {
    /// A piece of the decoded body, of at most 64 KiB.
    Data(Bytes),
    /// No piece yet: call [`Pipeline::feed`] or [`Pipeline::end`].
    More,
    /// The decoded body and its input are complete.
    End,
}

/// Decodes a body through all its codings. It holds the bytes that were fed last, a piece for each stage, and the
/// decoders' windows.
pub(in crate::agent) struct Pipeline {
    /// The bytes that were fed last and that the first stage has not received.
    wire: Bytes,
    /// Whether no more bytes will be fed.
    wire_ended: bool,
    /// The first stage undoes the coding that was applied last.
    stages: Vec<DecodeStage>,
    guard: ExpansionGuard,
}

/// The decoder of a coding, with its buffers.
struct DecodeStage {
    /// The name of the coding, for errors.
    name: &'static str,
    decoder: Box<dyn Decode>,
    /// Received bytes that have not been decoded.
    input: Bytes,
    /// Room for the next output.
    output: BytesMut,
    /// The size of the next output buffer.
    buffer_size: usize,
    /// The number of bytes produced so far.
    produced: u64,
    /// Whether the stage has received any input. An empty body is valid in every coding.
    begun: bool,
}

/// Compares the size of the decoded body with the size of the encoded body. The encoded body is measured on the wire:
/// with several codings, each stage by itself may stay within the limit.
struct ExpansionGuard {
    /// The number of encoded bytes consumed so far.
    consumed: u64,
    /// Maximum decoded bytes for each encoded byte; 0 means no limit.
    limit: u64,
}

impl Pipeline {
    /// Creates the decoder for `codings`. Each encoded byte may decode to `max_expansion` bytes; 0 means no limit.
    pub(in crate::agent) fn new(codings: &[&'static Coding], max_expansion: u32) -> Self {
        let stages = codings.iter().rev().map(|coding| DecodeStage::new(coding)).collect();
        let guard = ExpansionGuard { consumed: 0, limit: max_expansion.into() };
        Self { wire: Bytes::new(), wire_ended: false, stages, guard }
    }

    /// Feeds the next piece of the encoded body. It must only be called after [`DecodeEvent::More`], when the previous
    /// piece has been consumed.
    pub(super) fn feed(&mut self, piece: Bytes) {
        self.wire = piece;
    }

    /// Returns how many bytes the buffers hold, without the decoders' windows.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.wire.len() + self.stages.iter().map(|stage| stage.input.len() + stage.output.len()).sum::<usize>()
    }

    /// Records that no more bytes will be fed.
    pub(super) fn end(&mut self) {
        self.wire_ended = true;
    }

    /// Returns the next event.
    ///
    /// # Errors
    /// Of kind [`Decode`](ErrorKind::Decode) if the input is malformed or ends too early, and of kind
    /// [`LimitExceeded`](ErrorKind::LimitExceeded) if it decodes to too many bytes.
    pub(super) fn next(&mut self) -> Result<DecodeEvent> {
        let Self { wire, wire_ended, stages, guard } = self;
        let mut source = |guard: &mut ExpansionGuard| match wire.split_to(wire.len().min(MAX_INPUT)) {
            piece if !piece.is_empty() => {
                guard.consumed += piece.len() as u64;
                DecodeEvent::Data(piece)
            }
            _ if *wire_ended => DecodeEvent::End,
            _ => DecodeEvent::More,
        };
        pull(stages, guard, &mut source)
    }
}

/// Returns the next event of the last of `stages`. Its input is the output of the stage before it; the input of the
/// first stage is the wire.
fn pull(
    stages: &mut [DecodeStage],
    guard: &mut ExpansionGuard,
    wire: &mut dyn FnMut(&mut ExpansionGuard) -> DecodeEvent,
) -> Result<DecodeEvent> {
    let Some((stage, before)) = stages.split_last_mut() else { return Ok(wire(guard)) };
    loop {
        let piece = stage.step()?;
        if !piece.is_empty() {
            guard.check(stage.produced)?;
            return Ok(DecodeEvent::Data(piece));
        }
        match pull(before, guard, wire)? {
            DecodeEvent::Data(input) => {
                stage.begun = true;
                stage.input = input;
            }
            DecodeEvent::More => return Ok(DecodeEvent::More),
            DecodeEvent::End if stage.begun && !stage.decoder.is_complete() => return Err(stage.truncated()),
            DecodeEvent::End => return Ok(DecodeEvent::End),
        }
    }
}

impl DecodeStage {
    fn new(coding: &Coding) -> Self {
        Self {
            name: coding.name,
            decoder: (coding.new_decoder)(),
            input: Bytes::new(),
            output: BytesMut::new(),
            buffer_size: FIRST_BUFFER,
            produced: 0,
            begun: false,
        }
    }

    /// Decodes until there is a piece. The piece is empty if the whole input has been consumed.
    fn step(&mut self) -> Result<Bytes> {
        loop {
            if self.output.len() < self.buffer_size / 2 {
                self.output = BytesMut::zeroed(self.buffer_size);
            }
            let offered = self.output.len();
            let Decoded { consumed, produced } =
                self.decoder.decode(&self.input, &mut self.output).map_err(|cause| self.malformed(cause))?;
            let is_stuck = consumed == 0 && produced == 0 && !self.input.is_empty();
            self.input = self.input.slice(consumed.min(self.input.len())..);
            if produced > 0 {
                if produced == offered {
                    self.buffer_size = (self.buffer_size * 2).min(MAX_PIECE);
                }
                self.produced += produced as u64;
                return Ok(self.output.split_to(produced).freeze());
            }
            // A decoder that makes no progress would be called for ever.
            if is_stuck {
                return Err(self.malformed("the decoder makes no progress".into()));
            }
            if self.input.is_empty() {
                return Ok(Bytes::new());
            }
        }
    }

    /// Creates the error for a body that cannot be decoded.
    fn malformed(&self, cause: Source) -> Error {
        let message = format!("the response's body is not valid `{}`", self.name);
        Error::new(ErrorKind::Decode, Phase::Body, message).with_source(cause)
    }

    /// Creates the error for a body that ends too early.
    fn truncated(&self) -> Error {
        let cause = std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the encoded body ends too early");
        self.malformed(cause.into())
    }
}

impl ExpansionGuard {
    /// Checks that the encoded bytes may decode to `produced` bytes.
    fn check(&self, produced: u64) -> Result<()> {
        let allowed = self.consumed.saturating_mul(self.limit).max(ALWAYS_ALLOWED);
        if self.limit == 0 || produced <= allowed {
            return Ok(());
        }
        let Self { consumed, limit } = self;
        let message = format!(
            "{consumed} bytes of the response's body decode to {produced} bytes or more, and the limit is {limit} for \
             each byte; if the body is no attack, raise `agent::Config::max_expansion`"
        );
        Err(Error::new(ErrorKind::LimitExceeded, Phase::Body, message))
    }
}
