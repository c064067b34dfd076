//! Idle connections on tokio: a connection that the server closed, or on which it spoke, carries no request.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use waterspout::platform::native::Network;
use waterspout::{Client, agent};

use super::{LIMIT, client, current_thread, multi_thread, text, within_limit};
use crate::support::client::HELLO;

/// Reads a request head from `stream` and answers.
fn answer(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    stream.write_all(HELLO.as_bytes()).unwrap();
}

/// Answers the first request, then calls `meanwhile` when the test says so, and answers on a second connection.
fn server(meanwhile: fn(TcpStream)) -> (SocketAddr, mpsc::Sender<()>, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (go, told) = mpsc::channel();
    let (tell, done) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        answer(&mut stream);
        told.recv().unwrap();
        meanwhile(stream);
        tell.send(()).unwrap();
        answer(&mut listener.accept().unwrap().0);
    });
    (address, go, done)
}

#[test]
fn connection_that_was_closed_or_spoke_while_idle_is_replaced() {
    for meanwhile in [drop as fn(TcpStream), speak] {
        for runtime in [current_thread(), multi_thread()] {
            let (address, go, done) = server(meanwhile);
            let url = format!("http://{address}/");
            let client = client();
            within_limit(&runtime, async {
                text(&client, &url).await.unwrap();
                // Without a turn of the runtime in between, its reactor has not yet reported what the server did.
                go.send(()).unwrap();
                done.recv_timeout(LIMIT).unwrap();
                let second = client.get(&url).await.unwrap();
                assert!(!second.connection_info().reused);
                assert_eq!(second.text().await.unwrap(), "hello");
            });
        }
    }
}

/// Sends a response without a request, and keeps the connection open.
fn speak(mut stream: TcpStream) {
    stream.write_all(HELLO.as_bytes()).unwrap();
    std::mem::forget(stream);
}

#[test]
fn connection_is_closed_at_its_idle_limit_while_no_request_runs() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (tell, closed) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        answer(&mut stream);
        // The end of the connection.
        tell.send(stream.read(&mut [0])).unwrap();
    });
    let config = agent::Config::new().idle_connection_timeout(Duration::from_millis(50));
    let client = Client::builder().network(Network::new().tokio()).extension(config).build().unwrap();
    within_limit(&current_thread(), async {
        text(&client, &url).await.unwrap();
        while closed.try_recv().is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}
