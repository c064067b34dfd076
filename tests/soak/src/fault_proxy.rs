//! The process of a TCP proxy that injects faults: resets, ends, stalls, slow bytes, black holes.
//!
//! It forwards a port to a server, and is a proxy for `CONNECT` on another port.

use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use async_io::{Async, Timer};
use futures::future::{BoxFuture, Either, pending, select};
use futures::stream::FuturesUnordered;
use futures::{AsyncReadExt, AsyncWriteExt, FutureExt, StreamExt};
use socket2::SockRef;

use crate::programs::READY;
use crate::random::Random;
use crate::serve::address;

/// The arguments of the process.
pub struct ProxyArguments<'a> {
    /// The ports that forward to the server's ports.
    pub forwards: [(&'a str, &'a str); 2],
    /// The port for `CONNECT`.
    pub connect: &'a str,
    pub seed: u64,
    /// Whether connections are forwarded without faults.
    pub is_calm: bool,
    /// Changes a byte in some connections, to see that the check of the bodies notices.
    pub corrupts: bool,
}

/// What happens to the bytes of a direction once `after` bytes were forwarded.
#[derive(Clone, Copy)]
struct Fault {
    after: u64,
    kind: FaultKind,
}

#[derive(Clone, Copy, PartialEq)]
enum FaultKind {
    /// Nothing happens.
    Pass,
    /// The connection is reset.
    Reset,
    /// The connection ends in good order.
    End,
    /// No byte is forwarded for some seconds, then the rest.
    Stall,
    /// The next bytes are forwarded byte by byte.
    Slow,
    /// No byte is forwarded any more, until the sender ends the connection.
    BlackHole,
    /// A bit of a byte is changed.
    Corrupt,
}

