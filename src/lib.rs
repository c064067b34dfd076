//! An HTTP client for native Rust, WebAssembly and JavaScript.
//!
//! The same program fetches over sockets natively and through `fetch` in a browser. On both platforms the client adds a
//! bounded queue in front of all requests, time limits that name the wait they ended, and cancellation by dropping a
//! future. No runtime is needed: any executor that polls the future works.
//!
//! waterspout refuses three jobs: it is no HTTP server (except for tests), it renders no pages, and it keeps no cache.
//!
//! # A first request
//!
//! ```no_run
//! use waterspout::Client;
//! use waterspout::tornado::EventLoop;
//!
//! fn main() -> waterspout::Result<()> {
//!     EventLoop::new().run_sync(async {
//!         let page = Client::new().get("http://example.com/").header("accept", "text/html").await?;
//!         println!("{} {}", page.status(), page.text().await?);
//!         Ok(())
//!     })
//! }
//! ```
//!
//! The same future runs under `futures::executor::block_on`, smol, tokio and a browser's event loop. A bad URL or header
//! is not a panic: it is the error of the `await`.
//!
//! Natively a thread of the library watches the sockets. In a program of tokio, `Client::builder().tokio()` (feature
//! `tokio`) uses the program's own reactor in place of that thread, which saves system calls. Such a client works only
//! inside of a runtime.
//!
//! Keep a [`Client`] and clone it. Each clone shares the queue, the limits and the idle connections.
//!
//! # The queue
//!
//! A client runs 10 requests at a time ([`Builder::max_active`]). Further requests wait. They start in the order of
//! their arrival, and a step of priority is worth 10 s of waiting ([`Builder::ageing`]). A request holds its
//! slot until the response's body has been read or dropped, so read or drop each body. If the body came whole with its
//! head, the response holds no slot. If all slots are held and nothing makes progress for 30 s, a waiting request fails
//! and says why ([`Builder::queue_timeout`]).
//!
//! ```
//! use std::time::Duration;
//! use waterspout::testing::MockBackend;
//! use waterspout::{Client, Rate};
//!
//! # futures::executor::block_on(async {
//! let client = Client::builder()
//!     .max_active(4)
//!     .max_active_per_origin(2)
//!     .max_queued(1_000)
//!     .rate_limit(Rate::new(50, Duration::from_secs(1)))
//!     .backend(MockBackend::text("hello")) // this example needs no network
//!     .build()?;
//!
//! let urgent = client.get("http://example.com/now").priority(5).await?;
//! assert_eq!(urgent.text().await?, "hello");
//! assert_eq!(client.stats().active, 0);
//! # Ok::<(), waterspout::Error>(())
//! # }).unwrap();
//! ```
//!
//! [`Client::pause`], [`Client::clear`] and [`Client::close`] control the queue. An [`Observer`] is called at each step
//! of each request.
//!
//! # Timeouts
//!
//! Each wait can have a limit of its own, and each network wait has a limit by default. A limit is an option of the
//! client ([`Builder`]) and of a request ([`RequestBuilder`]); zero switches it off. A limit that passes gives an error
//! of kind [`ErrorKind::Timeout`], which names the limit and the [`Phase`].
//!
//! | Option | Default | What it covers | Phase of the error |
//! |---|---|---|---|
//! | `queue_timeout` | none; 30 s without any progress | the wait for a slot; see [`Builder::queue_timeout`] | `Queue` |
//! | `connect_timeout` | 20 s | name lookup, TCP, proxy and TLS; a part of `head` in a browser | `Connect` |
//! | `head_timeout` | 20 s | silence between sending the request and the response's head or a 1xx response | `Head` |
//! | `attempt_timeout` | none | an attempt, from its slot to the response's head | `Connect` or `Head` |
//! | `idle_timeout` | 20 s | silence between two pieces of the body, while the caller waits for a piece | `Body` |
//! | `min_download_rate` | none | the bytes of the body per second over a window, while the caller waits for a piece | `Body` |
//! | `timeout` | none | from the first slot to the end of the body, retries and the waits between them included | the phase it ended |
//! | `total_timeout` | none | from the call to the end of the body: the wait for the first slot, and what `timeout` covers | the phase it ended |
//!
//! `timeout` begins when the request leaves the queue for the first time. A request of a long batch therefore has the same
//! time as the first, and only `queue_timeout` and `total_timeout` count its wait for a slot. A limit that passes while a
//! retry waits, between attempts or for another slot, gives an error in the phase `Queue`. [`tornado`] compares these
//! limits with Tornado's.
//!
//! The error of the connect limit names the step that took too long: [`Error::connect_step`].
//!
//! By default no limit bounds a whole transfer: each piece starts `idle_timeout` again, so a server that sends a byte
//! every 19 s is never cut off. Where this matters, set `timeout`, or [`Builder::min_download_rate`], which lets a long
//! download go on.
//!
//! # Errors
//!
//! [`Error`] is the only error type. [`Error::kind`] says what failed, [`Error::phase`] says when, and
//! [`source`](std::error::Error::source) holds the cause. A status of 400 or above is a response;
//! [`Response::error_for_status`] turns it into an error.
//!
//! `Display` says what failed and never repeats the cause, so an error reporter that walks the sources, such as
//! `anyhow`, prints each text once. Without a reporter, print [`Error::report`], which adds the causes on the same line.
//! `Debug` shows the status, the kind and what else is known: it is what a `main` prints that returns the error.
//!
//! Texts and debug output show a URL without user name and password, and with `***` in place of the values of its query
//! and of its fragment: `http://example.com/p?token=***`. Its path is shown. [`Error::url`] returns the complete query, and
//! [`Error::without_url`] removes the URL.
//!
//! | Kinds | What to do |
//! |---|---|
//! | `InvalidUrl`, `InvalidRequest`, `UnsupportedScheme` | Correct the request. Nothing was sent. |
//! | `Unsupported` | This platform cannot do what an option asks; the message names the option. |
//! | `QueueFull`, `Cleared`, `Closed` | The client refused the request. Send it later, or to another client. |
//! | `Timeout` | Raise the limit that the error names, or retry. |
//! | `Dns`, `Connect`, `Tls`, `Proxy` | No connection could be made, or TLS failed later. [`Error::is_retryable`] says whether a retry may help. |
//! | `AddressDenied` | The address filter of the network refuses the host. Nothing was sent. |
//! | `ConnectionClosed`, `Io`, `Protocol`, `Network` | The connection broke, or its bytes are not HTTP. |
//! | `Status`, `CircuitOpen` | The server answers with errors. Wait, then retry. |
//! | `LimitExceeded` | Raise the limit that the message names, or read the body in pieces. |
//! | `Redirect`, `BodyNotReplayable`, `RequestBody` | The request cannot be sent again as it is; the message says why. |
//! | `Decode` | The body is not in the expected format. |
//! | `Cancelled` | The program, or the page, cancelled the request. |
//!
//! ```
//! use waterspout::testing::MockBackend;
//! use waterspout::{Client, ErrorKind, Phase};
//!
//! # futures::executor::block_on(async {
//! let client = Client::builder().backend(MockBackend::text("hello")).build()?;
//! let error = client.get("http://[not a host]/").await.unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::InvalidUrl);
//! assert_eq!(error.phase(), Phase::Request);
//! assert!(error.is_invalid_request());
//! println!("{}", error.report());
//! # Ok::<(), waterspout::Error>(())
//! # }).unwrap();
//! ```
//!
//! # Streaming
//!
//! A response arrives with its head; its [`Body`] is a [`Stream`](futures::Stream) of [`Bytes`]. Memory stays bounded
//! however long the body is. A request's body can be a stream, a reader or a function that makes a new stream for each
//! attempt.
//!
//! ```
//! use futures::StreamExt;
//! use waterspout::testing::MockBackend;
//! use waterspout::{Body, Client};
//!
//! # futures::executor::block_on(async {
//! let client = Client::builder().backend(MockBackend::text("hello")).build()?;
//!
//! let mut download = client.get("http://example.com/large").await?;
//! let mut length = 0;
//! while let Some(piece) = download.chunk().await? {
//!     length += piece.len();
//! }
//! assert_eq!(length, 5);
//!
//! let pieces = futures::stream::iter(["a", "b"]).map(Ok::<_, std::io::Error>);
//! client.post("http://example.com/upload").body(Body::stream(pieces)).await?;
//! # Ok::<(), waterspout::Error>(())
//! # }).unwrap();
//! ```
//!
//! # Retries
//!
//! Nothing is retried unless a [`Retry`] policy says so. The policy repeats requests with an idempotent method, or with
//! a method from [`Retry::methods`]. It also repeats a request if connecting failed and no byte of the request was sent.
//! The policy waits with exponential backoff and full jitter, obeys `Retry-After`, and stops when the client's
//! [`RetryBudget`] is empty. A [`CircuitBreaker`] stops sending to an origin that keeps failing. A [`Middleware`] wraps
//! each attempt.
//!
//! ```
//! use std::time::Duration;
//! use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
//! use waterspout::{Agent, Client, Retry};
//!
//! # futures::executor::block_on(async {
//! let busy = Script::new().send("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n");
//! let ready = Script::new().send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
//! let agent = Agent::new(ScriptedConnector::new([busy, ready]), ManualTimer::new());
//! let client = Client::builder()
//!     .retry(Retry::new().attempts(3).base_delay(Duration::ZERO))
//!     .backend(agent)
//!     .build()?;
//! let response = client.get("http://example.com/").await?;
//! assert_eq!(response.status(), 200);
//! assert_eq!(response.attempts().len(), 2);
//! # Ok::<(), waterspout::Error>(())
//! # }).unwrap();
//! ```
//!
//! # Testing
//!
//! The feature `testing` provides what a test of your own program needs: [`testing::MockBackend`] replaces the network,
//! [`testing::ManualTimer`] is a clock that the test moves, [`testing::ScriptedConnector`] plays scripted bytes as a
//! connection, and a real server of HTTP/1.1 and HTTP/2 listens on loopback or in memory and misbehaves on demand.
//!
//! ```
//! use std::time::Duration;
//! use futures::FutureExt;
//! use waterspout::testing::{ManualTimer, MockBackend};
//! use waterspout::{Client, ErrorKind};
//!
//! let timer = ManualTimer::new();
//! let client = Client::builder()
//!     .backend(MockBackend::pending()) // a server that never answers
//!     .timer(timer.clone())
//!     .timeout(Duration::from_secs(5))
//!     .build()?;
//! let mut request = Box::pin(client.get("http://example.com/").send());
//! assert!(request.as_mut().now_or_never().is_none());
//! timer.advance(Duration::from_secs(5));
//! let error = request.now_or_never().expect("the limit has passed").unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Timeout);
//! # Ok::<(), waterspout::Error>(())
//! ```
//!
//! # Cargo features
//!
//! | Feature | Default | What it adds |
//! |---|---|---|
//! | `tls` | yes | native `https`: rustls with ring, and the system's root certificates |
//! | `gzip` | yes | native decoding of `gzip` and `deflate` bodies |
//! | `http2` | yes | HTTP/2 for native agents: over TLS if the server selects it, and by prior knowledge |
//! | `brotli` | no | native decoding of `br` bodies |
//! | `zstd` | no | native decoding of `zstd` bodies; needs Rust 1.87 |
//! | `json` | no | JSON bodies in requests and responses |
//! | `charset` | no | [`Response::text`] in the charset that the server names |
//! | `cookies` | no | a cookie jar for native agents |
//! | `form` | no | forms and queries of values that serialize, such as structs |
//! | `digest` | no | answers to Digest challenges |
//! | `regex` | no | [`tornado::IoStream`] reads up to a pattern |
//! | `http-body` | no | `http_body::Body` for [`Body`], and request bodies from any `http_body::Body`, with trailers |
//! | `tokio` | no | request bodies from an `AsyncRead` of `tokio`, and [`BodyReader`] as such a reader; natively `Builder::tokio`, a client on the reactor, the timer and the executor of a tokio program |
//! | `tower` | no | `tower_service::Service` for [`Client`], with the types of this crate and of `http`; includes `http-body` |
//! | `tracing` | no | a `tracing` span for each request |
//! | `testing` | no | the module [`testing`] |
//!
//! # Platforms
//!
//! | | Native | Browser, Node, Deno, Bun, workerd | Other wasm (WASI) |
//! |---|---|---|---|
//! | Backend | [`Agent`] over sockets | the engine's `fetch` | set by [`Builder::backend`] |
//! | Protocols | HTTP/2 and HTTP/1.1 | what the engine speaks | what the backend speaks |
//! | Futures | `Send` | not `Send` | not `Send` |
//! | Redirect to http from https | refused | the engine decides | what the backend does |
//! | Connect time | own limit | part of `head_timeout` | what the backend reports |
//! | Streamed upload | yes | gathered up to 64 MiB, unless asked to stream | what the backend does |
//! | Relative URL of a request | an error | resolves against the page or worker; an error in Node | an error |
//! | Body of a `GET` | sent | an error | what the backend does |
//! | Cookies, proxies, TLS settings | methods of [`Builder`], such as `network` | the engine's own | what the backend does |
//! | Reactor | a thread of the library, or tokio's with `Builder::tokio` | the engine | what the backend uses |
//! | Event loops, spawned requests | threads, see [`platform`] | the engine's only thread | none |
//! | After `fork` | errors in the child, see [`platform`] | no `fork` | no `fork` |
//!
//! No option is ignored: what a platform cannot do is an error of kind [`ErrorKind::Unsupported`], or the option's docs
//! name the difference. For example, `connect_timeout` is a part of `head_timeout` in a browser.
//! [`PortableFuture`] and [`MaybeSend`] let a library compile for all platforms without a `cfg`.
//!
//! # Examples to copy
//!
//! The folder `examples` of the repository has programs of less than 80 lines:
//!
//! | Example | What it shows |
//! |---|---|
//! | `typed_json` | a typed JSON client, and the reason of a refusal as an error |
//! | `downloads` | 50 downloads in 8 slots with a progress bar, continued by `Range` and `If-Range` |
//! | `axum_app` | a client in an axum application that streams bodies through |
//! | `sdk` | a library for native programs and WebAssembly, with bindings for JavaScript |
//! | `manual_clock` | tests of a timeout and of `Retry-After` that do not wait |
//! | `upload_form_events` | a form, cookies, an upload with progress, and server-sent events, through a proxy |
//!
//! Its folder `ecosystem` has programs with other crates, such as `oauth2`, `tonic` and egui, which the
//! [guide](guide::ecosystem) lists.
//!
//! # Where to look
//!
//! - [`guide`] has a chapter for each task, such as [retries](guide::retry), [tests of your own](guide::testing) and
//!   [moving from reqwest](guide::from_reqwest), and a section for each kind of error
//!   ([troubleshooting](guide::troubleshooting)).
//! - [`Client`], [`Builder`], [`RequestBuilder`] and [`Response`] are the daily API.
//! - [`Backend`] is the interface to an engine, with the contract of `fetch`; [`Connector`] and [`Transport`] are the
//!   interface to byte streams; [`runtime`] has the traits for clocks and executors.
//! - [`agent`] is the native engine and its settings; [`proxy`], [`auth`] and `cookies` belong to it.
//! - [`multipart`] builds forms with files, [`sse`] reads server-sent events.
//! - [`platform`] has the settings that exist on a single target.
//! - [`tornado`] has Tornado's other tools: event loop, work queues, byte streams, promises and process-wide defaults.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

