//! The server. Its responses are constants, and its loop is written by hand, so that the server costs as little as
//! possible and the client is what the benchmark measures.

mod connection;
mod http2;
mod nghttpd;
mod process;
mod responses;
mod stream;
mod tls;

use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::net::TcpListener;

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

pub use self::http2::serve as serve_http2;
pub use self::nghttpd::serve as serve_nghttpd;
pub use self::process::{Process, program};
pub use self::responses::{LARGE, SMALL_BODY, SMALL_RESPONSE, UPLOAD, chunked_length, download_head, upload_body};
pub use self::tls::{certificate, tls_config};

use self::connection::{Connection, Progress};
use self::stream::Acceptor;
use crate::measure::{SERVER_CPU, pin};

/// The event data of the listener. Connections have the numbers of their sockets.
const LISTENER: u64 = u64::MAX;

/// The event data of the standard input.
const INPUT: u64 = u64::MAX - 1;

/// Prints the address of a free port on loopback, then serves all connections on this thread, until the other end of the
/// standard input closes. With TLS, it also prints its certificate.
pub fn serve(with_tls: bool) {
    pin(SERVER_CPU);
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    // The default backlog is too short for thousands of clients that connect at once.
    rustix::net::listen(&listener, 16_384).expect("a longer backlog");
    listener.set_nonblocking(true).expect("an option of the socket");
    println!("{}", listener.local_addr().expect("the listener has an address"));
    Server::new(listener, Acceptor::new(with_tls)).run()
}

struct Server {
    epoll: rustix::fd::OwnedFd,
    listener: TcpListener,
    acceptor: Acceptor,
    connections: HashMap<u64, Connection>,
    /// The connections whose requests wait until enough of them have arrived.
    held: Vec<u64>,
    /// The memory into which connections read.
    buffer: Vec<u8>,
}

impl Server {
    fn new(listener: TcpListener, acceptor: Acceptor) -> Self {
        let epoll = epoll::create(CreateFlags::CLOEXEC).expect("epoll");
        epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN).expect("a registration");
        // A process that starts the server holds a pipe to it. The pipe closes when that process ends, however it ends.
        // Other inputs may not be pollable, and then nothing watches them.
        let _ = epoll::add(&epoll, std::io::stdin(), EventData::new_u64(INPUT), EventFlags::empty());
        Self { epoll, listener, acceptor, connections: HashMap::new(), held: Vec::new(), buffer: vec![0; 256 * 1024] }
    }

    fn run(mut self) {
        let mut events = [MaybeUninit::<Event>::uninit(); 1024];
        loop {
            let ready = match epoll::wait(&self.epoll, &mut events, None) {
                Ok((ready, _)) => ready,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => panic!("epoll: {error}"),
            };
            for event in ready {
                match event.data.u64() {
                    LISTENER => self.accept(),
                    INPUT => return,
                    number => self.advance(number),
                }
            }
        }
    }

    fn accept(&mut self) {
        while let Ok((socket, _)) = self.listener.accept() {
            let number = std::os::fd::AsRawFd::as_raw_fd(&socket) as u64;
            // Edge-triggered for both directions: no further system call is needed to change the interest.
            let interest = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
            socket.set_nonblocking(true).and_then(|()| socket.set_nodelay(true)).expect("options of the socket");
            epoll::add(&self.epoll, &socket, EventData::new_u64(number), interest).expect("a registration");
            self.connections.insert(number, Connection::new(self.acceptor.accept(socket)));
        }
    }

    /// Lets a connection read and write as much as it can.
    fn advance(&mut self, number: u64) {
        let Some(connection) = self.connections.get_mut(&number) else { return };
        match connection.advance(&mut self.buffer) {
            Progress::Waiting => {}
            Progress::Closed => drop(self.connections.remove(&number)),
            Progress::Held(count) => {
                self.held.push(number);
                if self.held.len() >= count {
                    self.release();
                }
            }
        }
    }

    /// Answers all requests that are held.
    fn release(&mut self) {
        for number in std::mem::take(&mut self.held) {
            if let Some(connection) = self.connections.get_mut(&number) {
                connection.release();
                self.advance(number);
            }
        }
    }
}
