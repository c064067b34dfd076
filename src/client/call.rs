//! A request's life, from the call to the response.
//!
//! The numbered comments of this file are the steps, in order, and `Client::run` is the request as a whole. A plain request
//! takes a slot and makes a single attempt. [`policies`], if there are any, take the steps 5 to 7 for each attempt. The npm
//! package has a loop of its own in `pkg-js/src/request.ts`.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::body::{self, BodyOptions};
use super::deadline::Deadline;
use super::policies::{self, AttemptPolicies};
use super::queue::{Acquire, Slot, SlotRequest, StallDetection};
use super::request_trace::{EnteredSpan, RequestTrace, Step, TracedCall};
use super::{Client, ClientInner};
use crate::auth;
use crate::error::{Attempt, Error, Phase, Result, Timeout, Transfer};
use crate::message::call_context::CallContext;
use crate::message::call_times::CallTimes;
use crate::message::progress::{Progress, ProgressCallback};
use crate::message::request::{CallOptions, CallPriority, Request, RequestOptions};
use crate::message::response::{DEFAULT_BODY_LIMIT, Response};
use crate::message::url::Url;
use crate::runtime::{BoxFuture, Instant, Timer};

/// What a request holds until its response's body has ended: its slot, and the deadline that still counts.
pub(super) struct InFlight {
    pub(super) slot: Slot,
    pub(super) deadline: Deadline,
}

/// A response whose head has arrived, and the slot of its attempt.
pub(super) struct Answered {
    pub(super) response: Response,
    pub(super) slot: Slot,
}

/// A call that is under way: what all attempts at its request share.
pub(super) struct Call<'a> {
    client: &'a ClientInner,
    url: &'a Url,
    /// The options of the request, merged over the client's.
    options: Arc<RequestOptions>,
    call_options: CallOptions,
    /// Reports to the observer, if there is an observer.
    trace: Option<RequestTrace>,
    /// When the call was first polled.
    started: Instant,
    pub(super) deadline: Deadline,
    times: CallTimes,
    /// The progress of the last attempt, once there is an attempt.
    progress: Option<Progress>,
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

        // 2. Merge the options over the client's, and start the total timeout. From here on the observer learns of every
        //    end: `fail` reports an error, and a trace that is dropped reports that the request was cancelled.
        let mut call = Call::new(&self.0, &url, &mut request, call_options);
        let outcome = match call.prepare(&mut request) {
            // The plain case.
            Ok(None) => call.only_attempt(request).await,
            Ok(Some(policies)) => policies.run(&mut call, request).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(Answered { mut response, slot }) => {
                // 8. End the request with its head, or tie it to the response's body.
                response.set_default_method(method);
                response.set_body_limit(call.options.body_limit.unwrap_or(DEFAULT_BODY_LIMIT));
                call.report(Step::Head(&response));
                let is_complete = response.has_complete_body();
                Ok(if is_complete { call.finish(response, slot) } else { call.stream(response, slot) })
            }
            Err(error) => Err(call.fail(error)),
        }
    }
}

impl<'a> Call<'a> {
    fn new(client: &'a ClientInner, url: &'a Url, request: &mut Request, call_options: CallOptions) -> Self {
        let options = request.fill_options(&client.options);
        // The total timeout covers the queue, all attempts, and the waits between them. It counts from the call, because
        // the task of the request may start later. The limit of the request starts at its first slot.
        let started = client.clock.now();
        let called_at = call_options.called_at.unwrap_or(started);
        let trace = client.tracer.as_ref().map(|tracer| {
            let handle = call_options.hooks().and_then(|hooks| hooks.priority.as_ref());
            let priority = options.priority.unwrap_or_default();
            tracer.trace(&TracedCall { method: request.method(), url, priority, handle, called_at })
        });
        let deadline = Deadline::start(&client.clock, called_at, options.timeout, options.total_timeout);
        let times = CallTimes::default();
        Self { client, url, options, call_options, trace, started, deadline, times, progress: None }
    }

