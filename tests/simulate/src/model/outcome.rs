//! Checks the outcome of each request: the body is right, or what has happened to the request explains the error.

use std::time::Duration;

use waterspout::testing::Http2ErrorCode;
use waterspout::{Error, ErrorKind, Instant, Timeout};

use crate::plan::{Act, Answer, DEFAULT_LIMIT, Plan, STALL_LIMIT, Upload};
use crate::record::{LinkFacts, Mark, RecordState, RequestFacts, Tick, Visit};
use crate::settings::{Settings, Speech};

/// How long held requests may keep a connection of HTTP/2 from another request.
const HELD_REQUESTS: Duration = Duration::from_millis(40);

/// How long a connection of HTTP/2 has few requests, after a connection that was retired.
const FEW_REQUESTS: Duration = Duration::from_secs(1);

/// What the caller got.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The number of the visit that was answered.
    pub(crate) visit: Option<usize>,
    /// The bytes that were read.
    pub(crate) length: usize,
    /// Whether these bytes belong to the visit.
    pub(crate) is_right: bool,
    /// Whether the body was read to its end.
    pub(crate) is_complete: bool,
}

/// What has been done to the client of the request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ClientEvents {
    /// When the queue was cleared last.
    pub(crate) cleared: Tick,
    pub(crate) is_closed: bool,
    pub(crate) is_closed_now: bool,
}

/// A request that has ended, and what is known of it.
pub(crate) struct Ended<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) settings: &'a Settings,
    pub(crate) state: &'a RecordState,
    pub(crate) events: ClientEvents,
    pub(crate) now: Instant,
}

