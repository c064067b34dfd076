//! Rules for hosts that are reached without a proxy, in the syntax of `NO_PROXY`.

use std::net::IpAddr;
use std::str::FromStr;

use super::address;
use crate::error::{Error, ErrorKind, Result};
use crate::message::url::{Origin, Url};

/// Hosts that are reached without a proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NoProxy(Vec<Rule>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    hosts: Hosts,
    /// The port that the rule is for; `None` for every port.
    port: Option<u16>,
}

/// The hosts that a rule is for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    /// A domain, without a dot before or after it, and all its subdomains.
    Domain(String),
    /// The addresses whose first bits equal the bits of this address; the number is how many bits are compared.
    Network(IpAddr, u8),
}

impl NoProxy {
    /// Parses rules that are separated by commas or white space.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let rule = |entry: &str| {
            entry.parse().map_err(|()| {
                let message = format!(
                    "{entry:?} is not a rule for hosts without a proxy: a rule is a domain, an address, a network in CIDR \
                     notation or `*`, with or without a port"
                );
                Error::request(ErrorKind::InvalidRequest, message)
            })
        };
        entries(text).map(rule).collect::<Result<_>>().map(Self)
    }

    /// Parses rules and ignores entries that are not rules. Programs share the environment, and other programs may
    /// accept other entries.
    pub(super) fn parse_leniently(text: &str) -> Self {
        Self(entries(text).filter_map(|entry| entry.parse().ok()).collect())
    }

    /// Adds the rules of `other`.
    pub(super) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Returns whether a rule is for `origin`.
    pub(super) fn contains(&self, origin: &Origin) -> bool {
        // An IPv4 address may be written as an IPv6 address, such as `::ffff:10.0.0.1`.
        let address = address(origin.host()).map(|address| address.to_canonical());
        // A trailing dot makes a name absolute. It is the same host.
        let host = origin.host().strip_suffix('.').unwrap_or(origin.host());
        self.0.iter().any(|rule| {
            let fits = match (&rule.hosts, address) {
                (Hosts::All, _) => true,
                (Hosts::Domain(domain), None) => is_within(host, domain),
                (Hosts::Network(network, bits), Some(address)) => is_in_network(address, *network, *bits),
                _ => false,
            };
            fits && rule.port.is_none_or(|port| port == origin.port())
        })
    }
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty())
}

impl FromStr for Rule {
    type Err = ();

    fn from_str(entry: &str) -> std::result::Result<Self, ()> {
        let network = |hosts| Ok(Self { hosts, port: None });
        // An IPv6 address contains colons. A text that can be an address is an address without a port.
        if let Some(hosts) = addresses(entry) {
            return network(hosts);
        }
        let (hosts, port) = match entry.rsplit_once(':') {
            Some((hosts, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                (hosts, Some(port.parse().map_err(drop)?))
            }
            _ => (entry, None),
        };
        let hosts = match hosts {
            "*" => Some(Hosts::All),
            hosts => addresses(hosts).or_else(|| domain(hosts)),
        };
        hosts.map(|hosts| Self { hosts, port }).ok_or(())
    }
}

/// Parses an address, with or without brackets, or a network such as `10.0.0.0/8`.
fn addresses(text: &str) -> Option<Hosts> {
    let (text, bits) = text.split_once('/').map_or((text, None), |(text, bits)| (text, Some(bits)));
    let written = address(text)?;
    let width = |address: IpAddr| if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(width(written)), |bits| bits.parse::<u8>().ok())?;
    let canonical = written.to_canonical();
    // An IPv4 address within an IPv6 address has 96 bits before it.
    let bits = bits.checked_sub(width(written) - width(canonical))?;
    (bits <= width(canonical)).then_some(Hosts::Network(canonical, bits))
}

/// Parses a domain: `example.com`, `.example.com` and `*.example.com` are the same.
fn domain(text: &str) -> Option<Hosts> {
    let text = text.strip_prefix('*').filter(|text| text.starts_with('.')).unwrap_or(text);
    let text = text.strip_prefix('.').unwrap_or(text);
    if text.is_empty() || text.contains(['/', '\\', '@', ':', '*', '?', '#', '[', ']']) {
        return None;
    }
    // Converts the domain to the form of hosts in URLs: lower case, Punycode.
    let url = Url::parse(&format!("http://{text}/")).ok()?;
    let host = url.host().strip_suffix('.').unwrap_or(url.host());
    address(host).is_none().then(|| Hosts::Domain(host.to_owned()))
}

fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|below| below.is_empty() || below.ends_with('.'))
}

