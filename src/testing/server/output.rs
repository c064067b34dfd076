//! Writes a reply, and makes its faults happen at their positions.

use std::io;

use futures::{AsyncReadExt, AsyncWriteExt};
use http::{HeaderMap, StatusCode};

use super::fault::{Fault, FaultAction, FaultPosition};
use crate::transport::Transport;

/// Returns a head of HTTP/1.1 with these headers and the empty line at its end.
pub(super) fn head_lines(status: StatusCode, headers: &HeaderMap) -> Vec<u8> {
    let reason = status.canonical_reason().unwrap_or("Unknown");
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).into_bytes();
    put_fields(&mut head, headers);
    head.extend_from_slice(b"\r\n");
    head
}

/// Writes a line for each field.
pub(super) fn put_fields(lines: &mut Vec<u8>, fields: &HeaderMap) {
    for (name, value) in fields {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            lines.extend_from_slice(part);
        }
    }
}

/// The reason why a reply was not sent completely.
pub(super) enum ReplyStop {
    /// A fault closes the connection.
    Close,
    /// A fault resets the connection.
    Reset,
    /// The connection failed, or the body of the reply.
    Failed(io::Error),
}

impl From<io::Error> for ReplyStop {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// Writes a reply in pieces.
pub(super) struct ReplyWriter<'a> {
    transport: &'a mut Box<dyn Transport>,
    faults: Vec<Fault>,
    buffer: Vec<u8>,
    /// How many bytes were written, head and body.
    written: u64,
    /// How many bytes of the body were written; `None` while the head is written.
    body: Option<u64>,
}

impl<'a> ReplyWriter<'a> {
    pub(super) fn new(transport: &'a mut Box<dyn Transport>, faults: Vec<Fault>) -> Self {
        Self { transport, faults, buffer: Vec::new(), written: 0, body: None }
    }

    /// Writes bytes that are not part of the body: the head, and the framing of chunks.
    pub(super) async fn lines(&mut self, bytes: &[u8]) -> Result<(), ReplyStop> {
        self.write(bytes, false).await
    }

    /// Marks the end of the head.
    pub(super) fn begin_body(&mut self) {
        self.body = Some(0);
    }

    /// Writes a piece of the body.
    pub(super) async fn data(&mut self, bytes: &[u8]) -> Result<(), ReplyStop> {
        self.write(bytes, true).await
    }

    /// Sends the written bytes.
    pub(super) async fn flush(&mut self) -> Result<(), ReplyStop> {
        self.transport.write_all(&self.buffer).await?;
        self.buffer.clear();
        Ok(self.transport.flush().await?)
    }

    /// Marks the end of the reply, and makes the faults at its end happen.
    pub(super) async fn finish(mut self) -> Result<(), ReplyStop> {
        self.write(&[], false).await?;
        self.flush().await
    }

    /// Writes `bytes`, and stops at each fault on the way.
    async fn write(&mut self, mut bytes: &[u8], is_data: bool) -> Result<(), ReplyStop> {
        loop {
            let next =
                // The nearest fault first; faults at the same position happen in the order in which they were added.
                (0..self.faults.len()).filter_map(|index| Some((self.bytes_before(index, is_data)?, index))).min();
            if let Some((0, index)) = next {
                let fault = self.faults.remove(index);
                self.perform(fault.action).await?;
                continue;
            }
            let max = next.map_or(usize::MAX, |(distance, _)| usize::try_from(distance).unwrap_or(usize::MAX));
            let (now, rest) = bytes.split_at(bytes.len().min(max));
            self.buffer.extend_from_slice(now);
            self.written += now.len() as u64;
            if is_data {
                self.body = Some(self.body.unwrap_or_default() + now.len() as u64);
            }
            if now.is_empty() || (rest.is_empty() && next.is_none()) {
                return Ok(());
            }
            bytes = rest;
        }
    }

    /// Returns how many bytes are left before a fault, if the fault lies in the bytes that are written now.
    fn bytes_before(&self, index: usize, is_data: bool) -> Option<u64> {
        match self.faults.get(index)?.position {
            FaultPosition::Written(at) => Some(at.saturating_sub(self.written)),
            FaultPosition::Body(at) => {
                let left = at.saturating_sub(self.body?);
                (is_data || left == 0).then_some(left)
            }
        }
    }

    async fn perform(&mut self, action: FaultAction) -> Result<(), ReplyStop> {
        if let FaultAction::Garbage(bytes) = &action {
            self.buffer.extend_from_slice(bytes);
            return Ok(());
        }
        // The bytes before the fault must reach the client, and they are still in the buffer.
        self.flush().await?;
        match action {
            FaultAction::Garbage(_) => Ok(()),
            FaultAction::Delay(timer, delay) => {
                timer.sleep_until(timer.now() + delay).await;
                Ok(())
            }
            FaultAction::Close => Err(ReplyStop::Close),
            // HTTP/1.1 has no streams: the connection is what a request has for itself.
            FaultAction::Reset | FaultAction::StreamReset(_) => Err(ReplyStop::Reset),
            FaultAction::Http2(_) => Ok(()),
            FaultAction::Silence => {
                let mut ignored = [0; 1024];
                // Reading is how the server notices that the client has closed the connection.
                while self.transport.read(&mut ignored).await? > 0 {}
                Err(ReplyStop::Close)
            }
        }
    }
}
