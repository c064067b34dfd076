//! A request's life, from the call to the response.
//!
//! The numbered comments of this file are the steps, in order. `Client::run` and `Client::respond` are the request as a
//! whole. A plain request makes a single attempt. [`policies`], if there are any, decide whether another attempt follows.
//! The npm package has a loop of its own in `pkg-js/src/request.ts`.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use super::body::{self, BodyOptions};
use super::deadline::Deadline;
use super::observer::{RequestTrace, Stage};
use super::policies::{self, NextAttempt};
use super::queue::{Acquire, Slot, SlotRequest, StallDetection};
use super::{Client, ClientInner};
use crate::auth;
use crate::error::{Attempt, Error, Phase, Result, Timeout, Transfer};
use crate::message::call_context::CallContext;
use crate::message::call_times::CallTimes;
use crate::message::progress::Progress;
use crate::message::request::{CallOptions, CallPriority, Request};
use crate::message::response::{DEFAULT_BODY_LIMIT, Response};
use crate::message::url::Url;
use crate::runtime::Timer;

/// What a request holds until its response's body has ended: its slot, and the deadline that still counts.
pub(super) struct InFlight {
    pub(super) slot: Slot,
    pub(super) deadline: Deadline,
}

impl Client {
    /// Sends `request` and returns its response as soon as the head has arrived. The limits count from the
    /// first poll, or from `called_at` of the options.
    ///
    /// # Cancellation
    /// Dropping the future takes the request out of the queue, drops the attempt and frees its slot, or ends the wait
    /// between two attempts.
    pub(crate) async fn run(&self, mut request: Request, call_options: CallOptions) -> Result<Response> {
        // 1. Move credentials from the URL to a header: from here on the URL may appear in events and errors. An
        //    `authorization` header of the request stays, because it was written for this request; a URL may come from
        //    anywhere.
        auth::take_from_url(&mut request)?;
        let url = request.url().clone();
        let method = request.method().clone();

        // 2. Give the request a number for the observer. From here on the observer learns of every end: an error is
        //    reported below, and a trace that is dropped reports that the request was cancelled.
        let priority = request.options().priority.or(self.0.options.priority).unwrap_or_default();
        let handle = call_options.hooks().and_then(|hooks| hooks.priority.as_ref());
        let mut trace = self.0.tracer.as_ref().map(|tracer| tracer.trace(&url, priority, handle));

        let result = self.respond(request, call_options, &url, &mut trace).await;
        match result {
            Ok(mut response) => {
                response.set_default_method(method);
                Ok(response)
            }
            Err(error) => {
                if let Some(trace) = trace {
                    trace.end(Some(error.kind()));
                }
                Err(error.with_url(&url))
            }
        }
    }

