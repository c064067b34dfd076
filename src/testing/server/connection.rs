//! A connection's life on the server's side: requests and replies in turn.

use std::io;
use std::panic::AssertUnwindSafe;

use futures::{AsyncReadExt, AsyncWriteExt, FutureExt, StreamExt};
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderMap, Method, StatusCode, Version};

use super::output::{Ended, Output};
use super::reply::Form;
use super::request::{Incoming, Received};
use super::{Handler, Reply};
use crate::http1::buffer::ReadBuffer;
use crate::http1::framing::wants_more;
use crate::message::body::Body;
use crate::transport::Transport;

/// The most of a body that is read over, if the handler left it, so that the connection can go on.
const MOST_READ_OVER: u64 = 1024 * 1024;

/// The most that is read of a connection that is over, so that the client gets to read the answer before it hears that
/// nobody listens.
const MOST_LINGERING: u64 = 16 * 1024 * 1024;

/// Serves requests on `transport`, one after the other, until either side closes it.
///
/// What is no request is answered with a status of 400 or above, and so is one whose body turns out malformed while the
/// handler reads it; then the connection is closed. A handler that panics answers with status 500. What a handler leaves
/// of a body is read over if it is no more than 1 MiB; else the connection is closed.
///
/// # Errors
/// If the connection fails, or the body of a reply does.
///
/// # Cancellation
/// Dropping the future drops the connection and the handler's future.
pub async fn serve_connection(transport: Box<dyn Transport>, handler: &dyn Handler) -> io::Result<()> {
    Session { handler, number: 0, reset: &|| () }.serve(transport).await
}

/// One connection of a server.
pub(crate) struct Session<'a> {
    pub(crate) handler: &'a dyn Handler,
    pub(crate) number: u64,
    /// Has the connection break once it is dropped.
    pub(crate) reset: &'a (dyn Fn() + Send + Sync),
}

impl Session<'_> {
    pub(crate) async fn serve(&self, mut transport: Box<dyn Transport>) -> io::Result<()> {
        let mut input = ReadBuffer::new();
        loop {
            match Incoming::receive(transport, input, self.number).await? {
                Received::Closed => return Ok(()),
                Received::Refused(mut transport, refusal) => {
                    let reply = Reply::new(refusal.status, refusal.message);
                    let sent = send(&mut transport, reply, &Asked::nothing()).await;
                    return self.close(&mut transport, sent.map(drop), false).await;
                }
                Received::Request(mut request) => {
                    let sent = self.answer(&mut request).await;
                    if !matches!(sent, Ok(true)) || !read_over(&mut request).await {
                        let has_ended = request.has_ended();
                        return self.close(request.transport(), sent.map(drop), has_ended).await;
                    }
                    (transport, input) = request.into_connection();
                }
            }
        }
    }

    /// Answers a request and says whether another may follow.
    async fn answer(&self, request: &mut Incoming) -> Result<bool, Ended> {
        let handled = AssertUnwindSafe(async { self.handler.handle(request).await }).catch_unwind().await;
        let mut can_go_on = request.can_go_on(MOST_READ_OVER);
        let reply = match request.malformed() {
            // Nobody knows where the next request would begin.
            Some(refusal) => {
                can_go_on = false;
                Reply::new(refusal.status, refusal.message)
            }
            None => handled.unwrap_or_else(|_| Reply::new(500, "the handler panicked")),
        };
        let asked = Asked { is_head: request.method() == Method::HEAD, version: request.version(), can_go_on };
        send(request.transport(), reply, &asked).await
    }

    /// Ends the connection as its last reply wants it.
    async fn close(&self, transport: &mut Box<dyn Transport>, sent: Result<(), Ended>, read: bool) -> io::Result<()> {
        match sent {
            Err(Ended::Failed(error)) => return Err(error),
            Err(Ended::Reset) => {
                (self.reset)();
                return Ok(());
            }
            Err(Ended::Close) | Ok(()) => transport.close().await?,
        }
        let (mut ignored, mut left) = (vec![0; 16 * 1024], if read { 0 } else { MOST_LINGERING });
        while left > 0 {
            match transport.read(&mut ignored).await {
                Ok(count) if count > 0 => left = left.saturating_sub(count as u64),
                _ => break,
            }
        }
        Ok(())
    }
}

