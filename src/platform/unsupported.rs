//! Targets that are neither native nor a browser, such as WASI. The library compiles, and the program sets its own
//! backend and timer on each client.

use std::sync::Arc;

pub(crate) use self::{NoHeldTimer as HeldTimer, NoSettings as BackendSettings, Unsupported as ClientExecutor};
pub(crate) use super::without_engine::*;
use crate::backend::Backend;
use crate::error::{Error, ErrorKind, Result};
use crate::message::call_context::CallContext;
use crate::message::request::Request;
use crate::message::response::Response;
use crate::runtime::{BoxFuture, Executor, Instant, Timer};

/// The default backend, timer and executor. Requests fail with an error that says what to set.
#[derive(Clone, Copy)]
pub(crate) struct Unsupported;

impl Backend for Unsupported {
    fn fetch(&self, _request: Request, _context: CallContext) -> BoxFuture<'_, Result<Response>> {
        let message = "this platform has no default backend: set a backend with `Client::builder().backend(…)`";
        Box::pin(async move { Err(Error::request(ErrorKind::Unsupported, message)) })
    }
}

/// A clock that stands still, so no limit ever passes. The program replaces it with its own timer.
impl Timer for Unsupported {
    fn now(&self) -> Instant {
        Instant::default()
    }

    fn sleep_until(&self, _deadline: Instant) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

impl Executor for Unsupported {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        // There is no thread and no loop that could run the task.
        drop(task);
    }
}

/// The settings of a client's backend: there are none, because the program brings its own backend.
#[derive(Debug, Default)]
pub(crate) struct NoSettings {}

impl NoSettings {
    /// Succeeds: there is nothing to check.
    #[allow(clippy::unused_self, clippy::unnecessary_wraps, reason = "a platform with settings checks them here")]
    pub(crate) fn prepare(&mut self, _own_backend: Option<&Arc<dyn Backend>>) -> Result<()> {
        Ok(())
    }

    /// Returns the clock of a client that has no clock of its own.
    #[allow(clippy::unused_self, reason = "a platform with settings uses them here")]
    pub(crate) fn clock(&self) -> ClientClock {
        ClientClock::from(default_timer())
    }

    /// Returns the executor of the client's spawned requests.
    #[allow(clippy::unused_self, reason = "a platform with settings uses them here")]
    pub(crate) fn executor(&self) -> Unsupported {
        Unsupported
    }

    /// Returns the program's own backend, or else a backend that says what to set.
    #[allow(clippy::unused_self, reason = "a platform with settings uses them here")]
    pub(crate) fn into_backend(
        self,
        own_backend: Option<Arc<dyn Backend>>,
        _timer: &Arc<dyn Timer>,
    ) -> Arc<dyn Backend> {
        own_backend.unwrap_or_else(|| Arc::new(Unsupported))
    }
}

/// Holds no timer: a client must be `Send`, and futures are not.
// Not a unit struct: its use by `default()` is right for the timers of all platforms.
#[derive(Default)]
pub(crate) struct NoHeldTimer {}

impl NoHeldTimer {
    /// Whether this platform can hold a timer.
    pub(crate) const CAN_HOLD: bool = false;

    /// Drops the timer.
    pub(crate) fn store(&self, _number: u64, timer: Option<BoxFuture<'static, ()>>) {
        drop(timer);
    }
}

pub(crate) fn default_timer() -> Arc<dyn Timer> {
    Arc::new(Unsupported)
}

pub(crate) fn default_loop_executor() -> Arc<dyn Executor> {
    Arc::new(Unsupported)
}

/// Empty: this platform cannot listen on a port.
#[cfg(feature = "testing")]
pub(crate) mod loopback {}

/// Returns whether an I/O error holds an error of TLS: never, because this platform has no TLS of its own.
pub(crate) fn is_tls_failure(_error: &std::io::Error) -> bool {
    false
}

/// The executor of an event loop. No code waits for a loop by blocking the thread, so the loop's number is not needed.
pub(crate) type LoopExecutor = Arc<dyn Executor>;

/// Returns the executor of a loop over `executor`.
pub(crate) fn loop_executor(executor: Arc<dyn Executor>) -> LoopExecutor {
    executor
}

/// Succeeds: this platform has no `fork`.
pub(crate) fn check_process() -> Result<()> {
    Ok(())
}
