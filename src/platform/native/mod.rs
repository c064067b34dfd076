//! The native platform: sockets and timers on the operating system's readiness API, with no runtime to set up.

mod dns;
mod event_loop;
mod executor;
mod file;
#[cfg(feature = "testing")]
pub(crate) mod loopback;
mod tcp;
mod timer;

use std::sync::Arc;

pub use self::executor::BackgroundThread;
pub use self::file::file;
pub use self::tcp::TcpConnector;
pub use self::timer::SystemTimer;
use crate::agent::Agent;
use crate::backend::Backend;
use crate::runtime::{Executor, Timer};

pub(crate) fn default_backend() -> Arc<dyn Backend> {
    Arc::new(Agent::new(TcpConnector::new(), SystemTimer))
}

pub(crate) fn default_timer() -> Arc<dyn Timer> {
    Arc::new(SystemTimer)
}

pub(crate) fn default_executor() -> Arc<dyn Executor> {
    Arc::new(BackgroundThread)
}
