//! What decides about the attempts at a request: the circuit breaker, the retry policy and the retry budget.
//!
//! Most requests have none of these, and then none of this is made: the request is a single attempt. Otherwise
//! [`Policies::make_attempts`] is the loop around the steps of [`Call`] that make an attempt.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use super::ClientInner;
use super::breaker::{BreakerPolicy, Permit};
use super::call::{Answered, Call};
use super::deadline::Deadline;
use super::queue::Rejection;
use super::request_trace::Step;
use crate::error::{Attempt, Error, Phase, Result};
use crate::message::request::{Request, RetryContext, RetryPolicy};
use crate::message::response::Response;
use crate::message::url::{Origin, Url};
use crate::runtime::{BoxFuture, MaybeSend, Timer};

/// The policies of a request.
///
/// A trait object that only the setters of the retry policy and of the circuit breaker name, through
/// [`MAKE_POLICIES`]: a program without both does not link it. `RetryPolicy` says what the idiom saves in all.
pub(super) trait AttemptPolicies: MaybeSend {
    /// Makes attempts until the policies accept the outcome of an attempt. The outcome has the history of the attempts.
    fn run<'c>(self: Box<Self>, call: &'c mut Call<'_>, request: Request) -> BoxFuture<'c, Result<Answered>>
    where
        Self: 'c;
}

/// Makes the policies for a request. It returns `None` if there is neither a breaker nor a retry policy.
///
/// # Errors
/// If the circuit of the request's origin is open.
pub(super) type MakePolicies = for<'a> fn(&'a ClientInner, &Request) -> Result<Option<Box<dyn AttemptPolicies + 'a>>>;

/// What the setters of the retry policy and of the circuit breaker name.
pub(super) static MAKE_POLICIES: MakePolicies = make_both;

/// Makes the policies for `request`, if there are any.
///
/// # Errors
/// If the circuit of the request's origin is open.
pub(super) fn make<'a>(client: &'a ClientInner, request: &Request) -> Result<Option<Box<dyn AttemptPolicies + 'a>>> {
    let of_retry: Option<&MakePolicies> =
        request.options().retry.as_ref().and_then(|retry| retry.make_policies().downcast_ref());
    match of_retry.copied().or_else(|| client.breaker.as_ref().map(|breaker| breaker.make_policies())) {
        Some(make) => make(client, request),
        None => Ok(None),
    }
}

/// The policies of a request, its attempts so far, and what the next attempt sends.
struct Policies<'a> {
    client: &'a ClientInner,
    /// The client's circuit breaker, and the origin whose circuit counts.
    breaker: Option<(&'a Arc<dyn BreakerPolicy>, Origin)>,
    retry: Option<Arc<dyn RetryPolicy>>,
    /// The request of the next attempt, if there may be a next attempt.
    next: Option<Request>,
    /// The method and URL of the present attempt, for the retry policy.
    present: Option<(Method, Url)>,
    /// The breaker's permit for the present attempt.
    permit: Option<Box<dyn Permit>>,
    /// The attempts that have ended; empty without a retry policy.
    history: Vec<Attempt>,
}

/// Another attempt that a retry policy asks for.
struct NextAttempt {
    request: Request,
    /// The wait before the attempt.
    delay: Duration,
}

/// Makes the policies of the breaker and of the retry policy, which share the attempts.
fn make_both<'a>(client: &'a ClientInner, request: &Request) -> Result<Option<Box<dyn AttemptPolicies + 'a>>> {
    // A policy of a single attempt is no policy: such a request lists no attempts and pays into no budget.
    let retry = request.options().retry.clone().filter(|retry| retry.allows(1));
    if retry.is_none() && client.breaker.is_none() {
        return Ok(None);
    }
    let breaker = client.breaker.as_ref().map(|breaker| (breaker, request.url().origin()));
    if let Some((breaker, origin)) = &breaker {
        breaker.check(origin)?;
    }
    if retry.is_some() {
        client.bucket().deposit();
    }
    let policies = Policies { client, breaker, retry, next: None, present: None, permit: None, history: Vec::new() };
    Ok(Some(Box::new(policies)))
}

