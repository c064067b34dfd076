//! A scripted stream to a proxy, for the tests beside this file.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{AsyncRead, AsyncWrite};

/// A stream that delivers scripted bytes in pieces and then ends. It records what is written to it.
pub(super) struct ScriptedStream {
    unread: Vec<u8>,
    piece: usize,
    written: Vec<u8>,
}

/// Creates a stream that delivers `bytes` in pieces of at most `piece` bytes.
pub(super) fn scripted(bytes: &[u8], piece: usize) -> ScriptedStream {
    ScriptedStream { unread: bytes.to_vec(), piece, written: Vec::new() }
}

impl ScriptedStream {
    pub(super) fn written_text(&self) -> String {
        String::from_utf8_lossy(&self.written).into_owned()
    }

    pub(super) fn written(&self) -> &[u8] {
        &self.written
    }

    /// The scripted bytes that have not been read.
    pub(super) fn unread(&self) -> &[u8] {
        &self.unread
    }
}

impl AsyncRead for ScriptedStream {
    fn poll_read(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let count = self.piece.min(buffer.len()).min(self.unread.len());
        buffer[..count].copy_from_slice(&self.unread[..count]);
        self.unread.drain(..count);
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for ScriptedStream {
    fn poll_write(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = self.piece.min(bytes.len());
        self.written.extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
