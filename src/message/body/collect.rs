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
    let mut first = Bytes::new();
    let mut all = Vec::new();
    while let Some(chunk) = chunks.next().await.transpose()? {
        let read = first.len() + all.len();
        if read as u64 + chunk.len() as u64 > limit {
            return Err(too_large(limit));
        }
        if read == 0 {
            first = chunk;
            continue;
        }
        if all.is_empty() {
            all = Vec::from(std::mem::take(&mut first));
        }
        all.extend_from_slice(&chunk);
    }
    Ok(if all.is_empty() { first } else { all.into() })
}

fn too_large(limit: u64) -> Error {
    let message = format!("the body is larger than the limit of {limit} bytes; raise `body_limit` or stream it");
    Error::new(ErrorKind::LimitExceeded, Phase::Body, message)
}
