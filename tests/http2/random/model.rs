//! Which outcomes of a request are right. The model knows nothing of the client: it reads off the tapes what the servers
//! have told the client about each stream, and applies RFC 9113, sections 6.8 and 8.7, and RFC 9110, section 9.2.2.

use std::collections::BTreeSet;
use std::time::Duration;

use waterspout::{Error, ErrorKind, Timeout};

use super::frames::Event;
use super::requests::{Answer, Kind, LIMIT, Plan};
use super::tape::{Tape, Tapes};

/// The number of times that the client sends a request at most, unless servers retire connections after other requests.
const MAX_SENT: usize = 3;

/// How long a request waits for a slot without a limit of its own, while no request that holds a slot makes progress.
const STALL_LIMIT: Duration = Duration::from_secs(30);

const REFUSED_STREAM: u32 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;

/// What the client was told about a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Open,
    Complete,
    /// The client has reset the stream.
    Cancelled,
    Reset(u32),
    /// GOAWAY says that the server does not process the stream.
    Retired,
    /// The connection has ended.
    Lost,
}

/// A request on a stream.
#[derive(Debug)]
struct Attempt {
    sent_at: u64,
    connection: usize,
    stream: u32,
    fate: Fate,
    /// Whether a head has arrived before, and the bytes of the body that have.
    is_answered: bool,
    arrived: u64,
    /// Whether the server has said so far that it does not process the stream.
    is_unprocessed: bool,
    /// Whether a later GOAWAY has taken that back, which RFC 9113, section 6.8, forbids.
    is_contradicted: bool,
    /// Whether the server has asked for less so far, and whether it had when the stream ended.
    is_calm: bool,
    was_calm: bool,
}

impl Attempt {
    fn new(tape: &Tape, connection: usize, index: usize, stream: u32, until: u64) -> Self {
        let mut this = Self {
            sent_at: tape.events[index].0,
            connection,
            stream,
            fate: Fate::Open,
            is_answered: false,
            arrived: 0,
            is_unprocessed: false,
            is_contradicted: false,
            is_calm: false,
            was_calm: false,
        };
        for (_, event) in tape.events.iter().filter(|(at, _)| *at < until) {
            this.add(event);
        }
        this
    }

    fn add(&mut self, event: &Event) {
        let mut end = Fate::Open;
        match *event {
            Event::Fields { stream, ends, .. } if stream == self.stream => {
                self.is_answered |= self.fate == Fate::Open;
                end = if ends { Fate::Complete } else { Fate::Open };
            }
            Event::Data { stream, bytes, ends } if stream == self.stream => {
                self.arrived += bytes;
                end = if ends { Fate::Complete } else { Fate::Open };
            }
            Event::SentReset(stream) if stream == self.stream => end = Fate::Cancelled,
            Event::Reset { stream, code } if stream == self.stream => {
                self.is_unprocessed |= code == REFUSED_STREAM;
                end = Fate::Reset(code);
            }
            Event::GoAway { last, code } => {
                self.is_calm |= code == ENHANCE_YOUR_CALM;
                self.is_contradicted |= self.fate == Fate::Retired && self.stream <= last;
                if self.stream > last {
                    self.is_unprocessed = true;
                    end = Fate::Retired;
                }
            }
            Event::Broken => end = Fate::Lost,
            _ => {}
        }
        if self.fate == Fate::Open && end != Fate::Open {
            self.fate = end;
            self.was_calm = self.is_calm;
        }
    }

    /// Returns whether the whole response has arrived. A body has all bytes of its `content-length` perhaps before its stream
    /// ends; a response with trailers has no such field.
    fn is_whole(&self, plan: &Plan) -> bool {
        let has_all_bytes = self.is_answered && plan.kind != Kind::Trailed && self.arrived == plan.size as u64;
        self.fate == Fate::Complete || (matches!(self.fate, Fate::Lost | Fate::Retired) && has_all_bytes)
    }

    /// Returns whether the client may send the request again.
    fn may_repeat(&self, plan: &Plan) -> bool {
        let is_stale = self.fate == Fate::Lost && !self.is_answered && plan.is_idempotent();
        !self.was_calm && (self.is_unprocessed || is_stale)
    }

