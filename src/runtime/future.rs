//! Futures that are `Send` on platforms with threads, and need not be `Send` on other platforms.
//!
//! Natively a request may move between threads, so its future must be `Send`. In a browser the future holds JavaScript
//! values, which are not `Send`. A library that uses these names compiles for both without a `cfg`.

use std::future::Future;

pub use crate::platform::{BoxFuture, BoxStream, MaybeSend};
#[cfg(feature = "http2")]
pub(crate) use crate::platform::{StoredFuture, store};

/// A future that is [`MaybeSend`]: the return type of a portable `async fn` in a trait.
///
/// # Examples
///
/// ```
/// use waterspout::{Client, PortableFuture, Result};
///
/// trait Weather {
///     fn today(&self) -> impl PortableFuture<Output = Result<String>>;
/// }
///
/// impl Weather for Client {
///     async fn today(&self) -> Result<String> {
///         self.get("http://weather.example/today").await?.text().await
///     }
/// }
/// ```
pub trait PortableFuture: Future + MaybeSend {}

impl<F: Future + MaybeSend> PortableFuture for F {}
