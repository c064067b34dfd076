//! Tunnels through `http` and `https` proxies: `CONNECT` (RFC 9110, section 9.3.6).

use std::future::poll_fn;
use std::net::IpAddr;

use futures::{AsyncRead, AsyncWrite, AsyncWriteExt};
use http::StatusCode;

use super::{Proxy, address, is_name};
use crate::error::{Error, Result, Source};
use crate::http1::buffer::ReadBuffer;
use crate::http1::{HeadDecoder, Limits, ResponseHead};

/// Asks the proxy for a tunnel. The request says where to and who asks, and nothing else.
pub(super) async fn open<S>(stream: &mut S, proxy: &Proxy, host: &str, port: u16) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    let authority = authority(host, port).ok_or_else(|| {
        proxy.error(&format!("cannot be asked for {host:?}, which is neither an address nor the name of a host"))
    })?;
    let failed = |error: std::io::Error| broken(proxy, error);
    stream.write_all(&request(proxy, &authority)).await.map_err(failed)?;
    stream.flush().await.map_err(failed)?;
    let status = answer(stream, proxy).await?;
    if status.is_success() {
        return Ok(());
    }
    Err(proxy.error(&format!("refuses a tunnel to {authority}")).with_status(status))
}

/// Where the tunnel leads, as a request says it; nothing for what could be read as another place, or as more than one.
fn authority(host: &str, port: u16) -> Option<String> {
    match address(host) {
        Some(IpAddr::V6(address)) => Some(format!("[{address}]:{port}")),
        Some(IpAddr::V4(_)) if host.starts_with('[') => None,
        Some(IpAddr::V4(_)) => Some(format!("{host}:{port}")),
        None if is_name(host) && !host.contains([':', '/', '\\', '?', '#', '@', '[', ']']) => {
            Some(format!("{host}:{port}"))
        }
        None => None,
    }
}

fn request(proxy: &Proxy, authority: &str) -> Vec<u8> {
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n").into_bytes();
    if let Some(credentials) = proxy.authorization() {
        for part in [b"proxy-authorization: ", credentials.as_bytes(), b"\r\n"] {
            request.extend_from_slice(part);
        }
    }
    request.extend_from_slice(b"\r\n");
    request
}

/// The status of the proxy's answer. Its head is bounded, and ends what a proxy may say for itself.
async fn answer<S: AsyncRead + Unpin + ?Sized>(stream: &mut S, proxy: &Proxy) -> Result<StatusCode> {
    let limits = Limits::default();
    let (mut buffer, mut decoder) = (ReadBuffer::new(), HeadDecoder::default());
    for _ in 0..=limits.interim {
        let head = head(stream, &mut buffer, &mut decoder, &limits, proxy).await?;
        if head.status.is_informational() && head.status != StatusCode::SWITCHING_PROTOCOLS {
            continue;
        }
        // What comes before the first byte has gone through the tunnel cannot be from its other end.
        if head.status.is_success() && !buffer.data().is_empty() {
            return Err(proxy.error("sends more than the head that opens a tunnel"));
        }
        return Ok(head.status);
    }
    Err(proxy.error("sends interim answers only"))
}

async fn head<S: AsyncRead + Unpin + ?Sized>(
    stream: &mut S,
    buffer: &mut ReadBuffer,
    decoder: &mut HeadDecoder,
    limits: &Limits,
    proxy: &Proxy,
) -> Result<ResponseHead> {
    loop {
        let complete = decoder.next(buffer, limits);
        if let Some(head) = complete.map_err(|error| proxy.error("gives no proper answer").with_source(error))? {
            return Ok(head);
        }
        let count = poll_fn(|cx| buffer.poll_fill(cx, stream)).await.map_err(|error| broken(proxy, error))?;
        if count == 0 {
            let end = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
            return Err(proxy.error("closes the connection without an answer").with_source(end));
        }
    }
}

