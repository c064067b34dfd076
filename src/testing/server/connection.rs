//! The server's side of a connection: a loop that receives a request and sends its reply.

use std::future::poll_fn;
use std::io;
use std::panic::AssertUnwindSafe;

use futures::{AsyncReadExt, AsyncWriteExt, FutureExt, StreamExt};
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderMap, Method, StatusCode, Version};

use super::http2::{self, Http2Config};
use super::output::{ReplyStop, ReplyWriter, head_lines, put_fields};
use super::reply::ReplyContent;
use super::request::{Incoming, Received};
use super::{Handler, Reply};
use crate::http1::buffer::ReadBuffer;
use crate::http1::framing::wants_more;
use crate::message::body::Body;
use crate::transport::Transport;

/// How many bytes of an unread body are skipped at most, so that the connection can be kept.
pub(super) const MAX_SKIPPED: u64 = 1024 * 1024;

/// How many bytes are read at most from a connection after its last reply. Closing a socket with unread bytes resets
/// it, and the client might lose the reply.
const MAX_LINGER: u64 = 16 * 1024 * 1024;

/// Serves the requests on `transport` in turn, until either side closes the connection.
///
/// An invalid request, and a request with a malformed body that the handler reads, is answered with a status of 400 or
/// above, and the connection is closed. If the handler panics, the answer has status 500. An unread rest of a body is
/// skipped if it is at most 1 MiB; otherwise the connection is closed.
///
/// # Errors
/// If the connection fails, or the body of a reply fails.
///
/// # Cancellation
/// Dropping the future drops the connection and the handler's future.
pub async fn serve_connection(transport: Box<dyn Transport>, handler: &dyn Handler) -> io::Result<()> {
    ServerConnection { handler, number: 0, reset: &|| () }.serve(transport).await
}

/// A connection of a server.
pub(crate) struct ServerConnection<'a> {
    pub(crate) handler: &'a dyn Handler,
    pub(crate) number: u64,
    /// Makes the connection reset when it is dropped.
    pub(crate) reset: &'a (dyn Fn() + Send + Sync),
}

impl ServerConnection<'_> {
    pub(crate) async fn serve(&self, mut transport: Box<dyn Transport>) -> io::Result<()> {
        let mut input = ReadBuffer::new();
        let config = self.handler.http2();
        if self.begins_with_http2(&mut transport, &mut input, &config).await? {
            return http2::serve(self, config, transport, input.data()).await;
        }
        loop {
            match Incoming::receive(transport, input, self.number).await? {
                Received::Closed => return Ok(()),
                Received::Refused(mut transport, refusal) => {
                    let reply = Reply::new(refusal.status, refusal.message);
                    let sent = send(&mut transport, reply, &ReplyContext::invalid_request()).await;
                    return self.close(&mut transport, sent.map(drop), false).await;
                }
                Received::Request(mut request) => {
                    let sent = self.answer(&mut request).await;
                    let can_keep = matches!(sent, Ok(true)) && skip_body(&mut request).await;
                    let has_ended = request.has_ended();
                    let Some(connection) = request.into_connection() else { return Ok(()) };
                    (transport, input) = connection;
                    if !can_keep {
                        return self.close(&mut transport, sent.map(drop), has_ended).await;
                    }
                }
            }
        }
    }

    /// Returns whether the client speaks HTTP/2. Reads until the first bytes tell it.
    async fn begins_with_http2(
        &self,
        transport: &mut Box<dyn Transport>,
        input: &mut ReadBuffer,
        config: &Http2Config,
    ) -> io::Result<bool> {
        loop {
            match http2::preface_left(&**transport, input.data(), config) {
                None => return Ok(false),
                Some(0) => return Ok(true),
                Some(_) => {}
            }
            if poll_fn(|cx| input.poll_fill(cx, &mut **transport)).await? == 0 {
                return Ok(false);
            }
        }
    }

    /// Answers a request. Returns whether the connection can be kept for another request.
    async fn answer(&self, request: &mut Incoming) -> Result<bool, ReplyStop> {
        // A handler that panics must not end the server: the test sees status 500.
        let handled = AssertUnwindSafe(async { self.handler.handle(request).await }).catch_unwind().await;
        let mut can_keep_alive = request.can_keep_alive(MAX_SKIPPED);
        let reply = match request.malformed() {
            // After a malformed body the begin of the next request is not known.
            Some(refusal) => {
                can_keep_alive = false;
                Reply::new(refusal.status, refusal.message)
            }
            None => handled.unwrap_or_else(|_| Reply::new(500, "the handler panicked")),
        };
        let context =
            ReplyContext { is_head: request.method() == Method::HEAD, version: request.version(), can_keep_alive };
        match request.transport() {
            Some(transport) => send(transport, reply, &context).await,
            None => Ok(false),
        }
    }

    /// Ends the connection after its last reply. `is_read` tells whether the request was read to its end.
    async fn close(
        &self,
        transport: &mut Box<dyn Transport>,
        sent: Result<(), ReplyStop>,
        is_read: bool,
    ) -> io::Result<()> {
        match sent {
            Err(ReplyStop::Failed(error)) => return Err(error),
            Err(ReplyStop::Reset) => {
                (self.reset)();
                return Ok(());
            }
            // The writing half closes first, so that the client sees the end of the reply.
            Err(ReplyStop::Close) | Ok(()) => transport.close().await?,
        }
        let mut ignored = vec![0; 16 * 1024];
        // A request that was read to its end leaves no unread bytes, so closing does not reset the connection.
        let mut left = if is_read { 0 } else { MAX_LINGER };
        while left > 0 {
            match transport.read(&mut ignored).await {
                Ok(count) if count > 0 => left = left.saturating_sub(count as u64),
                _ => break,
            }
        }
        Ok(())
    }
}

