//! The streams and windows of a connection, counted from its frames.

use std::collections::{BTreeMap, VecDeque};

use super::frames::Event;
use super::network::Network;
use super::tape::Tape;

/// The window of a connection before any WINDOW_UPDATE (RFC 9113, section 6.9.2).
const FIRST_WINDOW: u64 = 65_535;

/// What a connection has carried so far.
#[derive(Default)]
pub(super) struct Account {
    /// The open streams. Each side may have ended its half.
    pub(super) open: BTreeMap<u32, [bool; 2]>,
    /// Whether the server has retired or ended the connection.
    pub(super) is_retired: bool,
    awaits_pong: bool,
    has_pinged: bool,
    /// Whether a PING may not have been answered before the clock moved, or whether a request that is not polled may have
    /// kept the answer to itself.
    pub(super) was_silent: bool,
    max_streams: Option<u32>,
    /// SETTINGS that the client has not acknowledged.
    settings: VecDeque<Option<u32>>,
    /// The highest number of streams above the limit.
    excess: usize,
    /// The bytes of the windows that the client has opened, and the bytes that arrived. Stream 0 is the connection.
    opened: BTreeMap<u32, u64>,
    arrived: BTreeMap<u32, u64>,
}

impl Account {
    pub(super) fn of(tape: &Tape) -> Self {
        let mut account = Self::default();
        tape.events.iter().for_each(|(_, event)| account.add(event));
        account
    }

    fn add(&mut self, event: &Event) {
        match *event {
            Event::Request { stream, .. } => {
                let max = self.max_streams.map_or(usize::MAX, |max| max as usize);
                self.excess = self.excess.max((self.open.len() + 1).saturating_sub(max));
                self.open.insert(stream, [false; 2]);
            }
            Event::SentEnd(stream) => self.end(stream, 0),
            Event::Fields { stream, ends: true, .. } => self.end(stream, 1),
            Event::Data { stream, bytes, ends } => {
                *self.arrived.entry(0).or_default() += bytes;
                *self.arrived.entry(stream).or_default() += bytes;
                if ends {
                    self.end(stream, 1);
                }
            }
            Event::SentWindow { stream, bytes } => *self.opened.entry(stream).or_default() += bytes,
            Event::SentReset(stream) | Event::Reset { stream, .. } => self.remove(stream),
            Event::Settings(max) => self.settings.push_back(max),
            Event::SentSettingsAck => {
                let max = self.settings.pop_front().expect("the client acknowledges SETTINGS that did not come");
                self.max_streams = max.or(self.max_streams);
            }
            Event::GoAway { last, .. } => {
                self.is_retired = true;
                let over: Vec<_> = self.open.keys().copied().filter(|stream| *stream > last).collect();
                over.into_iter().for_each(|stream| self.remove(stream));
            }
            Event::Broken => self.is_retired = true,
            Event::SentPing => (self.awaits_pong, self.has_pinged) = (true, true),
            Event::Pong => self.awaits_pong = false,
            Event::Later { is_held, holds_requests } => {
                self.was_silent |= self.awaits_pong || is_held || (self.has_pinged && holds_requests);
            }
            Event::Fields { .. } | Event::SentData { .. } | Event::Window { .. } => {}
        }
    }

    fn end(&mut self, stream: u32, side: usize) {
        let Some(halves) = self.open.get_mut(&stream) else { return };
        halves[side] = true;
        if *halves == [true; 2] {
            self.remove(stream);
        }
    }

    fn remove(&mut self, stream: u32) {
        self.open.remove(&stream);
    }

    /// Checks that the client has kept the limits: of streams, and of the windows that it opens.
    pub(super) fn check(&self, window: u64, stream_window: u64) {
        assert_eq!(self.excess, 0, "the client exceeds the limit of streams");
        for (stream, opened) in &self.opened {
            let arrived = self.arrived.get(stream).copied().unwrap_or(0);
            let max = if *stream == 0 { window.saturating_sub(FIRST_WINDOW) } else { 0 };
            assert!(
                *opened <= arrived + max,
                "the window of stream {stream} grows: {opened}, {arrived}, {stream_window}"
            );
        }
    }

    /// Checks that the window of the connection is open again. The client opens it once a third of it is free to open.
    pub(super) fn check_window(&self, window: u64) {
        let (opened, arrived) = (self.opened.get(&0), self.arrived.get(&0));
        let left = FIRST_WINDOW + opened.copied().unwrap_or(0) - arrived.copied().unwrap_or(0);
        assert!(left * 3 + 3 >= window * 2, "{left} bytes of a window of {window} are left");
    }
}

fn is_open(tape: &Tape, host: &str) -> bool {
    tape.origin == host && !tape.is_dropped && !Account::of(tape).is_retired
}

impl Network {
    /// Returns the number of connections to an origin that may carry further requests.
    pub(super) fn open_connections(&self, host: &str) -> usize {
        self.tapes.look(|state| state.tapes.iter().filter(|tape| is_open(tape, host)).count())
    }

    /// Returns how many bytes wait on these connections. Small reads take many turns, and GOAWAY may be the last.
    pub(super) fn unread(&self, host: &str) -> usize {
        let open = |tape: &&Tape| is_open(tape, host);
        self.tapes.look(|state| state.tapes.iter().filter(open).map(|tape| tape.unread.count()).sum())
    }

    /// Returns how many connections have ended or were retired.
    pub(super) fn ends(&self) -> usize {
        self.tapes.look(|state| state.tapes.iter().filter(|tape| Account::of(tape).is_retired).count())
    }

    pub(super) fn connects(&self) -> usize {
        self.tapes.look(|state| state.tapes.len())
    }
}
