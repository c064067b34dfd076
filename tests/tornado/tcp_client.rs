//! TCP clients and their streams over sockets on loopback.

use std::error::Error as _;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use std::{io, thread};

use futures::executor::block_on;
use futures::future::FutureExt;
use waterspout::platform::native::{AddressFamily, Resolver, TcpClient};
use waterspout::testing::ManualTimer;
use waterspout::{BoxFuture, Error, ErrorKind, Phase};

use crate::support::program::free_port;

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// Serves a single connection with `serve`. Returns the port and a channel for the result of `serve`.
fn serve<T: Send + 'static>(
    address: IpAddr,
    serve: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> io::Result<(u16, mpsc::Receiver<T>)> {
    let listener = TcpListener::bind((address, 0))?;
    let port = listener.local_addr()?.port();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let _ = sender.send(serve(stream));
    });
    Ok((port, receiver))
}

/// Reads five bytes and returns them with the client's address.
fn read_five_bytes(mut stream: TcpStream) -> ([u8; 5], SocketAddr) {
    let mut bytes = [0; 5];
    stream.read_exact(&mut bytes).unwrap();
    (bytes, stream.peer_addr().unwrap())
}

fn echo(mut stream: TcpStream) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => return,
            count => stream.write_all(&buffer[..count]).unwrap(),
        }
    }
}

fn received<T>(receiver: &mpsc::Receiver<T>) -> T {
    receiver.recv_timeout(Duration::from_secs(30)).unwrap()
}

/// A resolver that returns these addresses for every name.
struct FixedResolver(Vec<IpAddr>);

impl Resolver for FixedResolver {
    fn resolve(&self, _host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let addresses = self.0.iter().map(|address| SocketAddr::new(*address, port)).collect();
        async move { Ok(addresses) }.boxed()
    }
}

/// A resolver that never answers. It counts the lookups that were not dropped.
#[derive(Clone, Default)]
struct SilentResolver(Arc<AtomicUsize>);

struct OpenLookup(Arc<AtomicUsize>);

impl Drop for OpenLookup {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Resolver for SilentResolver {
    fn resolve(&self, _host: &str, _port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let open = OpenLookup(self.0.clone());
        async move {
            let _open = open;
            std::future::pending().await
        }
        .boxed()
    }
}

/// Connects to a server at `address` as `host` and sends five bytes.
fn five_bytes_arrive(address: IpAddr, host: &str, wanted: AddressFamily, addresses: &[IpAddr]) {
    let Ok((port, arrived)) = serve(address, read_five_bytes) else {
        assert!(address.is_ipv6());
        return eprintln!("this machine has no {address}");
    };
    let client = TcpClient::new().address_family(wanted);
    let client = if addresses.is_empty() { client } else { client.resolver(FixedResolver(addresses.to_vec())) };
    block_on(async {
        let stream = client.connect(host, port).await.unwrap();
        stream.write("hello").await.unwrap();
    });
    let (bytes, peer) = received(&arrived);
    assert_eq!((&bytes, peer.ip()), (b"hello", address));
}

#[test]
fn five_bytes_arrive_at_an_ipv4_address() {
    for wanted in [AddressFamily::V4, AddressFamily::Any] {
        five_bytes_arrive(V4, "127.0.0.1", wanted, &[]);
    }
}

#[test]
fn five_bytes_arrive_at_an_ipv6_address() {
    for (host, wanted) in [("::1", AddressFamily::V6), ("::1", AddressFamily::Any), ("[::1]", AddressFamily::Any)] {
        five_bytes_arrive(V6, host, wanted, &[]);
    }
}

#[test]
fn five_bytes_arrive_at_a_name_with_addresses_of_both_families() {
    for (server, wanted) in
        [(V4, AddressFamily::V4), (V6, AddressFamily::V6), (V4, AddressFamily::Any), (V6, AddressFamily::Any)]
    {
        for addresses in [[V4, V6], [V6, V4]] {
            five_bytes_arrive(server, "both.example", wanted, &addresses);
        }
    }
}

fn cause(error: &Error) -> io::ErrorKind {
    error.source().unwrap().downcast_ref::<io::Error>().unwrap().kind()
}

#[test]
fn error_of_a_refused_port_keeps_the_system_error() {
    let error = block_on(TcpClient::new().connect("127.0.0.1", free_port())).unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Connect, Phase::Connect));
    assert_eq!(cause(&error), io::ErrorKind::ConnectionRefused);
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
}

#[test]
fn connect_from_an_address_of_another_machine_fails() {
    let (port, _arrived) = serve(V4, read_five_bytes).unwrap();
    // Reserved for documentation (RFC 5737), so no machine has this address.
    let client = TcpClient::new().local_address([192, 0, 2, 1]);
    let error = block_on(client.connect("127.0.0.1", port)).unwrap_err();
    assert_eq!((error.kind(), cause(&error)), (ErrorKind::Connect, io::ErrorKind::AddrNotAvailable));
}

#[test]
fn server_sees_the_configured_local_address() {
    let (port, arrived) = serve(V4, read_five_bytes).unwrap();
    let stream = block_on(TcpClient::new().local_address(V4).connect("127.0.0.1", port)).unwrap();
    block_on(stream.write("hello")).unwrap();
    assert_eq!(received(&arrived).1.ip(), V4);
}

#[test]
fn server_sees_the_configured_local_port() {
    for address in [None, Some(V4)] {
        let (port, arrived) = serve(V4, read_five_bytes).unwrap();
        let local = free_port();
        let client = TcpClient::new().local_port(local);
        let client = match address {
            Some(address) => client.local_address(address),
            None => client,
        };
        let stream = block_on(client.connect("127.0.0.1", port)).unwrap();
        block_on(stream.write("hello")).unwrap();
        assert_eq!(received(&arrived).1, SocketAddr::new(V4, local));
    }
}

