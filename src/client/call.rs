//! A request's life, from the call to the response.
//!
//! The numbered comments of this file are the steps, in order. `Client::run` and `Client::respond` have the steps of the
//! request as a whole, [`run`] has the loop around the attempts. [`ClientCall`] makes an attempt and decides whether
//! another attempt follows. The npm package has a loop of its own in `pkg-js/src/request.ts`.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::time::Duration;

use super::body::{self, BodyOptions};
use super::client_call::{self, ClientCall, EndedCall};
use super::deadline::Deadline;
use super::observer::RequestTrace;
use super::queue::{Slot, SlotRequest, StallDetection};
use super::{Client, ClientInner};
use crate::auth;
use crate::error::{Phase, Result, Timeout};
use crate::message::request::{CallOptions, Request};
use crate::message::response::{DEFAULT_BODY_LIMIT, Response};
use crate::message::url::Url;

/// The time limits of a request that the loop watches; zero or `None` means no limit.
#[derive(Clone, Copy)]
struct Timeouts {
    queue: Option<Duration>,
    head: Option<Duration>,
    attempt: Option<Duration>,
    /// From the first slot to the end of the body.
    request: Option<Duration>,
    /// From the call to the end of the body.
    total: Option<Duration>,
}

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
    /// As [`run`].
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
        let handle = call_options.priority.as_ref();
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
        mut call_options: CallOptions,
        url: &Url,
        trace: &mut Option<RequestTrace>,
    ) -> Result<Response> {
        let ClientInner { headers, options: defaults, .. } = &*self.0;

        // 3. Add the client's default headers, check the request, merge its options over the client's. The defaults come
        //    after step 1, so the URL's credentials win over a default `authorization` header.
        if let Some(headers) = headers {
            headers.fill(&mut request)?;
        }
        request.validate()?;
        request.options_mut().fill(defaults);
        let options = request.options();
        let timeouts = Timeouts {
            queue: options.queue_timeout,
            head: options.head_timeout,
            attempt: options.attempt_timeout,
            request: options.timeout,
            total: options.total_timeout,
        };
        let priority =
            call_options.priority.as_ref().and_then(|handle| handle.present()).or(options.priority).unwrap_or_default();
        let slot_request = SlotRequest {
            origin: url.origin_text(),
            priority,
            is_retry: false,
            // A limit of the program's own replaces the look for stalls, even a limit of zero.
            detection: StallDetection::new(options.queue_timeout.is_none()),
        };
        let body_options = BodyOptions {
            idle_timeout: options.idle_timeout,
            stream_limit: options.stream_limit,
            on_download: call_options.on_download.take(),
            min_rate: options.min_download_rate.clone(),
        };
        let body_limit = options.body_limit.unwrap_or(DEFAULT_BODY_LIMIT);
        let retry = options.retry.clone();

        // 4. Refuse the request if the circuit of its origin is open: it need not wait for a slot. Otherwise it pays into
        //    the retry budget.
        let mut call = ClientCall::new(&self.0, request, call_options, retry, trace.as_ref())?;

        // 5. to 9. Wait for a slot and make attempts, until the policies want no other.
        let outcome = run(&self.0, timeouts, slot_request, &mut call).await;

        // 10. Add the history of the attempts to the error or to the response.
        let EndedCall { history, progress, mut times } = call.into_parts();
        let (mut response, in_flight) = match outcome {
            Ok(answered) => answered,
            Err(error) => return Err(client_call::with_history(error, history, progress)),
        };
        response.set_attempts(history);
        response.set_body_limit(body_limit);

        // 11. Tie the slot and the deadline to the response's body: the request runs until its body ends.
        if response.has_complete_body() {
            times.end(in_flight.deadline.age());
        } else {
            times.share();
        }
        response.set_times(times.clone());
        let total = response.content_length();
        let (progress, trace) = (progress.unwrap_or_default(), trace.take());
        Ok(response.map_body(|body| body::wrap(body, in_flight, body_options, total, progress, times, trace)))
    }
}

/// Waits for a slot and makes an attempt, within the limits, until `call` wants no other attempt.
///
/// # Cancellation
/// Dropping the future takes the request out of the queue, drops the attempt and frees its slot, or ends the wait
/// between two attempts.
async fn run(
    client: &ClientInner,
    timeouts: Timeouts,
    mut slot_request: SlotRequest<'_>,
    call: &mut ClientCall<'_>,
) -> Result<(Response, InFlight)> {
    // 5. Start the total timeout: it covers the queue, all attempts, and the waits between them. The limit of the request
    //    starts at its first slot.
    let mut deadline = Deadline::start(&client.clock, timeouts.request, timeouts.total);
    call.count_from_call(&mut deadline);
    loop {
        // 6. Wait for a slot.
        let mut slot = acquire_slot(client, timeouts.queue, &mut deadline, slot_request, call).await?;

        // 7. Make an attempt, until it ends, a timeout passes, or the client is closed.
        deadline.start_attempt(timeouts.attempt);
        deadline.enter(Phase::Head, Timeout::Head, timeouts.head);
        let outcome = {
            let attempt = pin!(call.attempt());
            let guarded = pin!(slot.guard(Phase::Head, attempt));
            match deadline.bound(|deadline| call.report_progress(deadline), guarded).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(stopped)) | Err(stopped) => Err(stopped),
            }
        };

        // 8. Ask whether another attempt follows.
        let Some((between, delay)) = call.next_retry(&outcome, &deadline) else {
            return outcome.map(|response| (response, InFlight { slot, deadline }));
        };

        // 9. Free the slot and wait: requests in the queue must not wait for a server that asked for a pause. The
        //    response goes first, since the slot stands for the connection behind it. Afterwards the request joins the
        //    queue behind all requests of the same priority: a failing request must not hold up requests that have not
        //    had a turn yet.
        drop(outcome);
        drop(slot);
        call.waiting();
        slot_request.is_retry = true;
        between.wait(client, &mut deadline, delay).await?;
    }
}

/// Takes a slot, or waits for a slot within the limits.
async fn acquire_slot(
    client: &ClientInner,
    limit: Option<Duration>,
    deadline: &mut Deadline,
    slot_request: SlotRequest<'_>,
    call: &ClientCall<'_>,
) -> Result<Slot> {
    let slot = match client.queue.try_acquire(&slot_request) {
        Ok(Some(slot)) => Ok(slot),
        Err(rejection) => Err(rejection),
        Ok(None) => {
            deadline.enter(Phase::Queue, Timeout::Queue, limit);
            if !slot_request.is_retry {
                call.count_from_call(deadline);
            }
            let mut acquire = client.queue.acquire(slot_request);
            let mut is_queued = false;
            let wait = poll_fn(|cx| {
                let slot = Pin::new(&mut acquire).poll(cx);
                // The request joins the queue in the first poll: only then is there an entry to show.
                if slot.is_pending() && !is_queued {
                    is_queued = true;
                    call.queued(&acquire);
                }
                slot
            });
            deadline.bound(|_| (), pin!(wait)).await?
        }
    };
    let slot = slot.map_err(|rejection| client.queue.rejection_error(rejection))?;
    call.started();
    deadline.leave_queue();
    // A slot that is free at once sets no timer, so nothing has looked at the timeouts of the whole request yet.
    match deadline.overdue() {
        Some(error) => Err(error),
        None => Ok(slot),
    }
}
