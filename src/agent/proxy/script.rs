//! A proxy's end of a stream, for the tests beside this file.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{AsyncRead, AsyncWrite};

/// A stream that says what it was told to say, in pieces, then ends; and remembers what it is told.
pub(super) struct Wire {
    says: Vec<u8>,
    piece: usize,
    told: Vec<u8>,
}

/// A stream that says `says` in pieces of at most `piece` bytes.
pub(super) fn wire(says: &[u8], piece: usize) -> Wire {
    Wire { says: says.to_vec(), piece, told: Vec::new() }
}

impl Wire {
    pub(super) fn written(&self) -> String {
        String::from_utf8_lossy(&self.told).into_owned()
    }

    pub(super) fn told(&self) -> &[u8] {
        &self.told
    }

    /// What nobody has read.
    pub(super) fn rest(&self) -> &[u8] {
        &self.says
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let count = self.piece.min(buffer.len()).min(self.says.len());
        buffer[..count].copy_from_slice(&self.says[..count]);
        self.says.drain(..count);
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = self.piece.min(bytes.len());
        self.told.extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
