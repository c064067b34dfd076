//! The limit: loops written by hand, with a request made once. They read exactly the bytes that the server of this
//! program sends, and parse nothing.

use std::io::{Read, Write};
use std::mem::MaybeUninit;
use std::net::TcpStream;

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

use crate::job::{Job, Kind, Sample};
use crate::measure::Stopwatch;
use crate::server::{self, LARGE, SMALL_RESPONSE};

/// The size of a read of a large body, in bytes.
const READ: usize = 256 * 1024;

/// Performs a job. Small requests run on epoll if there are several connections; everything else blocks.
pub fn run(job: &Job) -> Sample {
    let address = job.server.strip_prefix("http://").expect("the raw loop has no TLS");
    let request = head(job, address);
    let connect = || {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_nodelay(true).expect("an option of the socket");
        stream
    };
    match job.kind {
        Kind::Small if job.connections > 1 => {
            let mut pollers = Poller::new((0..job.connections).map(|_| connect()).collect(), request);
            measured(job, |requests| pollers.run(requests))
        }
        Kind::Held | Kind::Idle => panic!("the raw loop does not hold requests"),
        Kind::Fresh => measured(job, |requests| (0..requests).for_each(|_| until_close(connect(), &request))),
        _ => {
            let mut stream = connect();
            let mut buffer = vec![0; READ];
            measured(job, |requests| {
                for _ in 0..requests {
                    stream.write_all(&request).expect("a request");
                    if job.kind == Kind::Upload {
                        stream.write_all(&server::upload_body()).expect("a body");
                    }
                    read_response(&mut stream, job.kind, &mut buffer);
                }
            })
        }
    }
}

/// Runs the requests before the measured requests, then measures.
fn measured(job: &Job, mut run: impl FnMut(usize)) -> Sample {
    run(job.warm_up);
    let watch = Stopwatch::start();
    run(job.requests);
    watch.stop()
}

fn head(job: &Job, address: &str) -> Vec<u8> {
    let path = &job.url[job.server.len()..];
    match job.kind {
        Kind::Upload => {
            format!("POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\n\r\n", server::UPLOAD)
        }
        _ => format!("GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: */*\r\n\r\n"),
    }
    .into_bytes()
}

fn until_close(mut stream: TcpStream, request: &[u8]) {
    stream.write_all(request).expect("a request");
    let mut response = Vec::with_capacity(1024);
    stream.read_to_end(&mut response).expect("a response");
    assert!(response.ends_with(server::SMALL_BODY.as_bytes()));
}

fn read_response(stream: &mut TcpStream, kind: Kind, buffer: &mut [u8]) {
    let length = match kind {
        Kind::Download => LARGE + server::download_head().len(),
        // The last chunk may arrive in several reads, so the bytes are counted.
        Kind::Chunked => server::chunked_length(),
        _ => SMALL_RESPONSE.len(),
    };
    let mut count = 0;
    loop {
        let read = stream.read(buffer).expect("a response");
        assert!(read > 0, "the server closed the connection");
        count += read;
        if count == length {
            return;
        }
    }
}

/// Connections on epoll. Each connection has at most a single request under way.
struct Poller {
    epoll: rustix::fd::OwnedFd,
    streams: Vec<TcpStream>,
    /// The number of bytes that are missing in each connection's response.
    missing: Vec<usize>,
    request: Vec<u8>,
}

impl Poller {
    fn new(streams: Vec<TcpStream>, request: Vec<u8>) -> Self {
        let epoll = epoll::create(CreateFlags::CLOEXEC).expect("epoll");
        for (index, stream) in streams.iter().enumerate() {
            stream.set_nonblocking(true).expect("an option of the socket");
            epoll::add(&epoll, stream, EventData::new_u64(index as u64), EventFlags::IN).expect("a registration");
        }
        Self { epoll, missing: vec![0; streams.len()], streams, request }
    }

    fn send(&mut self, index: usize) {
        // A small request fits into the empty buffer of the socket.
        let written = (&self.streams[index]).write(&self.request).expect("a request");
        assert_eq!(written, self.request.len());
        self.missing[index] = SMALL_RESPONSE.len();
    }

    /// Sends `requests` requests and reads their responses.
    fn run(&mut self, requests: usize) {
        let (mut unsent, mut open) = (requests, 0);
        for index in 0..self.streams.len().min(requests) {
            self.send(index);
            (unsent, open) = (unsent - 1, open + 1);
        }
        let mut events = [MaybeUninit::<Event>::uninit(); 1024];
        let mut buffer = [0; 4096];
        while open > 0 {
            let (ready, _) = epoll::wait(&self.epoll, &mut events, None).expect("events");
            for event in ready {
                let index = event.data.u64() as usize;
                let read = (&self.streams[index]).read(&mut buffer).expect("a response");
                assert!(read > 0, "the server closed the connection");
                self.missing[index] -= read;
                if self.missing[index] > 0 {
                    continue;
                }
                match unsent {
                    0 => open -= 1,
                    _ => {
                        unsent -= 1;
                        self.send(index);
                    }
                }
            }
        }
    }
}
