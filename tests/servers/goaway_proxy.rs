//! A proxy that retires each of its connections with GOAWAY, after a random number of streams or a random time.
//!
//! The proxy forwards whole frames of HTTP/2 without TLS. The GOAWAY names the highest stream that the proxy has
//! forwarded. From then on, the proxy discards the frames of higher streams, as a server that has not processed them
//! (RFC 9113, section 6.8). It closes the connection after the running streams.
//!
//! No header block of the client reaches the server after the GOAWAY. So the server misses none of the HPACK state.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::pin::pin;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use async_io::{Async, Timer};
use futures::channel::oneshot;
use futures::future::{Either, select};
use futures::{AsyncReadExt, AsyncWriteExt, Stream, StreamExt, stream};

/// Maximum number of streams after which a connection is retired.
const MAX_STREAMS: u64 = 20;

/// Maximum time from the first stream of a connection until it is retired, in milliseconds.
const MAX_MS: u64 = 500;

/// The length of the first bytes of a client (RFC 9113, section 3.4).
const PREFACE_BYTES: usize = 24;

/// The length of a frame's header.
const HEADER_BYTES: usize = 9;

/// The types and flags of frames that the proxy reads (RFC 9113, sections 6.1 to 6.10).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// What the proxy has done.
#[derive(Debug, Default)]
pub struct Record {
    /// The number of GOAWAY frames.
    pub goaways: usize,
    /// The number of requests that came after a GOAWAY and were discarded.
    pub discarded: usize,
    /// The number of requests without a body that were forwarded completely.
    pub empty: usize,
    /// How often each body was forwarded completely.
    pub bodies: BTreeMap<String, usize>,
}

/// A running proxy. Dropping it stops the proxy.
pub struct GoawayProxy {
    port: u16,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Record>,
}

impl GoawayProxy {
    /// Starts a proxy in front of the server on a port of this machine. `seed` determines the random numbers.
    pub fn start(server: u16, seed: u64) -> Self {
        let listener = Async::<TcpListener>::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.get_ref().local_addr().unwrap().port();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let record = RefCell::default();
            async_io::block_on(select(pin!(serve(&listener, server, seed, &record)), stopped));
            record.into_inner()
        });
        Self { port, stop, thread }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends all connections, and returns what the proxy has done.
    pub fn stop(self) -> Record {
        drop(self.stop);
        self.thread.join().unwrap()
    }
}

async fn serve(listener: &Async<TcpListener>, server: u16, seed: u64, record: &RefCell<Record>) {
    let random = RefCell::new(Random(seed));
    let connections = listener.incoming().map(|client| {
        let mut random = random.borrow_mut();
        (client.unwrap(), 1 + random.below(MAX_STREAMS), Duration::from_millis(random.below(MAX_MS)))
    });
    connections
        .for_each_concurrent(None, async |(client, streams, time)| {
            let server = Async::<TcpStream>::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, server))).await.unwrap();
            // A client that is cancelled resets its connection, so errors are no failures of the proxy.
            let _ = Connection::new(record, streams, time).forward(&client, &server).await;
            drop(server);
            let _ = drain(&client).await;
        })
        .await;
}

/// Ends the sending direction, and reads until the client closes the connection. A close with unread bytes would reset
/// the connection and destroy answers on their way.
async fn drain(mut client: &Async<TcpStream>) -> io::Result<()> {
    client.get_ref().shutdown(Shutdown::Write)?;
    while client.read(&mut [0; 4096]).await? > 0 {}
    Ok(())
}

/// A pseudorandom generator.
struct Random(u64);

impl Random {
    /// Returns a number below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A whole frame, with its header.
struct Frame(Vec<u8>);

impl Frame {
    /// Takes the first frame of `bytes`, if all of it is there.
    fn take(bytes: &mut Vec<u8>) -> Option<Self> {
        let length = u32::from_be_bytes([0, *bytes.first()?, *bytes.get(1)?, *bytes.get(2)?]);
        let end = HEADER_BYTES + length as usize;
        (bytes.len() >= end).then(|| Self(bytes.drain(..end).collect()))
    }

    /// Makes a GOAWAY with NO_ERROR.
    fn goaway(last_stream: u32) -> Self {
        let header = [0, 0, 8, GOAWAY, 0, 0, 0, 0, 0];
        Self([&header[..], &last_stream.to_be_bytes(), &[0; 4]].concat())
    }

    fn kind(&self) -> u8 {
        self.0[3]
    }

    fn has(&self, flag: u8) -> bool {
        self.0[4] & flag != 0
    }

    fn stream(&self) -> u32 {
        u32::from_be_bytes([self.0[5] & 0x7f, self.0[6], self.0[7], self.0[8]])
    }

    fn payload(&self) -> &[u8] {
        &self.0[HEADER_BYTES..]
    }

    /// Returns whether the sender of the frame sends no more of its stream.
    fn ends_stream(&self) -> bool {
        [DATA, HEADERS].contains(&self.kind()) && self.has(END_STREAM)
    }

