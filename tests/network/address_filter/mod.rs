//! The address filter of the network: which addresses it denies, on each way on which an address can come.

mod each_way;
mod environment;
mod look_ups;
mod proxies;
mod requests;
mod rules;
mod spellings;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use async_io::block_on;
use waterspout::platform::native::{HostMap, Network, Resolver, SystemResolver};
use waterspout::proxy::Proxies;
use waterspout::testing::{Handler, Recorder, Reply, Server, handler};
use waterspout::{BoxFuture, Client, Error, ErrorKind, Phase, Result};

/// A network that connects directly and looks `target.test` up as `address`.
fn direct(address: IpAddr) -> Network {
    let names = HostMap::new(SystemResolver).host("target.test", address);
    Network::new().proxies(Proxies::none()).resolver(names)
}

fn client(network: Network) -> Client {
    Client::builder().network(network).build().unwrap()
}

fn get(client: &Client, url: &str) -> Result<String> {
    block_on(async { client.get(url).await?.text().await })
}

/// Returns the error of a connect that the filter has to refuse.
#[track_caller]
fn denied(client: &Client, url: &str) -> Error {
    let error = get(client, url).expect_err(url);
    assert_eq!((error.kind(), error.phase()), (ErrorKind::AddressDenied, Phase::Connect), "{url}: {error}");
    assert!(error.is_connect() && !error.is_network() && !error.is_retryable(), "{url}: {error}");
    error
}

/// The host of a URL for an address.
fn host(address: IpAddr) -> String {
    if address.is_ipv6() { format!("[{address}]") } else { address.to_string() }
}

/// A server on loopback that remembers its requests. It serves as a forwarding proxy too.
struct RecordingServer {
    server: Server,
    recorder: Recorder,
}

impl RecordingServer {
    fn new(handler: impl Handler) -> Self {
        let recorder = Recorder::new();
        Self { server: Server::start(recorder.record(handler)).unwrap(), recorder }
    }

    /// Starts a server that answers each request with its target: a path, or for a proxy a whole URL.
    fn echo() -> Self {
        Self::new(handler(|request| {
            let target = request.target().to_owned();
            Box::pin(async move { Reply::text(target) })
        }))
    }

    fn address(&self) -> SocketAddr {
        self.server.address()
    }

    fn requests(&self) -> usize {
        self.recorder.requests().len()
    }
}

/// The addresses that a rule has received.
#[derive(Clone, Default)]
struct SeenAddresses(Arc<Mutex<Vec<SocketAddr>>>);

impl SeenAddresses {
    /// Returns a rule that remembers each address and denies it, so that no test connects to a public address.
    fn deny(&self) -> impl Fn(SocketAddr) -> bool + Send + Sync + 'static {
        let seen = self.0.clone();
        move |address| {
            seen.lock().unwrap().push(address);
            false
        }
    }

    fn take(&self) -> Vec<SocketAddr> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// A resolver that gives a list of answers in turn, and the last answer for ever.
#[derive(Clone)]
struct ChangingResolver(Arc<Mutex<Vec<Vec<SocketAddr>>>>);

impl ChangingResolver {
    fn new(answers: &[&[SocketAddr]]) -> Self {
        Self(Arc::new(Mutex::new(answers.iter().map(|answer| answer.to_vec()).collect())))
    }

    /// Returns how many answers are left.
    fn left(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl Resolver for ChangingResolver {
    fn resolve(&self, _: &str, _: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        Box::pin(async move { Ok(answer) })
    }
}
