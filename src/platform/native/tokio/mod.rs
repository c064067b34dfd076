//! Programs of tokio: sockets, time limits and background tasks on the runtime of the program. Behind the feature `tokio`.
//!
//! Without this setting the client works in a tokio program as well, and has a reactor thread of its own. With it, the
//! runtime's reactor watches the sockets, so no second thread wakes the tasks.
//!
//! The runtime is that of the thread that polls. A socket belongs to the runtime in which it connects. A request that
//! takes an idle connection of another runtime moves its socket to the present runtime, so a client outlives a runtime.

mod executor;
mod socket;
mod timer;

use std::sync::Arc;

pub use self::executor::TokioExecutor;
use self::socket::TokioReactor;
pub(in crate::platform) use self::socket::{TokioSocket, TokioStream, check};
pub use self::timer::TokioTimer;
use super::network::{ChosenRuntime, Network};
use super::network_settings::NetworkSettings;
use super::tcp::TcpClient;
use crate::client::Builder;

impl Builder {
    /// Runs the client on the tokio runtime of the thread that polls its requests. It exists natively with the feature
    /// `tokio`. Default: sockets and timers on a thread of the library.
    ///
    /// It sets three things, also if the program has set a [network](Self::network) of its own:
    ///
    /// - Sockets wait on the runtime's reactor, see [`Network::tokio`].
    /// - The client's clock is a [`TokioTimer`], unless [`timer`](Self::timer) sets another.
    /// - Spawned requests and background tasks run on the [`TokioExecutor`].
    ///
    /// A [`backend`](Self::backend) has its own sockets: make it by [`Network::tokio`].
    ///
    /// # Errors
    /// A request that is polled outside of a runtime fails with [`Unsupported`](crate::ErrorKind::Unsupported) when it
    /// needs a connection.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::testing::{Reply, Server, handler};
    ///
    /// let server = Server::start(handler(|_| Box::pin(async { Reply::text("hello") })))?;
    /// // Or `#[tokio::main]`.
    /// let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// let text = runtime.block_on(async {
    ///     let client = Client::builder().tokio().build()?;
    ///     client.get(server.url("/")).await?.text().await
    /// })?;
    /// assert_eq!(text, "hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tokio(self) -> Self {
        self.with_backend_settings(|settings| settings.set_tokio())
    }
}

impl NetworkSettings {
    /// It is no setting that another backend would ignore: the client's clock and its spawned requests are on the runtime,
    /// too. So it has no name for that error.
    fn set_tokio(&mut self) {
        self.runtime = Some(ChosenRuntime::tokio());
        self.changes.push(Box::new(|network| Ok(network.tokio())));
    }
}

impl Network {
    /// Waits for sockets on the tokio runtime of the thread that polls. It exists with the feature `tokio`. Everything
    /// else about the network stays the same: look-ups, the race between addresses, proxies, TLS and limits.
    ///
    /// The network's clock becomes a [`TokioTimer`], unless [`timer`](Self::timer) sets another. The tasks of its
    /// [agent](Self::agent) run on the [`TokioExecutor`]. A client whose [`network`](Builder::network) this is has the
    /// same clock and the same executor. To a client with an agent as its [`backend`](Builder::backend),
    /// [`Builder::tokio`] gives them.
    ///
    /// The runtime needs its drivers: build it with `enable_all`, as `#[tokio::main]` does. A name is looked up, and a
    /// file is read, on a thread for blocking work of the library.
    ///
    /// # Errors
    /// A connect outside of a runtime fails with [`Unsupported`](crate::ErrorKind::Unsupported). A connection fails
    /// with [`Io`](crate::ErrorKind::Io) if its runtime ends while it is in use. An idle connection moves to the runtime
    /// of the next request.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::platform::native::Network;
    /// use waterspout::proxy::Proxies;
    ///
    /// let network = Network::new().tokio().proxies(Proxies::all("socks5h://proxy.example")?);
    /// let client = Client::builder().network(network).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    #[must_use]
    pub fn tokio(mut self) -> Self {
        let runtime = ChosenRuntime::tokio();
        self.tcp.reactor = &TokioReactor;
        if !self.has_own_timer {
            self.tcp = self.tcp.timer(runtime.timer.clone());
            self.timer = runtime.timer.clone();
        }
        self.runtime = Some(runtime);
        self
    }
}

impl TcpClient {
    /// Waits for sockets on the tokio runtime of the thread that polls, and sets the clock to a [`TokioTimer`]. It
    /// exists with the feature `tokio`.
    ///
    /// # Errors
    /// A connect outside of a runtime fails with [`Unsupported`](crate::ErrorKind::Unsupported).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use waterspout::platform::native::TcpClient;
    ///
    /// # async fn run() -> waterspout::Result<()> {
    /// let stream = TcpClient::new().tokio().connect("whois.example", 43).await?;
    /// stream.write("example\r\n").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn tokio(mut self) -> Self {
        self.reactor = &TokioReactor;
        self.timer(TokioTimer::new())
    }
}

impl ChosenRuntime {
    pub(in crate::platform) fn tokio() -> Self {
        Self { timer: Arc::new(TokioTimer::new()), executor: Arc::new(TokioExecutor) }
    }
}
