//! The memory of idle connections. A counting allocator measures it.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

mod support;

use std::time::Duration;

use futures::executor::block_on;
use futures::future::join_all;
use peak_alloc::PeakAlloc;
use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
use waterspout::{Agent, Client};

use self::support::client::{HELLO, URL};
use self::support::executor::ManualExecutor;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const CONNECTIONS: usize = 100;

/// Answers two requests, each after the requests on the other connections.
fn answers() -> Script {
    let answer = |script: Script| script.expect_head().pause().send(HELLO);
    answer(answer(Script::new())).silence()
}

/// Sends a request on each connection at the same time.
fn request_on_each(client: &Client) {
    let requests = (0..CONNECTIONS).map(|_| async { client.get(URL).await?.text().await });
    for text in block_on(join_all(requests)) {
        assert_eq!(text.unwrap(), "hello");
    }
}

#[test]
fn connection_that_stays_idle_keeps_no_read_buffer() {
    let connector = ScriptedConnector::new((0..CONNECTIONS).map(|_| answers()));
    let (timer, executor) = (ManualTimer::new(), ManualExecutor::default());
    let agent = Agent::new(connector.clone(), timer.clone()).with_executor(executor.clone());
    let client = Client::builder().backend(agent).timer(timer.clone()).max_active(CONNECTIONS).build().unwrap();
    request_on_each(&client);
    executor.run();
    assert_eq!(connector.open(), CONNECTIONS);
    let with_buffers = ALLOCATOR.current_usage();
    // The agent watches a connection that has been idle for 100 ms.
    timer.advance(Duration::from_millis(200));
    executor.run();
    let freed = with_buffers.checked_sub(ALLOCATOR.current_usage()).unwrap();
    // A read buffer has 4 KiB. The watch of a connection takes a few hundred bytes.
    assert!(freed > CONNECTIONS * 3 * 1024, "{} bytes of a connection were freed", freed / CONNECTIONS);
    request_on_each(&client);
    assert_eq!((connector.connections(), connector.open()), (CONNECTIONS, CONNECTIONS));
}
