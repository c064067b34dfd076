//! A connection's life on the server's side: requests and replies in turn.

use std::io;

use futures::{AsyncWriteExt, StreamExt};
use http::{HeaderMap, Method, StatusCode};

use super::reply::Form;
use super::request::Incoming;
use super::{Handler, Reply};
use crate::body::Body;
use crate::http1::buffer::ReadBuffer;
use crate::transport::Transport;

/// Serves requests on `transport` until either side closes it.
///
/// # Errors
/// If the connection fails, or the body of a reply does.
pub async fn serve_connection(mut transport: Box<dyn Transport>, handler: &dyn Handler) -> io::Result<()> {
    let mut input = ReadBuffer::new();
    while let Some(mut request) = Incoming::receive(transport, input).await? {
        if request.expects_continue() {
            request.transport().write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let reply = handler.handle(&mut request).await;
        if !send(&mut request, reply).await? || !read_over(&mut request).await {
            request.transport().close().await?;
            return Ok(());
        }
        (transport, input) = request.into_connection();
    }
    Ok(())
}

/// Sends a reply and says whether the connection can go on.
async fn send(request: &mut Incoming, reply: Reply) -> io::Result<bool> {
    let (status, headers, body) = match reply.0 {
        Form::Response { status, headers, body } => (status, headers, body),
        Form::Raw(mut bytes) => {
            while let Some(chunk) = bytes.next().await {
                request.transport().write_all(&chunk.map_err(io::Error::other)?).await?;
            }
            return Ok(false);
        }
    };
    let bodiless = request.method() == Method::HEAD || [204, 304].contains(&status.as_u16());
    let chunked = body.length().is_none();
    let head = head(status, &headers, &body);
    if bodiless {
        request.transport().write_all(&head).await?;
        return Ok(request.wants_more());
    }
    let complete = send_body(request, head, body, chunked).await?;
    Ok(complete && request.wants_more())
}

fn head(status: StatusCode, headers: &HeaderMap, body: &Body) -> Vec<u8> {
    let reason = status.canonical_reason().unwrap_or("Unknown");
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).into_bytes();
    for (name, value) in headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    match body.length() {
        _ if status == StatusCode::NO_CONTENT => {}
        Some(length) => head.extend_from_slice(format!("content-length: {length}\r\n").as_bytes()),
        None => head.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Sends head and body, small ones in one piece, and says whether the body was as long as its head said.
async fn send_body(request: &mut Incoming, head: Vec<u8>, mut body: Body, chunked: bool) -> io::Result<bool> {
    let mut left = body.length().unwrap_or(u64::MAX);
    let mut out = head;
    if chunked {
        // The first chunk may be a long time coming.
        request.transport().write_all(&out).await?;
        out.clear();
    }
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(io::Error::other)?;
        if chunk.is_empty() {
            continue;
        }
        if chunked {
            out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        }
        out.extend_from_slice(&chunk);
        if chunked {
            out.extend_from_slice(b"\r\n");
        }
        request.transport().write_all(&out).await?;
        out.clear();
        left = left.saturating_sub(chunk.len() as u64);
    }
    if chunked {
        out.extend_from_slice(b"0\r\n\r\n");
    }
    request.transport().write_all(&out).await?;
    Ok(chunked || left == 0)
}

/// Reads what the handler left of the body, so that the next request is found after it.
async fn read_over(request: &mut Incoming) -> bool {
    loop {
        match request.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}
