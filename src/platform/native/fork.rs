//! Detects a process that has forked: a child has none of the threads of its parent.
//!
//! The reactor of `async-io`, the pool for blocking work and the threads for tasks belong to the process that started
//! them. In a child of `fork` (POSIX) a wait for any of them would never end, so such a wait is refused. The standard
//! library has no event for a fork, so the process's number is compared.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Error, ErrorKind, Phase};

/// The number of the process that first used the library; zero before.
static FIRST: AtomicU32 = AtomicU32::new(0);

/// Stores the number of this process if it is the first that uses the library. Later calls cost no system call.
pub(super) fn remember() {
    if FIRST.load(Ordering::Relaxed) == 0 {
        let _ = FIRST.compare_exchange(0, std::process::id(), Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// Succeeds in the process that first used the library. It costs a system call.
///
/// # Errors
/// In a child that the process forked afterwards.
pub(super) fn check() -> std::result::Result<(), ForkedChild> {
    remember();
    if FIRST.load(Ordering::Relaxed) == std::process::id() { Ok(()) } else { Err(ForkedChild) }
}

/// Returns whether this process is such a child.
///
/// It makes the system call each time. A recent look does not count: a busy parent has always looked a moment ago, and
/// its child would then send a request on an idle connection of the parent.
pub(super) fn is_child() -> bool {
    check().is_err()
}

/// The error of a process that forked after it had used the library.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForkedChild;

impl fmt::Display for ForkedChild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the process has forked since it first used waterspout, and its threads do not exist in the child: \
             fork before the first use, or start a program in the child with `exec`",
        )
    }
}

impl StdError for ForkedChild {}

impl From<ForkedChild> for io::Error {
    fn from(forked: ForkedChild) -> Self {
        Self::new(io::ErrorKind::Unsupported, forked)
    }
}

impl From<ForkedChild> for Error {
    fn from(forked: ForkedChild) -> Self {
        Self::new(ErrorKind::Unsupported, Phase::Connect, forked.to_string())
    }
}
