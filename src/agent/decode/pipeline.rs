//! Decodes bytes to pieces: a stage for each coding, the guard against decompression bombs, and the bound of a turn.

use bytes::{Bytes, BytesMut};

use super::windows::{WindowBudget, WindowTooLarge};
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

/// Maximum bytes that all stages together consume and produce before the pipeline pauses.
const MAX_WORK: usize = 512 * 1024;

/// The limits of the decoders of a body; 0 means no limit.
#[derive(Clone, Copy, Debug)]
pub(in crate::agent) struct DecodeLimits {
    /// Maximum decoded bytes for each encoded byte.
    pub(in crate::agent) max_expansion: u32,
    /// Maximum bytes of the windows of all decoders together.
    pub(in crate::agent) max_window_bytes: u64,
}

/// What the bytes fed so far decode to.
#[derive(Debug)]
pub(super) enum DecodeEvent {
    /// A piece of the decoded body, of at most 64 KiB.
    Data(Bytes),
    /// No piece yet: call [`Pipeline::feed`] or [`Pipeline::end`].
    More,
    /// No piece yet, and the pipeline has done a turn's work: let other tasks run, then call [`Pipeline::resume`].
    Pause,
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
    bounds: Bounds,
}

/// What bounds the work and the memory of all stages together.
struct Bounds {
    expansion: ExpansionGuard,
    windows: WindowBudget,
    /// The number of bytes that the stages have consumed and produced in this turn.
    work: usize,
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
    /// The result of the stage, once its input has ended. It follows the output that the decoder has held back.
    outcome: Option<Result<()>>,
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
    /// Creates the decoder for `codings`.
    pub(in crate::agent) fn new(codings: &[&'static Coding], limits: DecodeLimits) -> Self {
        let stages = codings.iter().rev().map(|coding| DecodeStage::new(coding)).collect();
        let bounds = Bounds {
            expansion: ExpansionGuard { consumed: 0, limit: limits.max_expansion.into() },
            windows: WindowBudget::new(limits.max_window_bytes),
            work: 0,
        };
        Self { wire: Bytes::new(), wire_ended: false, stages, bounds }
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

    /// Begins the next turn: other tasks have run.
    pub(super) fn resume(&mut self) {
        self.bounds.work = 0;
    }

    /// Returns the next event.
    ///
    /// # Errors
    /// Of kind [`Decode`](ErrorKind::Decode) if the input is malformed or ends too early, and of kind
    /// [`LimitExceeded`](ErrorKind::LimitExceeded) if it decodes to too many bytes or needs too large windows. All
    /// bytes before the malformed input have been returned by then.
    pub(super) fn next(&mut self) -> Result<DecodeEvent> {
        let Self { wire, wire_ended, stages, bounds } = self;
        let mut source = |bounds: &mut Bounds| match wire.split_to(wire.len().min(MAX_INPUT)) {
            piece if !piece.is_empty() => {
                bounds.expansion.consumed += piece.len() as u64;
                DecodeEvent::Data(piece)
            }
            _ if *wire_ended => DecodeEvent::End,
            _ => DecodeEvent::More,
        };
        pull(stages, bounds, &mut source)
    }
}

/// Returns the next event of the last of `stages`. Its input is the output of the stage before it; the input of the
/// first stage is the wire.
fn pull(
    stages: &mut [DecodeStage],
    bounds: &mut Bounds,
    wire: &mut dyn FnMut(&mut Bounds) -> DecodeEvent,
) -> Result<DecodeEvent> {
    let Some((stage, before)) = stages.split_last_mut() else { return Ok(wire(bounds)) };
    loop {
        // Work without output counts as well: a page of empty members decodes to nothing.
        if bounds.work >= MAX_WORK {
            return Ok(DecodeEvent::Pause);
        }
        let piece = stage.step(bounds)?;
        if !piece.is_empty() {
            // Each stage is checked and not only the last: what an inner stage produces costs memory and time as well.
            bounds.expansion.check(stage.produced)?;
            return Ok(DecodeEvent::Data(piece));
        }
        if let Some(outcome) = stage.outcome.take() {
            return outcome.map(|()| DecodeEvent::End);
        }
        match pull(before, bounds, wire) {
            Ok(DecodeEvent::Data(input)) => {
                stage.begun = true;
                stage.input = input;
            }
            Ok(DecodeEvent::End) => stage.end(Ok(())),
            // The stage has decoded all input before the error, and may hold output back.
            Err(error) => stage.end(Err(error)),
            Ok(event @ (DecodeEvent::More | DecodeEvent::Pause)) => return Ok(event),
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
            outcome: None,
        }
    }

    /// Ends the input of the stage, which ended with `result`.
    fn end(&mut self, result: Result<()>) {
        self.decoder.end();
        let is_complete = !self.begun || self.decoder.is_complete();
        self.outcome = Some(result.and_then(|()| if is_complete { Ok(()) } else { Err(self.truncated()) }));
    }

    /// Decodes until there is a piece. The piece is empty if the whole input has been consumed.
    fn step(&mut self, bounds: &mut Bounds) -> Result<Bytes> {
        loop {
            if self.output.len() < self.buffer_size / 2 {
                self.output = BytesMut::zeroed(self.buffer_size);
            }
            let offered = self.output.len();
            let decoded = self.decoder.decode(&self.input, &mut self.output, &mut bounds.windows);
            let Decoded { consumed, produced } = match decoded {
                Ok(decoded) => decoded,
                Err(cause) => return Err(self.failed(cause)),
            };
            bounds.work += consumed + produced;
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

    /// Creates the error for a failure of the decoder. If the input has ended with an error, that error comes first.
    fn failed(&mut self, cause: Source) -> Error {
        if let Some(Err(error)) = self.outcome.take() {
            return error;
        }
        match cause.downcast::<WindowTooLarge>() {
            Ok(refused) => {
                let message = format!("the coding `{}` of the response's body declares {refused}", self.name);
                Error::new(ErrorKind::LimitExceeded, Phase::Body, message)
            }
            Err(cause) => self.malformed(cause),
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
