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
mod attempt;
pub mod auth;
mod backend;
mod body;
mod buffer;
mod client;
mod clock;
mod conditional;
mod configure;
#[cfg(feature = "cookies")]
pub mod cookies;
mod error;
mod event_loop;
mod exchange;
mod form;
pub mod future;
mod http1;
pub mod io_stream;
#[cfg(feature = "js")]
mod js;
#[cfg(feature = "json")]
mod json;
mod middleware;
pub mod multipart;
pub mod platform;
mod progress;
mod promise;
pub mod proxy;
pub mod queues;
mod request;
mod response;
mod retry;
pub mod runtime;
mod settings;
pub mod sse;
#[cfg(feature = "testing")]
pub mod testing;
mod trailers;
mod transport;
mod url;
mod waiters;

/// The snippets of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use bytes::Bytes;
pub use http;

pub use crate::agent::Agent;
pub use crate::attempt::Attempt;
pub use crate::backend::Backend;
pub use crate::body::Body;
pub use crate::client::{
    Builder, CircuitBreaker, Client, Event, Observer, OriginStats, Rate, SendResponse, Spawned, Stage, Stats, WaitTimes,
};
pub use crate::configure::{configure, reset_configuration};
pub use crate::error::{Error, ErrorKind, Limit, Phase, Result, Source};
pub use crate::event_loop::{EventLoop, Periodic, Scheduled};
pub use crate::exchange::{Exchange, Hop, Timings};
pub use crate::future::{BoxFuture, BoxStream, MaybeSend, PortableFuture};
pub use crate::io_stream::IoStream;
#[cfg(feature = "tracing")]
pub use crate::middleware::Spans;
pub use crate::middleware::{Hooks, Middleware, Next};
pub use crate::progress::{Connecting, Progress, Transferred};
pub use crate::promise::{Pending, Promise, promise};
pub use crate::request::{PriorityHandle, Redirect, Request, RequestBuilder, RequestOptions};
pub use crate::response::Response;
pub use crate::retry::{Occasion, Retry, RetryBudget};
pub use crate::runtime::{Executor, Instant, Timer};
pub use crate::settings::Setting;
pub use crate::trailers::Trailers;
pub use crate::transport::{Connector, Details, Forwarding, Transport};
pub use crate::url::{Origin, Scheme, Url};
