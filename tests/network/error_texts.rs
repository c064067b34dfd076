//! The texts of errors of the native network: each thing is said once, and the cause is the source.

use std::error::Error as _;
use std::io;
use std::net::{SocketAddr, TcpListener};

use async_io::block_on;
use futures::FutureExt;
use waterspout::platform::native::{Network, Resolver};
use waterspout::proxy::Proxies;
use waterspout::{BoxFuture, Client, Error};

/// Answers each look-up with these addresses, or fails.
struct Answer(Result<Vec<SocketAddr>, &'static str>);

impl Resolver for Answer {
    fn resolve(&self, _: &str, _: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let answer = self.0.clone().map_err(io::Error::other);
        async { answer }.boxed()
    }
}

fn error_of(network: Network, url: &str) -> Error {
    let client = Client::builder().backend(network.agent()).build().unwrap();
    block_on(client.get(url).send()).unwrap_err()
}

/// Returns an address that refuses connections.
fn refusing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn errors_of_connecting_say_each_thing_once() {
    let direct = |answer| Network::new().proxies(Proxies::none()).resolver(Answer(answer));
    let refusing = refusing();
    let url = "http://example.com:81/p?token=secret";
    let shown = "http://example.com:81/p?token=***";
    let proxy = format!("http://{refusing}");
    let cases = [
        (direct(Ok(vec![refusing])), format!("could not connect to {refusing}, for {shown}"), "refused"),
        (
            direct(Err("no such name")),
            format!("could not look up the address of \"example.com\", for {shown}"),
            "no such name",
        ),
        (direct(Ok(Vec::new())), format!("the look-up returned no address of \"example.com\", for {shown}"), ""),
        (
            Network::new().proxies(Proxies::all(proxy.as_str()).unwrap()),
            format!("could not connect to the proxy {proxy}, for {shown}"),
            "refused",
        ),
    ];
    for (network, expected, cause) in cases {
        let error = error_of(network, url);
        assert_eq!(error.to_string(), expected);
        let report = error.report().to_string();
        assert!(report.starts_with(&expected) && !report.contains("while"), "{report}");
        assert_eq!(report.matches(cause).count().min(1), 1, "{report}");
        assert_eq!(error.source().is_some(), !cause.is_empty());
        // The walk over the sources, as a program's error reporter makes it, prints the same.
        let mut walked = expected;
        let mut next = error.source();
        while let Some(error) = next {
            walked += &format!(": {error}");
            next = error.source();
        }
        assert_eq!(report, walked);
        assert!(!format!("{report} {error:?}").contains("secret"));
    }
}
