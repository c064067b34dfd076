//! What the loop around the attempts asks of a request: an attempt, and whether another follows.
//!
//! Each attempt passes through the client's middleware. The circuit breaker, the retry policy and the retry budget judge
//! its outcome.

use std::sync::Arc;
use std::time::Duration;

use http::Method;

use super::ClientInner;
use super::between_attempts::{BetweenAttempts, Retries};
use super::breaker::{BreakerPolicy, Permit};
use super::deadline::Deadline;
use super::observer::{RequestTrace, Stage};
use super::queue::Acquire;
use crate::error::{Attempt, Error, ErrorKind, Phase, Result, Transfer};
use crate::message::call_context::CallContext;
use crate::message::call_times::CallTimes;
use crate::message::progress::{Progress, ProgressCallback};
use crate::message::request::{CallOptions, CallPriority, Request, RetryPolicy};
use crate::message::response::Response;
use crate::message::url::{Origin, Url};
use crate::runtime::{BoxFuture, Instant, Timer};

/// A request, its attempts so far, and what the next attempt sends.
pub(super) struct ClientCall<'a> {
    pub(super) client: &'a ClientInner,
    /// The client's circuit breaker, and the origin whose circuit counts.
    pub(super) breaker: Option<(&'a Arc<dyn BreakerPolicy>, Origin)>,
    retry: Option<Retries>,
    /// The request of the next attempt, if there may be a next attempt.
    pub(super) next: Option<Request>,
    /// The method and URL of the present attempt, for the retry policy.
    pub(super) present: Option<(Method, Url)>,
    /// The progress of the present attempt.
    pub(super) progress: Option<Progress>,
    /// The breaker's permit for the present attempt.
    permit: Option<Box<dyn Permit>>,
    /// The attempts that have ended; empty without a retry policy.
    pub(super) history: Vec<Attempt>,
    /// When the request was made.
    called_at: Instant,
    times: CallTimes,
    /// The observer's trace of this request.
    trace: Option<&'a RequestTrace>,
    /// Called for each piece of the request's body that leaves.
    on_upload: Option<ProgressCallback>,
    /// Changes the request's priority while it waits.
    handle: Option<Arc<dyn CallPriority>>,
}

/// What remains of a call when its attempts are over.
pub(super) struct EndedCall {
    /// The attempts that have ended.
    pub(super) history: Vec<Attempt>,
    /// The progress of the last attempt, if an attempt was made.
    pub(super) progress: Option<Progress>,
    pub(super) times: CallTimes,
}

impl<'a> ClientCall<'a> {
    /// Prepares the attempts at `request`.
    ///
    /// # Errors
    /// If the circuit of the request's origin is open.
    pub(super) fn new(
        client: &'a ClientInner,
        request: Request,
        call_options: CallOptions,
        retry: Option<Arc<dyn RetryPolicy>>,
        trace: Option<&'a RequestTrace>,
    ) -> Result<Self> {
        let breaker = client.breaker.as_ref().map(|breaker| (breaker, request.url().origin()));
        if let Some((breaker, origin)) = &breaker {
            breaker.check(origin)?;
        }
        let retry = retry.and_then(|policy| Retries::start(client, policy));
        Ok(Self {
            client,
            breaker,
            retry,
            handle: call_options.priority,
            on_upload: call_options.on_upload,
            next: Some(request),
            present: None,
            progress: None,
            permit: None,
            history: Vec::new(),
            called_at: call_options.called_at.unwrap_or_else(|| client.clock.now()),
            times: CallTimes::default(),
            trace,
        })
    }

    pub(super) fn into_parts(self) -> EndedCall {
        EndedCall { history: self.history, progress: self.progress, times: self.times }
    }

    /// Counts the limits from the call, because the task of the request may start later.
    pub(super) fn count_from_call(&self, deadline: &mut Deadline) {
        deadline.count_from(self.called_at);
    }

    /// Called when the request begins to wait for a slot; `waiting` is its entry in the queue.
    pub(super) fn queued(&self, waiting: &Acquire<'_>) {
        if let Some(handle) = &self.handle {
            if let Some(queued) = waiting.queued_request() {
                handle.follow(Box::new(queued));
            }
        }
        self.tell(Stage::Queued);
    }

    /// Called when the request has a slot.
    pub(super) fn started(&self) {
        self.tell(Stage::Started);
    }

    /// Starts an attempt.
    pub(super) fn attempt(&mut self) -> BoxFuture<'a, Result<Response>> {
        self.start().unwrap_or_else(|error| Box::pin(async { Err(error) }))
    }

    /// Called when the attempt waits: tells `deadline` how far the attempt is.
    pub(super) fn report_progress(&self, deadline: &mut Deadline) {
        self.client.queue.record_progress();
        if let Some(progress) = &self.progress {
            deadline.follow(progress);
        }
    }

    /// Judges `outcome`. Returns the retries if another attempt follows, and how long to wait before it.
    ///
    /// `deadline` says how long the attempt took and how much time is left.
    pub(super) fn next_retry(
        &mut self,
        outcome: &Result<Response>,
        deadline: &Deadline,
    ) -> Option<(BetweenAttempts, Duration)> {
        if let Some(permit) = self.permit.take() {
            // Before the policy is asked: this outcome may open the circuit, and then no other attempt follows.
            permit.end(outcome.as_ref());
        }
        let Retries { policy, between } = self.retry.clone()?;
        let delay = between.judge(self, &*policy, outcome, deadline)?;
        Some((between, delay))
    }

    /// Called when the request has freed its slot to wait before another attempt.
    pub(super) fn waiting(&self) {
        self.tell(Stage::Waiting);
    }

    fn start(&mut self) -> Result<BoxFuture<'a, Result<Response>>> {
        let mut request = self.next.take().ok_or_else(|| {
            Error::request(ErrorKind::BodyNotReplayable, "the request cannot be sent again: its body has been sent")
        })?;
        if let Some((breaker, origin)) = &self.breaker {
            // `new` has asked already, but the circuit may have opened while the request waited for its slot.
            self.permit = Some(Arc::clone(breaker).admit(origin)?);
        }
        if let Some(Retries { policy, between }) = self.retry.clone() {
            // Copied before the attempt takes the body.
            between.copy(self, &*policy, &request);
        }
        if self.times.queue().is_none() {
            self.times.leave_queue(self.client.clock.now().since(self.called_at));
        }
        let context = CallContext::for_attempt(self.on_upload.clone(), &self.history);
        self.progress = Some(context.progress().clone());
        // Middleware belongs to the attempt: what it sends has the attempt's slot and limits. So it can fetch a token while
        // all slots wait for the token.
        let backend = &*self.client.backend;
        Ok(match &self.client.middleware {
            Some(chain) => chain.run(request, backend, context),
            None => {
                request.complete_headers();
                backend.fetch(request, context)
            }
        })
    }

    fn tell(&self, stage: Stage) {
        if let Some(trace) = self.trace {
            trace.step(stage);
        }
    }
}

/// Adds to `error` the attempts before it and the bytes that the last attempt sent.
pub(super) fn with_history(error: Error, history: Vec<Attempt>, progress: Option<Progress>) -> Error {
    let error = error.with_attempts(history);
    match progress {
        Some(progress) if error.phase() != Phase::Request => error.with_transfer(Transfer::bytes(progress.bytes(), 0)),
        _ => error,
    }
}
