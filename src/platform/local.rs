//! Bounds on a platform without threads: futures and streams may hold values that cannot leave theirs.

use std::pin::Pin;

use futures::{Future, Stream};

/// Empty on this platform; `Send` where there are threads.
pub trait MaybeSend {}

impl<T: ?Sized> MaybeSend for T {}

/// A boxed future, not `Send` on this platform.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A boxed stream, not `Send` on this platform.
pub type BoxStream<'a, T> = Pin<Box<dyn Stream<Item = T> + 'a>>;
