//! Bounds and boxes on a platform without threads: futures and streams may hold values that are not `Send`.

use std::pin::Pin;

use futures::{Future, Stream};

pub use self::NotNecessarilySend as MaybeSend;
pub(crate) use self::NotNecessarilySend as MaybeSync;

/// `MaybeSend` and `MaybeSync` on this platform: every type has them. Where threads exist they require `Send` and
/// `Sync`.
pub trait NotNecessarilySend {}

impl<T: ?Sized> NotNecessarilySend for T {}

/// A boxed future, not `Send` on this platform.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A boxed stream, not `Send` on this platform.
pub type BoxStream<'a, T> = Pin<Box<dyn Stream<Item = T> + 'a>>;