fn broken(proxy: &Proxy, cause: impl Into<Source>) -> Error {
    proxy.error("breaks the connection").with_source(cause)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::super::script::{Wire, wire};
    use super::*;
    use crate::error::{ErrorKind, Phase};

    fn proxy() -> Proxy {
        Proxy::parse("http://user:secret@proxy.test:3128").unwrap()
    }

    /// What comes of an answer that comes in pieces of this size, and then nothing more.
    fn opened(answer: &[u8], piece: usize) -> (Result<()>, Wire) {
        let mut wire = wire(answer, piece);
        let outcome = open(&mut wire, &proxy(), "example.com", 443).now_or_never().expect("it never waits");
        (outcome, wire)
    }

    #[test]
    fn the_request_names_host_and_credentials_and_nothing_else() {
        let (outcome, wire) = opened(b"HTTP/1.1 200 Connection established\r\n\r\n", 100);
        outcome.unwrap();
        // `user:secret`
        let expected = "CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\
                        proxy-authorization: Basic dXNlcjpzZWNyZXQ=\r\n\r\n";
        assert_eq!(wire.written(), expected);
        let mut anonymous = super::super::script::wire(b"HTTP/1.1 200 OK\r\n\r\n", 1);
        let proxy = Proxy::parse("proxy.test").unwrap();
        open(&mut anonymous, &proxy, "[::1]", 80).now_or_never().unwrap().unwrap();
        assert_eq!(anonymous.written(), "CONNECT [::1]:80 HTTP/1.1\r\nhost: [::1]:80\r\n\r\n");
    }

    #[test]
    fn an_ipv6_address_is_told_in_brackets_however_it_was_given() {
        for host in ["::1", "[::1]"] {
            let mut wire = wire(b"HTTP/1.1 200 OK\r\n\r\n", 1000);
            let proxy = Proxy::parse("proxy.test").unwrap();
            open(&mut wire, &proxy, host, 80).now_or_never().unwrap().unwrap();
            assert_eq!(wire.written(), "CONNECT [::1]:80 HTTP/1.1\r\nhost: [::1]:80\r\n\r\n");
        }
    }

    #[test]
    fn every_status_of_success_opens_however_its_bytes_come() {
        let heads: [&[u8]; 5] = [
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.0 200 Connection established\r\nproxy-agent: x\r\n\r\n",
            b"HTTP/1.1 204 No Content\r\n\r\n",
            // Both lengths mean nothing here (RFC 9110, section 9.3.6).
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        ];
        for head in heads {
            for piece in [1, 2, 3, head.len()] {
                assert!(opened(head, piece).0.is_ok(), "{:?}", head.escape_ascii().to_string());
            }
        }
    }

    fn refused(answer: &[u8], piece: usize, words: &str) -> Error {
        let error = opened(answer, piece).0.unwrap_err();
        let text = format!("{error} {error:?}");
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Proxy, Phase::Connect), "{text}");
        assert!(text.contains("the proxy http://proxy.test:3128") && text.contains(words), "{text}");
        assert!(!text.contains("secret") && !text.contains("dXNl") && !text.contains("user"), "{text}");
        error
    }

    #[test]
    fn a_refusal_names_status_proxy_and_goal() {
        for (head, status) in [
            (&b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\r\n"[..], 407),
            (b"HTTP/1.1 403 Forbidden\r\ncontent-length: 4\r\n\r\nbody", 403),
            (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", 502),
            (b"HTTP/1.1 301 Moved\r\nlocation: http://x/\r\n\r\n", 301),
            (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", 101),
        ] {
            for piece in [1, 1000] {
                let error = refused(head, piece, "refuses a tunnel to example.com:443");
                assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
                assert!(error.to_string().contains(&status.to_string()), "{error}");
            }
        }
    }

    #[test]
    fn garbage_and_what_has_no_end_are_refused() {
        let endless = [b"HTTP/1.1 200 OK\r\n".to_vec(), b"a: b\r\n".repeat(20_000)].concat();
        let interim = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(100);
        for piece in [1, 1000] {
            refused(b"", piece, "closes the connection without an answer");
            refused(b"HTTP/1.1 200 OK\r\n", piece, "closes the connection without an answer");
            refused(b"SSH-2.0-OpenSSH\r\n", piece, "not HTTP/1.x");
            refused(b"\x05\x00", piece, "not HTTP/1.x");
            refused(b"HTTP/1.1 abc OK\r\n\r\n", piece, "gives no proper answer");
            refused(b"HTTP/1.1 200 OK\r\na b\r\n\r\n", piece, "gives no proper answer");
            refused(&endless, piece, "larger than 65536 bytes");
            refused(&interim, piece, "interim answers only");
        }
    }

    #[test]
    fn bytes_behind_the_head_are_refused() {
        refused(b"HTTP/1.1 200 OK\r\n\r\nx", 1000, "more than the head");
        // One that comes with the next read is for whoever speaks through the tunnel.
        let (outcome, wire) = opened(b"HTTP/1.1 200 OK\r\n\r\nx", 1);
        outcome.unwrap();
        assert_eq!(wire.rest(), b"x");
    }

    #[test]
    fn a_host_that_could_be_read_as_something_else_is_refused() {
        let odd = [
            "a:22",
            "user@a",
            "a/b",
            "a?b",
            "a#b",
            "a\\b",
            "[::1",
            "::1]",
            "[a]",
            "[[::1]]",
            "[1.2.3.4]",
            "\u{e9}.test",
        ];
        for host in ["", "a b", "a\r\nx: y", "a\0"].into_iter().chain(odd) {
            let mut wire = wire(b"HTTP/1.1 200 OK\r\n\r\n", 1000);
            let error = open(&mut wire, &proxy(), host, 1).now_or_never().unwrap().unwrap_err();
            assert_eq!((error.kind(), wire.written().as_str()), (ErrorKind::Proxy, ""), "{host:?}");
        }
    }
}
