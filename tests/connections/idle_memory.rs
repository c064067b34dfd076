//! A transport learns when its connection becomes idle, and then frees the memory that it does not need.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::executor::block_on;
use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
use waterspout::{Agent, BoxFuture, Client, Connector, Origin, Result, Transport};

use crate::support::client::URL;
use crate::support::connectors::ObservedTransport;

/// Connections that count how often they become idle.
#[derive(Clone)]
struct CountingConnector {
    inner: ScriptedConnector,
    shrinks: Arc<AtomicUsize>,
}

impl Connector for CountingConnector {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        Box::pin(async move {
            let shrinks = self.shrinks.clone();
            Ok(ObservedTransport::with_shrink(self.inner.connect(origin).await?, move || {
                shrinks.fetch_add(1, Ordering::Relaxed);
            }))
        })
    }
}

#[test]
fn transport_frees_memory_when_its_connection_becomes_idle() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n";
    let answer = |script: Script| script.expect_head().send(HEAD).pause().send("response");
    let connector = CountingConnector {
        inner: ScriptedConnector::new([answer(answer(Script::new())).silence()]),
        shrinks: Arc::default(),
    };
    let agent = Agent::new(connector.clone(), ManualTimer::new());
    let client = Client::builder().backend(agent).build().unwrap();
    block_on(async {
        for count in 0..2 {
            let response = client.get(URL).await.unwrap();
            assert_eq!(connector.shrinks.load(Ordering::Relaxed), count, "the body is not yet here");
            assert_eq!(response.text().await.unwrap(), "response");
            assert_eq!(connector.shrinks.load(Ordering::Relaxed), count + 1);
        }
    });
}
