//! A connection that requests share.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use http::Version;
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt};

use super::abandoned::AbandonedStreams;
use super::allowance::RequestAllowance;
use super::driver::ConnectionDriver;
use super::failure::Http2Failure;
use super::frame_limits::FrameMeter;
use super::h2_limits;
use super::ping::Pings;
use super::read_signal::ReadSignal;
use super::request_fields::OriginFields;
use super::seen::Seen;
use super::settings::Http2Settings;
use super::stream::Http2Stream;
use super::wire::Wire;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::http1::Http1Limits;
use crate::message::connection_info::ConnectionInfo;
use crate::runtime::sync::Mutex;
use crate::runtime::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::runtime::{Instant, Timer};
use crate::transport::Transport;

/// Maximum number of turns that a call which cannot wait, such as a drop, drives a connection.
const MAX_TURNS: usize = 16;

/// The number of streams that a connection may have until the server's settings say more, if nothing is known about the
/// server.
pub(crate) const FIRST_MAX_STREAMS: usize = 100;

/// Maximum bytes of request bodies that a stream keeps to be written.
const SEND_BUFFER: usize = 256 * 1024;

/// A connection that carries many requests at once. The requests drive it, see [`ConnectionDriver`].
pub(crate) struct Http2Connection {
    /// `None` once the connection has ended.
    io: Mutex<Option<h2::client::Connection<Compat<Wire>>>>,
    /// Cloned for each request. It opens no stream itself, so that no request waits for another request's stream.
    requests: Mutex<SendRequest<Bytes>>,
    pub(super) driver: Arc<ConnectionDriver>,
    waker: Waker,
    /// Lets the next drive read the transport.
    read_signal: Arc<ReadSignal>,
    /// The number of streams that the server allows at once.
    max_streams: AtomicUsize,
    /// The number of streams that requests have or are about to open.
    active: AtomicUsize,
    /// Whether no request may be added.
    is_retired: AtomicBool,
    allowance: RequestAllowance,
    seen: Arc<Seen>,
    info: Arc<ConnectionInfo>,
    /// The scheme and authority of the requests.
    origin: OriginFields,
    pub(super) abandoned: AbandonedStreams,
    /// How many requests have begun since the connection was last driven.
    unwritten: AtomicUsize,
    /// Whether a request waits for the server's settings, or has waited.
    pub(super) is_awaited: AtomicBool,
    /// Locked by the request that tries the connection.
    pub(super) pings: futures::lock::Mutex<Pings>,
    /// Called without a lock when the server changes the number of streams, or when the connection becomes unusable.
    on_change: OnceLock<OnChange>,
    /// Whether `on_change` has to be called.
    has_changed: AtomicBool,
    /// The number of requests so far.
    uses: AtomicUsize,
    /// Why the connection ended; `None` after an orderly end.
    end: OnceLock<Option<Http2Failure>>,
}

/// Gets the number of streams that the server allows.
type OnChange = Box<dyn Fn(usize) + Send + Sync>;

impl Http2Connection {
    /// Begins HTTP/2 on a transport. The settings are written together with the first request. `max_streams` is how many
    /// streams the server probably allows.
    pub(crate) async fn open(
        transport: Box<dyn Transport>,
        origin: OriginFields,
        settings: Http2Settings,
        limits: &Http1Limits,
        timer: Arc<dyn Timer>,
        max_streams: usize,
    ) -> Result<Arc<Self>> {
        let mut info = transport.connection_info();
        info.version = Some(Version::HTTP_2);
        let info = Arc::new(info);
        let seen = Arc::<Seen>::default();
        let opened_at = timer.now();
        let meter = FrameMeter::new(limits, opened_at).with_stream_window(settings.stream_window);
        let driver = ConnectionDriver::new(timer.clone());
        let waker = driver.connection_waker();
        let read_signal = ReadSignal::new(waker.clone());
        let wire = Wire::new(transport, meter, timer, seen.clone(), read_signal.clone());
        let mut builder = Builder::new();
        builder
            .initial_window_size(settings.stream_window)
            .initial_connection_window_size(settings.connection_window)
            .max_send_buffer_size(SEND_BUFFER)
            .initial_max_send_streams(max_streams);
        h2_limits::apply(&mut builder, limits);
        let (requests, mut connection) =
            builder.handshake(wire.compat()).await.map_err(|error| Http2Failure::of(error, Phase::Connect).error)?;
        let pings = Pings::new(connection.ping_pong());
        Ok(Arc::new(Self {
            io: Mutex::new(Some(connection)),
            requests: Mutex::new(requests),
            driver,
            waker,
            read_signal,
            max_streams: AtomicUsize::new(max_streams),
            active: AtomicUsize::new(0),
            is_retired: AtomicBool::new(false),
            allowance: RequestAllowance::new(),
            seen,
            info,
            origin,
            abandoned: AbandonedStreams::default(),
            unwritten: AtomicUsize::new(0),
            is_awaited: AtomicBool::new(false),
            pings: futures::lock::Mutex::new(pings),
            on_change: OnceLock::new(),
            has_changed: AtomicBool::new(false),
            uses: AtomicUsize::new(0),
            end: OnceLock::new(),
        }))
    }

