//! One HTTP client for native Rust, WebAssembly and JavaScript.
//!
//! waterspout fetches the same way everywhere: natively over sockets, in a browser through `fetch`. It brings what
//! neither has: a bounded queue in front of all requests, time limits that name what they waited for, and requests
//! that stop when their future is dropped. It needs no runtime: any executor that polls the future will do.
//!
//! # Examples
//!
//! ```no_run
//! use std::time::Duration;
//! use waterspout::{Client, Request};
//!
//! # async fn run() -> waterspout::Result<()> {
//! let client = Client::builder().max_active(10).timeout(Duration::from_secs(20)).build()?;
//!
//! let page = client.get("http://example.com/").header("accept", "text/html").await?;
//! println!("{} {}", page.status(), page.text().await?);
//!
//! let mut download = client.fetch(Request::get("http://example.com/large")).await?;
//! while let Some(chunk) = download.chunk().await? {
//!     println!("{} bytes", chunk.len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # In and out of scope
//! In: HTTP requests and responses with streaming bodies, the queue and the limits around them, the seams to replace
//! what is below. Out: serving HTTP (but for tests), rendering, caching.
//!
//! # Map
//! - [`Client`] sends a [`Request`] and gets a [`Response`]; [`Error`] is the only error.
//! - [`Backend`] is the seam at Fetch height, [`Connector`] and [`Transport`] the one at byte height.
//! - [`IoStream`] reads and writes plain bytes, within limits, over any [`Transport`].
//! - [`Retry`] tries again, [`CircuitBreaker`] leaves alone, [`Middleware`] and [`Hooks`] are called around each attempt.
//! - [`runtime`] has the two traits asked of a runtime; both have defaults.
//! - [`auth`] has what answers a server that asks for credentials; [`multipart`] has forms with files.
//! - [`agent`] is HTTP/1.1 over any [`Connector`]; [`platform`] has what exists on this target only.
//! - [`proxy`] says which origin goes through which proxy.
//! - [`sse`] has server-sent events, [`configure()`] defaults for all clients of the process.
//! - [`queues`] has asynchronous work queues; [`EventLoop`] runs futures, callbacks and timers in programs without an
//!   executor; [`promise()`] is a result to come.

pub mod agent;
pub mod auth;
mod backend;
mod client;
#[cfg(feature = "cookies")]
pub mod cookies;
mod error;
mod http1;
#[cfg(feature = "js")]
mod js;
mod message;
pub mod platform;
pub mod runtime;
pub mod sse;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tornado;
mod transport;

/// The snippets of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use bytes::Bytes;
pub use http;

pub use crate::agent::{Agent, proxy};
pub use crate::backend::Backend;
#[cfg(feature = "tracing")]
pub use crate::client::middleware::Spans;
pub use crate::client::middleware::{Hooks, Middleware, Next};
pub use crate::client::retry::{Retry, RetryBudget, RetryContext};
pub use crate::client::{
    Builder, CircuitBreaker, Client, Event, Observer, OriginStats, Rate, SendResponse, Spawned, Stage, Stats, WaitTimes,
};
pub use crate::error::{Attempt, Error, ErrorKind, Limit, Phase, Result, Source, Transfer};
pub use crate::message::body::Body;
pub use crate::message::connection_info::{Exchange, Hop, Timings};
pub use crate::message::extensions::Extension;
pub use crate::message::multipart;
pub use crate::message::progress::{Connecting, Progress, TransferProgress};
pub use crate::message::request::{PriorityHandle, Redirect, Request, RequestBuilder, RequestOptions};
pub use crate::message::response::{Response, ResponseBuilder};
pub use crate::message::trailers::Trailers;
pub use crate::message::url::{Origin, Scheme, Url};
pub use crate::runtime::{BoxFuture, BoxStream, Executor, Instant, MaybeSend, PortableFuture, Timer};
pub use crate::transport::{Connector, Details, Forwarding, Transport};