    async fn respond(
        &self,
        mut request: Request,
        call_options: CallOptions,
        url: &Url,
        trace: &mut Option<RequestTrace>,
    ) -> Result<Response> {
        let client = &*self.0;

        // 3. Add the client's default headers, check the request, merge its options over the client's. The defaults come
        //    after step 1, so the URL's credentials win over a default `authorization` header.
        if let Some(headers) = &client.headers {
            headers.fill(&mut request)?;
        }
        request.validate()?;
        let options = request.fill_options(&client.options);
        let hooks = call_options.hooks();
        let handle = hooks.and_then(|hooks| hooks.priority.as_ref());
        let mut slot_request = SlotRequest {
            origin: url.origin_text(),
            priority: handle.and_then(|handle| handle.present()).or(options.priority).unwrap_or_default(),
            is_retry: false,
            // A limit of the program's own replaces the look for stalls, even a limit of zero.
            detection: StallDetection::new(options.queue_timeout.is_none()),
        };

        // 4. Refuse the request if the circuit of its origin is open: it need not wait for a slot. Otherwise it pays into
        //    the retry budget.
        let mut policies = policies::make(client, &request)?;

        // 5. Start the total timeout: it covers the queue, all attempts, and the waits between them. It counts from the
        //    call, because the task of the request may start later. The limit of the request starts at its first slot.
        let started = client.clock.now();
        let called_at = call_options.called_at.unwrap_or(started);
        let mut deadline = Deadline::start(&client.clock, called_at, options.timeout, options.total_timeout);
        let mut times = CallTimes::default();
        let mut progress = None;
        let outcome = loop {
            // 6. Take a slot that is free, or wait for a slot.
            let acquired = match client.queue.try_acquire(&slot_request) {
                Ok(Some(slot)) => Ok((slot, if slot_request.is_retry { client.clock.now() } else { started })),
                Ok(None) => {
                    let since = if slot_request.is_retry { client.clock.now() } else { called_at };
                    deadline.enter(Phase::Queue, Timeout::Queue, options.queue_timeout, since);
                    let waited = wait_for_slot(client, &mut deadline, slot_request, handle, trace.as_ref()).await;
                    waited.map(|slot| (slot, client.clock.now()))
                }
                Err(rejection) => Err(client.queue.rejection_error(rejection)),
            };
            let (mut slot, now) = match acquired {
                Ok(acquired) => acquired,
                Err(error) => break Err(error),
            };
            if let Some(trace) = trace {
                trace.step(Stage::Started);
            }
            times.leave_queue(now.since(called_at));
            deadline.leave_queue(now);
            // A slot that is free at once sets no timer, so nothing has looked at the timeouts of the whole request yet.
            if let Some(error) = deadline.overdue() {
                break Err(error);
            }

            // 7. Make an attempt, until it ends, a timeout passes, or the client is closed.
            deadline.start_attempt(options.attempt_timeout, now);
            deadline.enter(Phase::Head, Timeout::Head, options.head_timeout, now);
            let ready = match &mut policies {
                Some(policies) => policies.start_attempt(&request),
                None => Ok(()),
            };
            let outcome = match ready {
                Ok(()) => {
                    let history = policies.as_ref().map_or(&[][..], |policies| policies.history());
                    let context = CallContext::for_attempt(hooks.and_then(|hooks| hooks.on_upload.clone()), history);
                    let progress = progress.insert(context.progress().clone());
                    attempt(client, request, context, &mut slot, &mut deadline, progress).await
                }
                Err(error) => Err(error),
            };

            // 8. Ask the policies whether another attempt follows.
            let sent = progress.as_ref().map_or(0, Progress::bytes);
            let retry = policies.as_mut().and_then(|policies| policies.retry(&outcome, &deadline, sent));
            let Some(NextAttempt { request: next, delay }) = retry else {
                break outcome.map(|response| (response, slot));
            };

            // 9. Free the slot and wait: requests in the queue must not wait for a server that asked for a pause. The
            //    response goes first, since the slot stands for the connection behind it. Afterwards the request joins the
            //    queue behind all requests of the same priority: a failing request must not hold up requests that have not
            //    had a turn yet.
            drop(outcome);
            drop(slot);
            if let Some(trace) = trace {
                trace.step(Stage::Waiting);
            }
            deadline.pause();
            if let Some(policies) = &mut policies {
                if let Err(error) = policies.back_off(&mut deadline, delay).await {
                    break Err(error);
                }
            }
            request = next;
            slot_request.is_retry = true;
        };

        // 10. Add the history of the attempts to the error or to the response.
        let history = policies.map(|mut policies| policies.take_history()).unwrap_or_default();
        let (mut response, slot) = match outcome {
            Ok(answered) => answered,
            Err(error) => return Err(with_history(error, history, progress)),
        };
        response.set_attempts(history);
        response.set_body_limit(options.body_limit.unwrap_or(DEFAULT_BODY_LIMIT));

        // 11. Tie the slot and the deadline to the response's body: the request runs until its body ends.
        if let Some(trace) = trace {
            trace.step(Stage::Head);
        }
        let on_download = hooks.and_then(|hooks| hooks.on_download.clone());
        if response.has_complete_body() {
            times.end(deadline.age());
            response.set_times(times.clone());
            // The observer is told last: it may use the client, and then finds the slot free.
            drop(slot);
            if let Some(trace) = trace.take() {
                trace.end(None);
            }
            if options.stream_limit.is_none() && on_download.is_none() {
                return Ok(response);
            }
            let options = BodyOptions::new(&options, on_download, response.content_length());
            let progress = progress.unwrap_or_default();
            return Ok(response.map_body(|body| body::wrap(body, None, options, progress, times, None)));
        }
        times.share();
        response.set_times(times.clone());
        deadline.pause();
        let options = BodyOptions::new(&options, on_download, response.content_length());
        let in_flight = Some(InFlight { slot, deadline });
        let (progress, trace) = (progress.unwrap_or_default(), trace.take());
        Ok(response.map_body(|body| body::wrap(body, in_flight, options, progress, times, trace)))
    }
}

