//! What the client does between two attempts at a request: it judges the outcome, pays for another attempt, and waits.

use std::any::Any;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use super::ClientInner;
use super::client_call::ClientCall;
use super::deadline::Deadline;
use super::queue::Rejection;
use crate::error::{Attempt, Error, Phase, Result};
use crate::message::progress::Progress;
use crate::message::request::{Request, RetryContext, RetryPolicy};
use crate::message::response::Response;
use crate::runtime::{BoxFuture, Timer};

/// The retries of a request.
#[derive(Clone)]
pub(super) struct Retries {
    pub(super) policy: Arc<dyn RetryPolicy>,
    pub(super) between: BetweenAttempts,
}

/// The steps between two attempts.
pub(super) type BetweenAttempts = &'static dyn RetrySteps;

/// What [`RetryPolicy::between_attempts`] returns.
pub(super) static STEPS: BetweenAttempts = &ClientSteps;

impl Retries {
    /// Starts the retries of a request under `policy`. Returns `None` if the policy allows a single attempt: such a
    /// request lists no attempts and pays into no budget.
    pub(super) fn start(client: &ClientInner, policy: Arc<dyn RetryPolicy>) -> Option<Self> {
        let between: BetweenAttempts = *<dyn Any>::downcast_ref(policy.between_attempts())?;
        between.start(client, &*policy).then_some(Self { policy, between })
    }
}

/// The steps between two attempts, behind a trait object that only the setters of [`Retry`](crate::Retry) name: a
/// program without retries does not link them.
pub(super) trait RetrySteps: Send + Sync {
    /// Pays into the retry budget, unless the policy allows a single attempt. Returns whether it allows more.
    fn start(&self, client: &ClientInner, policy: &dyn RetryPolicy) -> bool;

    /// Keeps a copy of `request` for the attempt after this attempt.
    fn copy(&self, call: &mut ClientCall<'_>, policy: &dyn RetryPolicy, request: &Request);

    /// Returns how long to wait before another attempt; `None` makes `outcome` the last.
    fn judge(
        &self,
        call: &mut ClientCall<'_>,
        policy: &dyn RetryPolicy,
        outcome: &Result<Response>,
        deadline: &Deadline,
    ) -> Option<Duration>;

    /// Waits for `delay`. The wait ends with an error when the client is closed.
    fn wait<'a>(
        &'a self,
        client: &'a ClientInner,
        deadline: &'a mut Deadline,
        delay: Duration,
    ) -> BoxFuture<'a, Result<()>>;
}

struct ClientSteps;

impl RetrySteps for ClientSteps {
    fn start(&self, client: &ClientInner, policy: &dyn RetryPolicy) -> bool {
        let allows_more = policy.allows(1);
        if allows_more {
            client.bucket().deposit();
        }
        allows_more
    }

    fn copy(&self, call: &mut ClientCall<'_>, policy: &dyn RetryPolicy, request: &Request) {
        call.next = policy.copy(request, call.count() + 1);
        call.present = Some((request.method().clone(), request.url().clone()));
    }

    fn judge(
        &self,
        call: &mut ClientCall<'_>,
        policy: &dyn RetryPolicy,
        outcome: &Result<Response>,
        deadline: &Deadline,
    ) -> Option<Duration> {
        let outcome = outcome.as_ref();
        let summary = outcome.map(Response::status).map_err(Error::kind);
        call.history.push(Attempt::new(summary, deadline.attempt_age()));
        let delay = call.policy_delay(policy, outcome)?;
        // A wait that `timeout` or `total_timeout` would cut short is not begun: the response at hand is worth more.
        if deadline.left().is_some_and(|left| delay >= left) {
            return None;
        }
        if !call.pay_for_retry() {
            return None;
        }
        if let Some(last) = call.history.last_mut() {
            last.delay = delay;
        }
        Some(delay)
    }

    fn wait<'a>(
        &'a self,
        client: &'a ClientInner,
        deadline: &'a mut Deadline,
        delay: Duration,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let pause = pin!(deadline.sleep(delay));
            match client.queue.back_off().guard(Phase::Queue, pause).await {
                Ok(()) => Ok(()),
                Err(_) => Err(client.queue.rejection_error(Rejection::Closed)),
            }
        })
    }
}

impl ClientCall<'_> {
    /// Returns how many attempts have ended.
    fn count(&self) -> u32 {
        u32::try_from(self.history.len()).unwrap_or(u32::MAX)
    }

    /// Returns the retry policy's delay, if the request can be sent again.
    ///
    /// A body that can be read only once ends the attempts without an error: the server's response is worth more than an
    /// error that says it could not be asked again.
    fn policy_delay(
        &self,
        policy: &dyn RetryPolicy,
        outcome: std::result::Result<&Response, &Error>,
    ) -> Option<Duration> {
        // `BodyNotReplayable` is for redirects and challenges, which are no answers to the request.
        self.next.as_ref()?;
        let (method, url) = self.present.as_ref()?;
        let sent = self.progress.as_ref().map_or(0, Progress::bytes);
        let context = RetryContext { method, url, outcome, attempt: self.count(), sent, default: false };
        policy.delay(&context)
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
}