    /// Returns whether the client has to send the request again.
    fn must_repeat(&self, plan: &Plan) -> bool {
        let is_unprocessed = match self.fate {
            Fate::Reset(code) => code == REFUSED_STREAM && !self.is_answered,
            Fate::Retired => !self.is_answered,
            // The first request of a connection is not repeated, because the connection was not idle.
            Fate::Lost => !self.is_answered && plan.is_idempotent() && self.stream > 1,
            _ => false,
        };
        is_unprocessed && !self.is_contradicted && !self.is_calm && !plan.is_spent()
    }
}

/// What a test knows of a request beside the tapes.
pub(super) struct Context<'a> {
    pub(super) plan: &'a Plan,
    /// When the request was made, in the order of all events.
    pub(super) started: u64,
    /// How long ago the request was polled first.
    pub(super) elapsed: Duration,
    /// The longest time since then in which no request that holds a slot was polled or dropped.
    pub(super) longest_stall: Duration,
    pub(super) has_refused_connect: bool,
    pub(super) is_closed: bool,
    pub(super) is_closed_now: bool,
}

impl Context<'_> {
    /// Checks the outcome of a request. The message of a panic says what is wrong.
    pub(super) fn check(&self, tapes: &Tapes, outcome: &waterspout::Result<Answer>) {
        let attempts = attempts(tapes, self.plan.id);
        self.check_repeats(tapes, &attempts);
        match outcome {
            Ok(answer) => {
                let last = attempts.last().expect("a response came to a request that was not sent");
                assert!(last.is_whole(self.plan), "{:?} succeeds: {attempts:?}", self.plan);
                let (body, has_trailers) = self.plan.answer();
                assert!(answer.0 == body, "{:?}: {} bytes came", self.plan, answer.0.len());
                assert_eq!(answer.1, has_trailers, "{:?}", self.plan);
            }
            Err(error) => {
                if let Err(reason) = self.explain(tapes, &attempts, error) {
                    panic!("{reason}: {:?}: {}: {attempts:#?}", self.plan, error.report());
                }
            }
        }
    }

    /// Checks that each repetition was allowed.
    fn check_repeats(&self, tapes: &Tapes, attempts: &[Attempt]) {
        let mut moves = 0;
        for pair in attempts.windows(2) {
            let first = tapes.look(|state| {
                let tape = &state.tapes[pair[0].connection];
                let index = tape.events.iter().position(|(at, _)| *at == pair[0].sent_at).unwrap();
                Attempt::new(tape, pair[0].connection, index, pair[0].stream, pair[1].sent_at)
            });
            assert!(first.may_repeat(self.plan), "{:?} was sent again after {first:?}", self.plan);
            moves += usize::from(first.fate == Fate::Retired || first.is_unprocessed);
        }
        let is_same = tapes.look(|state| attempts.iter().all(|a| state.tapes[a.connection].origin == self.plan.host));
        assert!(is_same, "{:?} was sent to another origin", self.plan);
        assert!(attempts.len() <= MAX_SENT + moves, "{:?} was sent {} times", self.plan, attempts.len());
    }

    /// Returns `Ok` if the history of the request explains the error, and otherwise what is wrong.
    fn explain(&self, tapes: &Tapes, attempts: &[Attempt], error: &Error) -> Result<(), &'static str> {
        let kind = error.kind();
        let last = attempts.last();
        match kind {
            ErrorKind::Timeout => return self.explain_timeout(attempts, error),
            ErrorKind::Closed if self.is_closed_now || (self.is_closed && attempts.is_empty()) => return Ok(()),
            ErrorKind::Connect if self.has_refused_connect => {
                let was_repeated = last.is_none_or(|last| last.may_repeat(self.plan));
                return if was_repeated { Ok(()) } else { Err("the connect came after a final failure") };
            }
            _ => {}
        }
        let ends = self.ends_since_start(tapes);
        // A request is not sent again after ENHANCE_YOUR_CALM, even if it was not sent at all.
        let is_pending = last.is_none_or(|last| last.may_repeat(self.plan));
        if is_pending && kind == ErrorKind::ConnectionClosed && self.was_calmed(tapes) {
            return Ok(());
        }
        let Some(last) = last else {
            // Requests that were not sent leave no trace. Each had a connection that ended.
            // A body that was taken cannot be sent again.
            let is_explained = ends >= MAX_SENT || (ends > 0 && (self.plan.is_spent() || was_cut(tapes)));
            return if is_explained { Ok(()) } else { Err("a request that was not sent fails") };
        };
        let expected = match last.fate {
            Fate::Open | Fate::Cancelled => return Err("nothing has happened to the stream"),
            Fate::Complete => return Err("the response was complete"),
            Fate::Retired | Fate::Lost => ErrorKind::ConnectionClosed,
            Fate::Reset(code) => kind_of_reset(code),
        };
        if kind != expected {
            return Err("the kind is wrong");
        }
        // A connection that ended under a request that was not sent yet leaves no other trace of it.
        let seen: BTreeSet<_> =
            attempts.iter().filter(|a| matches!(a.fate, Fate::Retired | Fate::Lost)).map(|a| a.connection).collect();
        let is_exhausted = attempts.len() + ends.saturating_sub(seen.len()) >= MAX_SENT;
        if last.must_repeat(self.plan) && !is_exhausted {
            return Err("the request should have been sent again");
        }
        Ok(())
    }

    fn explain_timeout(&self, attempts: &[Attempt], error: &Error) -> Result<(), &'static str> {
        // The test may poll none of the requests that hold slots for so long that the client counts as stalled.
        let may_stall = self.plan.limit != Some(Timeout::Queue) && attempts.is_empty();
        if error.timeout() == Some(Timeout::Queue) && may_stall {
            let has_stalled = self.longest_stall >= STALL_LIMIT;
            return if has_stalled { Ok(()) } else { Err("the client has not stalled") };
        }
        if error.timeout().is_none() || error.timeout() != self.plan.limit {
            return Err("the request has another limit");
        }
        if self.elapsed < LIMIT { Err("the limit has not passed") } else { Ok(()) }
    }

    /// Returns whether the request has to be ready by now.
    pub(super) fn is_overdue(&self) -> bool {
        self.plan.limit == Some(Timeout::Total) && self.elapsed >= LIMIT
    }

    /// Returns whether a server of the origin has asked for less since the request was made.
    fn was_calmed(&self, tapes: &Tapes) -> bool {
        let is_calm = |(at, event): &(u64, Event)| {
            *at > self.started && matches!(event, Event::GoAway { code: ENHANCE_YOUR_CALM, .. })
        };
        let was_calmed = |tape: &Tape| tape.origin == self.plan.host && tape.events.iter().any(is_calm);
        tapes.look(|state| state.tapes.iter().any(was_calmed))
    }

    /// Counts the connections to the origin that have ended or were retired since the request was made.
    fn ends_since_start(&self, tapes: &Tapes) -> usize {
        let has_ended = |tape: &&Tape| {
            let mut later = tape.events.iter().filter(|(at, _)| *at > self.started);
            tape.origin == self.plan.host
                && later.any(|(_, event)| matches!(event, Event::Broken | Event::GoAway { .. }))
        };
        tapes.look(|state| state.tapes.iter().filter(has_ended).count())
    }
}

