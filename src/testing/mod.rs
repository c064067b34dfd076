//! For tests of programs that use waterspout: a clock moved by hand, a backend without a network, connections made of
//! scripted bytes, and a real HTTP/1.1 server on loopback. Behind the feature `testing`.

mod backend;
mod connector;
mod server;
mod timer;

pub use self::backend::MockBackend;
pub use self::connector::{Script, ScriptedConnector};
#[allow(unused_imports, reason = "as above")]
pub(crate) use self::server::Session;
pub use self::server::{Fault, Handler, Incoming, Recorded, Recorder, Reply, Resource, handler, serve_connection};
pub use self::timer::ManualTimer;
#[allow(unused_imports, unreachable_pub, reason = "a platform that cannot listen has nothing here")]
pub use crate::platform::loopback::*;
