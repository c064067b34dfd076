//! The client side of a TLS connection.
//!
//! It uses the interface of `rustls` without buffers, and has buffers of its own, for two reasons.
//!
//! - The buffer of `rustls` holds a single record, so a large body takes a system call for each 16 KiB.
//! - That buffer holds each record at the same address, and the allocator often places each decrypted record 11 bytes
//!   further in its page. For such distances of 1 to 15 bytes, the instruction with which glibc copies (`rep movsb`)
//!   takes 30 times as long on Zen processors: a download of 64 MiB needs twice the CPU time. With a large buffer, each
//!   record has another distance.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use futures::{AsyncRead, AsyncWrite};
use futures_rustls::pki_types::ServerName;
use futures_rustls::rustls::client::UnbufferedClientConnection;
use futures_rustls::rustls::unbuffered::{ConnectionState, UnbufferedStatus};
use futures_rustls::rustls::{self, ClientConfig, CommonState};
use http::Version;

use super::outgoing::Outgoing;
use crate::message::connection_info::ConnectionInfo;
use crate::transport::read_buffer::ReadBuffer;
use crate::transport::{LOOK, Transport};

/// The room of the first read. It is enough for most handshakes and small responses.
const FIRST_READ: usize = 4 * 1024;

/// Maximum room of a read. It holds 15 full records.
const MAX_READ: usize = 256 * 1024;

/// Maximum number of bytes before they are encrypted that a write takes.
const MAX_WRITE: usize = 64 * 1024;

/// Maximum number of bytes in a record before they are encrypted (RFC 8446, section 5.1).
const MAX_RECORD: usize = 16 * 1024;

/// The room for what a record adds to its bytes: header, nonce, content type and tag.
const RECORD_OVERHEAD: usize = 64;

/// Maximum size of records that are received and cannot be handled yet: parts of a message of the handshake. The
/// buffer of `rustls` has the same limit.
const MAX_UNHANDLED: usize = 0xffff;

/// A TLS connection to a server.
pub(super) struct ClientStream<T> {
    transport: T,
    session: UnbufferedClientConnection,
    /// The received records that have not been handled.
    incoming: ReadBuffer,
    /// Decrypted bytes for which the caller's buffer had no room. They come from bytes that were in `incoming`, so its
    /// size bounds them.
    decrypted: BytesMut,
    outgoing: Outgoing,
    /// Why the session cannot go on.
    failure: Option<rustls::Error>,
    /// Whether the server has sent `close_notify`.
    is_read_closed: bool,
    /// Whether the client has sent `close_notify`.
    is_write_closed: bool,
    pub(super) connection_info: ConnectionInfo,
}

/// What [`ClientStream::handle`] sends once the session can send.
enum Sending<'a> {
    Nothing,
    Bytes(&'a [u8]),
    CloseNotify,
}

/// What [`ClientStream::handle`] has found.
enum Handled {
    /// Records were decrypted. The number is how many bytes the caller's buffer has received.
    Data(usize),
    /// A step that needs nothing of the caller.
    Step,
    /// More has to be received before the session can send.
    NeedsRecords,
    /// The session can send, and has sent what it was given. More has to be received for the next step.
    CanSend,
    /// The server has ended its side.
    ReadClosed,
    /// Both sides have ended.
    Closed,
}

impl<T: Transport> ClientStream<T> {
    /// Makes the handshake with the server `name`.
    pub(super) async fn connect(
        transport: T,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<Self> {
        let connection_info = transport.connection_info();
        let mut stream = Self {
            transport,
            session: UnbufferedClientConnection::new(config, name).map_err(io::Error::other)?,
            incoming: ReadBuffer::with_reads(FIRST_READ, MAX_READ),
            decrypted: BytesMut::new(),
            outgoing: Outgoing::default(),
            failure: None,
            is_read_closed: false,
            is_write_closed: false,
            connection_info,
        };
        poll_fn(|cx| stream.poll_handshake(cx)).await?;
        Ok(stream)
    }

    /// Returns the facts about the session.
    pub(super) fn session(&self) -> &CommonState {
        &self.session
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.handle(&mut [], Sending::Nothing) {
                Ok(Handled::Data(_) | Handled::Step) => {}
                Ok(Handled::CanSend) => return self.poll_flush_all(cx),
                Ok(Handled::NeedsRecords) => {
                    // The server answers only what it has received.
                    ready!(self.poll_flush_all(cx))?;
                    if ready!(self.poll_receive(cx))? == 0 {
                        return Poll::Ready(Err(ended("the server ended the connection during the handshake")));
                    }
                }
                Ok(Handled::ReadClosed | Handled::Closed) => {
                    return Poll::Ready(Err(ended("the server ended TLS during the handshake")));
                }
                Err(error) => {
                    self.send_alert(cx);
                    return Poll::Ready(Err(error));
                }
            }
        }
    }

