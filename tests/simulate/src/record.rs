//! What has happened, as the network, the servers and the observer have seen it. The model judges outcomes by it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use waterspout::http::Method;
use waterspout::{Event, Instant, Observer, Stage};

use crate::counts::count;
use crate::link::CutKind;
use crate::plan::{Act, STALL_LIMIT};
use crate::settings::{Settings, Speech};

/// A point in the order of all events.
pub(crate) type Tick = u64;

/// A step of a request in the order of all events.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) tick: Tick,
    pub(crate) at: Instant,
}

/// The arrival of a request at a server.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    /// The number of the attempt, from 1.
    pub(crate) attempt: usize,
    pub(crate) host: usize,
    pub(crate) link: usize,
    pub(crate) method: Method,
    pub(crate) act: Act,
    /// The bytes that the server had sent on the connection before.
    pub(crate) answered_before: usize,
    /// Whether the connection had carried a request before.
    pub(crate) is_reused: bool,
    /// Whether the request was sent again, and not redirected.
    pub(crate) is_repeated: bool,
    /// The bytes of the body that the server has read, and whether it has read all.
    pub(crate) body: usize,
    pub(crate) is_body_complete: bool,
}

/// What is known of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestFacts {
    pub(crate) polled: Option<Mark>,
    /// The begins of its waits in the queue.
    pub(crate) joins: Vec<Mark>,
    /// The begins of its attempts.
    pub(crate) starts: Vec<Mark>,
    pub(crate) stage: Option<Stage>,
    pub(crate) priority: i16,
    pub(crate) visits: Vec<Visit>,
    /// Whether the caller waits for something else than the client.
    pub(crate) is_pausing: bool,
    /// Whether it has a limit of its own for the wait in the queue.
    pub(crate) has_queue_limit: bool,
    /// When the head of its response came.
    pub(crate) head: Option<Mark>,
    /// When the test last let the held task go, or polled it late.
    pub(crate) was_held: bool,
    /// Whether a piece of a body that can be read once was taken.
    pub(crate) is_body_taken: bool,
}

impl RequestFacts {
    pub(crate) fn is_queued(&self) -> bool {
        self.stage == Some(Stage::Queued)
    }

    pub(crate) fn is_active(&self) -> bool {
        matches!(self.stage, Some(Stage::Started | Stage::Head))
    }

    /// Returns when the present attempt began.
    pub(crate) fn attempt_tick(&self) -> Tick {
        self.starts.last().map_or(0, |start| start.tick)
    }

    /// Returns the visits of the present attempt.
    pub(crate) fn attempt_visits(&self) -> impl DoubleEndedIterator<Item = &Visit> {
        self.visits.iter().filter(|visit| visit.attempt == self.starts.len())
    }
}

/// What is known of a connection.
#[derive(Clone, Debug)]
pub(crate) struct LinkFacts {
    pub(crate) host: usize,
    pub(crate) is_http2: bool,
    pub(crate) is_slow: bool,
    /// When the server or the network ended it.
    pub(crate) ended: Option<Tick>,
    /// Whether it carries nothing any more, and the client does not learn of it.
    pub(crate) is_black_hole: bool,
    /// Whether a fault of the network has ended it.
    pub(crate) was_broken: bool,
    /// Whether the server has sent bytes that are not HTTP.
    pub(crate) has_garbage: bool,
    /// Whether the client has read a whole response after which the server closes the connection.
    pub(crate) is_finished: bool,
    /// When the server retired it, over HTTP/2.
    pub(crate) retired: Option<Tick>,
    /// When the client dropped it.
    pub(crate) dropped: Option<Tick>,
    pub(crate) visits: usize,
    /// The bytes that the server has sent.
    pub(crate) answered: usize,
}

#[derive(Default)]
pub(crate) struct RecordState {
    tick: Tick,
    /// What each host speaks.
    pub(crate) hosts: Vec<Speech>,
    /// Whether the client has an executor for background work.
    pub(crate) has_executor: bool,
    pub(crate) requests: Vec<RequestFacts>,
    pub(crate) links: Vec<LinkFacts>,
    /// The connects that were refused, with the host of each.
    pub(crate) refused: Vec<(Tick, usize)>,
    /// The connects that had to wait: the host of each, and the end of its wait.
    pub(crate) delayed: Vec<(usize, Option<Tick>)>,
    /// What was wrong, in the order in which it was found.
    pub(crate) violations: Vec<String>,
    /// When something of the client last moved.
    pub(crate) quiet_since: Instant,
    /// The last two moments at which a request got a slot, a head or the end of its body.
    progress: [Instant; 2],
    /// When a request last made progress after 30 s or more without any.
    pub(crate) stall_end: Option<Instant>,
    /// The last step of the clock, if a request was held then. Within it no task was polled.
    pub(crate) jump_while_held: Duration,
    pub(crate) active: usize,
    pub(crate) queued: usize,
    /// The attempts at each host that the backend makes.
    pub(crate) running: Vec<usize>,
    /// The requests that have started since the last look at the queue's order.
    pub(crate) new_starts: Vec<usize>,
    /// The steps so far, if they are kept.
    steps: Option<Vec<String>>,
}

