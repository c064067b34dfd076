//! Tunnels through SOCKS 5 proxies (RFC 1928), with user name and password (RFC 1929).
//!
//! Every answer says by its first bytes how long it is, so exactly it is read, and no byte of what follows.

use std::error::Error as StdError;
use std::fmt;
use std::net::IpAddr;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{Proxy, ProxyScheme, address, is_name};
use crate::error::{Error, ErrorKind, Result};

const VERSION: u8 = 5;

/// Methods of authentication (RFC 1928, section 3).
const ANONYMOUS: u8 = 0;
const PASSWORD: u8 = 2;
const NONE_ACCEPTABLE: u8 = 0xff;

/// The version of the negotiation of user name and password, and its success (RFC 1929, section 2).
const PASSWORD_VERSION: u8 = 1;
const PASSWORD_ACCEPTED: u8 = 0;

const CONNECT: u8 = 1;
const RESERVED: u8 = 0;

/// Types of addresses (RFC 1928, section 5).
const V4: u8 = 1;
const NAME: u8 = 3;
const V6: u8 = 4;

/// Why a SOCKS proxy could not connect: the code of its reply (RFC 1928, section 6). It is the source of an error of the
/// kind [`Proxy`](ErrorKind::Proxy).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocksReply(u8);

impl SocksReply {
    /// The code, never 0.
    pub fn code(self) -> u8 {
        self.0
    }

    /// Whether it speaks of the address, so that another address of the same host may do better.
    pub fn is_about_address(self) -> bool {
        matches!(self.0, 1 | 3 | 4 | 5 | 6 | 8)
    }
}

impl fmt::Display for SocksReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            1 => "general failure of the proxy",
            2 => "its rules do not allow the connection",
            3 => "the network is unreachable",
            4 => "the host is unreachable",
            5 => "the connection was refused",
            6 => "the time to live has expired",
            7 => "it does not know the command",
            8 => "it does not know the type of address",
            code => return write!(f, "the unknown reply {code}"),
        })
    }
}

impl StdError for SocksReply {}

/// User name and password as they are sent, each with its length before it.
pub(super) fn login(user: &[u8], password: &[u8]) -> Result<Vec<u8>> {
    let refused = |message| Err(Error::request(ErrorKind::InvalidRequest, message));
    let (Ok(user_length), Ok(length)) = (u8::try_from(user.len()), u8::try_from(password.len())) else {
        return refused("a user name or password of more than 255 bytes cannot be sent to a SOCKS proxy");
    };
    if user.is_empty() {
        return refused("an empty user name cannot be sent to a SOCKS proxy");
    }
    Ok([&[PASSWORD_VERSION, user_length], user, &[length], password].concat())
}

/// Asks the proxy to connect to `host`, having said who we are if it wants to know.
pub(super) async fn open<S>(stream: &mut S, proxy: &Proxy, login: Option<&[u8]>, host: &str, port: u16) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    let request = request(proxy, host, port)?;
    let mut talk = Talk { stream, proxy };
    match login {
        None => talk.say(&[VERSION, 1, ANONYMOUS]).await?,
        Some(_) => talk.say(&[VERSION, 2, ANONYMOUS, PASSWORD]).await?,
    }
    match (talk.hear().await?, login) {
        ([VERSION, ANONYMOUS], _) => {}
        ([VERSION, PASSWORD], Some(login)) => {
            talk.say(login).await?;
            match talk.hear().await? {
                [PASSWORD_VERSION, PASSWORD_ACCEPTED] => {}
                [PASSWORD_VERSION, _] => return Err(proxy.error("does not accept the user name and password")),
                _ => return Err(proxy.error("gives no proper answer to user name and password")),
            }
        }
        ([VERSION, NONE_ACCEPTABLE], None) => return Err(proxy.error("wants credentials, and there are none for it")),
        ([VERSION, NONE_ACCEPTABLE], Some(_)) => return Err(proxy.error("wants other credentials than a password")),
        ([VERSION, _], _) => return Err(proxy.error("wants a way to authenticate that it was not offered")),
        _ => return Err(proxy.error("gives no proper answer: it does not speak SOCKS 5")),
    }
    talk.say(&request).await?;
    talk.hear_reply(host, port).await
}

/// The request to connect.
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
            let message = format!("is told addresses only, and {host:?} is a name: it has to be looked up before");
            return Err(proxy.error(&message));
        }
        None => {
            if !is_name(host) {
                return Err(proxy.error(&format!("cannot be told {host:?}, which is not the name of a host")));
            }
            let length = u8::try_from(host.len());
            let length = length.map_err(|_| proxy.error("cannot be told a name of more than 255 bytes"))?;
            request.extend_from_slice(&[NAME, length]);
            request.extend_from_slice(host.as_bytes());
        }
    }
    request.extend_from_slice(&port.to_be_bytes());
    Ok(request)
}