    /// Makes a step of the session with the received records. Puts decrypted bytes into `buffer`, and bytes without room
    /// there into `decrypted`.
    fn handle(&mut self, buffer: &mut [u8], sending: Sending<'_>) -> io::Result<Handled> {
        if let Some(failure) = &self.failure {
            return Err(invalid(failure.clone()));
        }
        let UnbufferedStatus { mut discard, state } = self.session.process_tls_records(self.incoming.data_mut());
        let handled = match state {
            Ok(ConnectionState::ReadTraffic(mut records)) => {
                let mut count = 0;
                while let Some(record) = records.next_record() {
                    let record = record.map_err(invalid)?;
                    discard += record.discard;
                    let room = &mut buffer[count..];
                    let (now, later) = record.payload.split_at(record.payload.len().min(room.len()));
                    room[..now.len()].copy_from_slice(now);
                    self.decrypted.extend_from_slice(later);
                    count += now.len();
                }
                Ok(Handled::Data(count))
            }
            // The records leave before all later records, so they count as sent.
            Ok(ConnectionState::EncodeTlsData(mut data)) => {
                self.outgoing.append(0, |room| data.encode(room)).map(|()| Handled::Step)
            }
            Ok(ConnectionState::TransmitTlsData(data)) => {
                data.done();
                Ok(Handled::Step)
            }
            Ok(ConnectionState::BlockedHandshake) => Ok(Handled::NeedsRecords),
            Ok(ConnectionState::WriteTraffic(mut session)) => {
                let put = match sending {
                    Sending::Nothing => Ok(()),
                    Sending::Bytes(bytes) => {
                        let size = bytes.len() + (bytes.len() / MAX_RECORD + 1) * RECORD_OVERHEAD;
                        self.outgoing.append(size, |room| session.encrypt(bytes, room))
                    }
                    Sending::CloseNotify => {
                        self.outgoing.append(RECORD_OVERHEAD, |room| session.queue_close_notify(room))
                    }
                };
                put.map(|()| Handled::CanSend)
            }
            Ok(ConnectionState::PeerClosed) => {
                self.is_read_closed = true;
                Ok(Handled::ReadClosed)
            }
            Ok(ConnectionState::Closed) => Ok(Handled::Closed),
            // The client neither asks for other states nor offers early data.
            Ok(_) => Err(io::Error::other("the TLS session is in an unknown state")),
            Err(failure) => {
                self.failure = Some(failure.clone());
                Err(invalid(failure))
            }
        };
        self.incoming.skip(discard);
        handled
    }

    /// Makes steps until the session has sent `bytes` into `outgoing`.
    fn encrypt(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.send_with(|| Sending::Bytes(bytes))
    }

