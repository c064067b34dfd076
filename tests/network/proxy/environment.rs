//! Proxies that the environment names.

use std::process::Command;

use async_io::block_on;
use futures::FutureExt;
use waterspout::Client;
use waterspout::testing::{Reply, Server, handler};

use crate::support::proxy::{ProxyBehaviour, TinyProxy};

use super::BASIC;

/// Runs in a process that [`the_default_client_reads_the_environment`] starts with another environment.
#[test]
#[ignore = "is run by another test"]
fn child() {
    let outcome = block_on(async { Client::new().get(std::env::var("CHILD_URL").unwrap()).await?.text().await });
    println!("outcome: {outcome:?}");
}

#[test]
fn the_default_client_reads_the_environment() {
    let origin = Server::start(handler(|_| async { Reply::text("directly") }.boxed())).unwrap();
    let proxy = TinyProxy::http(ProxyBehaviour { credentials: Some(BASIC), ..ProxyBehaviour::default() });
    let through = format!("http://user:pa%20ss@{}", proxy.address);
    let fetch = |variables: &[(&str, &str)]| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "request_method"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        command
            .args(["--exact", "proxy::environment::child", "--ignored", "--nocapture"])
            .env("CHILD_URL", origin.url("/"));
        let output = command.envs(variables.iter().copied()).output().unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        output.split("outcome: ").nth(1).unwrap().lines().next().unwrap().to_owned()
    };
    let (forwarded, directly) = ("Ok(\"forwarded\")", "Ok(\"directly\")");
    assert_eq!(fetch(&[]), directly);
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        assert_eq!(fetch(&[(name, &through)]), forwarded, "{name}");
    }
    for name in ["no_proxy", "NO_PROXY"] {
        assert_eq!(fetch(&[("HTTP_PROXY", &through), (name, "127.0.0.1")]), directly, "{name}");
    }
    assert_eq!(fetch(&[("HTTPS_PROXY", &through)]), directly);
    assert_eq!(fetch(&[("HTTP_PROXY", &through), ("REQUEST_METHOD", "GET")]), directly);
    let malformed = fetch(&[("HTTP_PROXY", "ftp://user:pa%20ss@proxy")]);
    assert!(
        malformed.contains("HTTP_PROXY does not contain the URL of a proxy") && !malformed.contains("pa%20ss"),
        "{malformed}"
    );
    assert_eq!(proxy.requests().len(), 4);
    let socks = TinyProxy::socks4(ProxyBehaviour { credentials: Some("user"), ..ProxyBehaviour::default() });
    for (name, scheme) in [("ALL_PROXY", "socks4"), ("all_proxy", "socks4a"), ("HTTP_PROXY", "SOCKS4A")] {
        assert_eq!(fetch(&[(name, &format!("{scheme}://user@{}", socks.address))]), directly, "{name} {scheme}");
    }
    let asked = format!("127.0.0.1 {}", origin.address().port());
    assert_eq!(socks.requests(), vec![asked; 3]);
}
