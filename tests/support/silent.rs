//! Servers on loopback that do not answer: an address that accepts no connection, and a server that falls silent.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use futures::channel::oneshot;
use socket2::{Domain, Socket, Type};

/// An address that does not answer, because its queue of connections is full.
pub struct SilentAddress {
    pub address: SocketAddr,
    _listener: Socket,
    _waiting: Vec<TcpStream>,
}

impl SilentAddress {
    pub fn new() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
        let waiting = Vec::from_iter(std::iter::from_fn(connect).take(100));
        assert!(waiting.len() < 100, "the queue does not fill");
        Self { address, _listener: listener, _waiting: waiting }
    }
}

/// A server that reads what a client sends, answers with a reply for each piece, and then falls silent.
pub struct SilentServer {
    pub address: SocketAddr,
    /// Completes when the server has read the piece that it does not answer.
    pub is_silent: oneshot::Receiver<()>,
    /// Keeps the connection open.
    _open: mpsc::Sender<()>,
}

impl SilentServer {
    pub fn start(replies: &[&'static [u8]]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (silence, is_silent) = oneshot::channel();
        let (open, closed) = mpsc::channel();
        let replies = replies.to_vec();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut piece = [0; 4096];
            for reply in replies {
                assert!(stream.read(&mut piece).unwrap() > 0);
                stream.write_all(reply).unwrap();
            }
            assert!(stream.read(&mut piece).unwrap() > 0);
            let _ = silence.send(());
            // Ends when the test drops the sender.
            let _ = closed.recv();
        });
        Self { address, is_silent, _open: open }
    }
}