#[test]
fn a_local_port_without_an_address_works_for_both_families() {
    let Ok((port, arrived)) = serve(V6, read_five_bytes) else { return eprintln!("this machine has no {V6}") };
    let client = TcpClient::new().resolver(FixedResolver(vec![V4, V6])).local_port(free_port());
    let stream = block_on(client.connect("both.example", port)).unwrap();
    block_on(stream.write("hello")).unwrap();
    assert_eq!(received(&arrived).1.ip(), V6);
}

#[test]
fn a_local_port_that_is_taken_is_an_error() {
    let (port, _arrived) = serve(V4, read_five_bytes).unwrap();
    let taken = TcpListener::bind((V4, 0)).unwrap();
    let client = TcpClient::new().local_address(V4).local_port(taken.local_addr().unwrap().port());
    let error = block_on(client.connect("127.0.0.1", port)).unwrap_err();
    assert_eq!((error.kind(), cause(&error)), (ErrorKind::Connect, io::ErrorKind::AddrInUse));
}

#[test]
fn resolver_that_never_answers_is_dropped_at_the_connect_limit() {
    let (silent, timer) = (SilentResolver::default(), ManualTimer::new());
    let limit = Duration::from_millis(50);
    let client = TcpClient::new().resolver(silent.clone()).timer(timer.clone()).timeout(limit);
    let mut connecting = client.connect("silent.example", 80).boxed();
    assert!((&mut connecting).now_or_never().is_none());
    timer.advance(limit - Duration::from_millis(1));
    assert!((&mut connecting).now_or_never().is_none());
    assert_eq!(silent.0.load(Ordering::Relaxed), 1);
    timer.advance(Duration::from_millis(1));
    let error = connecting.now_or_never().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.phase(), error.elapsed()), (ErrorKind::Timeout, Phase::Connect, Some(limit)));
    assert_eq!(error.timeout().map(|timeout| timeout.name()).zip(error.limit()), Some(("connect", limit)));
    assert_eq!((silent.0.load(Ordering::Relaxed), timer.pending()), (0, 0));
}

#[test]
fn limit_of_zero_sets_no_timer() {
    let (silent, timer) = (SilentResolver::default(), ManualTimer::new());
    let client = TcpClient::new().resolver(silent).timer(timer.clone()).timeout(Duration::ZERO);
    let mut connecting = client.connect("silent.example", 80).boxed();
    assert!((&mut connecting).now_or_never().is_none());
    assert_eq!(timer.pending(), 0);
}

#[test]
fn name_without_an_address_is_a_dns_error() {
    let error =
        block_on(TcpClient::new().resolver(FixedResolver(Vec::new())).connect("nowhere.example", 80)).unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Dns, Phase::Connect));
    assert!(error.to_string().contains("nowhere.example"), "{error}");
}

#[test]
fn bytes_written_before_the_connect_arrive_after_it() {
    let (port, arrived) = serve(V4, read_five_bytes).unwrap();
    let stream = TcpClient::new().connecting("127.0.0.1", port);
    let (one, two) = (stream.write("hel"), stream.write("lo"));
    block_on(futures::future::try_join(one, two)).unwrap();
    assert_eq!(&received(&arrived).0, b"hello");
}

#[test]
fn stream_is_read_and_written_on_two_threads() {
    const SIZE: usize = 8 * 1024 * 1024;
    let (port, _ended) = serve(V4, echo).unwrap();
    let stream = Arc::new(block_on(TcpClient::new().connect("127.0.0.1", port)).unwrap());
    let writing = stream.clone();
    let writer = thread::spawn(move || {
        block_on(async {
            for piece in 0..SIZE / 65_536 {
                writing.write(vec![piece as u8; 65_536]).await.unwrap();
            }
            writing.shutdown().await.unwrap();
        });
    });
    block_on(async {
        for piece in 0..SIZE / 65_536 {
            let bytes = stream.read_exact(65_536).await.unwrap();
            assert!(bytes.iter().all(|byte| *byte == piece as u8), "piece {piece}");
        }
        assert!(stream.read_until_close().await.unwrap().is_empty());
    });
    writer.join().unwrap();
}

#[test]
fn close_by_the_peer_is_noticed_without_a_read() {
    let (go, gone) = mpsc::channel::<()>();
    let (port, _ended) = serve(V4, move |mut stream| {
        stream.write_all(b"last words").unwrap();
        gone.recv().unwrap();
    })
    .unwrap();
    let stream = block_on(TcpClient::new().connect("127.0.0.1", port)).unwrap();
    let mut closed = stream.closed().boxed();
    assert!((&mut closed).now_or_never().is_none());
    go.send(()).unwrap();
    block_on(closed).unwrap();
    assert_eq!(block_on(stream.read_until_close()).unwrap(), "last words");
}

#[test]
fn after_a_shutdown_the_answer_can_be_read() {
    let (port, _ended) = serve(V4, |mut stream| {
        let mut question = String::new();
        stream.read_to_string(&mut question).unwrap();
        stream.write_all(format!("you said {question}").as_bytes()).unwrap();
    })
    .unwrap();
    let answer = block_on(async {
        let stream = TcpClient::new().connect("127.0.0.1", port).await?;
        drop(stream.write("hello"));
        stream.shutdown().await?;
        stream.read_until_close().await
    });
    assert_eq!(answer.unwrap(), "you said hello");
}

#[test]
fn a_dropped_stream_is_closed() {
    let (port, ended) = serve(V4, |mut stream| stream.read(&mut [0; 1]).unwrap()).unwrap();
    drop(block_on(TcpClient::new().connect("127.0.0.1", port)).unwrap());
    assert_eq!(received(&ended), 0);
}