    /// Returns what opens streams.
    pub(super) fn requests(&self) -> SendRequest<Bytes> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the facts about the connection.
    pub(crate) fn connection_info(&self) -> Arc<ConnectionInfo> {
        self.info.clone()
    }

    /// Returns the scheme and authority of the requests.
    pub(crate) fn origin(&self) -> &OriginFields {
        &self.origin
    }

    /// Counts a request that is about to open a stream. Returns whether the server allows another stream.
    pub(crate) fn reserve(&self) -> bool {
        let max = self.max_streams.load(Ordering::Relaxed);
        let add = |now: usize| (now < max).then_some(now + 1);
        let is_reserved =
            self.allowance.has_room() && self.active.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok();
        if is_reserved {
            self.allowance.begin();
        }
        is_reserved
    }

    /// Sets how many requests the connection gets before the first response.
    pub(crate) fn set_first_requests(&self, requests: usize) {
        self.allowance.set_first(requests);
    }

    /// Returns whether requests wait although the server may allow more streams.
    pub(crate) fn is_held_back(&self) -> bool {
        !self.allowance.has_room()
    }

    /// Lets requests begin that are held back.
    pub(crate) fn lift_allowance(&self) {
        self.allowance.lift();
    }

    /// Returns whether the connection has carried more than a single request.
    pub(crate) fn is_shared(&self) -> bool {
        self.uses.load(Ordering::Relaxed) > 1
    }

    /// Returns how many requests the server has taken, and whether it refused more, once it has sent GOAWAY.
    pub(crate) fn taken_requests(&self) -> Option<(usize, bool)> {
        self.seen.taken_requests()
    }

    /// Counts the end of a request's stream. Returns the number of streams that are left.
    pub(crate) fn release(&self) -> usize {
        self.allowance.end();
        self.active.fetch_sub(1, Ordering::Relaxed) - 1
    }

    /// Returns the number of streams that requests have.
    pub(crate) fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    /// Returns whether requests may be added: the connection has not ended, and the server has not sent GOAWAY.
    pub(crate) fn is_usable(&self) -> bool {
        let is_worn = self.is_retired.load(Ordering::Relaxed) || self.seen.is_worn();
        !is_worn && self.seen.last_stream().is_none() && self.end.get().is_none()
    }

    /// Returns when bytes last arrived.
    pub(super) fn last_received(&self) -> Instant {
        self.seen.last_received()
    }

    /// Sets what is called when the server changes the number of streams that it allows, and when the connection becomes
    /// unusable.
    pub(crate) fn set_on_change(&self, on_change: impl Fn(usize) + Send + Sync + 'static) {
        let _ = self.on_change.set(Box::new(on_change));
    }

    /// Drives the connection for a request that waits for a stream.
    pub(crate) fn watch(self: &Arc<Self>) -> Http2Stream {
        Http2Stream::new(self.clone())
    }

    /// Counts a request, and returns whether the connection has carried a request before.
    pub(crate) fn begin_use(&self) -> bool {
        self.uses.fetch_add(1, Ordering::Relaxed) > 0
    }

