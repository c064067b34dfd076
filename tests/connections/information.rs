//! Facts about the connection that responses and errors report, and the progress of bodies.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::executor::block_on;
use futures::{FutureExt, stream};
use waterspout::agent::{Agent, OnInformational};
use waterspout::testing::{ManualTimer, Reply, Script, ScriptedConnector, Server, handler};
use waterspout::{Body, Client, ErrorKind, Phase};

use crate::support::client::scripted;
use crate::support::client::{HELLO, URL, text};

#[test]
fn response_reports_timings_and_connection_addresses() {
    let server = Server::start(handler(|_| async { Reply::text("hello") }.boxed())).unwrap();
    let client = Client::new();
    let url = server.url("/").replace("127.0.0.1", "localhost");
    let run = || {
        block_on(async {
            let mut response = client.get(url.as_str()).await.unwrap();
            while response.chunk().await.unwrap().is_some() {}
            (response.connection_info(), response.timings())
        })
    };
    let (first, timings) = run();
    assert!(!first.reused);
    assert_eq!(first.remote_address, Some(server.address()));
    assert!(first.local_address.unwrap().ip().is_loopback());
    assert_eq!((timings.dns, timings.connect), (first.dns, first.connect));
    let parts = [timings.queue, timings.dns, timings.connect, timings.first_byte].map(Option::unwrap);
    assert!(parts.iter().sum::<Duration>() <= timings.total.unwrap(), "{timings:?}");
    assert!(timings.tls.is_none());
    let (second, timings) = run();
    assert!(second.reused);
    assert_eq!((second.dns, second.connect, second.remote_address), (None, None, first.remote_address));
    assert!(timings.total.unwrap() >= timings.first_byte.unwrap());
}

#[test]
fn timings_follow_the_clients_clock() {
    let wire = scripted([Script::new().expect_head().hold().send("H").hold().send(&HELLO[1..])]);
    let mut sending = wire.client.get(URL).send().boxed();
    for _ in 0..2 {
        assert!((&mut sending).now_or_never().is_none());
        wire.timer.advance(Duration::from_secs(3));
        wire.connector.release();
    }
    let response = block_on(sending).unwrap();
    let timings = response.timings();
    assert_eq!(timings.first_byte, Some(Duration::from_secs(3)));
    assert_eq!((timings.queue, timings.total), (Some(Duration::ZERO), Some(Duration::from_secs(6))));
}

#[test]
fn upload_and_download_report_progress() {
    let server =
        Server::start(handler(|request| async move { Reply::new(200, request.body().await.unwrap()) }.boxed()))
            .unwrap();
    let told = || {
        let told = Arc::new(Mutex::new(Vec::new()));
        let seen = told.clone();
        (told, move |transferred: waterspout::TransferProgress| {
            seen.lock().unwrap().push((transferred.bytes, transferred.total));
        })
    };
    let size = 300_000u64;
    let pieces = || stream::iter((0..10).map(|_| Ok::<_, std::io::Error>(vec![7; 30_000])));
    for (body, total) in [
        (Body::from(vec![7; 300_000]), Some(size)),
        (Body::stream(pieces()), None),
        (Body::stream(pieces()).with_length(size), Some(size)),
    ] {
        let ((uploaded, up), (downloaded, down)) = (told(), told());
        let client = Client::new();
        let request = client.post(server.url("/")).body(body).on_upload(up).on_download(down);
        let bytes = block_on(async { request.await.unwrap().bytes().await.unwrap() });
        assert_eq!(bytes.len() as u64, size);
        for (what, told, total) in [("up", uploaded, total), ("down", downloaded, Some(size))] {
            let told = told.lock().unwrap();
            assert!(told.windows(2).all(|pair| pair[0].0 < pair[1].0), "{what} {told:?}");
            assert!(told.iter().all(|(_, of)| *of == total), "{what} {told:?}");
            assert_eq!(told.last().unwrap().0, size, "{what}");
        }
    }
}

#[test]
fn informational_responses_reach_the_callback_before_the_final_response() {
    let hints = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n";
    let script = || Script::new().expect_head().send(hints).send("HTTP/1.1 102 Processing\r\n\r\n").send(HELLO);
    let wire = scripted([script(), script()]);
    let told = Arc::new(Mutex::new(Vec::new()));
    let seen = told.clone();
    let on_informational = OnInformational::new(move |status, headers| {
        seen.lock().unwrap().push((status.as_u16(), headers.get("link").cloned()));
    });
    assert_eq!(text(wire.client.get(URL).extension(on_informational)).unwrap(), "hello");
    let link = http::HeaderValue::from_static("</a.css>");
    assert_eq!(*told.lock().unwrap(), [(103, Some(link)), (102, None)]);
}

#[test]
fn errors_report_connection_reuse_and_bytes_transferred() {
    let good = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let script = Script::new().expect_head().send(good).expect_head().send(b"nonsense\r\n\r\n");
    let timer = ManualTimer::new();
    let agent = Agent::new(ScriptedConnector::new([script]), timer.clone());
    let client = Client::builder().backend(agent).timer(timer).build().unwrap();
    block_on(client.get(URL).send()).unwrap();
    let error = block_on(client.get(URL).send()).unwrap_err();
    assert_eq!(
        (error.kind(), error.transfer().connection_reused, error.transfer().bytes_received),
        (ErrorKind::Protocol, Some(true), Some(0))
    );
    assert!(error.transfer().bytes_sent.unwrap() > 50, "{:?}", error.transfer().bytes_sent);

    let script = Script::new().expect_head().send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nfour");
    let timer = ManualTimer::new();
    let agent = Agent::new(ScriptedConnector::new([script]), timer.clone());
    let client = Client::builder().backend(agent).timer(timer).build().unwrap();
    let mut response = block_on(client.get(URL).send()).unwrap();
    assert_eq!(block_on(response.chunk()).unwrap().unwrap(), "four");
    let error = block_on(response.chunk()).unwrap_err();
    assert_eq!((error.phase(), error.transfer().bytes_received), (Phase::Body, Some(4)));
}
