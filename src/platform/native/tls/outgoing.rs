//! Encrypted records that have not been sent.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::AsyncWrite;
use futures_rustls::rustls::unbuffered::{EncodeError, EncryptError, InsufficientSizeError};

/// Maximum size of a buffer that an idle connection keeps.
const KEPT: usize = 4 * 1024;

/// The records of a connection in the order in which they were encrypted.
#[derive(Default)]
pub(super) struct Outgoing {
    /// All of it is initialized.
    buffer: Vec<u8>,
    unsent: Range<usize>,
}

/// Why records could not be appended.
pub(super) enum AppendError {
    /// The buffer is too small. It has not been changed.
    TooSmall(InsufficientSizeError),
    Failed(io::Error),
}

impl From<EncodeError> for AppendError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::InsufficientSize(size) => Self::TooSmall(size),
            error => Self::Failed(io::Error::other(error)),
        }
    }
}

impl From<EncryptError> for AppendError {
    fn from(error: EncryptError) -> Self {
        match error {
            EncryptError::InsufficientSize(size) => Self::TooSmall(size),
            error => Self::Failed(io::Error::other(error)),
        }
    }
}

impl Outgoing {
    /// Appends records with `put`, which writes them into a buffer and returns their size. `size` is their expected size.
    pub(super) fn append<E: Into<AppendError>>(
        &mut self,
        size: usize,
        mut put: impl FnMut(&mut [u8]) -> Result<usize, E>,
    ) -> io::Result<()> {
        self.make_room(size);
        loop {
            match put(&mut self.buffer[self.unsent.end..]).map_err(Into::into) {
                Ok(count) => {
                    self.unsent.end += count;
                    return Ok(());
                }
                Err(AppendError::TooSmall(size)) => self.make_room(size.required_size),
                Err(AppendError::Failed(error)) => return Err(error),
            }
        }
    }

    fn make_room(&mut self, size: usize) {
        let needed = self.unsent.end + size;
        if self.buffer.len() < needed {
            self.buffer.resize(needed, 0);
        }
    }

    /// Sends all records.
    pub(super) fn poll_send<W>(&mut self, cx: &mut Context<'_>, sink: &mut W) -> Poll<io::Result<()>>
    where
        W: AsyncWrite + Unpin + ?Sized,
    {
        while !self.unsent.is_empty() {
            let count = ready!(Pin::new(&mut *sink).poll_write(cx, &self.buffer[self.unsent.clone()]))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unsent.start += count;
        }
        self.unsent = 0..0;
        Poll::Ready(Ok(()))
    }

    /// Frees the memory of a large write, if everything has been sent.
    pub(super) fn shrink(&mut self) {
        if self.unsent.is_empty() && self.buffer.len() > KEPT {
            self.buffer = Vec::new();
        }
    }
}
