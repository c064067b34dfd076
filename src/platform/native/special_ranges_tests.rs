//! Tests of the table of special ranges: the edges of each range, and the forms of an IPv4 address within IPv6.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;

/// Returns the name of the range that makes an address private.
fn name(address: impl Into<IpAddr>) -> Option<&'static str> {
    private_range(address.into()).map(|range| range.name)
}

/// Each private range, what it is for, and whether the addresses before it and after it are public.
const PRIVATE: &[(&str, &str, bool, bool)] = &[
    ("169.254.169.254/32", "metadata service of clouds", false, false),
    ("100.100.100.200/32", "metadata service of a cloud", false, false),
    ("168.63.129.16/32", "platform service of a cloud", true, true),
    ("fd00:ec2::254/128", "metadata service of a cloud", false, false),
    ("0.0.0.0/8", "this network", false, true),
    ("10.0.0.0/8", "private use", true, true),
    ("100.64.0.0/10", "shared address space of carriers", true, true),
    ("127.0.0.0/8", "loopback", true, true),
    ("169.254.0.0/16", "link-local", true, true),
    ("172.16.0.0/12", "private use", true, true),
    ("192.0.0.0/24", "protocol assignments", true, true),
    ("192.0.2.0/24", "documentation", true, true),
    ("192.31.196.0/24", "AS112", true, true),
    ("192.52.193.0/24", "automatic multicast tunnelling", true, true),
    ("192.88.99.0/24", "6to4 relays", true, true),
    ("192.168.0.0/16", "private use", true, true),
    ("192.175.48.0/24", "AS112", true, true),
    ("198.18.0.0/15", "benchmarking", true, true),
    ("198.51.100.0/24", "documentation", true, true),
    ("203.0.113.0/24", "documentation", true, true),
    ("224.0.0.0/4", "multicast", true, false),
    ("240.0.0.0/4", "reserved", false, false),
    ("::/128", "unspecified address", false, false),
    ("::1/128", "loopback", false, false),
    ("64:ff9b:1::/48", "NAT64 of a local network", false, false),
    ("100::/64", "discarded packets", false, false),
    ("100:0:0:1::/64", "dummy prefix", false, false),
    ("2001:1::/32", "protocol assignments", false, false),
    ("2001:2::/48", "protocol assignments", false, false),
    ("2001:10::/28", "protocol assignments", false, false),
    ("2001:20::/28", "protocol assignments", false, false),
    ("2001:1ff::/32", "protocol assignments", false, true),
    ("2001:db8::/32", "documentation", true, true),
    ("2620:4f:8000::/48", "AS112", true, true),
    ("3fff::/20", "documentation", true, true),
    ("5f00::/16", "segment routing", false, false),
    ("fc00::/7", "unique local", false, false),
    ("fe80::/10", "link-local", false, false),
    ("fec0::/10", "site-local", false, false),
    ("ff00::/8", "multicast", false, false),
    ("4000::/3", "not assigned", true, false),
    ("200::/7", "not assigned", false, false),
    ("::ffff:0:0:0/96", "not assigned", false, false),
];

#[test]
fn each_range_is_private_up_to_its_edges() {
    for (range, purpose, before_is_public, after_is_public) in PRIVATE {
        let (first, bits) = range.split_once('/').unwrap();
        let first: IpAddr = first.parse().unwrap();
        let bits: u32 = bits.parse().unwrap();
        let (width, value, last_of_family) = match first {
            IpAddr::V4(first) => (32, u128::from(first.to_bits()), u128::from(u32::MAX)),
            IpAddr::V6(first) => (128, first.to_bits(), u128::MAX),
        };
        let address = |value: u128| -> IpAddr {
            if width == 32 { Ipv4Addr::from_bits(value as u32).into() } else { Ipv6Addr::from_bits(value).into() }
        };
        let last = value | 1_u128.checked_shl(width - bits).unwrap().wrapping_sub(1);
        for inside in [value, last] {
            // A smaller range may begin at the edge, as the loopback address of IPv6.
            assert_eq!(name(address(inside)), Some(*purpose), "{} of {range}", address(inside));
        }
        if value > 0 {
            assert_eq!(name(address(value - 1)).is_none(), *before_is_public, "before {range}");
        }
        if last < last_of_family {
            assert_eq!(name(address(last + 1)).is_none(), *after_is_public, "after {range}");
        }
    }
}

