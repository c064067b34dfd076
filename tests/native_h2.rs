//! The scenarios over HTTP/2: all by prior knowledge, and some over TLS, which selects the protocol by ALPN.
#![allow(missing_docs)]
#![cfg(not(target_family = "wasm"))]

#[path = "../examples/lab/mod.rs"]
mod lab;
mod scenarios;
mod support;

use std::future::Future;
use std::sync::OnceLock;

use futures::FutureExt;
use waterspout::http::Version;
use waterspout::platform::native::Network;
use waterspout::testing::Server;
use waterspout::{Builder, Client};

use self::scenarios::{Lab, for_each_scenario, for_each_worker_scenario};
use self::support::tls::{Authority, TlsServer, acceptor_with_alpn, trusting};

/// The scenarios that fail over HTTP/2, each with the reason.
const DIFFERENCES: &[(&str, &str)] = &[(
    "a_body_may_end_with_the_connection",
    "a body ends with its stream, so an end of the connection cuts it short (RFC 9113, section 8.1)",
)];

/// The servers of all scenarios, which run in parallel. Both have the same state.
struct Servers {
    plain: Server,
    tls: TlsServer,
}

#[allow(clippy::unwrap_used, reason = "without a server there is nothing to test")]
fn servers() -> &'static Servers {
    static SERVERS: OnceLock<Servers> = OnceLock::new();
    SERVERS.get_or_init(|| {
        let authority = Authority::new();
        let certificate = authority.issue(&["127.0.0.1", "localhost"], |_| {});
        let tls = trusting(&authority);
        // Every client of the scenarios has this default. Without HTTP/2 no connect succeeds.
        waterspout::tornado::configure(move |builder: Builder| {
            builder.network(Network::new().tls(tls.clone()).http2_only())
        })
        .unwrap();
        let lab = lab::Lab::default();
        let acceptor = acceptor_with_alpn(&["h2", "http/1.1"], certificate);
        Servers { plain: Server::start(lab.clone()).unwrap(), tls: TlsServer::start(acceptor, lab) }
    })
}

fn plain() -> String {
    servers().plain.url("")
}

fn tls() -> String {
    format!("https://{}", servers().tls.address)
}

/// Runs a scenario. A scenario with a difference must fail, so that the list stays true.
fn run<F: Future>(base: &str, platform: &str, name: &str, scenario: impl FnOnce(Lab) -> F) {
    let scenario = scenario(Lab::new(base, platform, name));
    match DIFFERENCES.iter().find(|(listed, _)| *listed == name) {
        None => drop(futures::executor::block_on(scenario)),
        Some((_, reason)) => {
            let outcome = futures::executor::block_on(std::panic::AssertUnwindSafe(scenario).catch_unwind());
            assert!(outcome.is_err(), "{name} succeeds; remove it from the list of differences: {reason}");
        }
    }
}

macro_rules! prior_knowledge {
    ($($module:ident::$name:ident,)+) => {
        mod prior_knowledge {$(
            #[test]
            fn $name() {
                super::run(&super::plain(), "h2", stringify!($name), super::scenarios::$module::$name);
            }
        )+}
    };
}

macro_rules! over_tls {
    ($($module:ident::$name:ident,)+) => {
        mod over_tls {$(
            #[test]
            fn $name() {
                super::run(&super::tls(), "h2-tls", stringify!($name), super::scenarios::$module::$name);
            }
        )+}
    };
}

for_each_scenario!(prior_knowledge);
// TLS concerns the connection alone, so a scenario for each feature suffices.
for_each_worker_scenario!(over_tls);

/// Without this check the scenarios could run over another protocol.
#[test]
#[allow(clippy::unwrap_used)]
fn every_response_says_http2() {
    for base in [plain(), tls()] {
        let response =
            futures::executor::block_on(async { Client::new().get(format!("{base}/lab/hello")).await }).unwrap();
        assert_eq!(response.version(), Version::HTTP_2, "{base}");
        assert_eq!(response.connection_info().version, Some(Version::HTTP_2), "{base}");
    }
}
