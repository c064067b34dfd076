//! Proxies of the environment and the filter.

use std::process::Command;

use async_io::block_on;
use waterspout::platform::native::Network;
use waterspout::proxy::Proxies;

use super::{RecordingServer, client};

/// Runs in a process that [`proxy_of_the_environment_is_refused_unless_it_is_allowed`] starts with other variables.
#[test]
#[ignore = "is run by another test"]
fn child() {
    let network = Network::new().deny_private();
    let network = match std::env::var("CHILD_SETTING").unwrap().as_str() {
        "allow" => network.allow_proxies(),
        "direct" => network.proxies(Proxies::none()),
        "explicit" => network.proxies(Proxies::from_env()),
        _ => network,
    };
    let client = client(network);
    let outcome = block_on(async { client.get(std::env::var("CHILD_URL").unwrap()).await?.text().await });
    println!("outcome: {:?}", outcome.map_err(|error| format!("{:?}: {error}", error.kind())));
}

fn fetch(variables: &[(&str, &str)], setting: &str, url: &str) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "request_method"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command.args(["--exact", "address_filter::environment::child", "--ignored", "--nocapture"]);
    command.env("CHILD_URL", url).env("CHILD_SETTING", setting).envs(variables.iter().copied());
    let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
    output.split("outcome: ").nth(1).unwrap().lines().next().unwrap().to_owned()
}

#[test]
fn proxy_of_the_environment_is_refused_unless_it_is_allowed() {
    let proxy = RecordingServer::echo();
    let address = format!("http://user:secret@{}", proxy.address());
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        for setting in ["none", "explicit"] {
            for url in ["http://public.test/", "http://8.8.8.8/"] {
                let refused = fetch(&[(name, &address)], setting, url);
                assert!(
                    refused.contains("AddressDenied: ") && refused.contains("`Network::allow_proxies`"),
                    "{refused}"
                );
                assert!(!refused.contains("secret"), "{refused}");
            }
        }
    }
    assert_eq!(proxy.requests(), 0);
    assert_eq!(fetch(&[("HTTP_PROXY", &address)], "allow", "http://public.test/"), "Ok(\"http://public.test/\")");
    let literal = fetch(&[("HTTP_PROXY", &address)], "allow", "http://10.0.0.1/");
    assert!(literal.contains("10.0.0.1:80 is denied by `Network::deny_private`"), "{literal}");
    // Neither needs a permission: the origin is reached directly, and its address is checked.
    let excepted = fetch(&[("HTTP_PROXY", &address), ("NO_PROXY", "10.0.0.1")], "none", "http://10.0.0.1/");
    let direct = fetch(&[("HTTP_PROXY", &address)], "direct", "http://10.0.0.1/");
    for refused in [excepted, direct] {
        assert!(refused.contains("10.0.0.1:80 is denied by `Network::deny_private`"), "{refused}");
    }
    assert_eq!(proxy.requests(), 1);
}
