//! A way to connect that a request brings along.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::message::extensions::Extension;
use crate::transport::Connector;

/// Another way to connect than the agent's own, for the requests that have it as a [`setting`](Extension): through a proxy,
/// say, or with a client certificate.
///
/// Connections made in one way are never used for requests that go another. Clones are the same way, so keep one for the
/// requests that may share connections.
///
/// # Examples
///
/// ```
/// use waterspout::Client;
/// use waterspout::agent::Route;
/// use waterspout::testing::ScriptedConnector;
///
/// let via = Route::new(ScriptedConnector::default());
/// let request = Client::new().get("http://example.com/").extension(via.clone());
/// ```
#[derive(Clone)]
pub struct Route(Arc<dyn Connector>);

impl Route {
    /// A way of its own.
    pub fn new(connector: impl Connector) -> Self {
        Self(Arc::new(connector))
    }

    pub(super) fn connector(&self) -> &Arc<dyn Connector> {
        &self.0
    }

    fn address(&self) -> *const () {
        Arc::as_ptr(&self.0).cast()
    }
}

impl Extension for Route {
    const NAME: &'static str = "via";
    const BACKEND: &'static str = "agent";
}

impl PartialEq for Route {
    fn eq(&self, other: &Self) -> bool {
        self.address() == other.address()
    }
}

impl Eq for Route {}

impl Hash for Route {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.address().hash(state);
    }
}

/// Some order, to be kept in a map by.
impl Ord for Route {
    fn cmp(&self, other: &Self) -> Ordering {
        self.address().cmp(&other.address())
    }
}

impl PartialOrd for Route {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Route").field(&self.address()).finish()
    }
}
