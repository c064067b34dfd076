//! Reading a whole body, up to a limit.

use bytes::Bytes;
use futures::{Stream, StreamExt};

use crate::error::{Error, ErrorKind, Phase, Result};

/// Joins all `chunks`, unless there are more than `limit` bytes. `length` is their length, if it is known.
pub(crate) async fn collect(
    mut chunks: impl Stream<Item = Result<Bytes>> + Unpin,
    length: Option<u64>,
    limit: u64,
) -> Result<Bytes> {
    if length.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    // A body of a single chunk is returned without a copy.
    let first = chunks.next().await.transpose()?.unwrap_or_default();
    check(first.len(), limit)?;
    let Some(second) = chunks.next().await.transpose()? else { return Ok(first) };
    let mut all = Vec::from(first);
    all.extend_from_slice(&second);
    check(all.len(), limit)?;
    while let Some(chunk) = chunks.next().await.transpose()? {
        all.extend_from_slice(&chunk);
        check(all.len(), limit)?;
    }
    Ok(all.into())
}

fn check(length: usize, limit: u64) -> Result<()> {
    if length as u64 > limit { Err(too_large(limit)) } else { Ok(()) }
}

fn too_large(limit: u64) -> Error {
    let message = format!("the body is larger than the limit of {limit} bytes; raise `body_limit` or stream it");
    Error::new(ErrorKind::LimitExceeded, Phase::Body, message)
}
