//! The attempts at one request of a client: each is made through its middleware, and judged by its policies.

use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::breaker::{Breaker, Permit};
use super::deadline::Deadline;
use super::queue::Queue;
use super::send::Plan;
use super::stop::Stop;
use crate::client::middleware::Next;
use crate::client::retry::{Ended, Retry};
use crate::error::{Attempt, Error, ErrorKind, Phase, Result};
use crate::message::progress::Progress;
use crate::message::request::Request;
use crate::message::response::Response;
use crate::message::url::Origin;
use crate::runtime::sleep::Sleep;
use crate::runtime::{BoxFuture, Instant, Timer};

pub(super) struct Attempts<'a> {
    client: &'a Inner,
    /// The breaker and whose circuit counts, if the client has one.
    breaker: Option<(&'a Arc<dyn Breaker>, Origin)>,
    retry: Option<Retry>,
    /// What the next attempt sends, if there may be one.
    next: Option<Request>,
    /// The head of what the present one sends, for the policy, if there is one.
    present: Option<Request>,
    progress: Option<Progress>,
    permit: Option<Box<dyn Permit>>,
    made: Vec<Attempt>,
    /// When the request was made, and how long it waited for its first slot.
    asked: Instant,
    queued: Option<Duration>,
}

impl<'a> Attempts<'a> {
    /// # Errors
    /// If the origin is left alone: then the request need not wait for a slot.
    pub(super) fn new(client: &'a Inner, request: Request, retry: Option<Retry>) -> Result<Self> {
        let breaker = client.breaker.as_ref().map(|breaker| (breaker, request.url().origin()));
        if let Some((breaker, origin)) = &breaker {
            breaker.check(origin)?;
        }
        let retry = retry.filter(|retry| retry.allows(1));
        if retry.is_some() {
            client.bucket().deposit();
        }
        Ok(Self {
            client,
            breaker,
            retry,
            next: Some(request),
            present: None,
            progress: None,
            permit: None,
            made: Vec::new(),
            asked: client.gate.clock.now(),
            queued: None,
        })
    }

    /// The history, and how far the last attempt's request had left if one was made.
    pub(super) fn into_parts(self) -> (Vec<Attempt>, Option<Progress>) {
        (self.made, self.progress)
    }

    fn start(&mut self) -> Result<BoxFuture<'a, Result<Response>>> {
        let mut request = self.next.take().ok_or_else(|| {
            Error::request(ErrorKind::BodyNotReplayable, "there is nothing to send: the request's body has been sent")
        })?;
        if let Some((breaker, origin)) = &self.breaker {
            self.permit = Some(Arc::clone(breaker).admit(origin)?);
        }
        request.set_attempts(self.made.clone());
        if let Some(retry) = &self.retry {
            let (next, present) = retry.copies(&request, self.count() + 1);
            (self.next, self.present) = (next, Some(present));
        }
        let now = self.client.gate.clock.now();
        request.progress().leave_queue(*self.queued.get_or_insert(now.since(self.asked)));
        self.progress = Some(request.progress().clone());
        Ok(Next::new(&self.client.middleware, &*self.client.backend, request.progress()).run(request))
    }

    /// How many attempts have ended.
    fn count(&self) -> u32 {
        u32::try_from(self.made.len()).unwrap_or(u32::MAX)
    }

    /// The policy's delay, if the request can be sent again.
    fn delay(&self, outcome: Result<&Response, &Error>) -> Option<Duration> {
        let sent = self.progress.as_ref().map_or(0, Progress::bytes);
        self.next.as_ref()?;
        let ended = Ended { request: self.present.as_ref()?, outcome, attempt: self.count(), sent };
        self.retry.as_ref()?.delay(&ended)
    }

    /// Whether another attempt may be made at all: not to an origin that is left alone, nor beyond the budget.
    fn is_affordable(&self) -> bool {
        let closed = self.breaker.as_ref().is_none_or(|(breaker, origin)| breaker.check(origin).is_ok());
        closed && self.client.bucket().withdraw(self.client.gate.clock.now())
    }
}

impl<'a> Plan for Attempts<'a> {
    type Output = Response;
    type Error = Error;
    type Attempt = BoxFuture<'a, Result<Response>>;

    fn attempt(&mut self) -> Self::Attempt {
        self.start().unwrap_or_else(|error| Box::pin(async { Err(error) }))
    }

    fn waits<S: Sleep>(&mut self, deadline: &mut Deadline<S>) {
        if let Some(progress) = &self.progress {
            deadline.follow(progress);
        }
    }

    fn stopped(&self, stop: Stop, queue: &Queue) -> Error {
        stop.into_error(queue)
    }

    fn again<S: Sleep>(&mut self, outcome: &Result<Response>, deadline: &Deadline<S>) -> Option<Duration> {
        let outcome = outcome.as_ref();
        if let Some(permit) = self.permit.take() {
            permit.end(outcome);
        }
        self.retry.as_ref()?;
        self.made.push(Attempt::new(outcome.map(Response::status).map_err(Error::kind), deadline.attempted()));
        let left = deadline.left();
        let delay = self.delay(outcome).filter(|delay| left.is_none_or(|left| *delay < left))?;
        if !self.is_affordable() {
            return None;
        }
        if let Some(last) = self.made.last_mut() {
            last.delay = delay;
        }
        Some(delay)
    }
}

/// An error with what is known of the attempts before it.
pub(super) fn told(error: Error, attempts: Vec<Attempt>, progress: Option<Progress>) -> Error {
    let error = error.with_attempts(attempts);
    match progress {
        Some(progress) if error.phase() != Phase::Request => error.with_bytes(progress.bytes(), 0),
        _ => error,
    }
}
