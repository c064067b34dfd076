//! Proxies on loopback ports that behave as configured and remember their requests.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use async_io::Async;
use futures::future::{Either, select};
use futures::io::copy;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, FutureExt};
use futures_rustls::TlsAcceptor;

use super::tls::Secured;

/// The behaviour of a proxy.
#[derive(Clone, Default)]
pub struct ProxyBehaviour {
    /// The credentials that the proxy demands: encoded Basic credentials for HTTP, `user:password` for SOCKS 5 (RFC
    /// 1929), and the user name for SOCKS 4.
    pub credentials: Option<&'static str>,
    /// The bytes that the proxy sends instead of a reply before it closes.
    pub reply: Option<&'static [u8]>,
    /// Whether the proxy sends nothing and waits until the client closes the connection.
    pub is_silent: bool,
    /// The address that a SOCKS proxy cannot reach.
    pub unreachable: Option<IpAddr>,
    /// The TLS acceptor, if the proxy uses TLS.
    pub tls: Option<TlsAcceptor>,
}

/// A proxy on a thread that ends with the test. It resolves every name to this machine.
pub struct TinyProxy {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    closed: mpsc::Receiver<()>,
}

#[derive(Clone, Copy)]
pub enum ProxyProtocol {
    Http,
    Socks,
    Socks4,
}

impl TinyProxy {
    pub fn start(protocol: ProxyProtocol, behaviour: ProxyBehaviour) -> Self {
        let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
        let address = listener.get_ref().local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let log = requests.clone();
        let (close_sender, closed) = mpsc::channel();
        std::thread::spawn(move || {
            async_io::block_on(async {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let (behaviour, log, close_sender) = (behaviour.clone(), log.clone(), close_sender.clone());
                    // Several connections may be open at once, so each has a thread.
                    std::thread::spawn(move || {
                        async_io::block_on(serve(protocol, stream, behaviour, &log));
                        let _ = close_sender.send(());
                    });
                }
            })
        });
        Self { address, requests, closed }
    }

    pub fn http(behaviour: ProxyBehaviour) -> Self {
        Self::start(ProxyProtocol::Http, behaviour)
    }

    pub fn socks(behaviour: ProxyBehaviour) -> Self {
        Self::start(ProxyProtocol::Socks, behaviour)
    }

    pub fn socks4(behaviour: ProxyBehaviour) -> Self {
        Self::start(ProxyProtocol::Socks4, behaviour)
    }

    /// Waits until the client has closed a connection to the proxy.
    pub fn wait_until_closed(&self) {
        self.closed.recv_timeout(Duration::from_secs(20)).unwrap();
    }

    /// Returns a text for each request: the head of an HTTP request, or the address and port of a SOCKS request.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(protocol: ProxyProtocol, stream: Async<TcpStream>, behaviour: ProxyBehaviour, log: &Mutex<Vec<String>>) {
    let stream: Box<dyn Stream> = match &behaviour.tls {
        None => Box::new(stream),
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => Box::new(Secured(stream)),
            Err(_) => return,
        },
    };
    if behaviour.is_silent {
        let _ = copy(stream, &mut futures::io::sink()).await;
        return;
    }
    // A client may close the connection at any time, so errors are ignored.
    let _ = match protocol {
        ProxyProtocol::Http => http(stream, &behaviour, log).await,
        ProxyProtocol::Socks => socks(stream, &behaviour, log).await,
        ProxyProtocol::Socks4 => socks4(stream, &behaviour, log).await,
    };
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

async fn http(mut stream: Box<dyn Stream>, behaviour: &ProxyBehaviour, log: &Mutex<Vec<String>>) -> io::Result<()> {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).await?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        log.lock().unwrap().push(head.clone());
        if let Some(reply) = behaviour.reply {
            return send_and_close(&mut stream, reply).await;
        }
        if behaviour
            .credentials
            .is_some_and(|credentials| !head.contains(&format!("proxy-authorization: Basic {credentials}\r\n")))
        {
            let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(refusal).await?;
            continue;
        }
        let target = head.split(' ').nth(1).unwrap();
        if !head.starts_with("CONNECT ") {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nforwarded").await?;
            continue;
        }
        let port = target.rsplit_once(':').unwrap().1.parse().unwrap();
        let origin = Async::<TcpStream>::connect(SocketAddr::from(([127, 0, 0, 1], port))).await?;
        stream.write_all(b"HTTP/1.1 200 Connection established\r\nproxy-agent: tiny\r\n\r\n").await?;
        return relay(stream, origin).await;
    }
}

