//! A socket of the server, plain or with TLS, that does not block.

use std::io::{Read, Result, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::tls;

/// Makes streams from accepted sockets.
pub struct Acceptor {
    tls: Option<Arc<ServerConfig>>,
}

impl Acceptor {
    /// Prints the certificate if the server has TLS.
    pub fn new(with_tls: bool) -> Self {
        Self { tls: with_tls.then(tls::serve_certificate) }
    }

    pub fn accept(&self, socket: TcpStream) -> Stream {
        match &self.tls {
            None => Stream::Plain(socket),
            Some(config) => {
                let session = ServerConnection::new(config.clone()).expect("a valid configuration");
                Stream::Tls(Box::new(StreamOwned::new(session, socket)))
            }
        }
    }
}

pub enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Stream {
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    /// Sends the records that TLS holds back while the socket is full.
    pub fn flush(&mut self) -> Result<()> {
        let Self::Tls(stream) = self else { return Ok(()) };
        while stream.conn.wants_write() {
            stream.conn.write_tls(&mut stream.sock)?;
        }
        Ok(())
    }

    /// Announces the end of the connection; dropping the stream then closes the socket.
    pub fn close(&mut self) {
        if let Self::Tls(stream) = self {
            stream.conn.send_close_notify();
            let _ = self.flush();
        }
    }
}
