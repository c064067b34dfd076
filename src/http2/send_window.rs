//! The window of an upload: how much of it a request asks for, and how slowly a server may open it.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::SendStream;

use crate::error::{Error, ErrorKind, Phase, Result};

/// Maximum bytes of a body that a stream asks the window for at once.
const MAX_RESERVED: usize = 256 * 1024;

/// Maximum bytes of the connection's window that a stream reserves while it waits.
///
/// A request that is not polled keeps what it has reserved from the uploads of other requests. The smallest window of a
/// connection has 64 times this size. A smaller reservation would make small DATA frames while uploads wait for each
/// other.
const MAX_WAITING: usize = 1024;

/// Maximum number of grants of less than [`SMALL_GRANT`] bytes, without larger grants.
const MAX_SMALL_GRANTS: u64 = 10_000;

/// The bytes of a grant for which a server pays nothing. The heads of the DATA frame and of its two window updates have 27
/// bytes together, so smaller grants are more overhead than body.
const SMALL_GRANT: u64 = 32;

/// Waits until the windows accept a part of `wanted` bytes, and returns how many bytes they accept. `None` once the server
/// accepts no more.
pub(super) fn poll_window(send: &mut SendStream<Bytes>, wanted: usize, cx: &mut Context<'_>) -> Poll<Option<usize>> {
    let wanted = wanted.min(MAX_RESERVED);
    loop {
        let mut capacity = send.capacity();
        if capacity < wanted {
            send.reserve_capacity(wanted);
            capacity = send.capacity();
        }
        if capacity > 0 {
            return Poll::Ready(Some(capacity));
        }
        send.reserve_capacity(wanted.min(MAX_WAITING));
        match ready!(send.poll_capacity(cx)) {
            // `h2` also reports what the request has found before without waiting.
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Poll::Ready(None),
        }
    }
}

/// The parts of a body that a server has let go although more was waiting (CVE-2019-9511).
#[derive(Debug)]
pub(super) struct WindowGrants {
    /// How many small grants the server may still make.
    left: u64,
}

impl Default for WindowGrants {
    fn default() -> Self {
        Self { left: MAX_SMALL_GRANTS }
    }
}

impl WindowGrants {
    /// Counts a part that the windows have accepted, if more of the body was waiting. Larger parts allow small parts again.
    ///
    /// # Errors
    /// [`LimitExceeded`](ErrorKind::LimitExceeded) if the server opens the windows in too many small pieces.
    pub(super) fn count(&mut self, part: usize) -> Result<()> {
        let left = self.left.saturating_add(part as u64 / SMALL_GRANT).min(MAX_SMALL_GRANTS);
        self.left = left.checked_sub(1).ok_or_else(too_small)?;
        Ok(())
    }
}

fn too_small() -> Error {
    let message = format!(
        "the server opened the window of the request's body more than {MAX_SMALL_GRANTS} times by less than {SMALL_GRANT} \
         bytes"
    );
    Error::new(ErrorKind::LimitExceeded, Phase::Head, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts parts of these sizes in turn. Returns how many are accepted, up to `most`.
    fn accepted(parts: &[usize], most: usize) -> usize {
        let mut grants = WindowGrants::default();
        parts.iter().cycle().take(most).take_while(|part| grants.count(**part).is_ok()).count()
    }

    #[test]
    fn small_parts_are_limited_unless_larger_parts_come_between() {
        let limit = MAX_SMALL_GRANTS as usize;
        for (parts, expected) in [
            (&[1][..], limit),
            (&[31], limit),
            (&[32], 100_000),
            (&[1, 63], 2 * limit),
            (&[1, 64], 100_000),
            (&[1, 1, 1, 1, 16_384], 100_000),
            (&[0], limit),
        ] {
            assert_eq!(accepted(parts, 100_000), expected, "{parts:?}");
        }
    }

    #[test]
    fn large_parts_do_not_save_for_later() {
        let mut grants = WindowGrants::default();
        (0..1_000).for_each(|_| grants.count(1 << 20).unwrap());
        let small = (0..u64::MAX).take_while(|_| grants.count(1).is_ok()).count();
        assert_eq!(small as u64, MAX_SMALL_GRANTS - 1);
        let error = grants.count(1).unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::LimitExceeded, Phase::Head));
        assert!(error.to_string().contains("10000 times by less than 32 bytes"), "{error}");
    }
}
