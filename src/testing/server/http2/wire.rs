//! The bytes between h2 and a transport: frames that h2 cannot make are added, and frames that a test does not want are
//! left out.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use futures::{AsyncRead, AsyncWrite};

use super::frame_filter::{InputFilter, OutputFilter};
use super::{Http2Config, Http2Frame};
use crate::transport::Transport;

/// How many bytes are read at once.
const READ_SIZE: usize = 16 * 1024;

/// How many bytes are read at most after the writing half was closed. Closing a socket with unread bytes resets it, and
/// the client might lose the last frames.
const MAX_LINGER: usize = 16 * 1024 * 1024;

/// A connection below h2.
struct ServerWire {
    transport: Box<dyn Transport>,
    input: InputFilter,
    output: OutputFilter,
    /// Bytes of the client that h2 has not read.
    received: BytesMut,
    /// Bytes that the transport has not accepted.
    unsent: BytesMut,
    /// Whether everything that h2 has written is sent.
    is_flushed: bool,
    buffer: Vec<u8>,
}

/// A handle to a connection below h2: the serving loop has a handle, and h2 has another.
///
/// Both belong to the same future, so its lock is always free. No task that is woken under the lock can reach the
/// connection before the poll of that future ends.
#[derive(Clone)]
pub(super) struct WireHandle(Arc<Mutex<ServerWire>>);

impl WireHandle {
    /// Makes the wire of a connection, of which `received` was read before.
    pub(super) fn new(transport: Box<dyn Transport>, received: &[u8], number: u64, config: &Http2Config) -> Self {
        let mut wire = ServerWire {
            transport,
            input: InputFilter::new(number, config),
            output: OutputFilter::new(config),
            received: BytesMut::new(),
            unsent: BytesMut::new(),
            is_flushed: false,
            buffer: vec![0; READ_SIZE],
        };
        wire.input.pass(received, &mut wire.received, &mut wire.output);
        Self(Arc::new(Mutex::new(wire)))
    }

    /// Returns whether all frames that h2 has made so far are sent.
    pub(super) fn is_flushed(&self) -> bool {
        let wire = self.lock();
        wire.is_flushed && wire.unsent.is_empty()
    }

    /// Sends a frame after the present frame.
    pub(super) fn send_frame(&self, frame: &Http2Frame) {
        self.lock().send_frame(frame, None);
    }

    /// Sends SETTINGS_MAX_CONCURRENT_STREAMS. The limit applies once the client has acknowledged it.
    pub(super) fn send_max_streams(&self, max: u32) {
        self.lock().send_frame(&Http2Frame::settings(&[(MAX_CONCURRENT_STREAMS, max)]), Some(max));
    }

    /// Sends any bytes after the present frame.
    pub(super) fn send_bytes(&self, bytes: &[u8]) {
        let mut wire = self.lock();
        wire.output.add(bytes);
        wire.is_flushed = false;
    }

    /// Sends nothing more of the streams above `last_stream`.
    pub(super) fn silence_streams_above(&self, last_stream: u32) {
        self.lock().output.silence_streams_above(last_stream);
    }

    /// Returns how many streams may be open at once, as far as the client knows.
    pub(super) fn max_streams(&self) -> Option<u32> {
        self.lock().output.max_streams
    }

    /// Returns how many streams the client has reset.
    pub(super) fn resets(&self) -> u64 {
        self.lock().input.resets
    }

    /// Sends the rest, closes the writing half, and reads until the client closes the connection.
    pub(super) async fn close(&self) -> io::Result<()> {
        let mut left = MAX_LINGER;
        std::future::poll_fn(|cx| {
            let mut wire = self.lock();
            let wire = &mut *wire;
            ready!(wire.poll_send(cx))?;
            ready!(Pin::new(&mut wire.transport).poll_close(cx))?;
            while left > 0 {
                match ready!(Pin::new(&mut wire.transport).poll_read(cx, &mut wire.buffer)) {
                    Ok(count) if count > 0 => left = left.saturating_sub(count),
                    _ => break,
                }
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, ServerWire> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The identifier of the setting (RFC 9113, section 6.5.2).
pub(super) const MAX_CONCURRENT_STREAMS: u16 = 3;

impl ServerWire {
    fn send_frame(&mut self, frame: &Http2Frame, max_streams: Option<u32>) {
        if frame.wants_settings_ack() {
            self.output.expect_settings_ack(max_streams);
        }
        self.output.add(&frame.to_bytes());
        self.is_flushed = false;
    }

    /// Sends the bytes that the transport has not accepted.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.output.take_added(&mut self.unsent);
        while !self.unsent.is_empty() {
            let count = ready!(Pin::new(&mut self.transport).poll_write(cx, &self.unsent))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unsent.advance(count);
        }
        Pin::new(&mut self.transport).poll_flush(cx)
    }
}

impl AsyncRead for WireHandle {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut wire = self.lock();
        let wire = &mut *wire;
        while wire.received.is_empty() {
            let count = ready!(Pin::new(&mut wire.transport).poll_read(cx, &mut wire.buffer))?;
            if count == 0 {
                return Poll::Ready(Ok(0));
            }
            wire.input.pass(&wire.buffer[..count], &mut wire.received, &mut wire.output);
        }
        let count = buffer.len().min(wire.received.len());
        wire.received.copy_to_slice(&mut buffer[..count]);
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for WireHandle {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut wire = self.lock();
        let wire = &mut *wire;
        ready!(wire.poll_send(cx))?;
        wire.is_flushed = false;
        wire.output.pass(bytes, &mut wire.unsent);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut wire = self.lock();
        ready!(wire.poll_send(cx))?;
        wire.is_flushed = true;
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut wire = self.lock();
        ready!(wire.poll_send(cx))?;
        Pin::new(&mut wire.transport).poll_close(cx)
    }
}
