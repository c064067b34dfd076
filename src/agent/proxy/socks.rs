//! Tunnels through SOCKS 5 proxies (RFC 1928), with user name and password (RFC 1929).
//!
//! The first bytes of each reply declare its length. Exactly the reply is read, and no byte after it.

use std::net::IpAddr;

use futures::{AsyncRead, AsyncWrite};

use super::socks_handshake::SocksHandshake;
use super::socks_reply::SocksReply;
use super::{Proxy, ProxyScheme, address, is_name};
use crate::error::{Error, ErrorKind, Result};

const VERSION: u8 = 5;

/// Authentication methods (RFC 1928, section 3).
const ANONYMOUS: u8 = 0;
const PASSWORD: u8 = 2;
const NONE_ACCEPTABLE: u8 = 0xff;

/// The version of the negotiation of user name and password, and the status of success (RFC 1929, section 2).
const PASSWORD_VERSION: u8 = 1;
const PASSWORD_ACCEPTED: u8 = 0;

const CONNECT: u8 = 1;
const RESERVED: u8 = 0;

/// Address types (RFC 1928, section 5).
const V4: u8 = 1;
const NAME: u8 = 3;
const V6: u8 = 4;

/// Encodes a user name and password, each after its length.
pub(super) fn login(user: &[u8], password: &[u8]) -> Result<Vec<u8>> {
    // The length of each is sent as a single byte, and RFC 1929 does not allow an empty user name.
    let refused = |message| Err(Error::request(ErrorKind::InvalidRequest, message));
    let (Ok(user_length), Ok(length)) = (u8::try_from(user.len()), u8::try_from(password.len())) else {
        return refused("a user name or password of more than 255 bytes cannot be sent to a SOCKS proxy");
    };
    if user.is_empty() {
        return refused("an empty user name cannot be sent to a SOCKS proxy");
    }
    Ok([&[PASSWORD_VERSION, user_length], user, &[length], password].concat())
}

/// Asks the proxy to connect to `host`. Sends the user name and password before that if the proxy asks for them.
pub(super) async fn open<S>(stream: &mut S, proxy: &Proxy, login: Option<&[u8]>, host: &str, port: u16) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    // Made before anything is sent: if the host cannot be sent, the stream is untouched.
    let request = request(proxy, host, port)?;
    let mut handshake = SocksHandshake { stream, proxy };
    // 1. Offer methods of authentication.
    match login {
        None => handshake.send(&[VERSION, 1, ANONYMOUS]).await?,
        Some(_) => handshake.send(&[VERSION, 2, ANONYMOUS, PASSWORD]).await?,
    }
    // 2. Authenticate by the method that the proxy has chosen.
    match (handshake.receive().await?, login) {
        ([VERSION, ANONYMOUS], _) => {}
        ([VERSION, PASSWORD], Some(login)) => {
            handshake.send(login).await?;
            match handshake.receive().await? {
                [PASSWORD_VERSION, PASSWORD_ACCEPTED] => {}
                [PASSWORD_VERSION, _] => return Err(proxy.error("does not accept the user name and password")),
                _ => return Err(proxy.error("sends a malformed reply to the user name and password")),
            }
        }
        ([VERSION, NONE_ACCEPTABLE], None) => return Err(proxy.error("requires credentials, and it has none")),
        ([VERSION, NONE_ACCEPTABLE], Some(_)) => {
            return Err(proxy.error("does not accept a user name and password as its authentication method"));
        }
        ([VERSION, _], _) => return Err(proxy.error("chose an authentication method that was not offered")),
        _ => return Err(proxy.error("sends a malformed reply: it does not speak SOCKS 5")),
    }
    // 3. Ask for the connection.
    handshake.send(&request).await?;
    receive_reply(&mut handshake, host, port).await
}

/// Encodes the request to connect.
fn request(proxy: &Proxy, host: &str, port: u16) -> Result<Vec<u8>> {
    let mut request = vec![VERSION, CONNECT, RESERVED];
    match address(host) {
        Some(IpAddr::V4(address)) => {
            request.push(V4);
            request.extend_from_slice(&address.octets());
        }
        Some(IpAddr::V6(address)) => {
            request.push(V6);
            request.extend_from_slice(&address.octets());
        }
        None if proxy.scheme() != ProxyScheme::Socks5h => {
            let message =
                format!("accepts addresses only, and {host:?} is a name: look it up, or use the scheme socks5h");
            return Err(proxy.error(&message));
        }
        None => {
            if !is_name(host) {
                return Err(proxy.error(&format!("cannot be asked to connect to {host:?}, which is not a host name")));
            }
            let length = u8::try_from(host.len());
            let length = length.map_err(|_| proxy.error("cannot be sent a host name of more than 255 bytes"))?;
            request.extend_from_slice(&[NAME, length]);
            request.extend_from_slice(host.as_bytes());
        }
    }
    request.extend_from_slice(&port.to_be_bytes());
    Ok(request)
}

