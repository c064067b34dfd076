//! A way to connect that a request brings along.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::settings::Setting;
use crate::transport::Connector;

/// Another way to connect than the agent's own, for the requests that have it as a [`setting`](Setting): through a proxy,
/// say, or with a client certificate.
///
/// Connections made in one way are never used for requests that go another. Clones are the same way, so keep one for the
/// requests that may share connections.
///
/// # Examples
///
/// ```
/// use waterspout::Client;
/// use waterspout::agent::Via;
/// use waterspout::testing::ScriptedConnector;
///
/// let via = Via::new(ScriptedConnector::default());
/// let request = Client::new().get("http://example.com/").setting(via.clone());
/// ```
#[derive(Clone)]
pub struct Via(Arc<dyn Connector>);

impl Via {
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

impl Setting for Via {
    const NAME: &'static str = "via";
    const BACKEND: &'static str = "agent";
}

impl PartialEq for Via {
    fn eq(&self, other: &Self) -> bool {
        self.address() == other.address()
    }
}

impl Eq for Via {}

impl Hash for Via {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.address().hash(state);
    }
}

/// Some order, to be kept in a map by.
impl Ord for Via {
    fn cmp(&self, other: &Self) -> Ordering {
        self.address().cmp(&other.address())
    }
}

impl PartialOrd for Via {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Via").field(&self.address()).finish()
    }
}
