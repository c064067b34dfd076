//! `br` (RFC 7932).

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::{Coding, Decode, Step};
use crate::error::{Result, Source};

pub(super) const CODINGS: &[Coding] = &[Coding { name: "br", alias: None, start: || Box::new(Brotli::new()) }];

struct Brotli {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    /// Behind the end everything is ignored, as by browsers.
    ended: bool,
}

impl Brotli {
    fn new() -> Self {
        let alloc = StandardAlloc::default;
        // Strictly by the RFC: windows of up to 16 MiB, not the gigabyte of the large-window extension.
        Self { state: Box::new(BrotliState::new_strict(alloc(), alloc(), alloc())), ended: false }
    }
}

impl Decode for Brotli {
    fn decode(&mut self, input: &[u8], room: &mut [u8]) -> Result<Step, Source> {
        if self.ended {
            return Ok(Step { used: input.len(), made: 0 });
        }
        let (mut left, mut used) = (input.len(), 0);
        let (mut space, mut made, mut total) = (room.len(), 0, 0);
        let state = &mut *self.state;
        let result =
            BrotliDecompressStream(&mut left, &mut used, input, &mut space, &mut made, room, &mut total, state);
        match result {
            BrotliResult::ResultFailure => return Err(format!("{:?}", self.state.error_code).into()),
            BrotliResult::ResultSuccess => {
                self.ended = true;
                used = input.len();
            }
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
        }
        Ok(Step { used, made })
    }

    fn is_complete(&self) -> bool {
        self.ended
    }
}