impl Ended<'_> {
    /// Checks the outcome.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) fn check(&self, outcome: &waterspout::Result<Reply>) -> Result<(), String> {
        match outcome {
            Ok(reply) => self.check_reply(reply),
            Err(error) => {
                self.explain(error)?;
                let is_final = self.facts().head.is_some() || !error.is_retryable();
                if is_final { Ok(()) } else { self.check_no_retry_is_due(None) }
            }
        }
    }

    fn facts(&self) -> &RequestFacts {
        &self.state.requests[self.plan.id]
    }

    fn check_reply(&self, reply: &Reply) -> Result<(), String> {
        let facts = self.facts();
        let Some(visit) = reply.visit.and_then(|number| facts.visits.get(number)) else {
            return Err(format!("{reply:?} answers no visit"));
        };
        if visit.attempt != facts.starts.len() {
            return Err(format!("{reply:?} comes from attempt {} of {}", visit.attempt, facts.starts.len()));
        }
        let (status, size) = match &visit.act {
            Act::Answer(answer) => (answer.status, answer.size),
            Act::RequestTimeout => (408, 0),
            act => return Err(format!("{reply:?} comes from {act:?}")),
        };
        if reply.status != status || !reply.is_right {
            return Err(format!("{reply:?} differs from {:?}", visit.act));
        }
        if reply.is_complete && reply.length != size {
            return Err(format!("{reply:?} has not the {size} bytes of {:?}", visit.act));
        }
        match matches!(status, 408 | 429 | 500 | 503) {
            true => self.check_no_retry_is_due(Some(&visit.act)),
            false => Ok(()),
        }
    }

    /// Checks that a request that could have been tried again has had all its attempts.
    fn check_no_retry_is_due(&self, act: Option<&Act>) -> Result<(), String> {
        let facts = self.facts();
        let Some(retry) = self.plan.retry else { return Ok(()) };
        let is_allowed = self.plan.method.is_idempotent() || retry.has_post;
        let may_ask = self.settings.budget.is_none() && self.settings.breaker.is_none();
        // A wait that a limit would cut short is not begun.
        let delay = match act {
            Some(Act::Answer(Answer { retry_after: Some(seconds), .. })) => Duration::from_secs((*seconds).min(30)),
            _ => Duration::ZERO,
        };
        let has_time = |limit: Option<Duration>, since: Option<&Mark>| match (limit, since) {
            (Some(limit), Some(since)) => self.now.since(since.at) + delay < limit,
            _ => true,
        };
        let limits = &self.plan.limits;
        let has_time = has_time(limits.total, facts.polled.as_ref()) && has_time(limits.request, facts.starts.first());
        let is_due = is_allowed
            && may_ask
            && self.plan.is_replayable()
            && has_time
            && facts.starts.len() < retry.attempts as usize;
        match is_due {
            true => Err(format!("it should have been tried again after {} attempts", facts.starts.len())),
            false => Ok(()),
        }
    }

    fn explain(&self, error: &Error) -> Result<(), String> {
        let facts = self.facts();
        let visits = || facts.attempt_visits();
        let last = visits().next_back();
        let is_explained = match error.kind() {
            ErrorKind::Timeout => return self.explain_timeout(error),
            ErrorKind::Connect => {
                let mut refused = self.state.refused.iter();
                refused.any(|(tick, host)| *tick > facts.attempt_tick() && self.hosts().contains(host))
            }
            ErrorKind::ConnectionClosed | ErrorKind::Io if self.is_repetition_due() => {
                return Err(format!("it should have been sent again on a new connection: {}", error.report()));
            }
            ErrorKind::ConnectionClosed | ErrorKind::Io => {
                self.links().any(|link| link.ended.is_some() || link.retired.is_some() || link.has_garbage)
                    || visits().any(|visit| matches!(visit.act, Act::ResetStream(_)))
                    || self.may_be_refused()
            }
            ErrorKind::Protocol => {
                let is_reset = |visit: &Visit| matches!(visit.act, Act::ResetStream(code) if code == Http2ErrorCode::PROTOCOL_ERROR);
                self.links().any(|link| link.has_garbage) || visits().any(is_reset)
            }
            ErrorKind::Redirect => {
                let redirects = visits().filter(|visit| matches!(visit.act, Act::Redirect { .. })).count();
                redirects > self.settings.max_redirects
            }
            ErrorKind::BodyNotReplayable => {
                !self.plan.is_replayable() && last.is_some_and(|visit| matches!(visit.act, Act::Redirect { .. }))
            }
            ErrorKind::CircuitOpen => self.settings.breaker.is_some(),
            ErrorKind::QueueFull => {
                facts.joins.is_empty() && self.settings.max_queued.is_some_and(|max| self.state.queued >= max)
            }
            ErrorKind::Cleared => facts.joins.last().is_some_and(|join| join.tick < self.events.cleared),
            ErrorKind::Closed => {
                self.events.is_closed_now
                    || (self.events.is_closed && facts.joins.is_empty() && facts.starts.is_empty())
            }
            _ => false,
        };
        if is_explained { Ok(()) } else { Err(format!("nothing explains {}", error.report())) }
    }

    /// Returns whether the server had closed a used connection of HTTP/1.1 before it answered, so that the request should
    /// have been sent again.
    fn is_repetition_due(&self) -> bool {
        let Some(last) = self.facts().attempt_visits().next_back() else { return false };
        let link = &self.state.links[last.link];
        let was_broken = self.state.links.iter().any(|link| link.host == last.host && link.was_broken);
        let was_stale = last.is_reused && link.ended.is_some() && link.answered == last.answered_before;
        let may_repeat = last.method.is_idempotent() && self.plan.is_replayable() && !last.is_repeated;
        self.state.hosts[last.host] == Speech::Http1 && !was_broken && was_stale && may_repeat
    }

    /// Returns whether a server may have refused a stream because it allows few.
    fn may_be_refused(&self) -> bool {
        self.settings.has_few_streams && self.links().any(|link| link.is_http2)
    }

    /// Returns the hosts to which the present attempt was sent, or may have been sent.
    fn hosts(&self) -> Vec<usize> {
        let mut hosts = vec![self.plan.host];
        for visit in self.facts().attempt_visits() {
            hosts.push(visit.host);
            if let Act::Redirect { host, .. } = visit.act {
                hosts.push(host);
            }
        }
        hosts
    }

    /// Returns the connections that the present attempt may have used.
    fn links(&self) -> impl Iterator<Item = &LinkFacts> {
        let (hosts, began) = (self.hosts(), self.facts().attempt_tick());
        let may_be_used =
            move |link: &&LinkFacts| hosts.contains(&link.host) && link.dropped.is_none_or(|dropped| dropped > began);
        self.state.links.iter().filter(may_be_used)
    }

    fn explain_timeout(&self, error: &Error) -> Result<(), String> {
        let Plan { limits, .. } = self.plan;
        let facts = self.facts();
        let attempt = facts.starts.last().map(|start| start.at);
        let (limit, since, is_explained) = match error.timeout() {
            Some(Timeout::Total) => (limits.total, facts.polled.map(|mark| mark.at), true),
            Some(Timeout::Request) => (limits.request, facts.starts.first().map(|start| start.at), true),
            Some(Timeout::Attempt) => (limits.attempt, attempt, true),
            Some(Timeout::Head) => (limits.head.or(Some(DEFAULT_LIMIT)), attempt, self.may_be_slow()),
            Some(Timeout::Idle) => {
                let limit = limits.idle.or(Some(DEFAULT_LIMIT));
                (limit, facts.head.map(|head| head.at), self.may_be_slow())
            }
            Some(Timeout::Connect) => (limits.connect.or(Some(DEFAULT_LIMIT)), attempt, self.may_connect_late()),
            Some(Timeout::Queue) => {
                // A request that was refused may learn of it after another has got a slot at the same moment.
                let stalled_for = self.now.since(self.state.last_progress(self.now));
                let join = facts.joins.last().map(|join| join.at);
                // A request that was held learns of a stall after its end.
                let refused_by = join.filter(|_| facts.was_held).map(|at| at + STALL_LIMIT);
                let was_stalled = refused_by.is_some_and(|at| self.state.stall_end.is_some_and(|end| end >= at));
                let is_stalled = limits.queue.is_some() || stalled_for >= STALL_LIMIT || was_stalled;
                (limits.queue.or(Some(STALL_LIMIT)), join, is_stalled)
            }
            _ => (None, None, false),
        };
        let (Some(limit), Some(since)) = (limit, since) else {
            return Err(format!("it has no such limit: {}", error.report()));
        };
        let elapsed = self.now.since(since);
        if elapsed < limit {
            return Err(format!("{elapsed:?} of {limit:?} have passed: {}", error.report()));
        }
        let is_explained = is_explained || self.may_wait_for_requests(error.timeout(), limit);
        if is_explained { Ok(()) } else { Err(format!("nothing was slow: {}", error.report())) }
    }

    /// Returns whether other requests may have delayed this request over HTTP/2 for as long as a short limit. Held requests
    /// leave the connection to it after 20 ms, or twice that. After a connection that the server has retired, the next
    /// connection has few requests for a second.
    fn may_wait_for_requests(&self, timeout: Option<Timeout>, limit: Duration) -> bool {
        let may_be_held = limit <= HELD_REQUESTS + self.state.jump_while_held && self.links().any(|link| link.is_http2);
        let hosts = self.hosts();
        let was_retired = |link: &LinkFacts| link.retired.is_some() && hosts.contains(&link.host);
        let has_few = timeout == Some(Timeout::Connect) && limit <= FEW_REQUESTS;
        may_be_held || (has_few && self.state.links.iter().any(was_retired))
    }

    /// Returns whether something may have kept the response back for long.
    fn may_be_slow(&self) -> bool {
        self.may_be_refused() || self.was_slow() || self.may_lack_window()
    }

    /// Returns whether the server may wait for the rest of a body for ever. The client sends the beginning of a body before
    /// it knows of a smaller window. If the server has read it by then, h2 has not granted its bytes again, because they
    /// were less than half of the window, and grants them only when further bytes have come.
    fn may_lack_window(&self) -> bool {
        let is_smaller = self.settings.window.is_some_and(|window| self.plan.upload_size > window as usize);
        is_smaller && self.facts().attempt_visits().any(|visit| !visit.is_body_complete)
    }

    /// Returns whether the network, the server or the caller took long.
    fn was_slow(&self) -> bool {
        let waits = |act: &Act| match act {
            Act::Answer(answer) => !answer.delay.is_zero() || answer.pause.is_some() || answer.stall.is_some(),
            Act::Silence => true,
            _ => false,
        };
        let uploads_slowly = self.plan.upload == Upload::Paced || self.plan.expects_continue;
        self.facts().was_held
            || uploads_slowly
            || self.links().any(|link| link.is_slow || link.is_black_hole)
            || self.facts().attempt_visits().any(|visit| waits(&visit.act))
    }

    /// Returns whether something may have kept a connection back for long.
    fn may_connect_late(&self) -> bool {
        let (hosts, began) = (self.hosts(), self.facts().attempt_tick());
        // A request may wait for a connect that another request has begun.
        let waits = |end: &Option<Tick>| end.is_none_or(|end| end > began);
        let is_delayed = self.state.delayed.iter().any(|(host, end)| hosts.contains(host) && waits(end));
        // A request may wait for a stream of a connection, or for its answer to a PING.
        let may_share = hosts.iter().any(|host| self.state.hosts[*host] != Speech::Http1);
        // After a retirement, the client begins the next connection with few requests.
        let is_retired = self.links().any(|link| link.retired.is_some());
        // Otherwise each stream is in use until the limit passes.
        let waits_for_stream = self.settings.has_few_streams && self.state.active > 0;
        is_delayed || may_share && (waits_for_stream || is_retired || self.was_slow())
    }
}