/// Waits for a slot within the limits.
async fn wait_for_slot(
    client: &ClientInner,
    deadline: &mut Deadline,
    slot_request: SlotRequest<'_>,
    handle: Option<&Arc<dyn CallPriority>>,
    trace: Option<&RequestTrace>,
) -> Result<Slot> {
    let mut acquire = client.queue.acquire(slot_request);
    let mut is_queued = false;
    let slot = poll_fn(|cx| {
        // Before the clock: a slot that came in time counts, however late the task is polled.
        if let Poll::Ready(slot) = Pin::new(&mut acquire).poll(cx) {
            return Poll::Ready(slot.map_err(|rejection| client.queue.rejection_error(rejection)));
        }
        // The request joins the queue in the first poll: only then is there an entry to show.
        if !is_queued {
            is_queued = true;
            queued(&acquire, handle, trace);
        }
        deadline.poll_expired(cx).map(Err)
    })
    .await;
    deadline.pause();
    slot
}

/// Called when the request begins to wait for a slot; `waiting` is its entry in the queue.
fn queued(waiting: &Acquire<'_>, handle: Option<&Arc<dyn CallPriority>>, trace: Option<&RequestTrace>) {
    if let Some(handle) = handle {
        if let Some(queued) = waiting.queued_request() {
            handle.follow(Box::new(queued));
        }
    }
    if let Some(trace) = trace {
        trace.step(Stage::Queued);
    }
}

/// Makes an attempt: passes the request through the client's middleware to the backend, within the limits.
async fn attempt(
    client: &ClientInner,
    mut request: Request,
    context: CallContext,
    slot: &mut Slot,
    deadline: &mut Deadline,
    progress: &Progress,
) -> Result<Response> {
    // Middleware belongs to the attempt: what it sends has the attempt's slot and limits. So it can fetch a token while
    // all slots wait for the token.
    let mut attempt = match &client.middleware {
        Some(chain) => chain.run(request, &*client.backend, context),
        None => {
            request.complete_headers();
            client.backend.fetch(request, context)
        }
    };
    poll_fn(|cx| {
        if let Some(error) = slot.ended(Phase::Head) {
            return Poll::Ready(Err(error));
        }
        // Before the clock: a result that came in time counts, however late the task is polled.
        if let Poll::Ready(outcome) = attempt.as_mut().poll(cx) {
            return Poll::Ready(outcome);
        }
        client.queue.record_progress();
        deadline.follow(progress);
        if let Poll::Ready(error) = slot.poll_ended(cx, Phase::Head) {
            return Poll::Ready(Err(error));
        }
        deadline.poll_expired(cx).map(Err)
    })
    .await
}

/// Adds to `error` the attempts before it and the bytes that the last attempt sent.
fn with_history(error: Error, history: Vec<Attempt>, progress: Option<Progress>) -> Error {
    let error = error.with_attempts(history);
    match progress {
        Some(progress) if error.phase() != Phase::Request => error.with_transfer(Transfer::bytes(progress.bytes(), 0)),
        _ => error,
    }
}