    /// Prepares the request, and returns the policies that decide about its attempts, if there are any.
    ///
    /// # Errors
    /// If the request is not valid, or the circuit of its origin is open.
    fn prepare(&mut self, request: &mut Request) -> Result<Option<Box<dyn AttemptPolicies + 'a>>> {
        // 3. Add the client's default headers and check the request. The defaults come after step 1, so the URL's
        //    credentials win over a default `authorization` header.
        if let Some(headers) = &self.client.headers {
            headers.fill(request)?;
        }
        request.validate()?;
        // 4. Refuse the request if the circuit of its origin is open: it need not wait for a slot. Otherwise it pays into
        //    the retry budget.
        policies::make(self.client, request)
    }

    /// Makes the only attempt of a request without policies.
    async fn only_attempt(&mut self, request: Request) -> Result<Answered> {
        let mut slot = self.take_slot(false).await?;
        let response = self.attempt(request, &mut slot, &[]).await?;
        Ok(Answered { response, slot })
    }

    /// Takes a slot, with which an attempt begins.
    pub(super) async fn take_slot(&mut self, is_retry: bool) -> Result<Slot> {
        let client = self.client;
        let slot_request = SlotRequest {
            origin: self.url.origin_text(),
            priority: self.handle().and_then(|handle| handle.present()).or(self.options.priority).unwrap_or_default(),
            is_retry,
            // A limit of the program's own replaces the look for stalls, even a limit of zero.
            detection: StallDetection::new(self.options.queue_timeout.is_none()),
        };
        let called_at = self.deadline.called_at();
        let arrived = if is_retry { client.clock.now() } else { self.started };

        // 5. Take a slot that is free, or wait for a slot.
        let free = poll_fn(|cx| Poll::Ready(client.queue.try_acquire(&slot_request, cx.waker()))).await;
        let (slot, now) = match free {
            Ok(Some(slot)) => (slot, arrived),
            Ok(None) => {
                let since = if is_retry { arrived } else { called_at };
                self.deadline.enter(Phase::Queue, Timeout::Queue, self.options.queue_timeout, since);
                (self.wait_for_slot(slot_request).await?, client.clock.now())
            }
            Err(rejection) => return Err(client.queue.rejection_error(rejection)),
        };
        let waited = now.since(called_at);
        self.times.leave_queue(waited);
        self.report(Step::Started { waited });

        // 6. Start the limits of the attempt.
        self.deadline.leave_queue(now);
        // A slot that is free at once sets no timer, so nothing has looked at the timeouts of the whole request yet.
        if let Some(error) = self.deadline.overdue_at(now) {
            return Err(error);
        }
        self.deadline.start_attempt(self.options.attempt_timeout, now);
        self.deadline.enter_attempt(self.options.head_timeout, now);
        Ok(slot)
    }

    /// Waits for a slot within the limits.
    async fn wait_for_slot(&mut self, slot_request: SlotRequest<'_>) -> Result<Slot> {
        let client = self.client;
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
                self.queued(&acquire);
            }
            self.deadline.poll_expired(cx).map(Err)
        })
        .await;
        self.deadline.pause();
        slot
    }

    /// Called when the request begins to wait for a slot; `waiting` is its entry in the queue.
    fn queued(&mut self, waiting: &Acquire<'_>) {
        if let Some(handle) = self.handle() {
            if let Some(queued) = waiting.queued_request() {
                handle.follow(Box::new(queued));
            }
        }
        self.report(Step::Queued);
    }

    /// Makes an attempt after the attempts `before`.
    pub(super) fn attempt<'c>(
        &'c mut self,
        mut request: Request,
        slot: &'c mut Slot,
        before: &[Attempt],
    ) -> PendingAttempt<'c, 'a> {
        let client = self.client;
        let on_upload = self.call_options.hooks().and_then(|hooks| hooks.on_upload.clone());
        let context = CallContext::for_attempt(on_upload, before);
        self.report(Step::Attempt(context.progress()));
        self.progress = Some(context.progress().clone());
        if client.middleware.is_some() || !request.body().is_replayable() {
            self.deadline.read_clock_in_first_poll();
        }
        // 7. Pass the request through the client's middleware to the backend. Middleware belongs to the attempt: what it
        //    sends has the attempt's slot and limits. So it can fetch a token while all slots wait for the token.
        let fetch = match &client.middleware {
            Some(chain) => {
                let _span = EnteredSpan::enter(self.trace.as_ref());
                chain.run(request, &*client.backend, context)
            }
            None => {
                request.complete_headers();
                client.backend.fetch(request, context)
            }
        };
        PendingAttempt { call: self, slot, fetch }
    }

    /// Makes the response that the caller receives, of a response whose body came whole with its head.
    // By reference, because a call has hundreds of bytes to move.
    fn finish(&mut self, mut response: Response, slot: Slot) -> Response {
        self.times.end(self.deadline.age());
        response.set_times(self.times.clone());
        // The observer is told last: it may use the client, and then finds the slot free.
        drop(slot);
        let mut trace = self.trace.take();
        // A body of unknown length is still to be decoded, so it may fail while it is read, as a body beyond the limit does.
        let max = self.options.stream_limit.unwrap_or(u64::MAX);
        let length = response.body_length();
        if let Some(ended) = trace.take_if(|_| length.is_some_and(|length| length <= max)) {
            ended.end(None);
        }
        let on_download = self.on_download();
        if self.options.stream_limit.is_none() && on_download.is_none() && length.is_some() {
            if let Some(progress) = self.progress.take() {
                progress.recycle();
            }
            return response;
        }
        let options = BodyOptions::new(&self.options, on_download, response.content_length());
        let progress = self.progress.take().unwrap_or_default();
        let times = self.times.clone();
        response.map_body(|body| body::wrap(body, None, options, progress, times, trace))
    }

    /// Makes the response that the caller receives, of a response whose body is still on its way. The request runs until
    /// that body ends: the body holds the slot and the deadline.
    fn stream(mut self, mut response: Response, slot: Slot) -> Response {
        self.times.share();
        response.set_times(self.times.clone());
        self.deadline.pause();
        let options = BodyOptions::new(&self.options, self.on_download(), response.content_length());
        let in_flight = Some(InFlight { slot, deadline: self.deadline });
        let progress = self.progress.unwrap_or_default();
        response.map_body(|body| body::wrap(body, in_flight, options, progress, self.times, self.trace))
    }

    /// Reports that the request has failed, and adds to `error` what the last attempt sent.
    fn fail(self, mut error: Error) -> Error {
        if let Some(progress) = self.progress {
            if error.phase() != Phase::Request {
                error = error.with_transfer(Transfer::bytes(progress.bytes(), 0));
            }
        }
        if let Some(trace) = self.trace {
            trace.end(Some(&error));
        }
        error.with_url(self.url)
    }

    fn on_download(&self) -> Option<ProgressCallback> {
        self.call_options.hooks().and_then(|hooks| hooks.on_download.clone())
    }

    /// Returns how many bytes the last attempt has sent.
    pub(super) fn bytes_sent(&self) -> u64 {
        self.progress.as_ref().map_or(0, Progress::bytes)
    }

    /// Tells the observer that the request has reached `step`.
    pub(super) fn report(&mut self, step: Step<'_>) {
        if let Some(trace) = &mut self.trace {
            trace.step(step);
        }
    }

    /// Returns the handle that changes the priority while the request waits.
    fn handle(&self) -> Option<&Arc<dyn CallPriority>> {
        self.call_options.hooks().and_then(|hooks| hooks.priority.as_ref())
    }
}

/// An attempt that is under way: it ends with the head of a response, with a timeout, or when the client is closed.
// Written by hand: an `async` function would hold its arguments twice.
pub(super) struct PendingAttempt<'c, 'a> {
    call: &'c mut Call<'a>,
    slot: &'c mut Slot,
    fetch: BoxFuture<'a, Result<Response>>,
}

impl Future for PendingAttempt<'_, '_> {
    type Output = Result<Response>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Response>> {
        let Self { call, slot, fetch } = &mut *self;
        if let Some(error) = slot.ended(Phase::Head) {
            return Poll::Ready(Err(error));
        }
        // Before the clock: a result that came in time counts, however late the task is polled.
        let polled = {
            let _span = EnteredSpan::enter(call.trace.as_ref());
            fetch.as_mut().poll(cx)
        };
        if let Poll::Ready(outcome) = polled {
            return Poll::Ready(outcome);
        }
        call.client.queue.record_progress();
        if let Some(progress) = &call.progress {
            call.deadline.follow(progress);
        }
        if let Poll::Ready(error) = slot.poll_ended(cx, Phase::Head) {
            return Poll::Ready(Err(error));
        }
        call.deadline.poll_expired_in(cx, slot).map(Err)
    }
}
