//! The server's side of an HTTP/2 connection: a loop that accepts streams and drives their answers.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use h2::RecvStream;
use h2::server::{Connection, SendResponse};
use http::Request;
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt};

use super::action_queue::{ActionQueue, QueuedAction};
use super::config::MAX_WINDOW;
use super::control::RegisteredConnection;
use super::source::SharedResponse;
use super::stream::{self, StreamContext};
use super::wire::WireHandle;
use super::{Http2Action, Http2Config, Http2ErrorCode, Http2Frame};
use crate::runtime::BoxFuture;
use crate::testing::server::connection::ServerConnection;
use crate::transport::Transport;

/// Serves the requests on a connection that begins with the preface of HTTP/2. `received` are the bytes that were read
/// before.
pub(in crate::testing::server) async fn serve(
    server: &ServerConnection<'_>,
    config: Http2Config,
    transport: Box<dyn Transport>,
    received: &[u8],
) -> io::Result<()> {
    let wire = WireHandle::new(transport, received, server.number, &config);
    let handshake = config.builder().handshake(wire.clone().compat()).await;
    let end = match handshake {
        Ok(connection) => {
            let mut streams = Streams::new(server, config, connection, wire.clone());
            std::future::poll_fn(|cx| streams.poll(cx)).await
        }
        Err(_) => ConnectionEnd::Close,
    };
    match end {
        ConnectionEnd::Close => wire.close().await,
        ConnectionEnd::Reset => {
            (server.reset)();
            Ok(())
        }
    }
}

/// How a connection ends.
enum ConnectionEnd {
    Close,
    Reset,
}

/// Whether the loop goes on.
enum ActionOutcome {
    /// Nothing happened.
    Idle,
    Made,
    Ended(ConnectionEnd),
}

/// The answer to a request, with the number of its stream.
struct StreamTask<'a> {
    id: u32,
    answer: BoxFuture<'a, ()>,
}

impl Future for StreamTask<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.answer.poll_unpin(cx)
    }
}

/// The streams of a connection.
struct Streams<'a> {
    server: &'a ServerConnection<'a>,
    config: Http2Config,
    connection: Connection<Compat<WireHandle>, Bytes>,
    wire: WireHandle,
    control: Option<RegisteredConnection>,
    tasks: FuturesUnordered<StreamTask<'a>>,
    /// What the streams have asked for.
    queue: ActionQueue,
    /// What is done next, once the frames so far are sent.
    pending: VecDeque<QueuedAction>,
    /// How many requests have arrived.
    requests: u64,
    /// The last stream that has arrived.
    last_received: u32,
    /// The last stream that is answered, once GOAWAY was sent.
    last_answered: Option<u32>,
    /// Whether h2 shuts the connection down gracefully.
    is_graceful: bool,
    /// Whether the next action waits until the client acknowledges SETTINGS.
    waits_for_ack: bool,
    /// Whether the connection ends as soon as the frames so far are sent.
    is_ending: bool,
}