pub fn run(arguments: &ProxyArguments<'_>) -> io::Result<()> {
    let mut listeners = Vec::new();
    for (port, server) in arguments.forwards {
        listeners.push((Async::<TcpListener>::bind(address(port)?)?, Some(address(server)?)));
    }
    listeners.push((Async::<TcpListener>::bind(address(arguments.connect)?)?, None));
    println!("{READY}");
    std::thread::spawn(move || {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    async_io::block_on(serve(listeners, arguments));
    Ok(())
}

async fn serve(listeners: Vec<(Async<TcpListener>, Option<SocketAddr>)>, arguments: &ProxyArguments<'_>) {
    let mut connections: FuturesUnordered<BoxFuture<'_, io::Result<()>>> = FuturesUnordered::new();
    // Without a future the set would end.
    connections.push(pending().boxed());
    let accept = |index: usize| {
        let listener: &Async<TcpListener> = &listeners[index].0;
        async move { (index, listener.accept().await) }.boxed()
    };
    let mut accepts: FuturesUnordered<_> = (0..listeners.len()).map(accept).collect();
    let mut number = 0;
    loop {
        let accepted = select(accepts.select_next_some(), connections.select_next_some()).await;
        let Either::Left(((index, accepted), _)) = accepted else { continue };
        accepts.push(accept(index));
        let Ok((client, _)) = accepted else { continue };
        number += 1;
        let random = Random::new(arguments.seed, number);
        connections.push(connection(client, listeners[index].1, random, arguments).boxed());
    }
}

/// Serves a connection. Its errors are seen by the client.
async fn connection(
    mut client: Async<TcpStream>,
    server: Option<SocketAddr>,
    mut random: Random,
    arguments: &ProxyArguments<'_>,
) -> io::Result<()> {
    let _ = client.get_ref().set_nodelay(true);
    let server = match server {
        Some(server) => server,
        None => match tunnel(&mut client, &mut random, arguments.is_calm).await? {
            Some(server) => server,
            None => return Ok(()),
        },
    };
    let upstream = Async::<TcpStream>::connect(server).await?;
    let _ = upstream.get_ref().set_nodelay(true);
    let up = choose_fault(&mut random, arguments, false);
    let down = choose_fault(&mut random, arguments, true);
    let sends = forward(&client, &upstream, up);
    let receives = forward(&upstream, &client, down);
    let (result, rest) = select(sends.boxed(), receives.boxed()).await.factor_first();
    if result? == FaultKind::Reset {
        // With a linger time of zero the system sends a reset instead of an orderly end.
        return SockRef::from(client.get_ref()).set_linger(Some(Duration::ZERO));
    }
    if rest.await? == FaultKind::Reset {
        return SockRef::from(client.get_ref()).set_linger(Some(Duration::ZERO));
    }
    Ok(())
}

/// Answers the `CONNECT` of a client. Returns the server's address, or `None` if the tunnel is refused.
async fn tunnel(client: &mut Async<TcpStream>, random: &mut Random, is_calm: bool) -> io::Result<Option<SocketAddr>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if client.read(&mut byte).await? == 0 || head.len() > 8192 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let target = head.split(' ').nth(1).unwrap_or_default().replace("localhost", "127.0.0.1");
    match random.between(0, 99) {
        0..3 if !is_calm => {
            client.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").await?;
            Ok(None)
        }
        3..5 if !is_calm => Ok(None),
        5..7 if !is_calm => {
            // No answer until the client gives up.
            let _ = client.read(&mut [0]).await;
            Ok(None)
        }
        _ => {
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
            address(&target).map(Some)
        }
    }
}

fn choose_fault(random: &mut Random, arguments: &ProxyArguments<'_>, is_answer: bool) -> Fault {
    if arguments.is_calm {
        return Fault { after: 0, kind: FaultKind::Pass };
    }
    if arguments.corrupts && is_answer && random.chance(30) {
        return Fault { after: random.between(2_000, 10_000), kind: FaultKind::Corrupt };
    }
    let kind = random.weighted(&[
        (70, FaultKind::Pass),
        (7, FaultKind::Reset),
        (6, FaultKind::End),
        (6, FaultKind::Stall),
        (6, FaultKind::Slow),
        (5, FaultKind::BlackHole),
    ]);
    // From the first byte of a handshake to the middle of a large body.
    let after = match random.between(0, 3) {
        0 => random.between(0, 300),
        1 => random.between(300, 5_000),
        2 => random.between(5_000, 100_000),
        _ => random.between(100_000, 2_000_000),
    };
    Fault { after, kind }
}

/// Forwards the bytes of a direction until it ends or the fault ends it. Returns the fault that ended it.
async fn forward(mut from: &Async<TcpStream>, mut to: &Async<TcpStream>, fault: Fault) -> io::Result<FaultKind> {
    let mut buffer = vec![0; 16 * 1024];
    let mut forwarded = 0;
    let mut kind = fault.kind;
    loop {
        let limit = match kind {
            FaultKind::Pass => buffer.len() as u64,
            _ => (fault.after - forwarded).min(buffer.len() as u64),
        };
        if limit == 0 {
            match kind {
                FaultKind::Reset => return Ok(kind),
                FaultKind::End => break,
                FaultKind::Stall => drop(Timer::after(Duration::from_secs(2)).await),
                FaultKind::Slow => slow(from, to).await?,
                FaultKind::BlackHole => {
                    while from.read(&mut buffer).await? > 0 {}
                    break;
                }
                FaultKind::Corrupt => corrupt(from, to).await?,
                FaultKind::Pass => {}
            }
            kind = FaultKind::Pass;
            continue;
        }
        let count = from.read(&mut buffer[..limit as usize]).await?;
        if count == 0 {
            break;
        }
        to.write_all(&buffer[..count]).await?;
        forwarded += count as u64;
    }
    let _ = to.get_ref().shutdown(Shutdown::Write);
    Ok(kind)
}

/// Forwards 200 bytes, each after a wait.
async fn slow(mut from: &Async<TcpStream>, mut to: &Async<TcpStream>) -> io::Result<()> {
    for _ in 0..200 {
        let mut byte = [0];
        if from.read(&mut byte).await? == 0 {
            return Ok(());
        }
        Timer::after(Duration::from_millis(5)).await;
        to.write_all(&byte).await?;
    }
    Ok(())
}

/// Forwards a byte with a changed bit.
async fn corrupt(mut from: &Async<TcpStream>, mut to: &Async<TcpStream>) -> io::Result<()> {
    let mut byte = [0];
    if from.read(&mut byte).await? > 0 {
        to.write_all(&[byte[0] ^ 1]).await?;
    }
    Ok(())
}