async fn socks(mut stream: Box<dyn Stream>, behaviour: &ProxyBehaviour, log: &Mutex<Vec<String>>) -> io::Result<()> {
    if let Some(reply) = behaviour.reply {
        return send_and_close(&mut stream, reply).await;
    }
    let offered = read(&mut stream, 2).await?;
    let offered = read(&mut stream, usize::from(offered[1])).await?;
    match behaviour.credentials {
        None => stream.write_all(&[5, 0]).await?,
        Some(_) if !offered.contains(&2) => return send_and_close(&mut stream, &[5, 0xff]).await,
        Some(credentials) => {
            stream.write_all(&[5, 2]).await?;
            let length = read(&mut stream, 2).await?[1];
            let user = read(&mut stream, usize::from(length)).await?;
            let length = read(&mut stream, 1).await?[0];
            let password = read(&mut stream, usize::from(length)).await?;
            if [user, password].join(&b':') != credentials.as_bytes() {
                return send_and_close(&mut stream, &[1, 1]).await;
            }
            stream.write_all(&[1, 0]).await?;
        }
    }
    let kind = read(&mut stream, 4).await?[3];
    let (target, address) = match kind {
        1 => {
            let bytes: [u8; 4] = read(&mut stream, 4).await?.try_into().unwrap();
            (Ipv4Addr::from(bytes).to_string(), Some(IpAddr::from(bytes)))
        }
        4 => {
            let bytes: [u8; 16] = read(&mut stream, 16).await?.try_into().unwrap();
            (Ipv6Addr::from(bytes).to_string(), Some(IpAddr::from(bytes)))
        }
        _ => {
            let length = read(&mut stream, 1).await?[0];
            (String::from_utf8(read(&mut stream, usize::from(length)).await?).unwrap(), None)
        }
    };
    let port = read(&mut stream, 2).await?;
    let port = u16::from_be_bytes([port[0], port[1]]);
    log.lock().unwrap().push(format!("{target} {port}"));
    let origin = Async::<TcpStream>::connect(SocketAddr::from(([127, 0, 0, 1], port))).await;
    let Some(origin) = origin.ok().filter(|_| address.is_none() || address != behaviour.unreachable) else {
        return send_and_close(&mut stream, &[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]).await;
    };
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    relay(stream, origin).await
}

async fn socks4(mut stream: Box<dyn Stream>, behaviour: &ProxyBehaviour, log: &Mutex<Vec<String>>) -> io::Result<()> {
    if let Some(reply) = behaviour.reply {
        return send_and_close(&mut stream, reply).await;
    }
    let request = read(&mut stream, 8).await?;
    assert_eq!(request[..2], [4, 1]);
    let port = u16::from_be_bytes([request[2], request[3]]);
    let address = Ipv4Addr::new(request[4], request[5], request[6], request[7]);
    let user = read_until_zero(&mut stream).await?;
    let has_name = matches!(address.octets(), [0, 0, 0, 1..=255]);
    let target = if has_name { read_until_zero(&mut stream).await? } else { address.to_string() };
    log.lock().unwrap().push(format!("{target} {port}"));
    if behaviour.credentials.is_some_and(|expected| expected != user) {
        return send_and_close(&mut stream, &[0, 0x5d, 0, 0, 0, 0, 0, 0]).await;
    }
    let origin = Async::<TcpStream>::connect(SocketAddr::from(([127, 0, 0, 1], port))).await;
    let Some(origin) = origin.ok().filter(|_| has_name || Some(IpAddr::V4(address)) != behaviour.unreachable) else {
        return send_and_close(&mut stream, &[0, 0x5b, 0, 0, 0, 0, 0, 0]).await;
    };
    stream.write_all(&[0, 0x5a, 0, 0, 0, 0, 0, 0]).await?;
    relay(stream, origin).await
}

async fn read_until_zero(stream: &mut Box<dyn Stream>) -> io::Result<String> {
    let mut text = Vec::new();
    loop {
        match read(stream, 1).await?[0] {
            0 => return Ok(String::from_utf8(text).unwrap()),
            byte => text.push(byte),
        }
    }
}

async fn send_and_close(stream: &mut Box<dyn Stream>, reply: &[u8]) -> io::Result<()> {
    stream.write_all(reply).await?;
    stream.close().await
}

async fn read(stream: &mut Box<dyn Stream>, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// Copies bytes in both directions until either side closes.
async fn relay(client: Box<dyn Stream>, origin: Async<TcpStream>) -> io::Result<()> {
    let ((from_client, mut to_client), (from_origin, mut to_origin)) = (client.split(), origin.split());
    let up = copy(from_client, &mut to_origin).boxed();
    let down = copy(from_origin, &mut to_client).boxed();
    match select(up, down).await {
        Either::Left((outcome, _)) | Either::Right((outcome, _)) => outcome.map(drop),
    }
}
