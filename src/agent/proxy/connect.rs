//! Tunnels through `http` and `https` proxies, with `CONNECT` (RFC 9110, section 9.3.6).

use std::future::poll_fn;
use std::net::IpAddr;

use futures::{AsyncRead, AsyncWrite, AsyncWriteExt};
use http::header::{PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, StatusCode};

use super::{Proxy, address, is_name};
use crate::error::{Error, Result, Source};
use crate::http1::buffer::ReadBuffer;
use crate::http1::{AGENT_NAME, HeadDecoder, HeadEvent, Http1Limits, ResponseHead, encode_headers};

/// Asks the proxy for a tunnel to `host`. The request contains the host, the user agent, and the headers and
/// credentials for the proxy. It contains nothing of the request that the tunnel is for.
pub(super) async fn open<S>(stream: &mut S, proxy: &Proxy, host: &str, port: u16) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    let authority = authority(host, port).ok_or_else(|| {
        proxy.error(&format!("cannot be asked for a tunnel to {host:?}, which is neither an address nor a host name"))
    })?;
    let failed = |error: std::io::Error| broken(proxy, error);
    stream.write_all(&request(proxy, &authority)).await.map_err(failed)?;
    stream.flush().await.map_err(failed)?;
    let status = response_status(stream, proxy).await?;
    if status.is_success() {
        return Ok(());
    }
    Err(proxy.error(&format!("refuses a tunnel to {authority}")).with_status(status))
}