    /// Counts a request that has begun. Returns how many have begun since the connection was last driven.
    pub(super) fn count_unwritten(&self) -> usize {
        self.unwritten.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Lets no more requests be added. The connection ends after its last request.
    pub(crate) fn retire(&self) {
        self.is_retired.store(true, Ordering::Relaxed);
    }

    /// Returns what the incoming bytes have shown.
    pub(super) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Returns how the connection ended, if it has.
    pub(super) fn end(&self) -> Option<&Option<Http2Failure>> {
        self.end.get()
    }

    /// Reads what an idle connection has received, for a request that is about to use it.
    pub(crate) fn look(self: &Arc<Self>) {
        self.read_signal.set();
        self.driver.add_work();
        let _inside = Inside::of(self);
        self.drive();
    }

    /// Drives the connection while no request does. Ready once no request may use it.
    pub(crate) fn poll_idle(self: &Arc<Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.driver.set_idle_task(cx.waker());
        // Read and written here: the wake-up may have come before the waker was set.
        self.driver.add_work();
        {
            let _inside = Inside::of(self);
            self.drive();
        }
        if self.is_usable() { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Reads and writes as much as the transport allows, if there is anything to do.
    pub(super) fn drive(&self) {
        if !self.driver.take_work() {
            return;
        }
        self.unwritten.store(0, Ordering::Relaxed);
        let mut io = self.io.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(connection) = &mut *io else { return };
        let was_usable = self.is_usable();
        let was_settled = self.seen.is_settled();
        // `h2` reads before it writes: a GOAWAY that the transport has reported keeps requests back.
        let polled = Pin::new(&mut *connection).poll(&mut Context::from_waker(&self.waker));
        let Poll::Ready(outcome) = polled else {
            let max = connection.max_concurrent_send_streams();
            let has_other_max = max != self.max_streams.swap(max, Ordering::Relaxed);
            if has_other_max || was_usable && !self.is_usable() {
                self.has_changed.store(true, Ordering::Relaxed);
            }
            drop(io);
            if !was_settled && self.seen.is_settled() {
                self.wake_awaiting();
            }
            // Streams that the server does not process have failed, so they are not reset.
            let last = self.seen.last_stream().unwrap_or(u32::MAX);
            drop(self.abandoned.take(|number| number > last || self.seen.is_sent(number)));
            return;
        };
        let ended = io.take();
        drop(io);
        let _ = self.end.set(outcome.err().map(|error| Http2Failure::of(error, Phase::Head)));
        self.has_changed.store(true, Ordering::Relaxed);
        // The transport is foreign code, so it is dropped outside of the lock. This also wakes the streams that `h2` has not
        // opened.
        drop(ended);
        drop(self.abandoned.take(|_| true));
        self.wake_awaiting();
    }

    /// Wakes the requests that wait for the server's settings: `h2` knows no stream of them.
    fn wake_awaiting(&self) {
        if self.is_awaited.load(Ordering::SeqCst) {
            self.driver.wake_waiting();
        }
    }
}

/// A call into `h2`. Its end calls the wakers that the call has caused.
pub(super) struct Inside<'a>(&'a Http2Connection);

impl<'a> Inside<'a> {
    pub(super) fn of(connection: &'a Http2Connection) -> Self {
        connection.driver.enter();
        Self(connection)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let mut turns = 0;
        while self.0.driver.exit() && turns < MAX_TURNS {
            turns += 1;
            // No request waits that could write what is queued, so it is written here.
            self.0.driver.enter();
            self.0.drive();
        }
        if self.0.has_changed.load(Ordering::Relaxed) && self.0.has_changed.swap(false, Ordering::Relaxed) {
            if let Some(on_change) = self.0.on_change.get() {
                on_change(self.0.max_streams.load(Ordering::Relaxed));
            }
        }
    }
}

/// Returns the error of a request on a connection that ended in good order before the response was complete.
pub(super) fn ended_early(phase: Phase) -> Error {
    let message = "the server closed the HTTP/2 connection before the end of the response";
    Error::new(ErrorKind::ConnectionClosed, phase, message)
}
