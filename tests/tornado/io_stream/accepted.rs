//! Streams over sockets that a listener has accepted.

use std::net::{TcpListener, TcpStream};

use async_io::{Async, block_on};
use futures::future::join;
use waterspout::tornado::IoStream;

/// Makes two ends of a TCP connection.
pub(super) fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// Makes both ends of a connection as streams, for each way to make a stream over an open socket.
fn pairs() -> Vec<(&'static str, IoStream, IoStream)> {
    let (client, server) = tcp_pair();
    let (other_client, other_server) = tcp_pair();
    #[allow(unused_mut, reason = "there are more ways on Unix")]
    let mut pairs = vec![
        ("TcpStream", client.try_into().unwrap(), server.try_into().unwrap()),
        ("Async<TcpStream>", Async::new(other_client).unwrap().into(), Async::new(other_server).unwrap().into()),
    ];
    #[cfg(unix)]
    {
        let (client, server) = std::os::unix::net::UnixStream::pair().unwrap();
        pairs.push(("UnixStream", client.try_into().unwrap(), server.try_into().unwrap()));
        let (client, server) = Async::<std::os::unix::net::UnixStream>::pair().unwrap();
        pairs.push(("Async<UnixStream>", client.into(), server.into()));
    }
    pairs
}

#[test]
fn stream_over_an_accepted_socket_reads_writes_and_ends() {
    for (name, client, server) in pairs() {
        block_on(async {
            client.write("EHLO me\r\n").await.unwrap();
            assert_eq!(server.read_until("\r\n", 100).await.unwrap(), "EHLO me\r\n", "{name}");
            let big = vec![b'x'; 1 << 20];
            let (written, read) = join(server.write(big.clone()), client.read_exact(1 << 20)).await;
            written.unwrap();
            assert!(read.unwrap() == big, "{name}");
            // The end of a half is seen, and the other half still works.
            client.shutdown().await.unwrap();
            assert_eq!(server.read_until_close().await.unwrap(), "", "{name}");
            server.write("bye").await.unwrap();
            drop(server);
            assert_eq!(client.read_until_close().await.unwrap(), "bye", "{name}");
        });
    }
}
