//! `br` (RFC 7932).

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::{Coding, Decode, Decoded};
use crate::error::{Result, Source};

pub(super) const CODINGS: &[Coding] =
    &[Coding { name: "br", alias: None, new_decoder: || Box::new(BrotliDecoder::new()) }];

struct BrotliDecoder {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    /// Whether the encoded data has ended. Bytes after the end are ignored, as in browsers.
    ended: bool,
}

impl BrotliDecoder {
    fn new() -> Self {
        let alloc = StandardAlloc::default;
        // Strict RFC 7932: windows of at most 16 MiB, instead of up to 1 GiB with the large-window extension.
        Self { state: Box::new(BrotliState::new_strict(alloc(), alloc(), alloc())), ended: false }
    }
}

impl Decode for BrotliDecoder {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Decoded, Source> {
        if self.ended {
            return Ok(Decoded { consumed: input.len(), produced: 0 });
        }
        let mut input_left = input.len();
        let mut consumed = 0;
        let mut output_left = output.len();
        let mut produced = 0;
        let mut total_produced = 0;
        let result = BrotliDecompressStream(
            &mut input_left,
            &mut consumed,
            input,
            &mut output_left,
            &mut produced,
            output,
            &mut total_produced,
            &mut *self.state,
        );
        match result {
            BrotliResult::ResultFailure => return Err(format!("{:?}", self.state.error_code).into()),
            BrotliResult::ResultSuccess => {
                self.ended = true;
                consumed = input.len();
            }
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
        }
        Ok(Decoded { consumed, produced })
    }

    fn is_complete(&self) -> bool {
        self.ended
    }
}
