//! The clients of a run: each protocol, with and without proxies, on the library's reactor and on tokio's.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use waterspout::agent::Config;
use waterspout::platform::native::{Network, SystemTimer, TlsConfig};
use waterspout::proxy::{Proxies, Proxy};
use waterspout::{BoxFuture, Builder, Client, ErrorKind, Instant, Result, Timer};

use crate::targets::{CALM, PROXIED};

/// How long connections stay idle. A rest waits until all are closed.
pub const IDLE: Duration = Duration::from_secs(2);

/// A client and what it can do.
pub struct SoakClient {
    pub name: &'static str,
    pub client: Client,
    pub clear_text: ClearText,
    /// The errors that the client's proxy may cause.
    pub errors: &'static [ErrorKind],
}

/// What a client speaks to a server in the clear. Over TLS the server chooses.
#[derive(Clone, Copy, PartialEq)]
pub enum ClearText {
    Http1,
    /// HTTP/2 by prior knowledge.
    Http2,
}

/// The proxies of the clients.
pub struct ProxyUrls {
    pub calm: String,
    pub faulty: String,
}

/// A clock that counts the sleeps that exist.
#[derive(Clone)]
struct CountedTimer;

static SLEEPS: AtomicUsize = AtomicUsize::new(0);

/// Returns how many sleeps of the counted clock exist.
pub fn sleeps() -> usize {
    SLEEPS.load(Ordering::SeqCst)
}

struct SleepCount;

impl Drop for SleepCount {
    fn drop(&mut self) {
        SLEEPS.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Timer for CountedTimer {
    fn now(&self) -> Instant {
        SystemTimer.now()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        SLEEPS.fetch_add(1, Ordering::SeqCst);
        let count = SleepCount;
        let sleep = SystemTimer.sleep_until(deadline);
        Box::pin(async move {
            let _count = count;
            sleep.await;
        })
    }
}

/// Makes the clients of the threads, whose sockets are on the library's reactor. Each is used by `workers` workers.
pub fn on_threads(certificate: &str, proxies: &ProxyUrls, workers: usize) -> Result<Vec<SoakClient>> {
    use ClearText::{Http1, Http2};
    let network = || network(certificate);
    let through = |url: &str| Proxies::all(Proxy::parse(url)?.tunnel_all(true));
    let plain = |name, network: Network, clear_text| {
        let builder = builder(workers).backend(network.agent().with_config(config()));
        make(name, builder, clear_text, CALM)
    };
    let counted = |name, network: Network, clear_text, errors| {
        let agent = network.timer(CountedTimer).agent().with_config(config());
        make(name, builder(workers).timer(CountedTimer).backend(agent), clear_text, errors)
    };
    Ok(vec![
        counted("http1", network()?.http1_only(), Http1, CALM)?,
        plain("default", network()?, Http1)?,
        plain("h2c", network()?.http2_prior_knowledge(), Http2)?,
        counted("h2-only", network()?.http2_prior_knowledge(), Http2, CALM)?,
        plain("proxy", network()?.proxies(through(&proxies.calm)?), Http1)?,
        counted("faulty-proxy", network()?.proxies(through(&proxies.faulty)?), Http1, PROXIED)?,
    ])
}

/// Makes the clients whose sockets tokio watches. Each is used by `workers` workers.
pub fn on_tokio(certificate: &str, workers: usize) -> Result<Vec<SoakClient>> {
    let network = || -> Result<Network> { Ok(network(certificate)?.tokio()) };
    let build = |name, network: Network, clear_text| {
        let agent = network.agent().with_config(config());
        make(name, builder(workers).tokio().backend(agent), clear_text, CALM)
    };
    Ok(vec![
        build("tokio-http1", network()?.http1_only(), ClearText::Http1)?,
        build("tokio", network()?, ClearText::Http1)?,
        build("tokio-h2c", network()?.http2_prior_knowledge(), ClearText::Http2)?,
    ])
}

fn make(
    name: &'static str,
    builder: Builder,
    clear_text: ClearText,
    errors: &'static [ErrorKind],
) -> Result<SoakClient> {
    Ok(SoakClient { name, client: builder.build()?, clear_text, errors })
}

fn network(certificate: &str) -> Result<Network> {
    let tls = TlsConfig::new().without_system_roots().root_certificates_pem(certificate.as_bytes())?;
    Ok(Network::new().proxies(Proxies::none()).tls(tls))
}

/// Begins a client with fewer slots than workers, so that requests queue. A connect may outlive its request up to its
/// limit, so the limit is shorter than the wait of a rest.
fn builder(workers: usize) -> Builder {
    let slots = (workers * 3 / 4).max(1);
    let client = Client::builder().max_active(slots).max_active_per_origin(slots.div_ceil(2));
    client.connect_timeout(Duration::from_secs(6))
}

fn config() -> Config {
    Config::new().idle_connection_timeout(IDLE)
}

/// Leaves a sleep behind, to see that the check notices it.
pub fn leak_sleep() {
    std::mem::forget(CountedTimer.sleep_until(CountedTimer.now() + Duration::from_secs(1)));
}
