//! The server. Its responses are constants, so that the server costs as little as possible.

use std::future::poll_fn;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::task::Poll;

use async_io::Async;
use futures::stream::FuturesUnordered;
use futures::{AsyncReadExt, AsyncWriteExt, Stream, StreamExt};

use crate::LARGE;

/// The body of the small response.
pub const SMALL_BODY: &str = "Hello, world!";

/// The small response, with the headers that a usual server sends.
const SMALL_RESPONSE: &[u8] =
    b"HTTP/1.1 200 OK\r\nserver: bench\r\ndate: Sat, 21 Nov 2026 08:00:00 GMT\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\r\nHello, world!";

/// The process of the server. Dropping it kills the process.
pub struct Process {
    child: Child,
    pub address: String,
}

impl Process {
    /// Starts this program again with the argument `serve`, and reads the address that it prints.
    pub fn start() -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(program).arg("serve").stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut address = String::new();
        let output = child.stdout.take().expect("its output is piped");
        BufReader::new(output).read_line(&mut address).expect("it says its address");
        Self { child, address: address.trim().to_owned() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Prints the address of a free port on loopback, then serves all connections on this thread, forever.
pub fn serve() {
    let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).expect("a port is free");
    println!("{}", listener.get_ref().local_addr().expect("it has an address"));
    async_io::block_on(async {
        let mut connections = FuturesUnordered::new();
        let mut incoming = Box::pin(listener.incoming());
        poll_fn(|cx| {
            while let Poll::Ready(Some(accepted)) = incoming.as_mut().poll_next(cx) {
                connections.extend(accepted.ok().map(serve_connection));
            }
            while let Poll::Ready(Some(())) = connections.poll_next_unpin(cx) {}
            Poll::<()>::Pending
        })
        .await;
    });
}

/// Answers the requests of a connection until the client closes it.
async fn serve_connection(mut stream: Async<TcpStream>) {
    let _ = stream.get_ref().set_nodelay(true);
    let mut buffer = vec![0; 64 * 1024];
    let mut filled = 0;
    loop {
        match stream.read(&mut buffer[filled..]).await {
            Ok(count) if count > 0 => filled += count,
            _ => return,
        }
        while let Some(end) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") {
            // Requests have no body, so the next request begins right after the head.
            let is_large = buffer.starts_with(b"GET /large ");
            buffer.copy_within(end + 4..filled, 0);
            filled -= end + 4;
            let sent = if is_large { send_large(&mut stream).await } else { stream.write_all(SMALL_RESPONSE).await };
            if sent.is_err() {
                return;
            }
        }
    }
}

/// Sends the large response in chunks of 256 KiB.
async fn send_large(stream: &mut Async<TcpStream>) -> std::io::Result<()> {
    stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {LARGE}\r\n\r\n").as_bytes()).await?;
    let chunk = vec![b'x'; 256 * 1024];
    for _ in 0..LARGE / chunk.len() {
        stream.write_all(&chunk).await?;
    }
    Ok(())
}