    /// Returns whether the next frame must be of the same header block.
    fn is_within_headers(&self) -> bool {
        [HEADERS, CONTINUATION].contains(&self.kind()) && !self.has(END_HEADERS)
    }
}

/// Returns the frames that arrive on a socket, and `None` at its end.
fn frames(socket: &Async<TcpStream>) -> impl Stream<Item = Option<Frame>> {
    let frames = stream::unfold((socket, Vec::new()), async |(mut socket, mut bytes)| {
        loop {
            if let Some(frame) = Frame::take(&mut bytes) {
                return Some((Some(frame), (socket, bytes)));
            }
            let mut chunk = [0; 4096];
            match socket.read(&mut chunk).await {
                Ok(0) | Err(_) => return None,
                Ok(length) => bytes.extend_from_slice(&chunk[..length]),
            }
        }
    });
    frames.chain(stream::iter([None]))
}

/// A stream that runs.
#[derive(Default)]
struct RunningStream {
    body: Vec<u8>,
    is_sent: bool,
    is_answered: bool,
}

/// A connection of a client with a connection to the server.
struct Connection<'a> {
    record: &'a RefCell<Record>,
    /// The number of streams until the connection is retired.
    streams_left: u64,
    /// The time from the first stream until the connection is retired.
    time: Duration,
    timer: Timer,
    /// The highest stream that was forwarded.
    highest: u32,
    running: BTreeMap<u32, RunningStream>,
    /// Whether the server has sent its settings, and no header block of the server is incomplete.
    is_between_frames: bool,
    is_due: bool,
    is_retired: bool,
}

/// The direction of a frame.
enum Sender {
    Client,
    Server,
}

impl<'a> Connection<'a> {
    fn new(record: &'a RefCell<Record>, streams_left: u64, time: Duration) -> Self {
        Self {
            record,
            streams_left,
            time,
            timer: Timer::never(),
            highest: 0,
            running: BTreeMap::new(),
            is_between_frames: false,
            is_due: false,
            is_retired: false,
        }
    }

    /// Forwards frames until a side ends the connection, or until the last stream of a retired connection has ended.
    ///
    /// A write may wait for the receiver while no frame is read. The bodies are smaller than the buffers of the sockets, so
    /// the connection goes on.
    async fn forward(mut self, mut client: &Async<TcpStream>, mut server: &Async<TcpStream>) -> io::Result<()> {
        client.get_ref().set_nodelay(true)?;
        server.get_ref().set_nodelay(true)?;
        let mut preface = [0; PREFACE_BYTES];
        client.read_exact(&mut preface).await?;
        server.write_all(&preface).await?;
        let from_client = frames(client).map(|frame| (Sender::Client, frame));
        let from_server = frames(server).map(|frame| (Sender::Server, frame));
        let mut frames = pin!(stream::select(from_client, from_server));
        while !self.is_retired || !self.running.is_empty() {
            match select(frames.next(), &mut self.timer).await {
                Either::Left((Some((Sender::Client, Some(frame))), _)) => {
                    if self.accepts(&frame) {
                        server.write_all(&frame.0).await?;
                        self.sent(&frame);
                    }
                }
                Either::Left((Some((Sender::Server, Some(frame))), _)) => {
                    client.write_all(&frame.0).await?;
                    self.received(&frame);
                }
                Either::Left(_) => return Ok(()),
                Either::Right(_) => {
                    self.timer = Timer::never();
                    self.is_due = true;
                }
            }
            if self.is_due && self.is_between_frames && !self.is_retired {
                client.write_all(&Frame::goaway(self.highest).0).await?;
                self.is_retired = true;
                self.record.borrow_mut().goaways += 1;
            }
        }
        Ok(())
    }

    /// Returns whether a frame of the client goes to the server.
    fn accepts(&self, frame: &Frame) -> bool {
        let is_accepted = !self.is_retired || frame.stream() <= self.highest;
        if !is_accepted && frame.kind() == HEADERS {
            self.record.borrow_mut().discarded += 1;
        }
        is_accepted
    }

    /// Records a frame that went to the server.
    fn sent(&mut self, frame: &Frame) {
        let number = frame.stream();
        if frame.kind() == HEADERS && number > self.highest {
            if self.highest == 0 {
                self.timer.set_after(self.time);
            }
            self.highest = number;
            self.running.insert(number, RunningStream::default());
            self.streams_left -= u64::from(self.streams_left > 0);
            self.is_due |= self.streams_left == 0;
        }
        let Some(stream) = self.running.get_mut(&number) else { return };
        if frame.kind() == DATA {
            stream.body.extend_from_slice(frame.payload());
        }
        if frame.ends_stream() {
            stream.is_sent = true;
            let body = String::from_utf8_lossy(&stream.body).into_owned();
            let mut record = self.record.borrow_mut();
            match body.is_empty() {
                true => record.empty += 1,
                false => *record.bodies.entry(body).or_default() += 1,
            }
        }
        self.remove_ended(frame);
    }

    /// Records a frame that went to the client.
    fn received(&mut self, frame: &Frame) {
        self.is_between_frames = !frame.is_within_headers();
        if let Some(stream) = self.running.get_mut(&frame.stream()) {
            stream.is_answered |= frame.ends_stream();
        }
        self.remove_ended(frame);
    }

    /// Removes the stream of a frame if it has ended in both directions.
    fn remove_ended(&mut self, frame: &Frame) {
        let number = frame.stream();
        let has_ended = |stream: &RunningStream| stream.is_sent && stream.is_answered;
        if frame.kind() == RST_STREAM || self.running.get(&number).is_some_and(has_ended) {
            self.running.remove(&number);
        }
    }
}
