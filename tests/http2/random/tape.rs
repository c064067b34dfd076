//! The transports of the client: they record what passes, split it, and hold it back.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use futures::io::{AsyncRead, AsyncWrite};
use http::Version;
use waterspout::Transport;

use super::frames::{Event, FrameReader};
use crate::net::{End, Unread};

/// What passed on a connection.
pub(super) struct Tape {
    pub(super) origin: String,
    /// The events, each with its place in the order of all connections.
    pub(super) events: Vec<(u64, Event)>,
    /// Whether the client has dropped the connection.
    pub(super) is_dropped: bool,
    /// The bytes that the client has not read.
    pub(super) unread: Unread,
    last_opened: u32,
    sent: FrameReader,
    received: FrameReader,
    /// Whether reads and writes wait.
    is_held: [bool; 2],
    wakers: [Option<Waker>; 2],
}

impl Tape {
    /// Returns whether the head of a request was sent whose number meets a condition.
    pub(super) fn has_sent(&self, is_meant: impl Fn(u64) -> bool) -> bool {
        self.events.iter().any(|(_, event)| matches!(event, Event::Request { request, .. } if is_meant(*request)))
    }

    /// Returns whether the client has written a part of a frame.
    pub(super) fn is_within_sent_frame(&self) -> bool {
        self.sent.is_within_frame()
    }
}

/// How the transports split the bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Split {
    pub(super) read: usize,
    pub(super) write: usize,
    /// Whether every second read waits for another poll, as if the bytes arrived between two polls.
    pub(super) yields: bool,
}

/// The tapes of all connections, in the order of their opening.
#[derive(Clone, Default)]
pub(crate) struct Tapes(Arc<Mutex<TapeState>>);

#[derive(Default)]
pub(super) struct TapeState {
    pub(super) tapes: Vec<Tape>,
    clock: u64,
}

const READ: usize = 0;
const WRITE: usize = 1;

impl Tapes {
    /// Returns the next number in the order of all events.
    pub(super) fn tick(&self) -> u64 {
        self.look(|state| {
            state.clock += 1;
            state.clock
        })
    }

    /// Returns the connections on which the head of a request was sent.
    pub(crate) fn heads_of(&self, id: u64) -> Vec<usize> {
        let has_head = |tape: &Tape| tape.has_sent(|request| request == id);
        self.look(|state| (0..state.tapes.len()).filter(|number| has_head(&state.tapes[*number])).collect())
    }

    /// Notes that the clock moves.
    pub(super) fn note_time(&self, holds_requests: bool) {
        self.look(|state| {
            state.clock += 1;
            let now = state.clock;
            for tape in &mut state.tapes {
                let is_held = tape.is_held.contains(&true);
                tape.events.push((now, Event::Later { is_held, holds_requests }));
            }
        });
    }

    /// Prints the events of all connections, for the message of a failure.
    pub(super) fn print(&self) {
        self.look(|state| {
            for (number, tape) in state.tapes.iter().enumerate() {
                println!("connection {number} to {}:", tape.origin);
                tape.events.iter().for_each(|(at, event)| println!("  {at}: {event:?}"));
            }
        });
    }

    /// Adds a connection to an origin.
    pub(super) fn record(&self, origin: &str, end: End, split: Split) -> TapedEnd {
        let number = self.look(|state| {
            state.tapes.push(Tape {
                origin: origin.to_string(),
                events: Vec::new(),
                is_dropped: false,
                unread: end.unread(),
                last_opened: 0,
                sent: FrameReader::after_preface(),
                received: FrameReader::default(),
                is_held: [false; 2],
                wakers: [None, None],
            });
            state.tapes.len() - 1
        });
        TapedEnd { end, tapes: self.clone(), number, split, has_yielded: false }
    }

    /// Holds the bytes of a connection back in a direction: 0 is towards the client.
    pub(crate) fn hold(&self, number: usize, direction: usize) {
        self.look(|state| state.tapes[number].is_held[direction] = true);
    }

    /// Lets the bytes of all connections pass.
    pub(crate) fn release(&self) {
        let wakers: Vec<_> = self.look(|state| {
            let release = |tape: &mut Tape| {
                tape.is_held = [false; 2];
                std::mem::take(&mut tape.wakers)
            };
            state.tapes.iter_mut().flat_map(release).flatten().collect()
        });
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(super) fn look<T>(&self, look: impl FnOnce(&mut TapeState) -> T) -> T {
        // A check that fails leaves the lock poisoned.
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The client's end of a recorded connection.
pub(super) struct TapedEnd {
    end: End,
    tapes: Tapes,
    number: usize,
    split: Split,
    has_yielded: bool,
}

impl TapedEnd {
    /// Returns `Pending` while the bytes of a direction are held back.
    fn poll_held(&self, cx: &Context<'_>, direction: usize) -> Poll<()> {
        self.tapes.look(|state| {
            let tape = &mut state.tapes[self.number];
            if tape.is_held[direction] {
                tape.wakers[direction] = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
    }

    fn add(&self, state: &mut TapeState, event: Event) {
        state.clock += 1;
        let tape = &mut state.tapes[self.number];
        if let Event::Request { stream, .. } = event {
            tape.last_opened = stream;
        }
        tape.events.push((state.clock, event));
    }

    fn break_off(&self) {
        self.tapes.look(|state| self.add(state, Event::Broken));
    }

    fn send(&self, bytes: &[u8]) {
        self.tapes.look(|state| {
            for frame in state.tapes[self.number].sent.push(bytes) {
                let events = Event::sent(&frame, state.tapes[self.number].last_opened);
                events.into_iter().for_each(|event| self.add(state, event));
            }
        });
    }

    fn receive(&self, bytes: &[u8]) {
        self.tapes.look(|state| {
            for frame in state.tapes[self.number].received.push(bytes) {
                Event::received(&frame).into_iter().for_each(|event| self.add(state, event));
            }
        });
    }
}

impl AsyncRead for TapedEnd {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_held(cx, READ));
        self.has_yielded = self.split.yields && !self.has_yielded;
        if self.has_yielded {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let max = buffer.len().min(self.split.read);
        let outcome = ready!(Pin::new(&mut self.end).poll_read(cx, &mut buffer[..max]));
        match &outcome {
            Ok(count) if *count > 0 => self.receive(&buffer[..*count]),
            _ => self.break_off(),
        }
        Poll::Ready(outcome)
    }
}

impl AsyncWrite for TapedEnd {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_held(cx, WRITE));
        let max = bytes.len().min(self.split.write);
        let outcome = ready!(Pin::new(&mut self.end).poll_write(cx, &bytes[..max]));
        match &outcome {
            Ok(count) => self.send(&bytes[..*count]),
            Err(_) => self.break_off(),
        }
        Poll::Ready(outcome)
    }

    /// Writes the parts together, as a socket does.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut bytes = Vec::new();
        for part in parts {
            bytes.extend_from_slice(&part[..part.len().min(self.split.write - bytes.len())]);
        }
        self.poll_write(cx, &bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_held(cx, WRITE).map(Ok)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_held(cx, WRITE));
        Pin::new(&mut self.end).poll_close(cx)
    }
}

impl Drop for TapedEnd {
    fn drop(&mut self) {
        self.tapes.look(|state| state.tapes[self.number].is_dropped = true);
    }
}

impl Transport for TapedEnd {
    fn version(&self) -> Version {
        Version::HTTP_2
    }
}