/// What a reply has to know of its request.
struct Asked {
    is_head: bool,
    version: Version,
    /// Whether the connection can go on after it.
    can_go_on: bool,
}

impl Asked {
    /// What came is no request.
    fn nothing() -> Self {
        Self { is_head: false, version: Version::HTTP_11, can_go_on: false }
    }
}

/// Sends a reply and says whether the connection can go on.
async fn send(transport: &mut Box<dyn Transport>, reply: Reply, asked: &Asked) -> Result<bool, Ended> {
    let mut output = Output::new(transport, reply.faults);
    let (status, headers, mut body) = match reply.form {
        Form::Response { status, headers, body } => (status, headers, body),
        Form::Raw(mut bytes) => {
            output.begin_body();
            while let Some(chunk) = bytes.next().await {
                output.data(&chunk.map_err(io::Error::other)?).await?;
                output.flush().await?;
            }
            output.finish().await?;
            return Ok(false);
        }
    };
    let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let length: Option<u64> = declared.or(body.length());
    let bodiless = asked.is_head || [204, 304].contains(&status.as_u16());
    // The end of the connection is the end of a body that HTTP/1.0 has no other end for.
    let delimited = bodiless || length.is_some() || asked.version == Version::HTTP_11;
    let goes_on = asked.can_go_on && delimited && wants_more(Version::HTTP_11, &headers);
    output.lines(&head(status, &headers, length, asked.version, goes_on)).await?;
    output.begin_body();
    if bodiless {
        output.finish().await?;
        return Ok(goes_on);
    }
    let complete = match length.is_none() && delimited {
        true => send_chunked(&mut output, &mut body).await?,
        false => send_plain(&mut output, &mut body, length).await?,
    };
    output.finish().await?;
    Ok(complete && goes_on)
}

fn head(status: StatusCode, headers: &HeaderMap, length: Option<u64>, version: Version, goes_on: bool) -> Vec<u8> {
    let reason = status.canonical_reason().unwrap_or("Unknown");
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).into_bytes();
    for (name, value) in headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    let connection = if goes_on { "connection: keep-alive\r\n" } else { "connection: close\r\n" };
    if !headers.contains_key(CONNECTION) && (!goes_on || version == Version::HTTP_10) {
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

/// Sends a body as it is, a small one together with its head, and says whether it was as long as declared.
async fn send_plain(output: &mut Output<'_>, body: &mut Body, length: Option<u64>) -> Result<bool, Ended> {
    let mut sent = 0;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(io::Error::other)?;
        output.data(&chunk).await?;
        output.flush().await?;
        sent += chunk.len() as u64;
    }
    Ok(length.is_none_or(|length| length == sent))
}

async fn send_chunked(output: &mut Output<'_>, body: &mut Body) -> Result<bool, Ended> {
    // The first chunk may be a long time coming.
    output.flush().await?;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(io::Error::other)?;
        if chunk.is_empty() {
            continue;
        }
        output.lines(format!("{:x}\r\n", chunk.len()).as_bytes()).await?;
        output.data(&chunk).await?;
        output.lines(b"\r\n").await?;
        output.flush().await?;
    }
    output.lines(b"0\r\n\r\n").await?;
    Ok(true)
}

/// Reads what the handler left of the body, so that the next request is found after it; says whether that succeeded.
async fn read_over(request: &mut Incoming) -> bool {
    let mut left = MOST_READ_OVER;
    loop {
        match request.chunk().await {
            Ok(Some(chunk)) if chunk.len() as u64 <= left => left -= chunk.len() as u64,
            Ok(None) => return true,
            Ok(Some(_)) | Err(_) => return false,
        }
    }
}