/// The properties of a request that determine how its reply is sent.
struct ReplyContext {
    is_head: bool,
    version: Version,
    /// Whether the connection can be kept after the reply.
    can_keep_alive: bool,
}

impl ReplyContext {
    /// The context of a reply to bytes that are not a valid request.
    fn invalid_request() -> Self {
        Self { is_head: false, version: Version::HTTP_11, can_keep_alive: false }
    }
}

/// Sends a reply. Returns whether the connection can be kept.
async fn send(transport: &mut Box<dyn Transport>, reply: Reply, context: &ReplyContext) -> Result<bool, ReplyStop> {
    let mut output = ReplyWriter::new(transport, reply.faults);
    let (status, headers, mut body, trailers) = match reply.content {
        ReplyContent::Response { status, headers, body, trailers } => (status, headers, body, trailers),
        ReplyContent::Raw(mut bytes) => {
            output.begin_body();
            while let Some(chunk) = bytes.next().await {
                output.data(&chunk.map_err(io::Error::other)?).await?;
                output.flush().await?;
            }
            output.finish().await?;
            return Ok(false);
        }
    };
    // A declared length wins over the body's own, so that a test can send a wrong length.
    let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    // Only a chunked body has trailers.
    let length: Option<u64> = declared.or(body.length().filter(|_| trailers.is_empty()));
    // These responses have no body, independent of their headers (RFC 9112, section 6.3).
    let bodiless = context.is_head || [204, 304].contains(&status.as_u16());
    // HTTP/1.0 has no chunks: without a length the end of the connection is the end of the body.
    let delimited = bodiless || length.is_some() || context.version == Version::HTTP_11;
    let keep_alive = context.can_keep_alive && delimited && wants_more(Version::HTTP_11, &headers);
    output.lines(&head(status, &headers, length, context.version, keep_alive)).await?;
    output.begin_body();
    if bodiless {
        output.finish().await?;
        return Ok(keep_alive);
    }
    let complete = match length.is_none() && delimited {
        true => send_chunked(&mut output, &mut body, &trailers).await?,
        false => send_plain(&mut output, &mut body, length).await?,
    };
    output.finish().await?;
    Ok(complete && keep_alive)
}

fn head(status: StatusCode, headers: &HeaderMap, length: Option<u64>, version: Version, keep_alive: bool) -> Vec<u8> {
    let mut head = head_lines(status, headers);
    // Further lines follow.
    head.truncate(head.len() - 2);
    let connection = if keep_alive { "connection: keep-alive\r\n" } else { "connection: close\r\n" };
    if !headers.contains_key(CONNECTION) && (!keep_alive || version == Version::HTTP_10) {
        head.extend_from_slice(connection.as_bytes());
    }
    match length {
        _ if status == StatusCode::NO_CONTENT || headers.contains_key(CONTENT_LENGTH) => {}
        Some(length) => head.extend_from_slice(format!("content-length: {length}\r\n").as_bytes()),
        None if version == Version::HTTP_11 => head.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        None => {}
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Sends a body without chunks; a small body leaves together with its head. Returns whether it had the declared length.
async fn send_plain(output: &mut ReplyWriter<'_>, body: &mut Body, length: Option<u64>) -> Result<bool, ReplyStop> {
    let mut sent = 0;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(io::Error::other)?;
        output.data(&chunk).await?;
        output.flush().await?;
        sent += chunk.len() as u64;
    }
    Ok(length.is_none_or(|length| length == sent))
}

async fn send_chunked(output: &mut ReplyWriter<'_>, body: &mut Body, trailers: &HeaderMap) -> Result<bool, ReplyStop> {
    // The head leaves now, because the first chunk may take long.
    output.flush().await?;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(io::Error::other)?;
        // An empty chunk would end the body.
        if chunk.is_empty() {
            continue;
        }
        output.lines(format!("{:x}\r\n", chunk.len()).as_bytes()).await?;
        output.data(&chunk).await?;
        output.lines(b"\r\n").await?;
        output.flush().await?;
    }
    let mut end = b"0\r\n".to_vec();
    put_fields(&mut end, trailers);
    end.extend_from_slice(b"\r\n");
    output.lines(&end).await?;
    Ok(true)
}

/// Skips the unread rest of the body, so that the next request can be read. Returns false if it is too long or
/// malformed.
async fn skip_body(request: &mut Incoming) -> bool {
    let mut left = MAX_SKIPPED;
    loop {
        match request.chunk().await {
            Ok(Some(chunk)) if chunk.len() as u64 <= left => left -= chunk.len() as u64,
            Ok(None) => return true,
            Ok(Some(_)) | Err(_) => return false,
        }
    }
}
