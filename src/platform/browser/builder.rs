//! The setters of builders that exist in a browser: the options of `fetch`.

use std::sync::Arc;

use super::executor::EngineLoop;
use super::fetch::FetchBackend;
use super::fetch_init::FetchInit;
use super::sleep::ClientClock;
use crate::backend::Backend;
use crate::client::Builder;
use crate::error::Result;
use crate::message::request::RequestBuilder;
use crate::runtime::Timer;

/// The settings of the engine's `fetch`.
impl Builder {
    /// Sets the options that only `fetch` has, such as `credentials`, `cache` and `mode`, for all requests of the
    /// client. Default: the engine's own.
    ///
    /// A later call replaces them as a whole, and so does [`RequestBuilder::fetch_init`] for its request.
    ///
    /// # Errors
    /// On sending: the errors of [`FetchInit`].
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::platform::browser::{Cache, Credentials, FetchInit};
    ///
    /// let init = FetchInit::new().credentials(Credentials::Include).cache(Cache::NoStore);
    /// let client = Client::builder().fetch_init(init).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn fetch_init(self, init: FetchInit) -> Self {
        self.extension(init)
    }
}

/// The options of the engine's `fetch`.
impl<C> RequestBuilder<C> {
    /// Sets the options that only `fetch` has for this request. They replace the options of its client as a whole.
    ///
    /// # Errors
    /// On sending: the errors of [`FetchInit`].
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Request;
    /// use waterspout::platform::browser::{Cache, FetchInit};
    ///
    /// let request = Request::get("https://example.com/").fetch_init(FetchInit::new().cache(Cache::Reload)).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn fetch_init(self, init: FetchInit) -> Self {
        self.extension(init)
    }
}

/// The settings of a client's backend: there are none, because [`FetchInit`] is an extension of its requests.
#[derive(Debug, Default)]
pub(crate) struct EngineSettings {}

impl EngineSettings {
    /// Succeeds: there is nothing to check.
    #[allow(clippy::unused_self, clippy::unnecessary_wraps, reason = "a platform with settings checks them here")]
    pub(crate) fn prepare(&mut self, _own_backend: Option<&Arc<dyn Backend>>) -> Result<()> {
        Ok(())
    }

    /// Returns the clock of a client that has no clock of its own.
    #[allow(clippy::unused_self, reason = "a platform with settings uses them here")]
    pub(crate) fn clock(&self) -> ClientClock {
        super::default_timer()
    }

    /// Returns the executor of the client's spawned requests.
    #[allow(clippy::unused_self, reason = "a platform with settings uses them here")]
    pub(crate) fn executor(&self) -> EngineLoop {
        EngineLoop
    }

    /// Returns the program's own backend, or else the engine's `fetch`.
    #[allow(clippy::unused_self, reason = "a platform with settings uses them here")]
    pub(crate) fn into_backend(
        self,
        own_backend: Option<Arc<dyn Backend>>,
        _timer: &Arc<dyn Timer>,
    ) -> Arc<dyn Backend> {
        own_backend.unwrap_or_else(|| Arc::new(FetchBackend))
    }
}