pub mod agent;
pub mod auth;
mod backend;
mod client;
#[cfg(feature = "cookies")]
pub mod cookies;
mod error;
#[doc(hidden)]
#[cfg(all(fuzzing, feature = "cookies"))]
pub mod fuzzing;
#[cfg(doc)]
pub mod guide;
mod http1;
#[cfg(feature = "http2")]
mod http2;
#[cfg(waterspout_npm)]
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
pub use crate::backend::{Backend, OriginConnections};
#[cfg(feature = "tracing")]
pub use crate::client::Spans;
pub use crate::client::middleware::{Middleware, Next};
pub use crate::client::retry::{Retry, RetryBudget};
pub use crate::client::{
    Builder, CircuitBreaker, Client, Event, Observer, OriginStats, Rate, SendResponse, Spawned, Stage, Stats, WaitTimes,
};
pub use crate::error::{Attempt, ConnectStep, Error, ErrorKind, Phase, Result, Source, Timeout, Transfer};
pub use crate::message::body::Body;
pub use crate::message::body::reader::BodyReader;
pub use crate::message::call_context::CallContext;
pub use crate::message::connection_info::{ConnectionInfo, RedirectEntry, Timings};
pub use crate::message::extensions::Extension;
pub use crate::message::multipart;
pub use crate::message::progress::{Connecting, Progress, TransferProgress};
pub use crate::message::request::{PriorityHandle, Redirect, Request, RequestBuilder, RequestOptions, RetryContext};
pub use crate::message::response::{Response, ResponseBuilder};
pub use crate::message::tls_info::TlsInfo;
pub use crate::message::trailers::Trailers;
pub use crate::message::url::{Origin, Scheme, Url};
pub use crate::runtime::{BoxFuture, BoxStream, Executor, Instant, MaybeSend, PortableFuture, Timer};
pub use crate::transport::{ConnectTrace, Connector, Forwarding, Transport};