impl Policies<'_> {
    /// Returns how many attempts have ended.
    fn count(&self) -> u32 {
        u32::try_from(self.history.len()).unwrap_or(u32::MAX)
    }

    /// Returns the retry policy's delay, if the request can be sent again.
    ///
    /// A body that can be read only once ends the attempts without an error: the server's response is worth more than an
    /// error that says it could not be asked again.
    fn policy_delay(&self, outcome: std::result::Result<&Response, &Error>, sent: u64) -> Option<Duration> {
        // `BodyNotReplayable` is for redirects and challenges, which are no answers to the request.
        self.next.as_ref()?;
        let (method, url) = self.present.as_ref()?;
        let context = RetryContext { method, url, outcome, attempt: self.count(), sent, default: false };
        self.retry.as_ref()?.delay(&context)
    }

    /// Pays for another attempt, unless the circuit is open; returns whether the attempt may be made.
    fn pay_for_retry(&self) -> bool {
        let is_closed = match &self.breaker {
            Some((breaker, origin)) => breaker.check(origin).is_ok(),
            None => true,
        };
        // The circuit first: no token is spent on an attempt that the circuit would refuse.
        is_closed && self.client.bucket().withdraw(self.client.clock.now())
    }

    /// Prepares for an attempt that sends `request`.
    ///
    /// # Errors
    /// If the circuit of the request's origin is open.
    fn start_attempt(&mut self, request: &Request) -> Result<()> {
        if let Some((breaker, origin)) = &self.breaker {
            // `make_both` has asked already, but the circuit may have opened while the request waited for its slot.
            self.permit = Some(Arc::clone(breaker).admit(origin)?);
        }
        if let Some(retry) = &self.retry {
            // Copied before the attempt takes the body.
            self.next = retry.copy(request, self.count() + 1);
            self.present = Some((request.method().clone(), request.url().clone()));
        }
        Ok(())
    }

    /// Returns the attempt that follows `outcome`; `None` makes `outcome` the last.
    fn retry(&mut self, outcome: &Result<Response>, call: &Call<'_>) -> Option<NextAttempt> {
        let outcome = outcome.as_ref();
        if let Some(permit) = self.permit.take() {
            // Before the policy is asked: this outcome may open the circuit, and then no other attempt follows.
            permit.end(outcome);
        }
        self.retry.as_ref()?;
        let summary = outcome.map(Response::status).map_err(Error::kind);
        self.history.push(Attempt::new(summary, call.deadline.attempt_age()));
        let delay = self.policy_delay(outcome, call.bytes_sent())?;
        // A wait that `timeout` or `total_timeout` would cut short is not begun: the response at hand is worth more.
        if call.deadline.left().is_some_and(|left| delay >= left) {
            return None;
        }
        if !self.pay_for_retry() {
            return None;
        }
        if let Some(last) = self.history.last_mut() {
            last.delay = delay;
        }
        Some(NextAttempt { request: self.next.take()?, delay })
    }

    /// Makes attempts until the outcome of an attempt is the last.
    async fn make_attempts(&mut self, call: &mut Call<'_>, mut request: Request) -> Result<Answered> {
        let mut is_retry = false;
        loop {
            let mut slot = call.take_slot(is_retry).await?;
            let outcome = match self.start_attempt(&request) {
                Ok(()) => call.attempt(request, &mut slot, &self.history).await,
                Err(error) => Err(error),
            };
            let Some(NextAttempt { request: next, delay }) = self.retry(&outcome, call) else {
                return outcome.map(|response| Answered { response, slot });
            };
            // Free the slot and wait: requests in the queue must not wait for a server that asked for a pause. The
            // response goes first, since the slot stands for the connection behind it. Afterwards the request joins the
            // queue behind all requests of the same priority: a failing request must not hold up requests that have not
            // had a turn yet.
            drop(outcome);
            drop(slot);
            if let Some(attempt) = self.history.last() {
                call.report(Step::Waiting(attempt));
            }
            call.deadline.pause();
            self.back_off(&mut call.deadline, delay).await?;
            request = next;
            is_retry = true;
        }
    }

    /// Waits before another attempt, without a slot.
    async fn back_off(&self, deadline: &mut Deadline, delay: Duration) -> Result<()> {
        let queue = &self.client.queue;
        let pause = pin!(deadline.sleep(delay));
        match queue.back_off().guard(Phase::Queue, pause).await {
            Ok(()) => Ok(()),
            Err(_) => Err(queue.rejection_error(Rejection::Closed)),
        }
    }
}

impl AttemptPolicies for Policies<'_> {
    fn run<'c>(mut self: Box<Self>, call: &'c mut Call<'_>, request: Request) -> BoxFuture<'c, Result<Answered>>
    where
        Self: 'c,
    {
        Box::pin(async move {
            match self.make_attempts(call, request).await {
                Ok(mut answered) => {
                    answered.response.set_attempts(self.history);
                    Ok(answered)
                }
                Err(error) => Err(error.with_attempts(self.history)),
            }
        })
    }
}