impl<'a> Streams<'a> {
    fn new(
        server: &'a ServerConnection<'a>,
        config: Http2Config,
        connection: Connection<Compat<WireHandle>, Bytes>,
        wire: WireHandle,
    ) -> Self {
        let control = config.control.as_ref().map(|control| control.register(server.number));
        Self {
            server,
            config,
            connection,
            wire,
            control,
            tasks: FuturesUnordered::new(),
            queue: ActionQueue::default(),
            pending: VecDeque::new(),
            requests: 0,
            last_received: 0,
            last_answered: None,
            is_graceful: false,
            waits_for_ack: false,
            is_ending: false,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ConnectionEnd> {
        loop {
            let mut has_progress = false;
            // 1. Reads frames and sends what the streams have made.
            loop {
                match self.connection.poll_accept(cx) {
                    Poll::Ready(Some(Ok((request, response)))) => {
                        has_progress = true;
                        self.accept(request, response, cx);
                    }
                    Poll::Ready(_) => return Poll::Ready(ConnectionEnd::Close),
                    Poll::Pending => break,
                }
            }
            let has_reset_too_often = self.config.max_resets.is_some_and(|max| self.wire.resets() > max);
            if has_reset_too_often && !self.is_ending {
                self.shut_down(Http2ErrorCode::ENHANCE_YOUR_CALM);
                continue;
            }
            // 2. Does what a test has asked for, after these frames.
            match self.run_pending(cx) {
                ActionOutcome::Idle => {}
                ActionOutcome::Made => has_progress = true,
                ActionOutcome::Ended(end) => return Poll::Ready(end),
            }
            // 3. Lets the handlers go on.
            has_progress |= self.poll_tasks(cx);
            self.pending.extend(self.queue.take());
            let can_run = !self.pending.is_empty() && self.wire.is_flushed() && !self.waits_for_ack;
            if !has_progress && !can_run {
                return Poll::Pending;
            }
        }
    }

    /// Polls the answers. Returns whether an answer is complete.
    fn poll_tasks(&mut self, cx: &mut Context<'_>) -> bool {
        let mut has_progress = false;
        while let Poll::Ready(Some(())) = self.tasks.poll_next_unpin(cx) {
            has_progress = true;
        }
        has_progress
    }

    /// Begins the answer to a request.
    fn accept(&mut self, request: Request<RecvStream>, mut response: SendResponse<Bytes>, cx: &mut Context<'_>) {
        let id = response.stream_id().as_u32();
        let is_ignored = self.is_ending || self.last_answered.is_some_and(|last| id > last);
        if is_ignored {
            return;
        }
        if self.is_full(cx) {
            response.send_reset(Http2ErrorCode::REFUSED_STREAM.into());
            return;
        }
        self.last_received = id;
        self.requests += 1;
        self.run_actions_at_request();
        let is_answered = self.last_answered.is_none_or(|last| id <= last) && !self.is_ending;
        if is_answered {
            let context = StreamContext {
                handler: self.server.handler,
                connection: self.server.number,
                opens_windows: !self.config.keeps_windows_closed,
                queue: self.queue.clone(),
            };
            let answer = Box::pin(stream::answer(context, request, SharedResponse::new(response)));
            self.tasks.push(StreamTask { id, answer });
        }
    }

    /// Returns whether as many streams are open as the client may open.
    fn is_full(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(max) = self.wire.max_streams() else { return false };
        if self.tasks.len() >= max as usize {
            // The client may have ended streams in the frames before this request.
            self.poll_tasks(cx);
        }
        self.tasks.len() >= max as usize
    }

    fn run_actions_at_request(&mut self) {
        let actions = std::mem::take(&mut self.config.actions);
        for (number, action) in &actions {
            if *number != self.requests {
                continue;
            }
            match action {
                // These decide which requests are answered, also of the requests that have arrived together.
                Http2Action::GoAway { code, last_stream } => self.go_away(*code, *last_stream),
                Http2Action::Shutdown { code } => self.shut_down(*code),
                Http2Action::Close | Http2Action::Reset => {
                    self.is_ending = true;
                    self.wire.silence_streams_above(0);
                    self.pending.push_front(QueuedAction::of_test(action.clone()));
                }
                _ => self.pending.push_back(QueuedAction::of_test(action.clone())),
            }
        }
        self.config.actions = actions;
    }

    /// Runs the actions that wait, if all frames before them are sent.
    fn run_pending(&mut self, cx: &mut Context<'_>) -> ActionOutcome {
        if let Some(control) = &self.control {
            self.pending.extend(control.take_actions(cx).into_iter().map(QueuedAction::of_test));
        }
        if !self.wire.is_flushed() {
            return ActionOutcome::Idle;
        }
        if self.is_ending && !self.pending.iter().any(QueuedAction::ends_connection) {
            return ActionOutcome::Ended(ConnectionEnd::Close);
        }
        // A GOAWAY that allows further streams leaves the connection open.
        let is_last = self.last_answered.is_some_and(|last| last <= self.last_received);
        if is_last && self.tasks.is_empty() && self.pending.is_empty() {
            return ActionOutcome::Ended(ConnectionEnd::Close);
        }
        // A single action, because the frames of the next action follow its frames.
        match self.pending.pop_front() {
            Some(next) => self.run(next),
            None => ActionOutcome::Idle,
        }
    }

    fn run(&mut self, next: QueuedAction) -> ActionOutcome {
        match &next.action {
            None => {}
            Some(Http2Action::GoAway { code, last_stream }) => self.go_away(*code, *last_stream),
            Some(Http2Action::Shutdown { code }) => self.shut_down(*code),
            // After a GOAWAY, h2 would ignore streams that the server has promised to answer.
            Some(Http2Action::GracefulShutdown) if self.last_answered.is_some() => {}
            Some(Http2Action::GracefulShutdown) => {
                self.is_graceful = true;
                self.connection.graceful_shutdown();
            }
            Some(Http2Action::MaxConcurrentStreams(max)) => self.wire.send_max_streams(*max),
            Some(Http2Action::InitialWindowSize(size)) => {
                // h2 allows a single change at a time, and fails before the client has acknowledged the previous
                // change.
                self.waits_for_ack = self.connection.set_initial_window_size((*size).min(MAX_WINDOW)).is_err();
                if self.waits_for_ack {
                    self.pending.push_front(next);
                    return ActionOutcome::Idle;
                }
            }
            Some(Http2Action::Ping(data)) => self.wire.send_frame(&Http2Frame::ping(*data)),
            Some(Http2Action::Frames(frames)) => frames.iter().for_each(|frame| self.wire.send_frame(frame)),
            Some(Http2Action::Bytes(bytes)) => self.wire.send_bytes(bytes),
            Some(Http2Action::Close) => return ActionOutcome::Ended(ConnectionEnd::Close),
            Some(Http2Action::Reset) => return ActionOutcome::Ended(ConnectionEnd::Reset),
        }
        next.complete();
        ActionOutcome::Made
    }

    /// Sends GOAWAY, and drops the answers on streams above `last_stream`.
    fn go_away(&mut self, code: Http2ErrorCode, last_stream: Option<u32>) {
        // h2 ignores the streams that arrive after its second GOAWAY, so no other stream can be promised then.
        let last_stream = last_stream.filter(|_| !self.is_graceful);
        // The last stream of a GOAWAY frame never rises (RFC 9113, section 6.8).
        let last = last_stream.unwrap_or(self.last_received).min(self.last_answered.unwrap_or(u32::MAX));
        self.last_answered = Some(last);
        self.wire.send_frame(&Http2Frame::go_away(last, code));
        self.wire.silence_streams_above(last);
        let tasks = std::mem::take(&mut self.tasks);
        self.tasks = tasks.into_iter().filter(|task| task.id <= last).collect();
    }

    fn shut_down(&mut self, code: Http2ErrorCode) {
        let last = self.last_received.min(self.last_answered.unwrap_or(u32::MAX));
        self.wire.send_frame(&Http2Frame::go_away(last, code));
        self.wire.silence_streams_above(0);
        self.is_ending = true;
        self.tasks.clear();
    }
}
