//! Tunnels through SOCKS 4 proxies, and its extension 4a for names. Neither has an RFC; the documents are "SOCKS: A
//! protocol for TCP proxy across firewalls" and "SOCKS 4A: A Simple Extension to SOCKS 4 Protocol".
//!
//! A reply has a fixed length. Exactly the reply is read, and no byte after it.

use std::net::{IpAddr, Ipv4Addr};

use futures::{AsyncRead, AsyncWrite};

use super::socks_handshake::SocksHandshake;
use super::socks_reply::SocksReply;
use super::{Proxy, ProxyScheme, address, is_name};
use crate::error::{Error, ErrorKind, Result};

const VERSION: u8 = 4;
const CONNECT: u8 = 1;

/// The version and the code of a reply that grants the request.
const REPLY_VERSION: u8 = 0;
const GRANTED: u8 = 0x5a;

/// An address that does not exist: the name of the host follows the user name (SOCKS 4A).
const NAME_FOLLOWS: Ipv4Addr = Ipv4Addr::new(0, 0, 0, 1);

/// Maximum length of a user name or a host name in bytes. The protocol has no limit; SOCKS 5 has this limit.
const MAX_TEXT: usize = 255;

/// Checks a user name. SOCKS 4 has no passwords.
pub(super) fn login(user: &[u8], password: &[u8]) -> Result<Vec<u8>> {
    let refused = |message| Err(Error::request(ErrorKind::InvalidRequest, message));
    if !password.is_empty() {
        return refused("a password cannot be sent to a SOCKS 4 proxy: use a user name without a password, or SOCKS 5");
    }
    // A zero byte ends the user name.
    if user.contains(&0) {
        return refused("a user name with a zero byte cannot be sent to a SOCKS 4 proxy");
    }
    if user.len() > MAX_TEXT {
        return refused("a user name of more than 255 bytes cannot be sent to a SOCKS proxy");
    }
    Ok(user.to_vec())
}

/// Asks the proxy to connect to `host`, as `user`, which may be empty.
pub(super) async fn open<S>(stream: &mut S, proxy: &Proxy, user: &[u8], host: &str, port: u16) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    // Made before anything is sent: if the host cannot be sent, the stream is untouched.
    let request = request(proxy, user, host, port)?;
    let mut handshake = SocksHandshake { stream, proxy };
    handshake.send(&request).await?;
    // A proxy that refuses may send only these two bytes.
    match handshake.receive().await? {
        [REPLY_VERSION, GRANTED] => {}
        [REPLY_VERSION, code] => {
            let error = proxy.error(&format!("could not connect to {host}:{port}"));
            return Err(error.with_source(SocksReply::v4(code)));
        }
        _ => return Err(proxy.error("sends a malformed reply: it does not speak SOCKS 4")),
    }
    // A port and an address without a meaning here.
    let _rest: [u8; 6] = handshake.receive().await?;
    Ok(())
}

