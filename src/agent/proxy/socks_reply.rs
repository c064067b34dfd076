//! The reply of a SOCKS proxy that could not connect.

use std::error::Error as StdError;
use std::fmt;

/// The reply of a SOCKS proxy that could not connect: of SOCKS 5 (RFC 1928, section 6) or of SOCKS 4. It is the source
/// of an error of the kind [`Proxy`](crate::ErrorKind::Proxy).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocksReply {
    version: SocksVersion,
    code: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum SocksVersion {
    V4,
    V5,
}

/// The codes of SOCKS 4: rejected or failed, no identd, another user.
const REJECTED: u8 = 0x5b;
const NO_IDENTD: u8 = 0x5c;
const OTHER_USER: u8 = 0x5d;

impl SocksReply {
    pub(super) const fn v4(code: u8) -> Self {
        Self { version: SocksVersion::V4, code }
    }

    pub(super) const fn v5(code: u8) -> Self {
        Self { version: SocksVersion::V5, code }
    }

    /// Returns the code of the reply. It is never the code of success, which is 0 in SOCKS 5 and 90 in SOCKS 4.
    pub fn code(self) -> u8 {
        self.code
    }

    /// Returns whether the failure concerns the address. Another address of the same host may then succeed.
    pub fn is_about_address(self) -> bool {
        match self.version {
            SocksVersion::V4 => self.code == REJECTED,
            SocksVersion::V5 => matches!(self.code, 1 | 3 | 4 | 5 | 6 | 8),
        }
    }
}

impl fmt::Display for SocksReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.version, self.code) {
            (SocksVersion::V4, REJECTED) => "the proxy rejected the request, or could not connect",
            (SocksVersion::V4, NO_IDENTD) => "the proxy could not ask this machine's identd for the user",
            (SocksVersion::V4, OTHER_USER) => "this machine's identd reports another user than the user name",
            (SocksVersion::V5, 1) => "general failure of the proxy",
            (SocksVersion::V5, 2) => "the rules of the proxy do not allow the connection",
            (SocksVersion::V5, 3) => "the network is unreachable",
            (SocksVersion::V5, 4) => "the host is unreachable",
            (SocksVersion::V5, 5) => "the connection was refused",
            (SocksVersion::V5, 6) => "the time to live has expired",
            (SocksVersion::V5, 7) => "the proxy does not know the command",
            (SocksVersion::V5, 8) => "the proxy does not know the type of address",
            (_, code) => return write!(f, "unknown reply {code}"),
        })
    }
}

impl StdError for SocksReply {}
