//! A connector for particular requests.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::message::extensions::Extension;
use crate::transport::Connector;

/// Connects through another [`Connector`] than the agent's: through a proxy, for example, or with a client certificate.
/// It is an [`Extension`] of a request or a client.
///
/// A connection opened on a route is never used for a request with another route. Clones are the same route, so
/// requests that may share connections need clones of the same route.
///
/// # Examples
///
/// ```
/// use waterspout::agent::Route;
/// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
/// use waterspout::{Agent, Client};
///
/// let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
/// let other = ScriptedConnector::new([Script::new().expect_head().send(answer)]);
/// let route = Route::new(other.clone());
///
/// let agent = Agent::new(ScriptedConnector::default(), ManualTimer::new());
/// let client = Client::builder().backend(agent).build()?;
/// let request = client.get("http://example.com/").extension(route);
/// futures::executor::block_on(async { request.await })?;
/// assert_eq!(other.connections(), 1);
/// # Ok::<(), waterspout::Error>(())
/// ```
// A single extension for everything about connecting: proxy, TLS, names and addresses. Such settings cannot be compared
// with each other, so two routes are equal only if they share a connector.
#[derive(Clone)]
pub struct Route(Arc<dyn Connector>);

impl Route {
    /// Creates a route that is different from every other route.
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
    const NAME: &'static str = "route";
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

/// An arbitrary order, for use as the key of a map.
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
