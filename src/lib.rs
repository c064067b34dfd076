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
//! - [`runtime`] has the two traits asked of a runtime; both have defaults.
//! - [`auth`] has what answers a server that asks for credentials; [`multipart`] has forms with files.
//! - [`agent`] is HTTP/1.1 over any [`Connector`]; [`platform`] has what exists on this target only.
//! - [`queues`] has asynchronous work queues; [`EventLoop`] runs futures in programs without an executor.

pub mod agent;
pub mod auth;
mod backend;
mod body;
mod client;
mod conditional;
#[cfg(feature = "cookies")]
pub mod cookies;
mod error;
mod event_loop;
mod form;
pub mod future;
mod http1;
#[cfg(feature = "js")]
mod js;
#[cfg(feature = "json")]
mod json;
pub mod multipart;
pub mod platform;
mod progress;
pub mod queues;
mod request;
mod response;
pub mod runtime;
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
pub use crate::backend::Backend;
pub use crate::body::Body;
pub use crate::client::{Builder, Client, Event, Observer, OriginStats, Rate, Stage, Stats, WaitTimes};
pub use crate::error::{Error, ErrorKind, Limit, Phase, Result, Source};
pub use crate::event_loop::EventLoop;
pub use crate::future::{BoxFuture, BoxStream, MaybeSend, PortableFuture};
pub use crate::progress::{Connecting, Progress};
pub use crate::request::{PriorityHandle, Redirect, Request, RequestBuilder, RequestOptions};
pub use crate::response::Response;
pub use crate::runtime::{Executor, Instant, Timer};
pub use crate::trailers::Trailers;
pub use crate::transport::{Connector, Transport};
pub use crate::url::{Origin, Scheme, Url};
