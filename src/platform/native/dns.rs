//! Name look-up by the operating system, on a thread that may wait.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use crate::error::{Error, ErrorKind, Phase, Result};
use crate::url::Origin;

/// The addresses of an origin, in the order in which the system prefers them; never none.
pub(super) async fn resolve(origin: &Origin) -> Result<Vec<SocketAddr>> {
    let host = origin.host().trim_start_matches('[').trim_end_matches(']');
    let port = origin.port();
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let host = host.to_owned();
    let name = host.clone();
    let addresses = blocking::unblock(move || (host.as_str(), port).to_socket_addrs().map(Vec::from_iter)).await;
    let failed = |reason: &str| Error::new(ErrorKind::Dns, Phase::Connect, format!("{reason} of {name:?}"));
    match addresses {
        Ok(addresses) if addresses.is_empty() => Err(failed("there is no address")),
        Ok(addresses) => Ok(addresses),
        Err(error) => Err(failed("the system could not look up the address").with_source(error)),
    }
}
