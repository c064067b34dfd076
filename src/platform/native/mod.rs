//! The native platform: sockets and timers on the operating system's readiness API, without a runtime to set up.
//!
//! # Threads
//!
//! A request makes progress on the thread that polls it. These threads work in the background, and each starts at its
//! first use:
//!
//! | Thread | What it does | Number |
//! |---|---|---|
//! | reactor | wakes the tasks that wait for a socket or a timer | 1 |
//! | background | runs spawned requests, closes idle connections ([`BackgroundThread`]) | 1, up to 64 while tasks block |
//! | event loop | runs the callbacks and tasks of an [`EventLoop`](crate::tornado::EventLoop) | 1 for each loop |
//! | blocking work | looks names up, reads files, runs `EventLoop::spawn_blocking` | up to 500 |
//!
//! # Fork
//!
//! A child of `fork` has none of these threads. If the parent has used the library before, a connect, a name look-up
//! and a spawned request fail in the child with [`Unsupported`](crate::ErrorKind::Unsupported), and do not wait for
//! ever. Executors drop the tasks of the child, except an event loop that the child makes; such a loop has no timers.
//! An open connection and a running request belong to both processes, and the child must not use them. Fork before the
//! first use, or start a program in the child with `exec`, as `std::process::Command` does.

mod accepted;
mod async_io_socket;
mod blocking_work;
mod builder;
mod dial;
mod dns;
mod event_loop;
mod executor;
mod file;
mod fork;
mod happy_eyeballs;
mod held_timer;
#[cfg(feature = "http2")]
mod http2_settings;
#[cfg(not(feature = "http2"))]
#[path = "no_http2.rs"]
mod http2_settings;
mod http_versions;
mod loop_executor;
#[cfg(feature = "testing")]
pub(crate) mod loopback;
#[cfg(feature = "testing")]
mod memory;
mod network;
mod network_settings;
#[cfg(test)]
mod plain_request_tests;
mod proxy_connect;
mod reactor;
mod shared_timer;
mod socket;
mod task_threads;
mod tcp;
mod tcp_keepalive;
mod time_limit;
mod timer;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tokio")]
pub(crate) mod tokio;

use std::sync::Arc;

#[cfg(feature = "tls")]
pub use futures_rustls::rustls;

pub(super) use self::async_io_socket::AsyncIoSocket;
pub(super) use self::dial::connect;
pub use self::dns::{CachingResolver, HostMap, Resolver, SystemResolver};
pub use self::event_loop::RunSyncError;
pub use self::executor::BackgroundThread;
pub use self::file::file;
pub(crate) use self::held_timer::HeldTimer;
pub(crate) use self::loop_executor::LoopExecutor;
pub(super) use self::network::ChosenRuntime;
pub use self::network::Network;
pub(crate) use self::network_settings::{ClientExecutor, NetworkSettings as BackendSettings};
pub(super) use self::reactor::ReactorSocket;
pub(super) use self::socket::SocketTransport;
pub use self::tcp::{AddressFamily, TcpClient};
pub use self::timer::SystemTimer;
#[cfg(feature = "tls")]
pub use self::tls::TlsConfig;
#[cfg(feature = "tls")]
pub use self::tls::TlsServerConfig;
pub(crate) use self::tls::is_tls_failure;
#[cfg(feature = "tokio")]
pub use self::tokio::{TokioExecutor, TokioTimer};
pub(crate) use super::without_engine::*;
use crate::error::Result;
use crate::runtime::{Executor, Timer};
pub use crate::tornado::TimedOut;

pub(crate) fn default_timer() -> Arc<dyn Timer> {
    Arc::new(SystemTimer)
}

pub(crate) fn default_loop_executor() -> LoopExecutor {
    LoopExecutor::with_thread()
}

pub(crate) fn loop_executor(executor: Arc<dyn Executor>) -> LoopExecutor {
    LoopExecutor::over(executor)
}

/// Refuses a child that was forked after the first use of the library.
pub(crate) fn check_process() -> Result<()> {
    Ok(fork::check()?)
}