/// The conversation with a proxy.
struct Talk<'a, S: ?Sized> {
    stream: &'a mut S,
    proxy: &'a Proxy,
}

impl<S: AsyncRead + AsyncWrite + Unpin + ?Sized> Talk<'_, S> {
    async fn say(&mut self, bytes: &[u8]) -> Result<()> {
        let broken = |error: std::io::Error| self.proxy.error("breaks the connection").with_source(error);
        self.stream.write_all(bytes).await.map_err(broken)?;
        self.stream.flush().await.map_err(broken)
    }

    async fn hear<const COUNT: usize>(&mut self) -> Result<[u8; COUNT]> {
        let mut bytes = [0; COUNT];
        self.fill(&mut bytes).await?;
        Ok(bytes)
    }

    async fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.stream.read_exact(bytes).await.map_err(|error| {
            let message = match error.kind() {
                std::io::ErrorKind::UnexpectedEof => "closes the connection without an answer",
                _ => "breaks the connection",
            };
            self.proxy.error(message).with_source(error)
        })
    }

    /// Hears how the request to connect went. The address from which the proxy has connected is of no interest.
    async fn hear_reply(&mut self, host: &str, port: u16) -> Result<()> {
        // A proxy that refuses may leave it at that.
        match self.hear().await? {
            [VERSION, 0] => {}
            [VERSION, code] => {
                let error = self.proxy.error(&format!("could not connect to {host}:{port}"));
                return Err(error.with_source(SocksReply(code)));
            }
            _ => return Err(self.proxy.error("gives no proper answer to the request to connect")),
        }
        let length = match self.hear().await? {
            [RESERVED, V4] => 4,
            [RESERVED, V6] => 16,
            [RESERVED, NAME] => {
                let [length] = self.hear().await?;
                usize::from(length)
            }
            _ => return Err(self.proxy.error("gives no proper answer: its address is of an unknown type")),
        };
        let mut bound = [0; u8::MAX as usize];
        self.fill(bound.get_mut(..length).unwrap_or_default()).await?;
        let _port: [u8; 2] = self.hear().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::super::script::{Wire, wire};
    use super::*;
    use crate::error::Phase;

    const OPEN: &[u8] = b"\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00";

    fn opened(url: &str, host: &str, says: &[u8], piece: usize) -> (Result<()>, Wire) {
        let mut wire = wire(says, piece);
        let proxy = Proxy::parse(url).unwrap();
        let outcome = proxy.tunnel(&mut wire, host, 443).now_or_never().expect("it never waits");
        (outcome, wire)
    }

    fn told(url: &str, host: &str, says: &[u8]) -> Vec<u8> {
        let mut all = None;
        for piece in [1, 3, 1000] {
            let (outcome, wire) = opened(url, host, says, piece);
            outcome.unwrap();
            assert_eq!(wire.rest(), b"");
            assert_eq!(all.get_or_insert_with(|| wire.told().to_vec()), wire.told());
        }
        all.unwrap()
    }

    #[test]
    fn a_name_is_told_to_the_proxy_that_looks_it_up() {
        let expected = [&b"\x05\x01\x00\x05\x01\x00\x03\x0bexample.com"[..], &443u16.to_be_bytes()].concat();
        assert_eq!(told("socks5h://proxy.test", "example.com", OPEN), expected);
        let error = opened("socks5://proxy.test", "example.com", OPEN, 9).0.unwrap_err();
        assert!(error.to_string().contains("\"example.com\" is a name"), "{error}");
    }

    #[test]
    fn an_address_is_told_as_one() {
        for url in ["socks5://proxy.test", "socks5h://proxy.test"] {
            assert_eq!(told(url, "1.2.3.4", OPEN), b"\x05\x01\x00\x05\x01\x00\x01\x01\x02\x03\x04\x01\xbb");
            let v6 = [&b"\x05\x01\x00\x05\x01\x00\x04"[..], &[0; 15], &[1, 1, 0xbb]].concat();
            assert_eq!(told(url, "[::1]", OPEN), v6);
            assert_eq!(told(url, "::1", OPEN), v6);
        }
    }

    #[test]
    fn every_type_of_bound_address_is_read_to_its_end_and_no_further() {
        let v6 = [&b"\x05\x00\x05\x00\x00\x04"[..], &[7; 18]].concat();
        let name = [&b"\x05\x00\x05\x00\x00\x03\xff"[..], &[b'x'; 257]].concat();
        let empty = b"\x05\x00\x05\x00\x00\x03\x00\x00\x00";
        for reply in [OPEN, &v6, &name, empty] {
            let (outcome, wire) = opened("socks5h://p", "a", &[reply, b"hello"].concat(), 1000);
            outcome.unwrap();
            assert_eq!(wire.rest(), b"hello");
            for cut in 0..reply.len() {
                refused("socks5h://p", &reply[..cut], "closes the connection without an answer");
            }
        }
    }

    #[test]
    fn credentials_are_offered_and_told_if_wanted() {
        let says = [b"\x05\x02\x01\x00", &OPEN[2..]].concat();
        let told_all = told("socks5h://us%40er:pa%20ss@proxy.test", "a", &says);
        assert_eq!(told_all, b"\x05\x02\x00\x02\x01\x05us@er\x05pa ss\x05\x01\x00\x03\x01a\x01\xbb");
        let unwanted = told("socks5h://user:secret@proxy.test", "a", OPEN);
        assert_eq!(unwanted, b"\x05\x02\x00\x02\x05\x01\x00\x03\x01a\x01\xbb");
        let no_password = told("socks5h://user@proxy.test", "a", &says);
        assert!(no_password.starts_with(b"\x05\x02\x00\x02\x01\x04user\x00\x05"));
    }

    #[test]
    fn credentials_that_do_not_fit_are_refused_before_they_are_sent() {
        let proxy = || Proxy::parse("socks5://proxy.test").unwrap();
        let long = |count: usize| "x".repeat(count);
        assert!(proxy().credentials(&long(255), &long(255)).is_ok());
        for (user, password) in [(long(256), "p".into()), ("u".into(), long(256)), (String::new(), "p".into())] {
            let error = proxy().credentials(&user, &password).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        }
    }

    fn refused(url: &str, says: &[u8], words: &str) -> Error {
        let mut last = None;
        for piece in [1, 1000] {
            let error = opened(url, "example.com", says, piece).0.unwrap_err();
            let text = format!("{error} {error:?}");
            assert_eq!((error.kind(), error.phase()), (ErrorKind::Proxy, Phase::Connect), "{text}");
            assert!(text.contains("the proxy socks5h://p:1080") && text.contains(words), "{text}");
            assert!(!text.contains("secret") && !text.contains("user:"), "{text}");
            last = Some(error);
        }
        last.unwrap()
    }

    #[test]
    fn each_reply_says_why() {
        for (code, words, about_address) in [
            (1, "general failure", true),
            (2, "rules do not allow", false),
            (3, "network is unreachable", true),
            (4, "host is unreachable", true),
            (5, "connection was refused", true),
            (6, "time to live has expired", true),
            (7, "does not know the command", false),
            (8, "type of address", true),
            (9, "unknown reply 9", false),
            (255, "unknown reply 255", false),
        ] {
            // Some leave it at the code.
            for rest in [&b""[..], b"\x00\x01\x00\x00\x00\x00\x00\x00"] {
                let error = refused("socks5h://p", &[b"\x05\x00\x05", &[code][..], rest].concat(), words);
                assert!(error.to_string().contains("could not connect to example.com:443"), "{error}");
                let reply = StdError::source(&error).and_then(|source| source.downcast_ref::<SocksReply>()).unwrap();
                assert_eq!((reply.code(), reply.is_about_address()), (code, about_address));
            }
        }
    }

    #[test]
    fn wrong_and_missing_credentials_are_told_apart() {
        let with = "socks5h://user:secret@p";
        refused(with, b"\x05\x02\x01\x01", "does not accept the user name and password");
        refused(with, b"\x05\xff", "wants other credentials than a password");
        refused("socks5h://p", b"\x05\xff", "wants credentials, and there are none");
        refused("socks5h://p", b"\x05\x02", "it was not offered");
        refused(with, b"\x05\x01", "it was not offered");
        refused(with, b"\x05\x02", "closes the connection without an answer");
    }

    #[test]
    fn garbage_is_refused() {
        for says in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"\x04\x5a\x00\x00", b"\x00\x00"] {
            refused("socks5h://p", says, "does not speak SOCKS 5");
        }
        refused("socks5h://user:secret@p", b"\x05\x02\x05\x00", "no proper answer to user name");
        refused("socks5h://p", b"\x05\x00\x04\x00", "no proper answer to the request");
        refused("socks5h://p", b"\x05\x00\x05\x00\x01\x01", "unknown type");
        refused("socks5h://p", b"\x05\x00\x05\x00\x00\x02", "unknown type");
    }

    #[test]
    fn a_name_of_more_than_255_bytes_is_refused() {
        let name = |length| opened("socks5h://p", &"x".repeat(length), OPEN, 1000).0;
        assert!(name(255).is_ok() && name(256).is_err() && name(0).is_err());
    }

    #[test]
    fn a_name_that_a_proxy_could_cut_short_is_refused() {
        for name in ["evil.test\0.example.com", "a b", "a\n", "a\x7f"] {
            let (outcome, wire) = opened("socks5h://p", name, OPEN, 1000);
            assert_eq!((outcome.unwrap_err().kind(), wire.told()), (ErrorKind::Proxy, &b""[..]), "{name:?}");
        }
    }
}
