//! What is known about a server: its program, its protocol and its limits.

use std::collections::VecDeque;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::contents::Folder;
use crate::process::Running;
use crate::sites::{COMMON, Paths};

/// The protocol that a server speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    /// HTTP/2 without TLS, by prior knowledge.
    Http2,
    /// HTTP/2 by ALPN.
    Http2OverTls,
}

/// A server that may be installed.
pub struct Kind {
    pub name: &'static str,
    pub protocol: Protocol,
    /// Returns the command that starts the server, or `None` if the server is not installed.
    pub command: fn(&Setup) -> Option<Command>,
    /// The arguments with which the program prints its version.
    pub version: &'static [&'static str],
    pub paths: Paths,
    pub limits: Limits,
    /// The server behind this server, if this server is a proxy.
    pub backend: Option<&'static Kind>,
    /// The signal at which the server finishes the running requests and ends.
    pub stop: Option<&'static str>,
    /// Makes the server read its configuration again, and retire its connections.
    pub reload: Option<Reload>,
    shared: Mutex<Weak<Running>>,
}

/// What a server is started with.
pub struct Setup<'a> {
    pub folder: &'a Folder,
    pub port: u16,
    /// The port of the server behind this server.
    pub backend: u16,
    pub protocol: Protocol,
    pub limits: Limits,
}

impl Setup<'_> {
    pub fn is_strict(&self) -> bool {
        self.limits.streams == STREAMS
    }
}

/// The limits of a server for each connection.
#[derive(Clone, Copy)]
pub struct Limits {
    /// The number of requests at once.
    pub streams: u32,
    /// The time without a request after which the server closes the connection, in milliseconds.
    pub idle_ms: u32,
    /// The number of requests after which the server closes the connection.
    pub requests: u32,
}

/// The limits under which a connection stays open during a check.
const USUAL: Limits = Limits { streams: 100, idle_ms: 60_000, requests: 1_000_000 };

/// The number of requests at once on a connection of a server with strict limits.
const STREAMS: u32 = 4;

/// How a server is told to read its configuration again.
pub enum Reload {
    /// By a signal.
    Signal(&'static str),
    /// By a command in the server's folder.
    Command(&'static [&'static str]),
}

impl Kind {
    pub const fn new(
        name: &'static str,
        protocol: Protocol,
        command: fn(&Setup) -> Option<Command>,
        version: &'static [&'static str],
    ) -> Self {
        let shared = Mutex::new(Weak::new());
        Self {
            name,
            protocol,
            command,
            version,
            paths: COMMON,
            limits: USUAL,
            backend: None,
            stop: None,
            reload: None,
            shared,
        }
    }

    pub const fn paths(mut self, paths: Paths) -> Self {
        self.paths = paths;
        self
    }

    pub const fn behind(mut self, backend: &'static Kind) -> Self {
        self.backend = Some(backend);
        self
    }

    /// Gives the server strict limits, and says how it stops and reloads. `idle_ms` is [`Limits::idle_ms`].
    pub const fn strict(mut self, idle_ms: u32, stop: Option<&'static str>, reload: Option<Reload>) -> Self {
        self.limits = Limits { streams: STREAMS, idle_ms, ..USUAL };
        self.stop = stop;
        self.reload = reload;
        self
    }

    /// Makes the server close each connection after 10 requests.
    pub const fn retiring(mut self) -> Self {
        self.limits.requests = 10;
        self
    }

    pub fn is_http2(&self) -> bool {
        self.protocol != Protocol::Http1
    }

    /// Returns the running server, and starts it if necessary. Returns `None` if the server is not installed.
    pub fn running(&'static self) -> Option<Arc<Running>> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return Some(running);
        }
        let running = Arc::new(Running::start(self)?);
        *shared = Arc::downgrade(&running);
        drop(shared);
        keep(running.clone());
        Some(running)
    }
}

/// The number of servers that keep running between checks.
const KEPT: usize = 4;

/// Keeps a server running while the next checks may need it. Stops the server that started first of more than [`KEPT`]
/// servers, unless a check uses it. The tests run in the order of their names, so this server is not needed any more.
fn keep(running: Arc<Running>) {
    static SERVERS: Mutex<VecDeque<Arc<Running>>> = Mutex::new(VecDeque::new());
    let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
    servers.push_back(running);
    let first = if servers.len() > KEPT { servers.pop_front() } else { None };
    // Stopping a server takes time.
    drop(servers);
    drop(first);
}