/// Encodes the request to connect.
fn request(proxy: &Proxy, user: &[u8], host: &str, port: u16) -> Result<Vec<u8>> {
    let (address, name) = match address(host).map(|address| address.to_canonical()) {
        // The proxy would wait for a name that does not come.
        Some(IpAddr::V4(address)) if matches!(address.octets(), [0, 0, 0, 1..=255]) => {
            let message = format!("cannot be asked to connect to {host}: SOCKS 4 has another meaning for this address");
            return Err(proxy.error(&message));
        }
        Some(IpAddr::V4(address)) => (address, None),
        Some(IpAddr::V6(_)) => {
            let message = format!("accepts IPv4 addresses only, and {host} is an IPv6 address: use SOCKS 5");
            return Err(proxy.error(&message));
        }
        None if proxy.scheme() != ProxyScheme::Socks4a => {
            let message =
                format!("accepts addresses only, and {host:?} is a name: look it up, or use the scheme socks4a");
            return Err(proxy.error(&message));
        }
        None if !is_name(host) => {
            return Err(proxy.error(&format!("cannot be asked to connect to {host:?}, which is not a host name")));
        }
        None if host.len() > MAX_TEXT => {
            return Err(proxy.error("cannot be sent a host name of more than 255 bytes"));
        }
        None => (NAME_FOLLOWS, Some(host)),
    };
    let mut request = vec![VERSION, CONNECT];
    request.extend_from_slice(&port.to_be_bytes());
    request.extend_from_slice(&address.octets());
    for text in [Some(user), name.map(str::as_bytes)].into_iter().flatten() {
        request.extend_from_slice(text);
        request.push(0);
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use futures::FutureExt;

    use super::super::script::{ScriptedStream, scripted};
    use super::*;
    use crate::error::Phase;

    const GRANT: &[u8] = b"\x00\x5a\x01\xbb\x00\x00\x00\x00";

    fn opened(url: &str, host: &str, reply: &[u8], piece: usize) -> (Result<()>, ScriptedStream) {
        let mut stream = scripted(reply, piece);
        let proxy = Proxy::parse(url).unwrap();
        let outcome = proxy.tunnel(&mut stream, host, 443).now_or_never().expect("it never waits");
        (outcome, stream)
    }

    #[test]
    fn request_has_address_user_and_name() {
        for (url, host, expected) in [
            ("socks4://p", "1.2.3.4", &b"\x04\x01\x01\xbb\x01\x02\x03\x04\x00"[..]),
            ("socks4a://p", "1.2.3.4", b"\x04\x01\x01\xbb\x01\x02\x03\x04\x00"),
            ("socks4://us%40er@p", "1.2.3.4", b"\x04\x01\x01\xbb\x01\x02\x03\x04us@er\x00"),
            ("socks4://user:@p", "0.0.0.0", b"\x04\x01\x01\xbb\x00\x00\x00\x00user\x00"),
            ("socks4://p", "[::ffff:1.2.3.4]", b"\x04\x01\x01\xbb\x01\x02\x03\x04\x00"),
            ("socks4a://p", "a.test", b"\x04\x01\x01\xbb\x00\x00\x00\x01\x00a.test\x00"),
            ("SOCKS4A://user@p", "a.test", b"\x04\x01\x01\xbb\x00\x00\x00\x01user\x00a.test\x00"),
        ] {
            for piece in [1, 3, 1000] {
                let (outcome, stream) = opened(url, host, GRANT, piece);
                outcome.unwrap();
                assert_eq!((stream.written(), stream.unread()), (expected, &b""[..]), "{url} {host}");
            }
        }
    }

    #[test]
    fn host_that_cannot_be_sent_is_refused_before_anything_is_written() {
        let long = "x".repeat(256);
        for (url, host, words) in [
            ("socks4://p", "a.test", "look it up, or use the scheme socks4a"),
            ("socks4://p", "::1", "IPv4 addresses only"),
            ("socks4a://p", "[::1]", "IPv4 addresses only"),
            ("socks4://p", "0.0.0.1", "another meaning"),
            ("socks4a://p", "0.0.0.255", "another meaning"),
            ("socks4a://p", "", "not a host name"),
            ("socks4a://p", "a b", "not a host name"),
            ("socks4a://p", "evil.test\0.example.com", "not a host name"),
            ("socks4a://p", &long, "more than 255 bytes"),
        ] {
            let (outcome, stream) = opened(url, host, GRANT, 1000);
            let error = outcome.unwrap_err();
            assert!(error.kind() == ErrorKind::Proxy && error.to_string().contains(words), "{error}");
            assert_eq!(stream.written(), b"", "{host}");
        }
        assert!(opened("socks4a://p", &long[..255], GRANT, 1000).0.is_ok());
    }

    #[test]
    fn user_that_cannot_be_sent_is_refused() {
        let login = |user: &str, password| Proxy::parse("socks4://p").unwrap().credentials(user, password);
        assert!(login(&"x".repeat(255), "").is_ok() && login("", "").is_ok());
        for (user, password) in [(&*"x".repeat(256), ""), ("us\0er", ""), ("user", "secret")] {
            let error = login(user, password).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert!(!format!("{error} {error:?}").contains("secret"));
        }
        for url in ["socks4://us%00er@p", "socks4a://user:secret@p"] {
            assert_eq!(Proxy::parse(url).unwrap_err().kind(), ErrorKind::InvalidRequest, "{url}");
        }
    }

    #[test]
    fn reply_is_read_exactly() {
        let (outcome, stream) = opened("socks4a://p", "a", &[GRANT, b"hello"].concat(), 1000);
        outcome.unwrap();
        assert_eq!(stream.unread(), b"hello");
        for cut in 0..GRANT.len() {
            let error = opened("socks4a://p", "a", &GRANT[..cut], 1000).0.unwrap_err();
            assert!(error.to_string().contains("closes the connection without a response"), "{cut}: {error}");
        }
    }

    #[test]
    fn each_reply_code_has_its_message() {
        for (code, words, about_address) in [
            (0x5b, "rejected the request, or could not connect", true),
            (0x5c, "could not ask this machine's identd", false),
            (0x5d, "reports another user", false),
            // The codes of SOCKS 5 mean nothing here.
            (0, "unknown reply 0", false),
            (5, "unknown reply 5", false),
            (0xff, "unknown reply 255", false),
        ] {
            for rest in [&b""[..], b"\x01\xbb\x00\x00\x00\x00"] {
                let error = opened("socks4a://user@p", "a.test", &[&[0, code], rest].concat(), 1).0.unwrap_err();
                let text = format!("{} {error:?}", error.report());
                assert_eq!((error.kind(), error.phase()), (ErrorKind::Proxy, Phase::Connect), "{text}");
                assert!(text.contains("the proxy socks4a://p:1080 could not connect to a.test:443"), "{text}");
                assert!(text.contains(words) && !text.contains("user@"), "{text}");
                let reply = error.source().and_then(|source| source.downcast_ref::<SocksReply>()).unwrap();
                assert_eq!((reply.code(), reply.is_about_address()), (code, about_address));
            }
        }
    }

    #[test]
    fn malformed_replies_are_refused() {
        for reply in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"\x05\xff", b"\x04\x5a\0\0\0\0\0\0", b"\x5a\x00"] {
            let error = opened("socks4://p", "1.2.3.4", reply, 1000).0.unwrap_err();
            assert!(error.to_string().contains("does not speak SOCKS 4"), "{error}");
        }
    }
}