/// Returns whether a connection has ended within a frame of the client.
fn was_cut(tapes: &Tapes) -> bool {
    tapes.look(|state| state.tapes.iter().any(Tape::is_within_sent_frame))
}

/// Returns the streams of a request, in the order in which they were opened.
fn attempts(tapes: &Tapes, id: u64) -> Vec<Attempt> {
    let mut attempts = tapes.look(|state| {
        let mut attempts = Vec::new();
        for (number, tape) in state.tapes.iter().enumerate() {
            for (index, (_, event)) in tape.events.iter().enumerate() {
                if let Event::Request { stream, request } = event {
                    // What was queued before GOAWAY may leave after it. The server does not process it.
                    let is_late = tape.events[..index]
                        .iter()
                        .any(|(_, event)| matches!(event, Event::GoAway { last, .. } if last < stream));
                    if *request == id && !is_late {
                        attempts.push(Attempt::new(tape, number, index, *stream, u64::MAX));
                    }
                }
            }
        }
        attempts
    });
    attempts.sort_by_key(|attempt| attempt.sent_at);
    attempts
}

/// Returns how often a request was sent.
pub(super) fn times_sent(tapes: &Tapes, id: u64) -> usize {
    attempts(tapes, id).len()
}

/// Returns the kind of the error of a stream that the server resets with this code.
fn kind_of_reset(code: u32) -> ErrorKind {
    match code {
        // PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR, COMPRESSION_ERROR, INADEQUATE_SECURITY,
        // HTTP_1_1_REQUIRED.
        1 | 3 | 5 | 6 | 9 | 12 | 13 => ErrorKind::Protocol,
        _ => ErrorKind::ConnectionClosed,
    }
}