#[test]
fn each_private_row_of_the_table_is_tested() {
    let rows = RANGES.iter().filter(|range| matches!(range.reach, Reach::Private));
    for row in rows {
        let first = Ipv6Addr::from_bits(row.first);
        let v4 = first.to_ipv4_mapped().filter(|_| row.bits > 96);
        let first: IpAddr = v4.map_or(first.into(), IpAddr::from);
        let bits = if v4.is_some() { row.bits - 96 } else { row.bits };
        let tested = PRIVATE.iter().any(|(range, ..)| {
            let (start, length) = range.split_once('/').unwrap();
            let is_equal = start.parse() == Ok(first) && length.parse() == Ok(bits);
            // A row that is larger than the ranges that were taken from it is tested by these.
            is_equal || (["protocol assignments", "not assigned"].contains(&row.name) && range.contains(':'))
        });
        assert!(tested, "{first}/{bits} is not tested");
    }
}

/// Returns the IPv6 forms of an IPv4 address that lead to it.
fn forms(address: Ipv4Addr) -> [Ipv6Addr; 6] {
    let bits = u128::from(address.to_bits());
    let public = u128::from(Ipv4Addr::new(8, 8, 8, 8).to_bits());
    let teredo = 0x2001_u128 << 112;
    [
        address.to_ipv6_mapped(),
        Ipv6Addr::from_bits(bits),
        Ipv6Addr::from_bits(0x64_ff9b_u128 << 96 | bits),
        Ipv6Addr::from_bits(0x2002_u128 << 112 | bits << 80 | 0xdead_beef),
        // A Teredo server, and a Teredo client.
        Ipv6Addr::from_bits(teredo | bits << 64 | (public ^ 0xffff_ffff)),
        Ipv6Addr::from_bits(teredo | public << 64 | (bits ^ 0xffff_ffff)),
    ]
}

/// An address of each IPv4 network of 16 bits, and both edges of each range with their neighbours.
fn samples() -> impl Iterator<Item = Ipv4Addr> {
    let spread = (0..=u16::MAX).map(|high| u32::from(high) << 16 | u32::from(high.wrapping_mul(40_503)));
    let edges = PRIVATE.iter().filter_map(|(range, ..)| {
        let (first, bits) = range.split_once('/')?;
        let first = first.parse::<Ipv4Addr>().ok()?.to_bits();
        let last = first | u32::MAX.checked_shr(bits.parse().ok()?).unwrap_or(0);
        Some([first.wrapping_sub(1), first, last, last.wrapping_add(1)])
    });
    spread.chain(edges.flatten()).map(Ipv4Addr::from_bits)
}

#[test]
fn forms_of_an_ipv4_address_in_ipv6_are_as_private_as_the_address() {
    let mut private = 0;
    for address in samples() {
        private += usize::from(is_private(address.into()));
        for form in forms(address) {
            // These two addresses have rows of their own, and both forms are private.
            if [Ipv6Addr::UNSPECIFIED, Ipv6Addr::LOCALHOST].contains(&form) {
                assert!(is_private(form.into()) && is_private(address.into()));
                continue;
            }
            assert_eq!(name(form), name(address), "{form} of {address}");
        }
    }
    assert!(private > 8_000 && private < 20_000, "{private}");
}

#[test]
fn ranges_that_the_standard_library_knows_are_private() {
    for address in samples() {
        let known = address.is_private()
            || address.is_loopback()
            || address.is_link_local()
            || address.is_multicast()
            || address.is_broadcast()
            || address.is_documentation()
            || address.is_unspecified();
        assert!(!known || is_private(address.into()), "{address}");
    }
    for high in 0..=u16::MAX {
        let address = Ipv6Addr::new(high, 1, 2, 3, 4, 5, 6, 7);
        let known = address.is_unique_local() || address.is_unicast_link_local() || address.is_multicast();
        assert!(!known || is_private(address.into()), "{address}");
        let is_global_unicast = (0x2000..0x4000).contains(&high);
        assert!(is_global_unicast || is_private(address.into()), "{address}");
    }
}

#[test]
fn public_addresses_are_public() {
    for address in [
        "1.0.0.1",
        "8.8.8.8",
        "9.255.255.255",
        "93.184.216.34",
        "100.63.255.255",
        "128.0.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "192.169.0.1",
        "223.255.255.255",
        "2000::1",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2606:4700:4700::1111",
        "2a00:1450:4001::1",
        "3ffe::1",
        "3fff:1000::1",
    ] {
        assert_eq!(name(address.parse::<IpAddr>().unwrap()), None, "{address}");
    }
}
