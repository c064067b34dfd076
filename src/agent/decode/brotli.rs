//! `br` (RFC 7932).

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::windows::WindowBudget;
use super::{Coding, Decode, Decoded};
use crate::error::Source;

pub(super) const CODINGS: &[Coding] =
    &[Coding { name: "br", alias: None, new_decoder: || Box::new(BrotliDecoder::new()) }];

struct BrotliDecoder {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    progress: BrotliProgress,
}

enum BrotliProgress {
    /// Before the first byte, which declares the window.
    Start,
    Inside,
    /// After malformed input. The library had output before it, and the error follows that output.
    Failed(Source),
    /// After the end. Further bytes are ignored, as in browsers.
    Ended,
}

impl BrotliDecoder {
    fn new() -> Self {
        let alloc = StandardAlloc::default;
        // Strict RFC 7932: windows of at most 16 MiB, instead of up to 1 GiB with the large-window extension.
        let state = Box::new(BrotliState::new_strict(alloc(), alloc(), alloc()));
        Self { state, progress: BrotliProgress::Start }
    }
}

impl Decode for BrotliDecoder {
    fn decode(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        windows: &mut WindowBudget,
    ) -> std::result::Result<Decoded, Source> {
        match &mut self.progress {
            BrotliProgress::Start => {
                let Some(first) = input.first() else { return Ok(Decoded { consumed: 0, produced: 0 }) };
                windows.reserve(window_bytes(*first))?;
                self.progress = BrotliProgress::Inside;
            }
            BrotliProgress::Inside => {}
            BrotliProgress::Failed(cause) => return Err(std::mem::replace(cause, "the body is malformed".into())),
            BrotliProgress::Ended => return Ok(Decoded { consumed: input.len(), produced: 0 }),
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
            BrotliResult::ResultFailure => {
                let cause = format!("{:?}", self.state.error_code).into();
                if produced == 0 {
                    return Err(cause);
                }
                self.progress = BrotliProgress::Failed(cause);
            }
            BrotliResult::ResultSuccess => {
                self.progress = BrotliProgress::Ended;
                consumed = input.len();
            }
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
        }
        Ok(Decoded { consumed, produced })
    }

    fn is_complete(&self) -> bool {
        matches!(self.progress, BrotliProgress::Ended)
    }
}

/// Returns the size of the window that the first byte declares (RFC 7932, section 9.1).
fn window_bytes(first: u8) -> u64 {
    let high = first >> 1 & 7;
    let low = first >> 4 & 7;
    let bits = match (first & 1, high, low) {
        (0, ..) => 16,
        (_, 0, 0) => 17,
        // The value 1 is reserved, and the library refuses it.
        (_, 0, low) => 8 + low,
        (_, high, _) => 17 + high,
    };
    1 << bits
}

#[cfg(test)]
mod tests {
    use super::window_bytes;

    #[test]
    fn first_byte_declares_the_window() {
        // The table of RFC 7932, section 9.1.
        for (bits, window) in [
            (0b010_0001, 10),
            (0b011_0001, 11),
            (0b111_0001, 15),
            (0b0, 16),
            (0b000_0001, 17),
            (0b0011, 18),
            (0b1111, 24),
        ] {
            assert_eq!(window_bytes(bits), 1 << window, "{bits:b}");
        }
        // The bits after the window belong to the first block.
        assert_eq!([window_bytes(0xfe), window_bytes(0xff), window_bytes(0x8b)], [1 << 16, 1 << 24, 1 << 22]);
    }
}