fn is_in_network(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let (address, network, width) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => (u128::from(address.to_bits()), network.to_bits().into(), 32),
        (IpAddr::V6(address), IpAddr::V6(network)) => (address.to_bits(), network.to_bits(), 128),
        _ => return false,
    };
    let differ = address ^ network;
    differ.checked_shr(width - u32::from(bits)).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(rules: &NoProxy, url: &str) -> bool {
        rules.contains(&Url::parse(url).unwrap().origin())
    }

    fn check(rules: &str, inside: &[&str], outside: &[&str]) {
        for rules in [NoProxy::parse(rules).unwrap(), NoProxy::parse_leniently(rules)] {
            inside.iter().for_each(|url| assert!(contains(&rules, url), "{url} is in {rules:?}"));
            outside.iter().for_each(|url| assert!(!contains(&rules, url), "{url} is not in {rules:?}"));
        }
    }

    #[test]
    fn domain_includes_its_subdomains_with_and_without_a_dot() {
        for rule in ["example.com", ".example.com", "*.example.com", "EXAMPLE.com.", " , example.com,, "] {
            check(
                rule,
                &["http://example.com/", "https://www.example.com:1/", "http://a.b.EXAMPLE.com./"],
                &["http://notexample.com/", "http://example.org/", "http://com/", "http://example.com.evil.test/"],
            );
        }
        check("b\u{fc}cher.example", &["http://xn--bcher-kva.example/"], &["http://bucher.example/"]);
        check("localhost", &["http://localhost:8080/", "http://a.localhost/"], &["http://127.0.0.1/"]);
    }

    #[test]
    fn star_is_every_host_and_empty_rules_are_none() {
        check("*", &["http://example.com/", "http://127.0.0.1/", "http://[::1]/"], &[]);
        check("a,*", &["http://example.com/"], &[]);
        check("*:8080", &["http://example.com:8080/"], &["http://example.com/"]);
        check("", &[], &["http://example.com/", "http://localhost/"]);
    }

    #[test]
    fn port_narrows_a_rule() {
        check(
            "example.com:8080",
            &["http://example.com:8080/", "http://a.example.com:8080/"],
            &["http://example.com/"],
        );
        check("example.com:443", &["https://example.com/"], &["http://example.com/"]);
        check("10.0.0.1:80", &["http://10.0.0.1/"], &["https://10.0.0.1/", "http://10.0.0.2/"]);
        check("[::1]:80", &["http://[::1]/"], &["http://[::1]:81/", "http://[::2]/"]);
        check("10.0.0.0/8:80", &["http://10.9.9.9/"], &["http://10.9.9.9:81/"]);
    }

    #[test]
    fn addresses_and_networks_are_compared_as_numbers() {
        check("10.0.0.0/8", &["http://10.255.0.1/"], &["http://11.0.0.1/", "http://10.example/", "http://[::1]/"]);
        check("192.168.5.9/31", &["http://192.168.5.8/", "http://192.168.5.9/"], &["http://192.168.5.10/"]);
        check("1.2.3.4", &["http://1.2.3.4/", "http://0x1020304/"], &["http://1.2.3.5/"]);
        check("0.0.0.0/0", &["http://1.2.3.4/"], &["http://[::1]/", "http://example.com/"]);
        check("::/0", &["http://[1::2]/"], &["http://1.2.3.4/"]);
        check("fd00::/8", &["http://[fd12::1]/"], &["http://[fe00::1]/"]);
        check("[fd00::]/8", &["http://[fd12::1]/"], &["http://[fe00::1]/"]);
        check("0:0:0:0:0:0:0:1", &["http://[::1]/"], &["http://[::2]/"]);
        check("10.0.0.0/8", &["http://[::ffff:10.1.2.3]/"], &["http://[::ffff:11.1.2.3]/"]);
        check("::ffff:10.0.0.0/104", &["http://10.1.2.3/"], &["http://11.1.2.3/"]);
    }

    #[test]
    fn rules_are_separated_by_commas_or_spaces() {
        let inside = ["http://a.test/", "http://b.test/", "http://10.1.1.1/"];
        check("a.test, b.test\t10.0.0.0/8", &inside, &["http://c.test/"]);
    }

    #[test]
    fn malformed_rule_is_refused_by_name_or_ignored() {
        for bad in
            ["10.0.0.0/33", "::/129", "1.2.3.4/x", "a/b", "http://a", "u@a", "a*b", "a:99999", ":80", "[::1", "."]
        {
            let error = NoProxy::parse(&format!("a.test,{bad}")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{bad}");
            assert!(error.to_string().contains(&format!("{bad:?}")), "{error}");
            assert_eq!(NoProxy::parse_leniently(&format!("a.test,{bad}")), NoProxy::parse("a.test").unwrap());
        }
    }
}
