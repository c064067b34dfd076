//! Hearing of interim responses.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, StatusCode};

use crate::settings::Setting;

/// Is told of each interim response, `103 Early Hints` say, before the real one: a [`Setting`] of a request or a client
/// (RFC 9110, section 15.2).
///
/// # Examples
///
/// ```
/// use waterspout::Request;
/// use waterspout::agent::OnInterim;
///
/// let hints = OnInterim::new(|status, headers| println!("{status}: {:?}", headers.get("link")));
/// let request = Request::get("http://example.com/").setting(hints).build()?;
/// # Ok::<(), waterspout::Error>(())
/// ```
///
/// # Platform
/// A browser does not show them: there a request with this setting fails with
/// [`Unsupported`](crate::ErrorKind::Unsupported).
#[derive(Clone)]
pub struct OnInterim(Tell);

type Tell = Arc<dyn Fn(StatusCode, &HeaderMap) + Send + Sync>;

impl OnInterim {
    /// Has `tell` called with the status and the headers of each interim response.
    pub fn new(tell: impl Fn(StatusCode, &HeaderMap) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(super) fn tell(&self) -> &(dyn Fn(StatusCode, &HeaderMap) + Send + Sync) {
        &*self.0
    }
}

impl Setting for OnInterim {
    const NAME: &'static str = "on_interim";
    const BACKEND: &'static str = "agent";
}

impl fmt::Debug for OnInterim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnInterim")
    }
}
