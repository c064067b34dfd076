//! Requests that are dropped while they open a tunnel, over scripted connections.

use waterspout::proxy::Proxy;
use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
use waterspout::{Agent, BoxFuture, Client, Connector, Origin, Result, Transport};

use crate::support::polling::poll_times;

/// A connector that opens a tunnel through a proxy as the native connector does, over scripted connections.
struct Through {
    proxy: Proxy,
    inner: ScriptedConnector,
}

impl Connector for Through {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        Box::pin(async move {
            let mut stream = self.inner.connect(origin).await?;
            self.proxy.tunnel(&mut stream, origin.host(), origin.port()).await?;
            Ok(stream)
        })
    }
}

#[test]
fn request_dropped_while_it_opens_a_tunnel_leaves_nothing_behind() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let established = b"HTTP/1.1 200 Connection established\r\nproxy-agent: tiny\r\n\r\n";
    let socks = b"\x05\x02\x01\x00\x05\x00\x00\x03\x02xx\x00\x00";
    let tunnels = [
        ("http://u:p@proxy.test", Script::new().expect_head().drip(established), established.len()),
        ("socks5h://u:p@proxy.test", Script::new().drip(socks), socks.len()),
    ];
    for (proxy, tunnel, bytes) in tunnels {
        for polls in 0.. {
            let connector = ScriptedConnector::new([tunnel.clone().expect_head().drip(answer).expect_head().silence()]);
            let timer = ManualTimer::new();
            let proxy = Proxy::parse(proxy).unwrap().tunnel_all(true);
            let through = Through { proxy, inner: connector.clone() };
            let agent = Agent::new(through, timer.clone());
            let client = Client::builder().backend(agent).timer(timer.clone()).max_active(1).build().unwrap();

            let finished = poll_times(async { client.get("http://example.com/").await?.text().await }, polls);
            assert_eq!((client.stats().active, client.stats().queued), (0, 0), "after {polls} polls");
            assert_eq!(timer.pending(), 0, "after {polls} polls");
            assert_eq!(connector.open(), usize::from(finished.is_some()), "after {polls} polls");
            if let Some(outcome) = finished {
                assert_eq!(outcome.unwrap(), "ok");
                assert!(polls > bytes + answer.len() - "ok".len(), "{polls} polls are too few to reach every wait");
                break;
            }
        }
    }
}
