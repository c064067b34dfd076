//! Tools for tests of programs that use waterspout. Behind the feature `testing`.
//!
//! - [`ManualTimer`] is a clock that the test advances.
//! - [`MockBackend`] answers requests by a function, without a network.
//! - [`ScriptedConnector`] makes connections of scripted bytes, for an [`Agent`](crate::Agent).
//! - `Server` is an HTTP/1.1 server on a loopback port, and `MemoryConnector` the same server without a socket (both
//!   native). A [`Handler`] or [`Resource`] answers with a [`Reply`], which may have a [`Fault`]; a [`Recorder`] keeps
//!   the requests.

mod backend;
mod connector;
mod server;
mod timer;

pub use self::backend::MockBackend;
pub use self::connector::{Script, ScriptedConnector};
#[allow(unused_imports, reason = "as above")]
pub(crate) use self::server::ServerConnection;
pub use self::server::{Fault, Handler, Incoming, Recorded, Recorder, Reply, Resource, handler, serve_connection};
pub use self::timer::ManualTimer;
#[allow(unused_imports, unreachable_pub, reason = "a platform that cannot listen has nothing here")]
pub use crate::platform::loopback::*;
