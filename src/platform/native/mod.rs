//! The native platform: sockets and timers on the operating system's readiness API, without a runtime to set up.

mod builder;
mod dns;
mod event_loop;
mod executor;
mod file;
mod happy_eyeballs;
#[cfg(feature = "testing")]
pub(crate) mod loopback;
#[cfg(feature = "testing")]
mod memory;
mod network;
mod network_settings;
mod proxy_connect;
mod socket;
mod tcp;
mod time_limit;
mod timer;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
#[cfg(feature = "tls")]
mod tls;

use std::sync::Arc;

#[cfg(feature = "tls")]
pub use futures_rustls::rustls;

pub use self::dns::{CachingResolver, HostMap, Resolver, SystemResolver};
pub use self::event_loop::TimedOut;
pub use self::executor::BackgroundThread;
pub use self::file::file;
pub use self::network::Network;
pub(crate) use self::network_settings::NetworkSettings;
pub use self::tcp::{AddressFamily, TcpClient};
pub use self::timer::SystemTimer;
#[cfg(feature = "tls")]
pub use self::tls::TlsConfig;
pub(crate) use self::tls::is_tls_failure;
use crate::runtime::{Executor, Timer};

pub(crate) fn default_timer() -> Arc<dyn Timer> {
    Arc::new(SystemTimer)
}

pub(crate) fn default_executor() -> Arc<dyn Executor> {
    Arc::new(BackgroundThread)
}
