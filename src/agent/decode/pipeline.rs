//! Decoding as bytes in, pieces out: one stage for each coding, and the guard against bombs.

use bytes::{Bytes, BytesMut};

use super::{Coding, Decode, Step};
use crate::error::{Error, ErrorKind, Phase, Result, Source};

/// The room that a stage is given; what it makes in one step is a piece.
const LARGEST_PIECE: usize = 64 * 1024;

/// The first room; enough for most small responses.
const SMALLEST_ROOM: usize = 8 * 1024;

/// How much the first stage is given at once: what it is made of is counted when given, so this much may be counted too
/// early.
const LARGEST_INPUT: usize = 16 * 1024;

/// What may be made from any input, however small: a page of zeros is not an attack.
const ALWAYS_ALLOWED: u64 = 1024 * 1024;

/// What the bytes fed so far amount to.
#[derive(Debug)]
pub(super) enum Event {
    /// A piece of the decoded body, of 64 KiB at most.
    Data(Bytes),
    /// Nothing yet: feed more, or say that there is none.
    More,
    /// The body is complete, and so was its input.
    End,
}

/// Decodes a body through all its codings. It holds what was fed last, one piece for each stage, and the decoders'
/// windows.
pub(in crate::agent) struct Pipeline {
    /// What was fed last and has not been taken by the first stage.
    wire: Bytes,
    wire_ended: bool,
    /// The first stage undoes the coding that was applied last.
    stages: Vec<Stage>,
    guard: Guard,
}

struct Stage {
    name: &'static str,
    decoder: Box<dyn Decode>,
    input: Bytes,
    room: BytesMut,
    next_room: usize,
    /// All that it has made.
    made: u64,
    /// Whether it was given anything: of nothing, nothing is made.
    begun: bool,
}

/// Compares what is made with what it is made of.
struct Guard {
    /// The bytes taken from the wire.
    taken: u64,
    /// The most bytes made of each; 0 for any number.
    most: u64,
}

impl Pipeline {
    /// The way back from `codings`; each byte may become `most` bytes, or any number if it is 0.
    pub(in crate::agent) fn new(codings: &[&'static Coding], most: u32) -> Self {
        let stages = codings.iter().rev().map(|coding| Stage::new(coding)).collect();
        Self { wire: Bytes::new(), wire_ended: false, stages, guard: Guard { taken: 0, most: most.into() } }
    }

    /// Takes the next piece of the encoded body. Only after [`Event::More`]: what was fed before is gone by then.
    pub(super) fn feed(&mut self, piece: Bytes) {
        self.wire = piece;
    }

    /// How many bytes it holds, but for the decoders' own windows.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.wire.len() + self.stages.iter().map(|stage| stage.input.len() + stage.room.len()).sum::<usize>()
    }

    /// Takes note that nothing more will be fed.
    pub(super) fn end(&mut self) {
        self.wire_ended = true;
    }

    /// The next event.
    ///
    /// # Errors
    /// Of kind [`Decode`](ErrorKind::Decode) if the input is malformed or ends too early, and of kind
    /// [`LimitExceeded`](ErrorKind::LimitExceeded) if it becomes too many bytes.
    pub(super) fn next(&mut self) -> Result<Event> {
        let Self { wire, wire_ended, stages, guard } = self;
        let mut source = |guard: &mut Guard| match wire.split_to(wire.len().min(LARGEST_INPUT)) {
            piece if !piece.is_empty() => {
                guard.taken += piece.len() as u64;
                Event::Data(piece)
            }
            _ if *wire_ended => Event::End,
            _ => Event::More,
        };
        pull(stages, guard, &mut source)
    }
}

/// The next event of the last of `stages`, whose input is the one before it, or the wire.
fn pull(stages: &mut [Stage], guard: &mut Guard, wire: &mut dyn FnMut(&mut Guard) -> Event) -> Result<Event> {
    let Some((stage, before)) = stages.split_last_mut() else { return Ok(wire(guard)) };
    loop {
        let piece = stage.step()?;
        if !piece.is_empty() {
            guard.check(stage.made)?;
            return Ok(Event::Data(piece));
        }
        match pull(before, guard, wire)? {
            Event::Data(input) => {
                stage.begun = true;
                stage.input = input;
            }
            Event::More => return Ok(Event::More),
            Event::End if stage.begun && !stage.decoder.is_complete() => return Err(stage.truncated()),
            Event::End => return Ok(Event::End),
        }
    }
}

impl Stage {
    fn new(coding: &Coding) -> Self {
        Self {
            name: coding.name,
            decoder: (coding.start)(),
            input: Bytes::new(),
            room: BytesMut::new(),
            next_room: SMALLEST_ROOM,
            made: 0,
            begun: false,
        }
    }

    /// Decodes until there is a piece; it is empty if all input is used.
    fn step(&mut self) -> Result<Bytes> {
        loop {
            if self.room.len() < self.next_room / 2 {
                self.room = BytesMut::zeroed(self.next_room);
            }
            let offered = self.room.len();
            let Step { used, made } =
                self.decoder.decode(&self.input, &mut self.room).map_err(|cause| self.malformed(cause))?;
            let stuck = used == 0 && made == 0 && !self.input.is_empty();
            self.input = self.input.slice(used.min(self.input.len())..);
            if made > 0 {
                if made == offered {
                    self.next_room = (self.next_room * 2).min(LARGEST_PIECE);
                }
                self.made += made as u64;
                return Ok(self.room.split_to(made).freeze());
            }
            if stuck {
                return Err(self.malformed("the decoder neither takes nor gives".into()));
            }
            if self.input.is_empty() {
                return Ok(Bytes::new());
            }
        }
    }

    fn malformed(&self, cause: Source) -> Error {
        let message = format!("the response's body is not valid `{}`", self.name);
        Error::new(ErrorKind::Decode, Phase::Body, message).with_source(cause)
    }

    fn truncated(&self) -> Error {
        let cause = std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "it ends too early");
        self.malformed(cause.into())
    }
}

impl Guard {
    fn check(&self, made: u64) -> Result<()> {
        let allowed = self.taken.saturating_mul(self.most).max(ALWAYS_ALLOWED);
        if self.most == 0 || made <= allowed {
            return Ok(());
        }
        let Self { taken, most } = self;
        let message = format!(
            "{taken} bytes of the response's body become {made} or more, over {most} from each; if that is right, \
             raise `agent::Config::max_expansion`"
        );
        Err(Error::new(ErrorKind::LimitExceeded, Phase::Body, message))
    }
}
