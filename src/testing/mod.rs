//! For tests of programs that use waterspout: a clock moved by hand, a backend without a network, connections made of
//! scripted bytes, and a real HTTP/1.1 server on loopback. Behind the feature `testing`.

mod backend;
mod connector;
mod server;
mod timer;

pub use self::backend::MockBackend;
pub use self::connector::{Script, ScriptedConnector};
pub use self::server::{Handler, Incoming, Reply, handler, serve_connection};
pub use self::timer::ManualTimer;
#[allow(unused_imports, unreachable_pub, reason = "a platform that cannot listen has nothing here")]
pub use crate::platform::loopback::*;
