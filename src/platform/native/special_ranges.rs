//! The address ranges that are not the public internet: a table, and the look-up in it.
//!
//! The sources are the registries of IANA for special-purpose addresses of IPv4 and IPv6 (RFC 6890), and of the IPv6
//! address space. Each entry of the special-purpose registries is private here, also if the registry calls it globally
//! reachable: such entries are for the protocols of the network, and no web server is there.

use std::net::IpAddr;

/// A range of addresses, as the first bits that its addresses share.
pub(super) struct SpecialRange {
    first: u128,
    bits: u32,
    /// What the range is for.
    pub(super) name: &'static str,
    /// The document or registry that reserves the range.
    pub(super) source: &'static str,
    reach: Reach,
}

/// Where the addresses of a range lead.
enum Reach {
    Private,
    Public,
    /// To the IPv4 addresses within the address. All of them must be public.
    Embedded(&'static [EmbeddedAddress]),
}

/// The place of an IPv4 address within an IPv6 address.
struct EmbeddedAddress {
    /// The number of bits after the IPv4 address.
    shift: u32,
    /// The bits that the form inverts.
    inverted: u32,
}

const LAST_32_BITS: EmbeddedAddress = EmbeddedAddress { shift: 0, inverted: 0 };

/// The table. The first range with an address decides, so a range stands before each larger range around it.
///
/// An IPv4 address is looked up as the IPv4-mapped address `::ffff:a.b.c.d`, so both forms have the same rows.
static RANGES: &[SpecialRange] = &[
    // The metadata services of clouds, which give credentials to every program of the machine. Two of them are within
    // a range below, and have rows so that errors name them.
    v4([169, 254, 169, 254], 32, "metadata service of clouds", "AWS, Azure, Google Cloud and more"),
    v4([100, 100, 100, 200], 32, "metadata service of a cloud", "Alibaba Cloud"),
    // A public address that leads to the host of the virtual machine.
    v4([168, 63, 129, 16], 32, "platform service of a cloud", "Azure"),
    v6(&[0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128, "metadata service of a cloud", "AWS"),
    // The registry of IPv4.
    v4([0, 0, 0, 0], 8, "this network", "RFC 791, section 3.2"),
    v4([10, 0, 0, 0], 8, "private use", "RFC 1918"),
    v4([100, 64, 0, 0], 10, "shared address space of carriers", "RFC 6598"),
    v4([127, 0, 0, 0], 8, "loopback", "RFC 1122, section 3.2.1.3"),
    v4([169, 254, 0, 0], 16, "link-local", "RFC 3927"),
    v4([172, 16, 0, 0], 12, "private use", "RFC 1918"),
    // It includes 192.0.0.9 and 192.0.0.10, which reach the nearest server of the program's own network.
    v4([192, 0, 0, 0], 24, "protocol assignments", "RFC 6890, section 2.1"),
    v4([192, 0, 2, 0], 24, "documentation", "RFC 5737"),
    v4([192, 31, 196, 0], 24, "AS112", "RFC 7535"),
    v4([192, 52, 193, 0], 24, "automatic multicast tunnelling", "RFC 7450"),
    v4([192, 88, 99, 0], 24, "6to4 relays", "RFC 7526"),
    v4([192, 168, 0, 0], 16, "private use", "RFC 1918"),
    v4([192, 175, 48, 0], 24, "AS112", "RFC 7534"),
    v4([198, 18, 0, 0], 15, "benchmarking", "RFC 2544"),
    v4([198, 51, 100, 0], 24, "documentation", "RFC 5737"),
    v4([203, 0, 113, 0], 24, "documentation", "RFC 5737"),
    v4([224, 0, 0, 0], 4, "multicast", "RFC 5771"),
    // It includes 255.255.255.255, the limited broadcast.
    v4([240, 0, 0, 0], 4, "reserved", "RFC 1112, section 4"),
    v4([0, 0, 0, 0], 0, "public IPv4 addresses", "RFC 4291, section 2.5.5.2").reach(Reach::Public),
    // The registry of IPv6.
    v6(&[], 128, "unspecified address", "RFC 4291, section 2.5.2"),
    v6(&[0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback", "RFC 4291, section 2.5.3"),
    // Deprecated, and some systems still treat such an address as the IPv4 address.
    v6(&[], 96, "IPv4-compatible", "RFC 4291, section 2.5.5.1").reach(Reach::Embedded(&[LAST_32_BITS])),
    v6(&[0x64, 0xff9b], 96, "NAT64", "RFC 6052").reach(Reach::Embedded(&[LAST_32_BITS])),
    v6(&[0x64, 0xff9b, 1], 48, "NAT64 of a local network", "RFC 8215"),
    v6(&[0x100], 64, "discarded packets", "RFC 6666"),
    v6(&[0x100, 0, 0, 1], 64, "dummy prefix", "RFC 9780"),
    // It embeds the address of the server, and that of the client with inverted bits (section 4).
    v6(&[0x2001], 32, "Teredo", "RFC 4380").reach(Reach::Embedded(&[
        EmbeddedAddress { shift: 64, inverted: 0 },
        EmbeddedAddress { shift: 0, inverted: u32::MAX },
    ])),
    // It includes benchmarking (2001:2::/48), both versions of ORCHID (2001:10::/28 and 2001:20::/28), drone identifiers
    // (2001:30::/28), AS112 and the anycast addresses.
    v6(&[0x2001], 23, "protocol assignments", "RFC 2928"),
    v6(&[0x2001, 0xdb8], 32, "documentation", "RFC 3849"),
    v6(&[0x2002], 16, "6to4", "RFC 3056").reach(Reach::Embedded(&[EmbeddedAddress { shift: 80, inverted: 0 }])),
    v6(&[0x2620, 0x4f, 0x8000], 48, "AS112", "RFC 7534"),
    v6(&[0x3fff], 20, "documentation", "RFC 9637"),
    v6(&[0x5f00], 16, "segment routing", "RFC 9602"),
    v6(&[0xfc00], 7, "unique local", "RFC 4193"),
    v6(&[0xfe80], 10, "link-local", "RFC 4291, section 2.5.6"),
    v6(&[0xfec0], 10, "site-local", "RFC 3879"),
    v6(&[0xff00], 8, "multicast", "RFC 4291, section 2.7"),
    v6(&[0x2000], 3, "global unicast", "RFC 4291, section 2.4").reach(Reach::Public),
    v6(&[], 0, "not assigned", "IANA's registry of the IPv6 address space"),
];

/// Returns whether an address is not on the public internet, so that [`Network::deny_private`] denies it.
///
/// These addresses are private:
///
/// - each range of the registries of IANA for special-purpose addresses: private use (10.0.0.0/8, 172.16.0.0/12,
///   192.168.0.0/16, fc00::/7), the shared space of carriers (100.64.0.0/10), loopback, link-local, multicast,
///   documentation, benchmarking and protocol assignments;
/// - all IPv6 addresses outside of 2000::/3;
/// - the services of clouds at 169.254.169.254, 100.100.100.200, fd00:ec2::254 and 168.63.129.16.
///
/// An IPv6 address that leads to an IPv4 address is as private as that address: IPv4-mapped (`::ffff:0:0/96`),
/// IPv4-compatible (`::/96`), NAT64 (`64:ff9b::/96`), 6to4 (`2002::/16`), and Teredo (`2001::/32`), where it concerns
/// the server and the client. The prefix that a network has chosen for its own NAT64 cannot be known here.
///
/// # Platform
/// Native only.
///
/// # Examples
///
/// ```
/// use std::net::IpAddr;
/// use waterspout::platform::native::is_private;
///
/// for private in ["10.1.2.3", "169.254.169.254", "100.64.0.1", "::1", "::ffff:10.1.2.3", "64:ff9b::a01:203"] {
///     assert!(is_private(private.parse::<IpAddr>()?), "{private}");
/// }
/// for public in ["1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101"] {
///     assert!(!is_private(public.parse::<IpAddr>()?), "{public}");
/// }
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
///
/// [`Network::deny_private`]: super::Network::deny_private
pub fn is_private(address: IpAddr) -> bool {
    private_range(address).is_some()
}

/// Returns the range that makes an address private, or `None` for a public address.
pub(super) fn private_range(address: IpAddr) -> Option<&'static SpecialRange> {
    range_of(match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    })
}

fn range_of(address: u128) -> Option<&'static SpecialRange> {
    let range = RANGES.iter().find(|range| range.contains(address))?;
    match range.reach {
        Reach::Private => Some(range),
        Reach::Public => None,
        // A mapped address embeds no further address, so the recursion ends here.
        Reach::Embedded(places) => places.iter().find_map(|place| range_of(place.mapped(address))),
    }
}

impl EmbeddedAddress {
    /// Returns the IPv4 address at this place of `address`, as a mapped address.
    fn mapped(&self, address: u128) -> u128 {
        let v4 = (address >> self.shift) as u32 ^ self.inverted;
        MAPPED | v4 as u128
    }
}

impl SpecialRange {
    fn contains(&self, address: u128) -> bool {
        // A shift by all 128 bits leaves nothing to compare.
        (address ^ self.first).checked_shr(128 - self.bits).unwrap_or(0) == 0
    }

    const fn reach(self, reach: Reach) -> Self {
        Self { reach, ..self }
    }
}

/// The first address of `::ffff:0:0/96`.
const MAPPED: u128 = 0xffff << 32;

const fn v4(first: [u8; 4], bits: u32, name: &'static str, source: &'static str) -> SpecialRange {
    let first = MAPPED | u32::from_be_bytes(first) as u128;
    SpecialRange { first, bits: bits + 96, name, source, reach: Reach::Private }
}

/// Makes a row of IPv6. `groups` are the first groups of the address, and all further groups are zero.
const fn v6(groups: &[u16], bits: u32, name: &'static str, source: &'static str) -> SpecialRange {
    let mut first = 0;
    let mut index = 0;
    while index < groups.len() {
        first |= (groups[index] as u128) << (112 - 16 * index);
        index += 1;
    }
    SpecialRange { first, bits, name, source, reach: Reach::Private }
}

#[cfg(test)]
#[path = "special_ranges_tests.rs"]
mod tests;
