//! What makes two requests share a connection, and how many idle connections a pool keeps.

use std::time::Duration;

use crate::agent::route::Route;
use crate::message::url::Origin;

/// The properties that two requests must have in common to use the same connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::agent) struct PoolKey {
    pub(in crate::agent) origin: Origin,
    /// The request's own route; `None` for the agent's connector.
    pub(in crate::agent) route: Option<Route>,
}

impl PoolKey {
    /// Returns the host and port of the server.
    pub(in crate::agent) fn target(&self) -> String {
        format!("{}:{}", self.origin.host(), self.origin.port())
    }
}

/// How many idle connections are kept, and how long.
///
/// The pool applies the limits of the request that gives a connection back.
#[derive(Clone, Copy, Debug)]
pub(in crate::agent) struct IdleLimits {
    /// How long a connection may be idle before it is closed.
    pub(in crate::agent) timeout: Duration,
    /// Maximum number of idle connections with the same key: the same origin and the same route.
    pub(in crate::agent) per_key: usize,
    /// Maximum number of idle connections in the pool.
    pub(in crate::agent) total: usize,
}
