//! A reply on its way out, with the faults that it has.

use std::io;

use futures::{AsyncReadExt, AsyncWriteExt};

use super::fault::{Action, Fault, Place};
use crate::transport::Transport;

/// Why a reply was not sent whole.
pub(super) enum Ended {
    /// It was to end here, and the connection with it.
    Close,
    /// The connection is to break.
    Reset,
    Failed(io::Error),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// Writes a reply, piece by piece.
pub(super) struct Output<'a> {
    transport: &'a mut Box<dyn Transport>,
    faults: Vec<Fault>,
    buffer: Vec<u8>,
    sent: u64,
    /// How much of the body has been sent; nothing before the head has been.
    body: Option<u64>,
}

impl<'a> Output<'a> {
    pub(super) fn new(transport: &'a mut Box<dyn Transport>, faults: Vec<Fault>) -> Self {
        Self { transport, faults, buffer: Vec::new(), sent: 0, body: None }
    }

    /// Writes what is no part of the body: the head, and what is around chunks.
    pub(super) async fn lines(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        self.write(bytes, false).await
    }

    /// The head has been written.
    pub(super) fn begin_body(&mut self) {
        self.body = Some(0);
    }

    /// Writes a piece of the body.
    pub(super) async fn data(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        self.write(bytes, true).await
    }

    /// Sends what has been written.
    pub(super) async fn flush(&mut self) -> Result<(), Ended> {
        self.transport.write_all(&self.buffer).await?;
        self.buffer.clear();
        Ok(self.transport.flush().await?)
    }

    /// The reply is complete, but for what goes wrong at its very end.
    pub(super) async fn finish(mut self) -> Result<(), Ended> {
        self.write(&[], false).await?;
        self.flush().await
    }

    async fn write(&mut self, mut bytes: &[u8], is_data: bool) -> Result<(), Ended> {
        loop {
            let next = (0..self.faults.len()).filter_map(|index| Some((self.distance(index, is_data)?, index))).min();
            if let Some((0, index)) = next {
                let fault = self.faults.remove(index);
                self.perform(fault.action).await?;
                continue;
            }
            let most = next.map_or(usize::MAX, |(distance, _)| usize::try_from(distance).unwrap_or(usize::MAX));
            let (now, rest) = bytes.split_at(bytes.len().min(most));
            self.buffer.extend_from_slice(now);
            self.sent += now.len() as u64;
            if is_data {
                self.body = Some(self.body.unwrap_or_default() + now.len() as u64);
            }
            if now.is_empty() || (rest.is_empty() && next.is_none()) {
                return Ok(());
            }
            bytes = rest;
        }
    }

    /// How many bytes there are before a fault, if they are among those that are written now.
    fn distance(&self, index: usize, is_data: bool) -> Option<u64> {
        match self.faults.get(index)?.place {
            Place::Sent(at) => Some(at.saturating_sub(self.sent)),
            Place::Body(at) => {
                let left = at.saturating_sub(self.body?);
                (is_data || left == 0).then_some(left)
            }
        }
    }

    async fn perform(&mut self, action: Action) -> Result<(), Ended> {
        if let Action::Garbage(bytes) = &action {
            self.buffer.extend_from_slice(bytes);
            return Ok(());
        }
        self.flush().await?;
        match action {
            Action::Garbage(_) => Ok(()),
            Action::Delay(timer, delay) => {
                timer.sleep_until(timer.now() + delay).await;
                Ok(())
            }
            Action::Close => Err(Ended::Close),
            Action::Reset => Err(Ended::Reset),
            Action::Silence => {
                let mut ignored = [0; 1024];
                while self.transport.read(&mut ignored).await? > 0 {}
                Err(Ended::Close)
            }
        }
    }
}
