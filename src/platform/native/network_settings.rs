//! What a native program sets on the client's builder for the network.

use std::fmt;
use std::sync::Arc;

use super::dns::{HostMap, Resolver};
use super::network::{ChosenRuntime, Network};
use crate::agent::CookieStore;
use crate::backend::Backend;
use crate::error::{Error, ErrorKind, Result};
use crate::message::call_context::CallContext;
use crate::message::request::Request;
use crate::message::response::Response;
use crate::platform::ClientClock;
use crate::runtime::{BoxFuture, Executor, Timer};

/// A change of a network, or of the map of hosts before its resolver.
type Change<T> = Box<dyn FnOnce(T) -> Result<T> + Send + Sync>;

/// The executor of a client's spawned requests.
pub(crate) type ClientExecutor = Arc<dyn Executor>;

/// The network and the cookie store of a client without a backend of its own.
///
/// The changes are kept and applied when the client is built, so that the order of the builder's setters does not
/// matter.
#[derive(Default)]
pub(crate) struct NetworkSettings {
    /// The names of the setters that were called, for the error if the client has a backend of its own.
    names: Vec<&'static str>,
    network: Option<Network>,
    /// The runtime of the client: of its clock, its spawned requests and its background tasks.
    pub(super) runtime: Option<ChosenRuntime>,
    pub(super) changes: Vec<Change<Network>>,
    /// Apart from the changes of the network: all of them make a single map, in which a host can have several
    /// addresses.
    hosts: Vec<Change<HostMap>>,
    cookies: Option<Arc<dyn CookieStore>>,
}

impl NetworkSettings {
    pub(super) fn set_network(&mut self, network: Network) {
        self.add_name("network");
        if let Some(runtime) = &network.runtime {
            self.runtime = Some(runtime.clone());
        }
        self.network = Some(network);
    }

    pub(super) fn set_cookies(&mut self, store: Arc<dyn CookieStore>) {
        self.add_name("cookies");
        self.cookies = Some(store);
    }

    fn runtime(&self) -> ChosenRuntime {
        self.runtime.clone().unwrap_or_else(ChosenRuntime::own)
    }

    /// Returns the clock of a client that has no clock of its own.
    pub(crate) fn clock(&self) -> ClientClock {
        ClientClock::over_shared(self.runtime().timer)
    }

    /// Returns the executor of the client's spawned requests.
    pub(crate) fn executor(&self) -> ClientExecutor {
        self.runtime().executor
    }

    /// Adds a change of the network by the setter `name`.
    pub(super) fn change(
        &mut self,
        name: &'static str,
        change: impl FnOnce(Network) -> Result<Network> + Send + Sync + 'static,
    ) {
        self.add_name(name);
        self.changes.push(Box::new(change));
    }

    /// Adds an entry to the map of hosts by the setter `name`.
    pub(super) fn add_host(
        &mut self,
        name: &'static str,
        entry: impl FnOnce(HostMap) -> HostMap + Send + Sync + 'static,
    ) {
        self.add_name(name);
        self.hosts.push(Box::new(move |map| Ok(entry(map))));
    }

    fn add_name(&mut self, name: &'static str) {
        if !self.names.contains(&name) {
            self.names.push(name);
        }
    }

    /// Applies the changes to the network. A second call does nothing.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if there are settings beside a backend of the program's own, which
    /// would not use them. The error of the first setting that is not valid.
    pub(crate) fn prepare(&mut self, own_backend: Option<&Arc<dyn Backend>>) -> Result<()> {
        if own_backend.is_some() && !self.names.is_empty() {
            return Err(self.unused());
        }
        if own_backend.is_some() {
            return Ok(());
        }
        let changes = std::mem::take(&mut self.changes);
        let hosts = std::mem::take(&mut self.hosts);
        if changes.is_empty() && hosts.is_empty() {
            return Ok(());
        }
        let mut network = self.network.take().unwrap_or_default();
        for change in changes {
            network = change(network)?;
        }
        if !hosts.is_empty() {
            let resolver: Arc<dyn Resolver> = network.resolver.clone();
            let map = hosts.into_iter().try_fold(HostMap::new(resolver), |map, entry| entry(map))?;
            network = network.resolver(map);
        }
        self.network = Some(network);
        Ok(())
    }

    fn unused(&self) -> Error {
        let names: Vec<_> = self.names.iter().map(|name| format!("`Builder::{name}`")).collect();
        let message = format!(
            "the backend that `Builder::backend` sets does not use {}; set it on that backend, or leave out \
             `Builder::backend`",
            names.join(", ")
        );
        Error::request(ErrorKind::InvalidRequest, message)
    }

    /// Returns the program's own backend, or else an agent over the network on the clock `timer`.
    ///
    /// Invalid settings give a backend that fails each request: `Client::new` returns no error, and no setting is
    /// ignored.
    pub(crate) fn into_backend(
        mut self,
        own_backend: Option<Arc<dyn Backend>>,
        timer: &Arc<dyn Timer>,
    ) -> Arc<dyn Backend> {
        if let Err(error) = self.prepare(own_backend.as_ref()) {
            return Arc::new(InvalidSettings(error));
        }
        if let Some(backend) = own_backend {
            return backend;
        }
        let mut network = self.network.unwrap_or_default();
        if !network.has_own_timer {
            network = network.timer(timer.clone());
        }
        let mut agent = network.agent();
        if let Some(store) = self.cookies {
            agent = agent.with_cookies(store);
        }
        Arc::new(agent)
    }
}

/// A backend that fails each request with the error of the client's settings.
struct InvalidSettings(Error);

impl Backend for InvalidSettings {
    fn fetch(&self, _request: Request, _context: CallContext) -> BoxFuture<'_, Result<Response>> {
        Box::pin(async move { Err(self.0.clone()) })
    }
}

impl fmt::Debug for NetworkSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.names).finish()
    }
}