impl RecordState {
    pub(crate) fn tick(&mut self) -> Tick {
        self.tick += 1;
        self.tick
    }

    pub(crate) fn log(&mut self, step: impl FnOnce() -> String) {
        if let Some(steps) = &mut self.steps {
            steps.push(step());
        }
    }

    fn record_progress(&mut self, at: Instant) {
        if self.progress[1] < at {
            if at.since(self.progress[1]) >= STALL_LIMIT {
                self.stall_end = Some(at);
            }
            self.progress = [self.progress[1], at];
        }
    }

    /// Returns when a request last made progress before `now`.
    pub(crate) fn last_progress(&self, now: Instant) -> Instant {
        self.progress[usize::from(self.progress[1] < now)]
    }

    pub(crate) fn violate(&mut self, reason: String) {
        self.log(|| format!("WRONG: {reason}"));
        self.violations.push(reason);
    }
}

/// A handle of what has happened.
#[derive(Clone)]
pub(crate) struct Record(Arc<Mutex<RecordState>>);

impl Record {
    pub(crate) fn new(settings: &Settings, keeps_steps: bool) -> Self {
        let state = RecordState {
            hosts: settings.hosts.clone(),
            has_executor: settings.has_executor,
            running: vec![0; settings.hosts.len()],
            steps: keeps_steps.then(Vec::new),
            ..RecordState::default()
        };
        Self(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut RecordState) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a step, if the steps are kept.
    pub(crate) fn log(&self, step: impl FnOnce() -> String) {
        self.with(|state| state.log(step));
    }

    pub(crate) fn take_steps(&self) -> Vec<String> {
        self.with(|state| state.steps.take().unwrap_or_default())
    }

    /// Records something that must not happen.
    pub(crate) fn violate(&self, reason: String) {
        self.with(|state| state.violate(reason));
    }

    /// Records that the server has closed a connection.
    pub(crate) fn close_link(&self, number: usize) {
        self.with(|state| {
            let tick = state.tick();
            if state.links[number].ended.is_none() {
                state.links[number].ended = Some(tick);
                state.log(|| format!("{tick}: the server closes connection {number}"));
            }
        });
    }

    /// Records that the network has broken a connection.
    pub(crate) fn break_link(&self, number: usize, kind: CutKind) {
        self.with(|state| {
            let tick = state.tick();
            let link = &mut state.links[number];
            link.is_black_hole = kind == CutKind::BlackHole;
            link.was_broken = true;
            link.ended.get_or_insert(tick);
            count(if link.is_black_hole { "black holes" } else { "resets" });
            state.log(|| format!("{tick}: connection {number} breaks: {kind:?}"));
        });
    }

    /// Records that the client has dropped a connection.
    pub(crate) fn drop_link(&self, number: usize) {
        self.with(|state| {
            let tick = state.tick();
            state.links[number].dropped = Some(tick);
            state.log(|| format!("{tick}: the client drops connection {number}"));
        });
    }
}

/// Follows the steps of all requests of a client.
pub(crate) struct StageObserver(pub(crate) Record);

impl Observer for StageObserver {
    fn event(&self, event: &Event<'_>) {
        // The path of a URL is the number of its request.
        let Some(id) = event.url.rsplit('/').next().and_then(|id| id.parse::<usize>().ok()) else { return };
        self.0.with(|state| {
            let mark = Mark { tick: state.tick(), at: event.at };
            state.quiet_since = event.at;
            if matches!(event.stage, Stage::Started | Stage::Head | Stage::Done) {
                state.record_progress(event.at);
            }
            state.log(|| format!("{}: request {id}: {:?} {:?}", mark.tick, event.stage, event.error));
            let request = &mut state.requests[id];
            let before = request.stage.replace(event.stage);
            request.priority = event.priority;
            let is_right = match event.stage {
                Stage::Queued => matches!(before, None | Some(Stage::Waiting)),
                Stage::Started => matches!(before, None | Some(Stage::Waiting | Stage::Queued)),
                Stage::Waiting | Stage::Head => before == Some(Stage::Started),
                Stage::Done => before == Some(Stage::Head),
                _ => !matches!(before, Some(Stage::Done | Stage::Failed | Stage::Cancelled)),
            };
            match event.stage {
                Stage::Queued => request.joins.push(mark),
                Stage::Started => {
                    request.starts.push(mark);
                    state.new_starts.push(id);
                }
                Stage::Head => request.head = Some(mark),
                Stage::Waiting => count("retries"),
                _ => {}
            }
            state.queued -= usize::from(before == Some(Stage::Queued));
            state.queued += usize::from(event.stage == Stage::Queued);
            state.active -= usize::from(matches!(before, Some(Stage::Started | Stage::Head)));
            state.active += usize::from(matches!(event.stage, Stage::Started | Stage::Head));
            if !is_right {
                state.violate(format!("request {id}: {:?} follows {before:?}", event.stage));
            }
        });
    }
}
