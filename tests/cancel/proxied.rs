//! Requests that are dropped while they go through a proxy's tunnel, over sockets.

use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use futures::FutureExt;
use waterspout::Client;
use waterspout::platform::native::Network;
use waterspout::proxy::{Proxies, Proxy};
use waterspout::testing::{Reply, Server, handler};

use crate::support::proxy::{ProxyBehaviour, TinyProxy};

/// A waker that sends a message when it is woken.
struct Woken(mpsc::Sender<()>);

impl Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        let _ = self.0.send(());
    }
}

#[test]
fn tunnelled_request_dropped_after_any_number_of_polls_leaves_no_connection() {
    let server = Server::start(handler(|_| async { Reply::text("hello") }.boxed())).unwrap();
    let proxy = TinyProxy::http(ProxyBehaviour::default());
    for polls in 0.. {
        let through = Proxy::parse(&format!("http://{}", proxy.address)).unwrap().tunnel_all(true);
        let network = Network::new().proxies(Proxies::all(through).unwrap());
        let client = Client::builder().backend(network.agent()).max_active(1).build().unwrap();
        let asked = proxy.requests().len();
        let (sender, woken) = mpsc::channel();
        let waker = Waker::from(std::sync::Arc::new(Woken(sender)));
        let finished = {
            let mut request = pin!(async { client.get(server.url("/")).await.unwrap().text().await.unwrap() });
            (0..polls).any(|_| {
                let is_ready = request.as_mut().poll_unpin(&mut Context::from_waker(&waker)).is_ready();
                is_ready || woken.recv_timeout(Duration::from_secs(20)).map(|()| false).unwrap()
            })
        };
        assert_eq!((client.stats().active, client.stats().queued), (0, 0), "after {polls} polls");
        let text = async_io::block_on(async { client.get(server.url("/")).await.unwrap().text().await.unwrap() });
        assert_eq!(text, "hello", "after {polls} polls");
        drop(client);
        // The client has closed each tunnel by now, or is about to close it.
        (asked..proxy.requests().len()).for_each(|_| proxy.wait_until_closed());
        if finished {
            assert!(polls > 2, "{polls} polls are too few to reach every wait");
            return;
        }
    }
}
