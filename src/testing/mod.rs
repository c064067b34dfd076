//! Tools for tests of programs that use waterspout. Behind the feature `testing`.
//!
//! - [`ManualTimer`] is a clock that the test advances.
//! - [`MockBackend`] answers requests by a function, without a network.
//! - [`ScriptedConnector`] makes connections of scripted bytes, for an [`Agent`](crate::Agent).
//! - `Server` is a server on a loopback port, and `MemoryConnector` the same server without a socket (both native). A
//!   [`Handler`] or [`Resource`] answers with a [`Reply`], which may have a [`Fault`]; a [`Recorder`] keeps the
//!   requests. The server speaks HTTP/1.1, and with the feature `http2` also HTTP/2 to each client that begins with its
//!   preface. [`Http2Config`] sets how, and `Http2Control` and `Http2Action` change connections while they are open.

mod backend;
mod connector;
#[cfg(feature = "http2")]
mod scripted_frames;
mod server;
mod timer;

pub use self::backend::MockBackend;
pub use self::connector::{Script, ScriptedConnector};
#[allow(unused_imports, reason = "as above")]
pub(crate) use self::server::ServerConnection;
pub use self::server::{
    Fault, Handler, Http2Config, Incoming, Recorded, Recorder, Reply, Resource, handler, serve_connection,
};
#[cfg(feature = "http2")]
pub use self::server::{Http2Action, Http2Control, Http2ErrorCode, Http2Frame};
pub use self::timer::ManualTimer;
#[allow(unused_imports, unreachable_pub, reason = "a platform that cannot listen has nothing here")]
pub use crate::platform::loopback::*;
