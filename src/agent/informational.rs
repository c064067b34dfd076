//! A callback for informational (1xx) responses.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, StatusCode};

use crate::message::extensions::Extension;

/// Calls a function with each informational response before the final response, such as `103 Early Hints` (RFC 9110,
/// section 15.2). It is an [`Extension`] of a request or a client.
///
/// # Examples
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use waterspout::agent::OnInformational;
/// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
/// use waterspout::{Agent, Client};
///
/// let links = Arc::new(Mutex::new(Vec::new()));
/// let seen = links.clone();
/// let on_informational = OnInformational::new(move |status, headers| {
///     if status == 103 {
///         seen.lock().unwrap().extend(headers.get("link").cloned());
///     }
/// });
///
/// let script = Script::new()
///     .expect_head()
///     .send("HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n")
///     .send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
/// let agent = Agent::new(ScriptedConnector::new([script]), ManualTimer::new());
/// let client = Client::builder().backend(agent).build()?;
/// let request = client.get("http://example.com/").extension(on_informational);
/// futures::executor::block_on(async { request.await })?;
/// assert_eq!(*links.lock().unwrap(), ["</a.css>"]);
/// # Ok::<(), waterspout::Error>(())
/// ```
///
/// # Platform
/// A browser does not show informational responses: a request with this extension fails there with
/// [`Unsupported`](crate::ErrorKind::Unsupported).
#[derive(Clone)]
pub struct OnInformational(Callback);

type Callback = Arc<dyn Fn(StatusCode, &HeaderMap) + Send + Sync>;

impl OnInformational {
    /// Calls `callback` with the status and the headers of each informational response. It should not block.
    pub fn new(callback: impl Fn(StatusCode, &HeaderMap) + Send + Sync + 'static) -> Self {
        Self(Arc::new(callback))
    }

    pub(super) fn callback(&self) -> &(dyn Fn(StatusCode, &HeaderMap) + Send + Sync) {
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
