//! Bounds and boxes on a platform with threads: futures and streams are `Send`, and `MaybeSync` is `Sync`.

pub(crate) use std::marker::Sync as MaybeSync;
use std::pin::Pin;

use futures::{Future, Stream};

/// A bound that requires `Send` on this platform. Where no threads exist every type has it.
pub trait MaybeSend: Send {}

impl<T: Send + ?Sized> MaybeSend for T {}

/// A boxed future, `Send` on this platform.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A boxed stream, `Send` on this platform.
pub type BoxStream<'a, T> = Pin<Box<dyn Stream<Item = T> + Send + 'a>>;

/// A future in a value that threads share.
#[allow(dead_code, reason = "only the feature `http2` uses it")]
pub(crate) type StoredFuture<T> = BoxFuture<'static, T>;

/// Makes a future that can be in a value that threads share.
#[allow(dead_code, reason = "only the feature `http2` uses it")]
pub(crate) fn store<T>(future: BoxFuture<'static, T>) -> StoredFuture<T> {
    future
}
