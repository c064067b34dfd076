//! Ways to a server over tokio: names, both families, a local address, proxies, TLS and Unix sockets.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::time::Duration;

use waterspout::platform::native::{HostMap, Network, SystemResolver, TcpClient};
use waterspout::proxy::Proxies;
use waterspout::testing::{Reply, Server, handler};
use waterspout::{Client, ErrorKind};

use crate::support::silent::SilentAddress;

use super::{current_thread, multi_thread, numbering, text, within_limit};

fn client_of(network: Network) -> Client {
    Client::builder().network(network.tokio()).build().unwrap()
}

#[test]
fn local_address_and_facts_of_the_connection_are_reported() {
    let server = numbering();
    let local = Ipv4Addr::new(127, 0, 0, 2);
    let client = client_of(Network::new().local_address(local));
    let response = within_limit(&current_thread(), client.get(server.url("/")).send()).unwrap();
    let info = response.connection_info();
    assert_eq!(info.remote_address, Some(server.address()));
    assert_eq!(info.local_address.unwrap().ip(), local);
    assert!(info.connect.is_some() && info.dns.is_some() && !info.reused);
}

#[cfg(feature = "http2")]
#[test]
fn version_of_http_follows_the_settings() {
    use waterspout::http::Version;
    use waterspout::{Connector, Url};

    let server = numbering();
    let origin = Url::parse(&server.url("/")).unwrap().origin();
    let http1 = Network::new().tokio().http1_only();
    let http2 = Network::new().http2_prior_knowledge().tokio();
    for (network, version) in [(http1, Version::HTTP_11), (http2, Version::HTTP_2)] {
        let transport = within_limit(&current_thread(), network.connect(&origin)).unwrap();
        assert_eq!(transport.version(), version);
        assert_eq!(network.may_speak_http2(&origin), version == Version::HTTP_2);
    }
}

#[test]
fn address_that_refuses_is_followed_by_the_next() {
    let server = numbering();
    let port = server.address().port();
    // Nothing listens on this address of the other family.
    let map = HostMap::new(SystemResolver).host("a.test", Ipv6Addr::LOCALHOST).host("a.test", Ipv4Addr::LOCALHOST);
    let client = client_of(Network::new().resolver(map));
    assert_eq!(within_limit(&current_thread(), text(&client, format!("http://a.test:{port}/"))).unwrap(), "0");
}

#[test]
fn refused_connect_names_the_address() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for runtime in [current_thread(), multi_thread()] {
        let error = within_limit(&runtime, text(&super::client(), format!("http://{address}/"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect);
        assert!(error.to_string().contains(&format!("could not connect to {address}")), "{error}");
    }
}

#[test]
fn connect_that_gets_no_answer_ends_at_its_limit() {
    let silent = SilentAddress::new();
    let address = silent.address;
    let client = Client::builder().tokio().connect_timeout(Duration::from_millis(50)).build().unwrap();
    let error = within_limit(&current_thread(), text(&client, format!("http://{address}/"))).unwrap_err();
    assert!(error.is_timeout() && error.is_connect(), "{error}");
}

#[test]
fn stream_reads_and_writes_lines() {
    let server = Server::start(handler(|_| Box::pin(async { Reply::raw("+OK ready\r\n") }))).unwrap();
    let line = within_limit(&multi_thread(), async {
        let stream = TcpClient::new().tokio().connect("127.0.0.1", server.address().port()).await?;
        stream.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await?;
        stream.read_until("\r\n", 512).await
    });
    assert_eq!(line.unwrap(), "+OK ready\r\n");
}

#[cfg(feature = "tls")]
#[test]
fn tls_servers_and_proxies_are_reached() {
    use crate::support::proxy::{ProxyBehaviour, TinyProxy};
    use crate::support::tls::{Authority, TlsServer, acceptor, trusting};

    let authority = Authority::new();
    let certificate = authority.issue(&["origin.test"], |_| {});
    let secured =
        TlsServer::start(acceptor(certificate, None), handler(|_| Box::pin(async { Reply::text("secured") })));
    let url = format!("https://origin.test:{}/", secured.address.port());
    let http = TinyProxy::http(ProxyBehaviour::default());
    let socks = TinyProxy::socks(ProxyBehaviour::default());
    let socks4 = TinyProxy::socks4(ProxyBehaviour::default());
    let ways = [
        Proxies::none(),
        Proxies::all(format!("http://{}", http.address).as_str()).unwrap(),
        Proxies::all(format!("socks5h://{}", socks.address).as_str()).unwrap(),
        Proxies::all(format!("socks4://{}", socks4.address).as_str()).unwrap(),
    ];
    for proxies in ways {
        let map = HostMap::new(SystemResolver).host("origin.test", Ipv4Addr::LOCALHOST);
        let client = client_of(Network::new().resolver(map).proxies(proxies).tls(trusting(&authority)));
        for runtime in [current_thread(), multi_thread()] {
            within_limit(&runtime, async {
                for _ in 0..3 {
                    assert_eq!(text(&client, &url).await.unwrap(), "secured");
                }
                assert!(client.get(&url).await.unwrap().connection_info().reused);
            });
        }
    }
    assert_eq!((http.requests().len(), socks.requests().len(), socks4.requests().len()), (1, 1, 1));
}

#[cfg(unix)]
#[test]
fn unix_socket_is_reached_and_its_connection_reused() {
    use std::io::{Read, Write};
    use waterspout::platform::unix::UnixSocket;

    use crate::support::client::HELLO;

    let path = std::env::temp_dir().join(format!("waterspout-tokio-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while let Ok(count @ 1..) = stream.read(&mut [0; 1]) {
            head.push(count);
            let mut rest = [0; 1024];
            let _ = stream.read(&mut rest).unwrap();
            stream.write_all(HELLO.as_bytes()).unwrap();
        }
    });
    let client = Client::builder().tokio().backend(UnixSocket::new(&path).tokio().agent()).build().unwrap();
    for (runtime, reused) in [(current_thread(), false), (multi_thread(), true)] {
        let response = within_limit(&runtime, client.get("http://daemon/").send()).unwrap();
        assert_eq!(response.connection_info().reused, reused);
        assert_eq!(within_limit(&runtime, response.text()).unwrap(), "hello");
    }
    let outside = futures::executor::block_on(text(&client, "http://daemon/")).unwrap_err();
    assert_eq!(outside.kind(), ErrorKind::Unsupported);
    std::fs::remove_file(&path).unwrap();
    let gone = within_limit(&current_thread(), text(&client, "http://daemon/")).unwrap_err();
    assert!(gone.is_connect() && gone.to_string().contains("waterspout-tokio-"), "{gone}");
}
