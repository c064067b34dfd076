//! A connection that requests share.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use http::Version;
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt};

use super::driver::ConnectionDriver;
use super::failure::Http2Failure;
use super::frame_limits::FrameMeter;
use super::h2_limits;
use super::request_fields::OriginFields;
use super::settings::Http2Settings;
use super::wire::{Seen, Wire};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::http1::Http1Limits;
use crate::message::connection_info::ConnectionInfo;
use crate::runtime::{Instant, Timer};
use crate::transport::Transport;

/// Maximum number of turns that a call which cannot wait, such as a drop, drives a connection.
const MAX_TURNS: usize = 16;

/// The number of streams that a connection may have until the server's settings say more.
const FIRST_MAX_STREAMS: usize = 100;

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
    /// The number of streams that the server allows at once.
    max_streams: AtomicUsize,
    /// The number of streams that requests have or are about to open.
    active: AtomicUsize,
    /// Whether no request may be added.
    is_retired: AtomicBool,
    seen: Arc<Seen>,
    info: Arc<ConnectionInfo>,
    /// The scheme and authority of the requests.
    origin: OriginFields,
    /// When a request last used the connection, in nanoseconds of the timer.
    last_used: AtomicU64,
    /// Whether a request has used the connection before.
    is_used: AtomicBool,
    /// Why the connection ended; `None` after an orderly end.
    end: OnceLock<Option<Http2Failure>>,
}

impl Http2Connection {
    /// Begins HTTP/2 on a transport. The settings are written together with the first request.
    pub(crate) async fn open(
        transport: Box<dyn Transport>,
        origin: OriginFields,
        settings: Http2Settings,
        limits: &Http1Limits,
        timer: Arc<dyn Timer>,
    ) -> Result<Arc<Self>> {
        let mut info = transport.connection_info();
        info.version = Some(Version::HTTP_2);
        let info = Arc::new(info);
        let seen = Arc::<Seen>::default();
        let opened_at = timer.now();
        let meter = FrameMeter::new(limits, opened_at);
        let wire = Wire::new(transport, meter, timer.clone(), seen.clone());
        let mut builder = Builder::new();
        builder
            .initial_window_size(settings.stream_window)
            .initial_connection_window_size(settings.connection_window)
            .max_send_buffer_size(SEND_BUFFER)
            .initial_max_send_streams(FIRST_MAX_STREAMS);
        h2_limits::apply(&mut builder, limits);
        let (requests, connection) =
            builder.handshake(wire.compat()).await.map_err(|error| Http2Failure::of(error, Phase::Connect).error)?;
        let driver = ConnectionDriver::new(timer);
        Ok(Arc::new(Self {
            io: Mutex::new(Some(connection)),
            requests: Mutex::new(requests),
            waker: driver.connection_waker(),
            driver,
            max_streams: AtomicUsize::new(FIRST_MAX_STREAMS),
            active: AtomicUsize::new(0),
            is_retired: AtomicBool::new(false),
            seen,
            info,
            origin,
            last_used: AtomicU64::new(opened_at.nanos()),
            is_used: AtomicBool::new(false),
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
        self.active.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| (now < max).then_some(now + 1)).is_ok()
    }

    /// Counts the end of a request's stream. Returns the number of streams that are left.
    pub(crate) fn release(&self) -> usize {
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

    /// Records that a request has just used the connection.
    pub(crate) fn set_last_used(&self, now: Instant) {
        self.last_used.store(now.nanos(), Ordering::Relaxed);
    }

    /// Returns when a request last used the connection.
    pub(crate) fn last_used(&self) -> Instant {
        Instant::from_nanos(self.last_used.load(Ordering::Relaxed))
    }

    /// Counts a request, and returns whether the connection has carried a request before.
    pub(crate) fn begin_use(&self) -> bool {
        self.is_used.swap(true, Ordering::Relaxed)
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

    /// Writes and reads as much as the transport allows, if there is anything to do.
    pub(super) fn drive(&self) {
        if !self.driver.take_work() {
            return;
        }
        let mut io = self.io.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(connection) = &mut *io else { return };
        let mut cx = Context::from_waker(&self.waker);
        // `h2` reads before it writes. A read before the requests are written mostly finds nothing, and waits for the
        // reactor: two wasted calls. So the first poll only writes.
        self.seen.allow_reads(false);
        let mut polled = Pin::new(&mut *connection).poll(&mut cx);
        self.seen.allow_reads(true);
        if polled.is_pending() {
            polled = Pin::new(&mut *connection).poll(&mut cx);
        }
        let Poll::Ready(outcome) = polled else {
            self.max_streams.store(connection.max_concurrent_send_streams(), Ordering::Relaxed);
            return;
        };
        let ended = io.take();
        drop(io);
        let _ = self.end.set(outcome.err().map(|error| Http2Failure::of(error, Phase::Head)));
        // The transport is foreign code, so it is dropped outside of the lock.
        drop(ended);
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
        for _ in 0..MAX_TURNS {
            if !self.0.driver.exit() {
                return;
            }
            // No request waits that could write what is queued, so it is written here.
            self.0.driver.enter();
            self.0.drive();
        }
        self.0.driver.exit();
    }
}

/// Returns the error of a request on a connection that ended in good order before the response came.
pub(super) fn ended_early() -> Error {
    Error::new(ErrorKind::ConnectionClosed, Phase::Head, "the server closed the HTTP/2 connection before the response")
}
