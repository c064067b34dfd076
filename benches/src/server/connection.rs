//! A connection of the server: reads requests and writes the answers, as far as the socket allows.

use std::borrow::Cow;
use std::io::{ErrorKind, Result};

use super::responses::{Answer, answer};
use super::stream::Stream;

/// The bytes of a response: a head, a block that is repeated, and an end.
pub struct Output {
    pub head: Cow<'static, [u8]>,
    pub repeated: &'static [u8],
    pub times: usize,
    pub end: &'static [u8],
    /// The number of bytes of the current part that are sent.
    pub sent: usize,
}

impl Output {
    /// Writes until everything is sent; returns `WouldBlock` if the socket is full.
    fn write_to(&mut self, stream: &mut Stream) -> Result<()> {
        loop {
            let part = self.part();
            if part.is_empty() {
                return Ok(());
            }
            let length = part.len();
            let written = stream.write(&part[self.sent..])?;
            self.sent += written;
            if self.sent == length {
                self.next_part();
            }
        }
    }

    fn part(&self) -> &[u8] {
        match (self.head.is_empty(), self.times) {
            (false, _) => &self.head,
            (true, 0) => self.end,
            (true, _) => self.repeated,
        }
    }

    fn next_part(&mut self) {
        self.sent = 0;
        match (self.head.is_empty(), self.times) {
            (false, _) => self.head = Cow::Borrowed(&[]),
            (true, 0) => self.end = &[],
            (true, _) => self.times -= 1,
        }
    }
}

/// The state of a connection after it has read and written as much as it could.
pub enum Progress {
    /// The connection waits for its socket.
    Waiting,
    /// The connection has a request that waits until this number of requests has arrived.
    Held(usize),
    Closed,
}

pub struct Connection {
    stream: Stream,
    /// Received bytes of requests that are not answered yet.
    input: Vec<u8>,
    /// The number of bytes of a request's body that have not arrived. The small response follows them.
    body_left: usize,
    output: Option<Output>,
    /// Whether the request waits until enough other requests have arrived.
    is_held: bool,
    /// Whether the connection closes after the output.
    is_last: bool,
}

impl Connection {
    pub fn new(stream: Stream) -> Self {
        Self { stream, input: Vec::new(), body_left: 0, output: None, is_held: false, is_last: false }
    }

    /// Answers the request that was held.
    pub fn release(&mut self) {
        self.is_held = false;
        self.output = Some(Output::small());
    }

    /// Reads and writes until the socket has to wait. `buffer` is scratch memory that all connections share.
    pub fn advance(&mut self, buffer: &mut [u8]) -> Progress {
        match self.try_advance(buffer) {
            Ok(progress) => progress,
            Err(error) if error.kind() == ErrorKind::WouldBlock => Progress::Waiting,
            Err(_) => Progress::Closed,
        }
    }

    fn try_advance(&mut self, buffer: &mut [u8]) -> Result<Progress> {
        let mut may_have_more = true;
        loop {
            self.stream.flush()?;
            if let Some(output) = &mut self.output {
                output.write_to(&mut self.stream)?;
                self.output = None;
                self.stream.flush()?;
            }
            if self.is_last {
                self.stream.close();
                return Ok(Progress::Closed);
            }
            if self.is_held {
                return Ok(Progress::Waiting);
            }
            if let Some(answer) = self.next_answer() {
                match answer {
                    Answer::Send(output) => self.output = Some(output),
                    Answer::SendLast(output) => (self.output, self.is_last) = (Some(output), true),
                    Answer::AfterBody(length) => self.begin_body(length),
                    Answer::Held(count) => {
                        self.is_held = true;
                        return Ok(Progress::Held(count));
                    }
                }
                continue;
            }
            if !may_have_more {
                return Ok(Progress::Waiting);
            }
            let count = self.stream.read(buffer)?;
            if count == 0 {
                return Ok(Progress::Closed);
            }
            // A short read has emptied a plain socket, and the next bytes cause an event. TLS reads a record at a time.
            may_have_more = count == buffer.len() || self.stream.is_tls();
            self.receive(&buffer[..count]);
        }
    }

    /// Takes a request from the input, if its head is complete.
    fn next_answer(&mut self) -> Option<Answer> {
        let end = self.input.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&self.input[..end]).expect("the clients send text");
        let path = head.split(' ').nth(1).expect("a request has a path");
        let answer = answer(path, content_length(head));
        self.input.drain(..end + 4);
        Some(answer)
    }

    fn begin_body(&mut self, length: usize) {
        self.body_left = length;
        let received = std::mem::take(&mut self.input);
        self.receive(&received);
    }

    fn receive(&mut self, bytes: &[u8]) {
        if self.body_left == 0 {
            return self.input.extend_from_slice(bytes);
        }
        let of_body = bytes.len().min(self.body_left);
        self.body_left -= of_body;
        self.input.extend_from_slice(&bytes[of_body..]);
        if self.body_left == 0 {
            self.output = Some(Output::small());
        }
    }
}

/// Returns the length of a request's body; 0 without a content-length.
fn content_length(head: &str) -> usize {
    let lines = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    let mut lengths = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths.next().map_or(0, |(_, value)| value.trim().parse().expect("the clients send valid lengths"))
}
