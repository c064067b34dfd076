//! Futures that are `Send` where threads exist and need not be where they do not.
//!
//! Natively a request may move between threads, so its future must be `Send`. In a browser it holds JavaScript
//! values and cannot be. A library written with these names compiles for both without a `cfg` of its own.

use std::future::Future;

pub use crate::platform::{BoxFuture, BoxStream, MaybeSend};

/// A future that is [`MaybeSend`]: what a portable `async fn` in a trait should return.
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
