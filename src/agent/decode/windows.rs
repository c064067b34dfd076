//! The memory that the decoders of a body may take together for their windows.
//!
//! A decoder keeps the last bytes of its output, because later input may repeat them. A few bytes of input may declare
//! a window of 16 MiB, and a body may have several codings. `gzip` and `deflate` always have 32 KiB and are not counted.

use std::fmt;

/// How many bytes of windows the decoders of a body may still allocate.
pub(super) struct WindowBudget {
    /// Maximum bytes of all windows together.
    limit: u64,
    left: u64,
}

impl WindowBudget {
    /// Creates the budget of a body; 0 means no limit.
    pub(super) fn new(limit: u64) -> Self {
        let limit = if limit == 0 { u64::MAX } else { limit };
        Self { limit, left: limit }
    }

    /// Reserves `bytes` for a decoder that is about to allocate its window.
    ///
    /// # Errors
    /// If fewer bytes are left.
    #[allow(dead_code, reason = "without the features `brotli` and `zstd`, no decoder reserves a window")]
    pub(super) fn reserve(&mut self, bytes: u64) -> Result<(), WindowTooLarge> {
        let refused = WindowTooLarge { needed: bytes, used: self.limit - self.left, limit: self.limit };
        self.left = self.left.checked_sub(bytes).ok_or(refused)?;
        Ok(())
    }
}

/// Why a window is refused.
#[derive(Debug)]
pub(super) struct WindowTooLarge {
    /// The size of the refused window.
    needed: u64,
    /// The size of the windows before it.
    used: u64,
    limit: u64,
}

impl fmt::Display for WindowTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needed, used, limit } = self;
        write!(
            f,
            "a window of {needed} bytes besides {used} bytes of other windows, and the limit of all windows together \
             is {limit} bytes; if the body is no attack, raise `agent::Config::max_window_bytes`"
        )
    }
}

impl std::error::Error for WindowTooLarge {}
