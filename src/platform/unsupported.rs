//! Targets that are neither native nor a browser, WASI among them: the library compiles, and a client needs a backend
//! and a timer of the program's own.

use std::sync::Arc;

use crate::backend::Backend;
use crate::error::{Error, ErrorKind, Result};
use crate::message::request::Request;
use crate::message::response::Response;
use crate::runtime::{BoxFuture, Executor, Instant, Timer};

/// Says on each use that this platform has none of its own.
#[derive(Clone, Copy)]
struct Unsupported;

impl Backend for Unsupported {
    fn fetch(&self, _request: Request) -> BoxFuture<'_, Result<Response>> {
        let message = "this platform has no backend of its own: set one with `Client::builder().backend(…)`";
        Box::pin(async move { Err(Error::request(ErrorKind::Unsupported, message)) })
    }
}

/// A clock on which no limit ever passes; one of the program's own takes its place.
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
        drop(task);
    }
}

pub(crate) fn default_backend(_timer: &Arc<dyn Timer>) -> Arc<dyn Backend> {
    Arc::new(Unsupported)
}

pub(crate) fn default_timer() -> Arc<dyn Timer> {
    Arc::new(Unsupported)
}

pub(crate) fn default_executor() -> Arc<dyn Executor> {
    Arc::new(Unsupported)
}
