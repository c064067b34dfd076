//! TCP keepalive: probes on a silent connection, so that the end of a peer that has disappeared is noticed (RFC 9293,
//! section 3.8.4).

use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

/// The default silence before the first probe. Routers forget silent connections after minutes.
pub(super) const DEFAULT_KEEPALIVE: Duration = Duration::from_secs(60);

/// The longest silence that Linux accepts.
const MAX_KEEPALIVE: Duration = Duration::from_secs(32_767);

/// Makes the system probe `socket` after each silence of this length. Does nothing for a length of zero.
pub(super) fn enable(socket: &SockRef<'_>, silence: Duration) {
    if silence.is_zero() {
        return;
    }
    // The system counts whole seconds, and refuses zero.
    let silence = silence.clamp(Duration::from_secs(1), MAX_KEEPALIVE);
    let keepalive = TcpKeepalive::new().with_time(silence);
    // A connection without probes is better than no connection, so a refusal of the system is ignored.
    let _ = socket.set_tcp_keepalive(&keepalive);
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, TcpListener};

    use futures::executor::block_on;

    use super::super::{Network, TcpClient};
    use super::*;
    use crate::transport::ConnectTrace;

    /// Returns what the system says about a new connection of `client`: the silence before a probe, if it sends probes.
    fn keepalive_of(client: &TcpClient) -> Option<Duration> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let transport = block_on(client.open_unfiltered("127.0.0.1", port, &ConnectTrace::new(), "a.test:80")).unwrap();
        let socket = transport.socket().unwrap();
        socket.keepalive().unwrap().then(|| socket.tcp_keepalive_time().unwrap())
    }

    #[test]
    fn probes_begin_after_60_s_by_default() {
        let minute = Some(Duration::from_secs(60));
        let local = TcpClient::new().local_address(IpAddr::from(Ipv4Addr::LOCALHOST));
        for client in [TcpClient::new(), local, Network::new().tcp] {
            assert_eq!(keepalive_of(&client), minute);
        }
    }

    #[test]
    fn probes_begin_after_the_configured_silence() {
        for (silence, expected) in [
            (Duration::ZERO, None),
            (Duration::from_nanos(1), Some(1)),
            (Duration::from_millis(1_900), Some(1)),
            (Duration::from_secs(7), Some(7)),
            (Duration::from_secs(32_767), Some(32_767)),
            (Duration::from_secs(32_768), Some(32_767)),
            (Duration::MAX, Some(32_767)),
        ] {
            let expected = expected.map(Duration::from_secs);
            assert_eq!(keepalive_of(&TcpClient::new().tcp_keepalive(silence)), expected, "{silence:?}");
            assert_eq!(keepalive_of(&Network::new().tcp_keepalive(silence).tcp), expected, "{silence:?}");
        }
    }
}
