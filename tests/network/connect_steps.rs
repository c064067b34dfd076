//! Errors of the connect limit: they name the step, the host and port, and the addresses that were tried.

use std::error::Error as _;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use async_io::block_on;
use futures::FutureExt;
use futures::future::BoxFuture;
use waterspout::platform::native::{Network, Resolver, TcpClient};
use waterspout::proxy::Proxies;
use waterspout::testing::ManualTimer;
use waterspout::{Client, ConnectStep, Error, ErrorKind, Phase, Timeout};

use crate::support::silent::SilentAddress;

/// A resolver that returns these addresses for every name, or never answers.
struct FixedAddresses(Option<Vec<SocketAddr>>);

impl Resolver for FixedAddresses {
    fn resolve(&self, _: &str, _: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        match &self.0 {
            None => std::future::pending().boxed(),
            Some(addresses) => futures::future::ready(Ok(addresses.clone())).boxed(),
        }
    }
}

const LIMIT: Duration = Duration::from_secs(20);

/// A network on a manual clock, without proxies of the environment.
fn network(timer: &ManualTimer) -> Network {
    Network::new().timer(timer.clone()).proxies(Proxies::none())
}

/// Checks what all errors of a connect limit have in common, and returns the text.
fn check(error: &Error, step: ConnectStep) -> String {
    let text = error.to_string();
    assert_eq!(
        (error.kind(), error.phase(), error.connect_step()),
        (ErrorKind::Timeout, Phase::Connect, Some(step)),
        "{text}"
    );
    assert_eq!(error.timeout(), Some(Timeout::Connect), "{text}");
    assert!(error.is_timeout() && error.is_connect() && error.is_retryable() && error.source().is_none());
    text
}

/// Fetches `url` until nothing happens any more, and then lets the limit pass. Returns the error's text.
fn timed_out(network: Network, timer: &ManualTimer, url: &str, step: ConnectStep) -> String {
    let client = Client::builder().backend(network.agent()).timer(timer.clone()).build().unwrap();
    let mut request = client.get(url).connect_timeout(LIMIT).send().boxed();
    assert!((&mut request).now_or_never().is_none());
    timer.advance(LIMIT);
    let error = request.now_or_never().expect("the limit has passed").unwrap_err();
    assert_eq!((error.limit(), error.elapsed()), (Some(LIMIT), Some(LIMIT)));
    check(&error, step)
}

#[test]
fn error_names_the_host_of_a_look_up_without_an_answer() {
    let timer = ManualTimer::new();
    for (url, target) in [
        ("http://example.com/a", "example.com:80"),
        ("https://example.com/a", "example.com:443"),
        ("http://example.com:8080/a", "example.com:8080"),
    ] {
        let network = network(&timer).resolver(FixedAddresses(None));
        let text = timed_out(network, &timer, url, ConnectStep::Dns);
        let expected = format!("the look-up of the address of {target} timed out (limit `connect`: 20s), for {url}");
        assert_eq!(text, expected);
    }
}

#[test]
fn error_names_the_address_that_does_not_answer() {
    let (silent, timer) = (SilentAddress::new(), ManualTimer::new());
    let network = network(&timer).resolver(FixedAddresses(Some(vec![silent.address])));
    let text = timed_out(network, &timer, "http://example.com/", ConnectStep::Connect);
    let expected = format!(
        "the connection to example.com:80 at {} timed out (limit `connect`: 20s), \
         for http://example.com/",
        silent.address
    );
    assert_eq!(text, expected);
}

/// The limit passes while the second address is tried, before the third.
#[test]
fn error_names_the_addresses_that_were_tried_and_no_others() {
    let (one, two, timer) = (SilentAddress::new(), SilentAddress::new(), ManualTimer::new());
    let addresses = vec![one.address, two.address, SocketAddr::from(([127, 0, 0, 1], 9))];
    let network = network(&timer).resolver(FixedAddresses(Some(addresses)));
    let client = Client::builder().backend(network.agent()).timer(timer.clone()).build().unwrap();
    let mut request = client.get("http://example.com/").connect_timeout(Duration::from_millis(400)).send().boxed();
    for wait in [250, 150] {
        assert!((&mut request).now_or_never().is_none());
        timer.advance(Duration::from_millis(wait));
    }
    let text = check(&request.now_or_never().unwrap().unwrap_err(), ConnectStep::Connect);
    let expected = format!("the connection to example.com:80 at {}, {} timed out", one.address, two.address);
    assert!(text.starts_with(&expected), "{text}");
}

#[test]
fn ipv6_address_of_a_url_is_in_brackets() {
    let timer = ManualTimer::new();
    let text = timed_out(network(&timer).resolver(FixedAddresses(None)), &timer, "http://[::1]:81/", ConnectStep::Dns);
    assert!(text.starts_with("the look-up of the address of [::1]:81 timed out"), "{text}");
}

#[test]
fn tcp_client_names_the_host_and_the_step() {
    let (silent, timer) = (SilentAddress::new(), ManualTimer::new());
    let client = |addresses| {
        let client = TcpClient::new().resolver(FixedAddresses(addresses)).timer(timer.clone());
        client.timeout(Duration::from_millis(500))
    };
    let at = format!("the connection to whois.example:43 at {} timed out", silent.address);
    let look_up = "the look-up of the address of whois.example:43 timed out".to_owned();
    let cases = [(None, ConnectStep::Dns, look_up), (Some(vec![silent.address]), ConnectStep::Connect, at)];
    for (addresses, step, expected) in cases {
        let expected = format!("{expected} (limit `connect`: 500ms)");
        let own = client(addresses.clone());
        let mut connecting = own.connect("whois.example", 43).boxed();
        assert!((&mut connecting).now_or_never().is_none());
        timer.advance(Duration::from_millis(500));
        let error = connecting.now_or_never().unwrap().err().unwrap();
        assert_eq!(check(&error, step), expected);
        // A stream that connects when it is used.
        let stream = client(addresses).connecting("whois.example", 43);
        let mut connected = stream.connected().boxed();
        assert!((&mut connected).now_or_never().is_none());
        timer.advance(Duration::from_millis(500));
        assert_eq!(check(&connected.now_or_never().unwrap().unwrap_err(), step), expected);
    }
    let own = client(None);
    let mut connecting = own.connect("::1", 43).boxed();
    assert!((&mut connecting).now_or_never().is_none());
    timer.advance(Duration::from_millis(500));
    let error = connecting.now_or_never().unwrap().err().unwrap();
    assert!(error.to_string().starts_with("the look-up of the address of [::1]:43 timed out"), "{error}");
}

#[test]
fn other_errors_have_no_connect_step() {
    let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = Client::builder().backend(Network::new().proxies(Proxies::none()).agent()).build().unwrap();
    let error = block_on(client.get(format!("http://{refused}/")).send()).unwrap_err();
    assert_eq!((error.kind(), error.connect_step()), (ErrorKind::Connect, None));
}