/// Returns the target of the tunnel as a request writes it. Returns `None` if the proxy could read another target, or
/// several targets.
fn authority(host: &str, port: u16) -> Option<String> {
    match address(host) {
        Some(IpAddr::V6(address)) => Some(format!("[{address}]:{port}")),
        // Brackets are for IPv6 only: a proxy could read them as a part of a name.
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
    let mut own = HeaderMap::new();
    if !proxy.headers.contains_key(USER_AGENT) {
        own.insert(USER_AGENT, AGENT_NAME);
    }
    if let Some(credentials) = proxy.authorization() {
        own.insert(PROXY_AUTHORIZATION, credentials.clone());
    }
    encode_headers(&mut request, &own);
    encode_headers(&mut request, &proxy.headers);
    request.extend_from_slice(b"\r\n");
    request
}

/// Returns the status of the proxy's response. The size of its head is limited.
async fn response_status<S: AsyncRead + Unpin + ?Sized>(stream: &mut S, proxy: &Proxy) -> Result<StatusCode> {
    let limits = Http1Limits::default();
    let mut buffer = ReadBuffer::new();
    let mut decoder = HeadDecoder::default();
    let mut head = ResponseHead::default();
    loop {
        // The decoder bounds the informational responses.
        match decode_head(&mut buffer, &mut decoder, &limits, &mut head, proxy)? {
            HeadEvent::Final => {}
            HeadEvent::Informational => continue,
            HeadEvent::More => {
                fill(stream, &mut buffer, proxy).await?;
                continue;
            }
        }
        // The other end of the tunnel cannot have sent these bytes: nothing has been sent to it yet.
        if head.status.is_success() && !buffer.data().is_empty() {
            return Err(proxy.error("sends more than the head that opens a tunnel"));
        }
        return Ok(head.status);
    }
}

/// Decodes the next head of what has been read.
fn decode_head(
    buffer: &mut ReadBuffer,
    decoder: &mut HeadDecoder,
    limits: &Http1Limits,
    head: &mut ResponseHead,
    proxy: &Proxy,
) -> Result<HeadEvent> {
    let event = decoder.next(buffer, limits, head);
    event.map_err(|error| proxy.error("sends a malformed response").with_source(error))
}

/// Reads once.
async fn fill<S: AsyncRead + Unpin + ?Sized>(stream: &mut S, buffer: &mut ReadBuffer, proxy: &Proxy) -> Result<()> {
    let count = poll_fn(|cx| buffer.poll_fill(cx, stream)).await.map_err(|error| broken(proxy, error))?;
    if count == 0 {
        let end = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        return Err(proxy.error("closes the connection without a response").with_source(end));
    }
    Ok(())
}

/// Creates the error for a connection that failed.
fn broken(proxy: &Proxy, cause: impl Into<Source>) -> Error {
    proxy.error("breaks the connection").with_source(cause)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::super::script::{ScriptedStream, scripted};
    use super::*;
    use crate::error::{ErrorKind, Phase};

    /// The line of the user agent.
    const AGENT: &str = concat!("user-agent: waterspout/", env!("CARGO_PKG_VERSION"), "\r\n");

    fn proxy() -> Proxy {
        Proxy::parse("http://user:secret@proxy.test:3128").unwrap()
    }

    /// Opens a tunnel through a proxy that sends `response` in pieces of this size and then closes the connection.
    fn opened(response: &[u8], piece: usize) -> (Result<()>, ScriptedStream) {
        let mut stream = scripted(response, piece);
        let outcome = open(&mut stream, &proxy(), "example.com", 443).now_or_never().expect("it never waits");
        (outcome, stream)
    }

    #[test]
    fn request_has_host_user_agent_and_credentials() {
        let (outcome, stream) = opened(b"HTTP/1.1 200 Connection established\r\n\r\n", 100);
        outcome.unwrap();
        // `user:secret`
        let expected = format!(
            "CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n{AGENT}\
             proxy-authorization: Basic dXNlcjpzZWNyZXQ=\r\n\r\n"
        );
        assert_eq!(stream.written_text(), expected);
        let mut anonymous = scripted(b"HTTP/1.1 200 OK\r\n\r\n", 1);
        let proxy = Proxy::parse("proxy.test").unwrap();
        open(&mut anonymous, &proxy, "[::1]", 80).now_or_never().unwrap().unwrap();
        assert_eq!(anonymous.written_text(), format!("CONNECT [::1]:80 HTTP/1.1\r\nhost: [::1]:80\r\n{AGENT}\r\n"));
    }

    #[test]
    fn request_has_the_callers_headers() {
        let headers = |proxy: Proxy| {
            let mut stream = scripted(b"HTTP/1.1 200 OK\r\n\r\n", 1000);
            open(&mut stream, &proxy, "a.test", 1).now_or_never().unwrap().unwrap();
            let written = stream.written_text();
            let lines = written.strip_prefix("CONNECT a.test:1 HTTP/1.1\r\nhost: a.test:1\r\n").unwrap();
            lines.strip_suffix("\r\n").unwrap().to_owned()
        };
        let with = |name: &str, value: &str| proxy().header(name, value).unwrap();
        let basic = "proxy-authorization: Basic dXNlcjpzZWNyZXQ=\r\n";
        assert_eq!(headers(with("X-Token", "t")), format!("{AGENT}{basic}x-token: t\r\n"));
        let twice = with("x-a", "1").header("x-a", "2").unwrap();
        assert_eq!(headers(twice), format!("{AGENT}{basic}x-a: 1\r\nx-a: 2\r\n"));
        assert_eq!(headers(with("User-Agent", "spider/2")), format!("{basic}user-agent: spider/2\r\n"));
        let bearer = with("proxy-authorization", "Bearer t");
        assert_eq!(headers(bearer), format!("{AGENT}proxy-authorization: Bearer t\r\n"));
    }

    #[test]
    fn ipv6_address_is_sent_in_brackets() {
        for host in ["::1", "[::1]"] {
            let mut stream = scripted(b"HTTP/1.1 200 OK\r\n\r\n", 1000);
            let proxy = Proxy::parse("proxy.test").unwrap();
            open(&mut stream, &proxy, host, 80).now_or_never().unwrap().unwrap();
            let expected = format!("CONNECT [::1]:80 HTTP/1.1\r\nhost: [::1]:80\r\n{AGENT}\r\n");
            assert_eq!(stream.written_text(), expected);
        }
    }

    #[test]
    fn each_successful_status_opens_however_its_bytes_are_split() {
        let heads: [&[u8]; 5] = [
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.0 200 Connection established\r\nproxy-agent: x\r\n\r\n",
            b"HTTP/1.1 204 No Content\r\n\r\n",
            // Both headers have no meaning here (RFC 9110, section 9.3.6).
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        ];
        let many = [&b"HTTP/1.1 102 Processing\r\n\r\n".repeat(100)[..], b"HTTP/1.1 200 OK\r\n\r\n"].concat();
        for head in heads.into_iter().chain([&many[..]]) {
            for piece in [1, 2, 3, head.len()] {
                assert!(opened(head, piece).0.is_ok(), "{:?}", head.escape_ascii().to_string());
            }
        }
    }

    fn refused(response: &[u8], piece: usize, words: &str) -> Error {
        let error = opened(response, piece).0.unwrap_err();
        let text = format!("{error} {error:?}");
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Proxy, Phase::Connect), "{text}");
        assert!(text.contains("the proxy http://proxy.test:3128") && text.contains(words), "{text}");
        assert!(!text.contains("secret") && !text.contains("dXNl") && !text.contains("user"), "{text}");
        error
    }

    #[test]
    fn refusal_names_status_proxy_and_target() {
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
    fn malformed_and_endless_responses_are_refused() {
        let endless = [b"HTTP/1.1 200 OK\r\n".to_vec(), b"a: b\r\n".repeat(20_000)].concat();
        let informational = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(20_000);
        for piece in [1, 1000] {
            refused(b"", piece, "closes the connection without a response");
            refused(b"HTTP/1.1 200 OK\r\n", piece, "closes the connection without a response");
            refused(b"SSH-2.0-OpenSSH\r\n", piece, "not HTTP/1.x");
            refused(b"\x05\x00", piece, "not HTTP/1.x");
            refused(b"HTTP/1.1 abc OK\r\n\r\n", piece, "sends a malformed response");
            refused(b"HTTP/1.1 200 OK\r\na b\r\n\r\n", piece, "sends a malformed response");
            refused(&endless, piece, "larger than 65536 bytes");
            refused(&informational, piece, "larger than 262144 bytes together");
        }
    }

    #[test]
    fn bytes_after_the_head_are_refused() {
        refused(b"HTTP/1.1 200 OK\r\n\r\nx", 1000, "more than the head");
        // A byte that arrives with the next read belongs to the tunnel.
        let (outcome, stream) = opened(b"HTTP/1.1 200 OK\r\n\r\nx", 1);
        outcome.unwrap();
        assert_eq!(stream.unread(), b"x");
    }

    #[test]
    fn ambiguous_host_is_refused() {
        let ambiguous = [
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
        for host in ["", "a b", "a\r\nx: y", "a\0"].into_iter().chain(ambiguous) {
            let mut stream = scripted(b"HTTP/1.1 200 OK\r\n\r\n", 1000);
            let error = open(&mut stream, &proxy(), host, 1).now_or_never().unwrap().unwrap_err();
            assert_eq!((error.kind(), stream.written_text().as_str()), (ErrorKind::Proxy, ""), "{host:?}");
        }
    }
}
