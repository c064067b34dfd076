//! The checks that reach the limits of a server, reload it or stop it.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::pin::pin;
use std::time::{Duration, Instant};

use async_io::Timer;
use futures::future::join_all;
use futures::{StreamExt, stream};
use waterspout::Client;

use crate::checks::read_to_end;
use crate::contents::LARGE;
use crate::process::Running;
use crate::streams::PARALLEL;

/// The number of requests that a check runs in each of its parts.
const REQUESTS: usize = 320;

/// The number of clients whose requests come before, at and after the time at which the server closes connections.
const CLIENTS: u32 = 24;

/// The time between these requests.
const STEP: Duration = Duration::from_millis(2);

/// The number of downloads that run when a server stops.
const DOWNLOADS: usize = 6;

/// The number of times that a server reloads its configuration.
const RELOADS: usize = 3;

/// The time that a server may take to close or replace its connections.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends a GET, or an upload for each eighth number. Returns the port of the connection of a GET.
async fn send(server: &Running, client: &Client, number: usize) -> Option<u16> {
    if number % 8 != 0 {
        return Some(server.peer(client).await);
    }
    let name = format!("limit-{number}");
    let body = LARGE.slice(..1000 + number);
    let url = server.url(&format!("{}{name}", server.kind.paths.stored));
    server.upload(client.put(url).body(body.clone()), &name, &body).await;
    None
}

/// Sends many requests at once. Returns the ports of their connections.
async fn send_all(server: &Running, client: &Client) -> BTreeSet<u16> {
    let requests = stream::iter(0..REQUESTS).map(|number| send(server, client, number)).buffer_unordered(PARALLEL);
    requests.filter_map(async |connection| connection).collect().await
}

pub async fn requests_beyond_the_limit_of_streams_are_answered(server: &Running) {
    let client = server.parallel_client();
    // The response comes after the settings of the server.
    server.peer(&client).await;
    assert_few(&send_all(server, &client).await);
}

pub async fn requests_before_the_limit_of_streams_is_known_are_answered(server: &Running) {
    assert_few(&send_all(server, &server.parallel_client()).await);
}

/// Checks that there are far fewer connections than requests. At most two are open at a time, but on a busy machine the
/// server may close a connection before its next request.
fn assert_few(connections: &BTreeSet<u16>) {
    assert!(connections.len() <= REQUESTS / 10, "{connections:?}");
}

/// Each client has a connection of its own. The requests arrive shortly before, while and after the server closes these
/// connections.
pub async fn a_request_succeeds_when_the_server_closes_idle_connections(server: &Running) {
    let idle = Duration::from_millis(server.kind.limits.idle_ms.into());
    let clients: Vec<_> = (0..CLIENTS).map(|_| server.client()).collect();
    join_all((0..).zip(&clients).map(async |(number, client)| {
        server.peer(client).await;
        Timer::after(idle - CLIENTS / 2 * STEP + number * STEP).await;
        server.peer(client).await;
    }))
    .await;
    let deadline = Instant::now() + PATIENCE;
    let first = server.peer(&clients[0]).await;
    while server.peer(&clients[0]).await == first {
        assert!(Instant::now() < deadline, "the server closes no idle connection");
        Timer::after(2 * idle).await;
    }
}

/// Each download begins, and the last that begins stops the server.
pub async fn running_requests_finish_when_the_server_stops(server: &Running) {
    let (client, large) = (server.parallel_client(), server.large());
    // The response comes after the settings of the server.
    server.peer(&client).await;
    let begun = Cell::new(0);
    join_all((0..DOWNLOADS).map(async |_| {
        let mut response = server.get(&client, server.kind.paths.large).await.unwrap();
        let first = response.chunk().await.unwrap().unwrap();
        assert!(large.starts_with(&first));
        begun.set(begun.get() + 1);
        if begun.get() == DOWNLOADS {
            server.signal(server.kind.stop.unwrap());
        }
        read_to_end(&mut response, &large[first.len()..]).await;
    }))
    .await;
}

/// Requests run all the time. After each reload they use connections that are new.
pub async fn no_request_is_lost_when_the_server_reloads(server: &Running) {
    let client = server.parallel_client();
    let requests = stream::iter(0..).map(|number| send(server, &client, number)).buffer_unordered(PARALLEL);
    let mut connections = pin!(requests.filter_map(async |connection| connection));
    let mut known = BTreeSet::new();
    for _ in 0..RELOADS {
        known.extend(connections.by_ref().take(REQUESTS).collect::<Vec<_>>().await);
        let mut reload = server.reload();
        let deadline = Instant::now() + PATIENCE;
        let mut replaced = 0;
        while replaced < REQUESTS {
            assert!(Instant::now() < deadline, "the server keeps its connections");
            let connection = connections.next().await.unwrap();
            replaced += usize::from(!known.contains(&connection));
        }
        assert!(reload.wait().unwrap().success());
    }
}

/// The server closes each connection after 10 requests.
pub async fn no_request_is_lost_when_the_server_retires_connections(server: &Running) {
    let connections = send_all(server, &server.parallel_client()).await;
    assert!(connections.len() >= REQUESTS / 20, "{connections:?}");
}