    fn send_with<'a>(&mut self, sending: impl Fn() -> Sending<'a>) -> io::Result<()> {
        loop {
            // What is decrypted on the way waits for the next read.
            match self.handle(&mut [], sending())? {
                Handled::CanSend => return Ok(()),
                Handled::Closed | Handled::NeedsRecords => return Err(io::ErrorKind::BrokenPipe.into()),
                Handled::Data(_) | Handled::Step | Handled::ReadClosed => {}
            }
        }
    }

    /// Sends the alert that tells the server of a failure, as far as the transport accepts it at once.
    fn send_alert(&mut self, cx: &mut Context<'_>) {
        // The session must not see records after its failure: it would fail again and assert that it has not.
        while self.session.wants_write() {
            let UnbufferedStatus { discard, state } = self.session.process_tls_records(self.incoming.data_mut());
            let Ok(ConnectionState::EncodeTlsData(mut data)) = state else { break };
            let encoded = self.outgoing.append(0, |room| data.encode(room));
            self.incoming.skip(discard);
            if encoded.is_err() {
                break;
            }
        }
        let _ = self.outgoing.poll_send(cx, &mut self.transport);
    }

    /// Reads from the transport once. Returns how many bytes were read; 0 at its end.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.incoming.data().len() >= MAX_UNHANDLED {
            let message = format!("a message of the TLS handshake is larger than {MAX_UNHANDLED} bytes");
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, message)));
        }
        self.incoming.poll_fill(cx, &mut self.transport)
    }

    fn poll_flush_all(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.outgoing.poll_send(cx, &mut self.transport))?;
        Pin::new(&mut self.transport).poll_flush(cx)
    }

    /// Moves decrypted bytes into `buffer`. Returns their number.
    fn take_decrypted(&mut self, buffer: &mut [u8]) -> usize {
        let count = self.decrypted.len().min(buffer.len());
        self.decrypted.copy_to_slice(&mut buffer[..count]);
        count
    }

    /// Fills `buffer` with the bytes of the records that have been received. Returns their number.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut count = self.take_decrypted(buffer);
        if let (0, Some(failure)) = (count, &self.failure) {
            return Err(invalid(failure.clone()));
        }
        while count < buffer.len() && !self.incoming.data().is_empty() {
            match self.handle(&mut buffer[count..], Sending::Nothing) {
                Ok(Handled::Data(more)) => count += more,
                Ok(Handled::Step) => {}
                Ok(_) => break,
                // The bytes before a failure are read first. The next call returns the failure.
                Err(_) if count > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(count)
    }

    fn poll_write_up_to(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_write_closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        ready!(self.outgoing.poll_send(cx, &mut self.transport))?;
        let count = bytes.len().min(MAX_WRITE);
        if count > 0 {
            self.encrypt(&bytes[..count])?;
        }
        match self.outgoing.poll_send(cx, &mut self.transport) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            // Records that the transport has not accepted are sent by the next write or flush.
            _ => Poll::Ready(Ok(count)),
        }
    }
}

impl<T: Transport> AsyncRead for ClientStream<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            let count = match self.fill(buffer) {
                Ok(count) => count,
                Err(error) => {
                    self.send_alert(cx);
                    return Poll::Ready(Err(error));
                }
            };
            if count > 0 || buffer.is_empty() || self.is_read_closed {
                return Poll::Ready(Ok(count));
            }
            if ready!(self.poll_receive(cx))? == 0 {
                return Poll::Ready(Err(ended("the server ended the connection without `close_notify` of TLS")));
            }
        }
    }
}

impl<T: Transport> AsyncWrite for ClientStream<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_up_to(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut slices = slices.iter().filter(|slice| !slice.is_empty());
        let Some(first) = slices.next() else { return self.poll_write_up_to(cx, &[]) };
        if first.len() >= MAX_RECORD {
            return self.poll_write_up_to(cx, first);
        }
        // Head and body leave in the same record. The copy is at most a record.
        let total = first.len() + slices.clone().map(|slice| slice.len()).sum::<usize>();
        let mut joined = Vec::with_capacity(total.min(MAX_RECORD));
        joined.extend_from_slice(first);
        for slice in slices {
            joined.extend_from_slice(&slice[..slice.len().min(MAX_RECORD - joined.len())]);
        }
        self.poll_write_up_to(cx, &joined)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush_all(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.is_write_closed {
            this.is_write_closed = true;
            // A session that has failed cannot say that it ends.
            let _ = this.send_with(|| Sending::CloseNotify);
        }
        ready!(this.outgoing.poll_send(cx, &mut this.transport))?;
        Pin::new(&mut this.transport).poll_close(cx)
    }
}

impl<T: Transport> Transport for ClientStream<T> {
    fn is_idle(&mut self) -> bool {
        // TLS has records without data, such as session tickets, so the connection is read and not only peeked at. With
        // this waker `SocketTransport` asks the socket and defers nothing.
        let mut context = Context::from_waker(&LOOK);
        Pin::new(self).poll_read(&mut context, &mut [0]).is_pending()
    }

    fn shrink(&mut self) {
        self.incoming.shrink();
        if self.decrypted.is_empty() {
            self.decrypted = BytesMut::new();
        }
        self.outgoing.shrink();
        self.transport.shrink();
    }

    fn version(&self) -> Version {
        self.connection_info.version.unwrap_or(Version::HTTP_11)
    }

    fn connection_info(&self) -> ConnectionInfo {
        self.connection_info.clone()
    }
}

fn invalid(failure: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, failure)
}

fn ended(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, message)
}
