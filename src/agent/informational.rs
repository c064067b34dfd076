//! Hearing of interim responses.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, StatusCode};

use crate::message::extensions::Extension;

/// Is told of each interim response, `103 Early Hints` say, before the real one: a [`Extension`] of a request or a client
/// (RFC 9110, section 15.2).
///
/// # Examples
///
/// ```
/// use waterspout::Request;
/// use waterspout::agent::OnInformational;
///
/// let hints = OnInformational::new(|status, headers| println!("{status}: {:?}", headers.get("link")));
/// let request = Request::get("http://example.com/").extension(hints).build()?;
/// # Ok::<(), waterspout::Error>(())
/// ```
///
/// # Platform
/// A browser does not show them: there a request with this setting fails with
/// [`Unsupported`](crate::ErrorKind::Unsupported).
#[derive(Clone)]
pub struct OnInformational(Tell);

type Tell = Arc<dyn Fn(StatusCode, &HeaderMap) + Send + Sync>;

impl OnInformational {
    /// Has `tell` called with the status and the headers of each interim response.
    pub fn new(tell: impl Fn(StatusCode, &HeaderMap) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(super) fn tell(&self) -> &(dyn Fn(StatusCode, &HeaderMap) + Send + Sync) {
        &*self.0
    }
}

impl Extension for OnInformational {
    const NAME: &'static str = "on_informational";
    const BACKEND: &'static str = "agent";
}

impl fmt::Debug for OnInformational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnInformational")
    }
}
