//! HTTP over a Unix socket.

use futures::executor::block_on;
use waterspout::{Client, ErrorKind};

use crate::support::client::HELLO;

#[cfg(unix)]
#[test]
fn requests_over_a_unix_socket_reuse_the_connection() {
    use std::io::{Read, Write};
    use waterspout::platform::unix::UnixSocket;

    let path = std::env::temp_dir().join(format!("waterspout-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        (0..2).for_each(|_| {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            assert!(head.starts_with(b"GET /version HTTP/1.1\r\nhost: daemon\r\n"));
            stream.write_all(HELLO.as_bytes()).unwrap();
        });
    });
    let client = Client::builder().backend(UnixSocket::new(&path).agent()).build().unwrap();
    for reused in [false, true] {
        let response = block_on(client.get("http://daemon/version").send()).unwrap();
        assert_eq!(response.connection_info().reused, reused);
        assert_eq!(block_on(response.text()).unwrap(), "hello");
    }
    server.join().unwrap();
    std::fs::remove_file(&path).unwrap();
    let gone = block_on(client.get("http://other/").send()).unwrap_err();
    assert!(gone.is_connect() && gone.to_string().contains("waterspout-"), "{gone}");
    let tls = block_on(client.get("https://daemon/").send()).unwrap_err();
    assert_eq!(tls.kind(), ErrorKind::UnsupportedScheme);
}