/// Receives the reply to the request to connect. The address from which the proxy has connected is discarded.
async fn receive_reply<S>(handshake: &mut SocksHandshake<'_, S>, host: &str, port: u16) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    // A proxy that refuses may send only these two bytes.
    match handshake.receive().await? {
        [VERSION, 0] => {}
        [VERSION, code] => {
            let error = handshake.proxy.error(&format!("could not connect to {host}:{port}"));
            return Err(error.with_source(SocksReply::v5(code)));
        }
        _ => return Err(handshake.proxy.error("sends a malformed reply to the request to connect")),
    }
    let length = match handshake.receive().await? {
        [RESERVED, V4] => 4,
        [RESERVED, V6] => 16,
        [RESERVED, NAME] => {
            let [length] = handshake.receive().await?;
            usize::from(length)
        }
        _ => return Err(handshake.proxy.error("sends a malformed reply: its address has an unknown type")),
    };
    let mut bound = [0; u8::MAX as usize];
    handshake.fill(bound.get_mut(..length).unwrap_or_default()).await?;
    let _port: [u8; 2] = handshake.receive().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::error::Error as StdError;

    use futures::FutureExt;

    use super::super::script::{ScriptedStream, scripted};
    use super::*;
    use crate::error::Phase;

    const OPEN: &[u8] = b"\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00";

    fn opened(url: &str, host: &str, replies: &[u8], piece: usize) -> (Result<()>, ScriptedStream) {
        let mut stream = scripted(replies, piece);
        let proxy = Proxy::parse(url).unwrap();
        let outcome = proxy.tunnel(&mut stream, host, 443).now_or_never().expect("it never waits");
        (outcome, stream)
    }

    /// Returns what is written to a proxy that sends these replies.
    fn written(url: &str, host: &str, replies: &[u8]) -> Vec<u8> {
        let mut all = None;
        for piece in [1, 3, 1000] {
            let (outcome, stream) = opened(url, host, replies, piece);
            outcome.unwrap();
            assert_eq!(stream.unread(), b"");
            assert_eq!(all.get_or_insert_with(|| stream.written().to_vec()), stream.written());
        }
        all.unwrap()
    }

    #[test]
    fn name_is_sent_only_to_a_proxy_that_looks_it_up() {
        let expected = [&b"\x05\x01\x00\x05\x01\x00\x03\x0bexample.com"[..], &443u16.to_be_bytes()].concat();
        assert_eq!(written("socks5h://proxy.test", "example.com", OPEN), expected);
        let error = opened("socks5://proxy.test", "example.com", OPEN, 9).0.unwrap_err();
        assert!(error.to_string().contains("\"example.com\" is a name"), "{error}");
    }

    #[test]
    fn address_is_sent_as_an_address() {
        for url in ["socks5://proxy.test", "socks5h://proxy.test"] {
            assert_eq!(written(url, "1.2.3.4", OPEN), b"\x05\x01\x00\x05\x01\x00\x01\x01\x02\x03\x04\x01\xbb");
            let v6 = [&b"\x05\x01\x00\x05\x01\x00\x04"[..], &[0; 15], &[1, 1, 0xbb]].concat();
            assert_eq!(written(url, "[::1]", OPEN), v6);
            assert_eq!(written(url, "::1", OPEN), v6);
        }
    }

    #[test]
    fn each_type_of_bound_address_is_read_exactly() {
        let v6 = [&b"\x05\x00\x05\x00\x00\x04"[..], &[7; 18]].concat();
        let name = [&b"\x05\x00\x05\x00\x00\x03\xff"[..], &[b'x'; 257]].concat();
        let empty = b"\x05\x00\x05\x00\x00\x03\x00\x00\x00";
        for reply in [OPEN, &v6, &name, empty] {
            let (outcome, stream) = opened("socks5h://p", "a", &[reply, b"hello"].concat(), 1000);
            outcome.unwrap();
            assert_eq!(stream.unread(), b"hello");
            for cut in 0..reply.len() {
                refused("socks5h://p", &reply[..cut], "closes the connection without a response");
            }
        }
    }

    #[test]
    fn credentials_are_sent_only_if_the_proxy_asks() {
        let replies = [b"\x05\x02\x01\x00", &OPEN[2..]].concat();
        let with_password = written("socks5h://us%40er:pa%20ss@proxy.test", "a", &replies);
        assert_eq!(with_password, b"\x05\x02\x00\x02\x01\x05us@er\x05pa ss\x05\x01\x00\x03\x01a\x01\xbb");
        let unwanted = written("socks5h://user:secret@proxy.test", "a", OPEN);
        assert_eq!(unwanted, b"\x05\x02\x00\x02\x05\x01\x00\x03\x01a\x01\xbb");
        let no_password = written("socks5h://user@proxy.test", "a", &replies);
        assert!(no_password.starts_with(b"\x05\x02\x00\x02\x01\x04user\x00\x05"));
    }

    #[test]
    fn credentials_of_wrong_length_are_refused() {
        let proxy = || Proxy::parse("socks5://proxy.test").unwrap();
        let long = |count: usize| "x".repeat(count);
        assert!(proxy().credentials(&long(255), &long(255)).is_ok());
        for (user, password) in [(long(256), "p".into()), ("u".into(), long(256)), (String::new(), "p".into())] {
            let error = proxy().credentials(&user, &password).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        }
    }

    fn refused(url: &str, replies: &[u8], words: &str) -> Error {
        let mut last = None;
        for piece in [1, 1000] {
            let error = opened(url, "example.com", replies, piece).0.unwrap_err();
            let text = format!("{} {error:?}", error.report());
            assert_eq!((error.kind(), error.phase()), (ErrorKind::Proxy, Phase::Connect), "{text}");
            assert!(text.contains("the proxy socks5h://p:1080") && text.contains(words), "{text}");
            assert!(!text.contains("secret") && !text.contains("user:"), "{text}");
            last = Some(error);
        }
        last.unwrap()
    }

    #[test]
    fn each_reply_code_has_its_message() {
        for (code, words, about_address) in [
            (1, "general failure", true),
            (2, "rules of the proxy do not allow", false),
            (3, "network is unreachable", true),
            (4, "host is unreachable", true),
            (5, "connection was refused", true),
            (6, "time to live has expired", true),
            (7, "does not know the command", false),
            (8, "type of address", true),
            (9, "unknown reply 9", false),
            (255, "unknown reply 255", false),
        ] {
            // Some proxies send only the code.
            for rest in [&b""[..], b"\x00\x01\x00\x00\x00\x00\x00\x00"] {
                let error = refused("socks5h://p", &[b"\x05\x00\x05", &[code][..], rest].concat(), words);
                assert!(error.to_string().contains("could not connect to example.com:443"), "{error}");
                let reply = StdError::source(&error).and_then(|source| source.downcast_ref::<SocksReply>()).unwrap();
                assert_eq!((reply.code(), reply.is_about_address()), (code, about_address));
            }
        }
    }

    #[test]
    fn wrong_and_missing_credentials_have_different_errors() {
        let with = "socks5h://user:secret@p";
        refused(with, b"\x05\x02\x01\x01", "does not accept the user name and password");
        refused(with, b"\x05\xff", "does not accept a user name and password as its authentication method");
        refused("socks5h://p", b"\x05\xff", "requires credentials, and it has none");
        refused("socks5h://p", b"\x05\x02", "that was not offered");
        refused(with, b"\x05\x01", "that was not offered");
        refused(with, b"\x05\x02", "closes the connection without a response");
    }

    #[test]
    fn malformed_replies_are_refused() {
        for replies in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"\x04\x5a\x00\x00", b"\x00\x00"] {
            refused("socks5h://p", replies, "does not speak SOCKS 5");
        }
        refused("socks5h://user:secret@p", b"\x05\x02\x05\x00", "malformed reply to the user name");
        refused("socks5h://p", b"\x05\x00\x04\x00", "malformed reply to the request");
        refused("socks5h://p", b"\x05\x00\x05\x00\x01\x01", "unknown type");
        refused("socks5h://p", b"\x05\x00\x05\x00\x00\x02", "unknown type");
    }

    #[test]
    fn name_longer_than_255_bytes_is_refused() {
        let name = |length| opened("socks5h://p", &"x".repeat(length), OPEN, 1000).0;
        assert!(name(255).is_ok() && name(256).is_err() && name(0).is_err());
    }

    #[test]
    fn ambiguous_name_is_refused() {
        for name in ["evil.test\0.example.com", "a b", "a\n", "a\x7f"] {
            let (outcome, stream) = opened("socks5h://p", name, OPEN, 1000);
            assert_eq!((outcome.unwrap_err().kind(), stream.written()), (ErrorKind::Proxy, &b""[..]), "{name:?}");
        }
    }
}
