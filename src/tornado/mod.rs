//! The tools of Tornado beside its HTTP client: an event loop, a promise, work queues, byte streams, and defaults for
//! all clients of the process.
//!
//! A [`Client`](crate::Client) needs none of them. They are for programs that come from Tornado, or that have no
//! executor of their own, and they work on any executor and on every platform, except where the table says "native".
//!
//! - [`EventLoop`] runs futures in the background, and callbacks on the next turn, at a time, or at intervals.
//! - [`promise`] makes a [`Promise`], which sets a result once, and its [`Pending`], which is the future of that result
//!   and shows it to callbacks.
//! - [`Queue`], [`LifoQueue`] and [`PriorityQueue`] pass items from producers to workers, and count unfinished work.
//! - [`IoStream`] reads and writes plain bytes over any connection, within bounds.
//! - [`configure`] sets the defaults of every client that the process makes.
//!
//! | Tornado | here |
//! | --- | --- |
//! | `IOLoop.current()` | [`EventLoop::new`] |
//! | `IOLoop.run_sync` | `EventLoop::run_sync`, `try_run_sync`, `run_sync_timeout` (native) |
//! | `IOLoop.spawn_callback`, `add_callback` | [`EventLoop::spawn`], [`add_callback`](EventLoop::add_callback) |
//! | `IOLoop.call_later`, `call_at`, `remove_timeout` | [`EventLoop::call_later`], [`call_at`](EventLoop::call_at), [`Scheduled::cancel`] |
//! | `IOLoop.run_in_executor` | `EventLoop::run_in_executor`, `spawn_blocking` (native) |
//! | `PeriodicCallback` | [`EventLoop::call_every`], [`Periodic::stop`] |
//! | `gen.sleep` | [`EventLoop::sleep`] |
//! | `gen.with_timeout` | [`with_timeout`], [`EventLoop::with_timeout`] |
//! | `Future.set_result`, `set_exception` | [`Promise::resolve`], [`Promise::reject`] |
//! | `Future.add_done_callback`, `cancel` | [`Pending::on_done`], [`Pending::cancel`] |
//! | `AsyncHTTPClient.fetch` with a callback | [`Client::fetch_with`](crate::Client::fetch_with) |
//! | `AsyncHTTPClient.configure` | [`configure`] |
//! | `request_timeout` (20 s) | [`timeout`](crate::Builder::timeout) (no limit), which also covers redirects and retries; Tornado's begins again with each redirect |
//! | `connect_timeout` (20 s) | [`connect_timeout`](crate::Builder::connect_timeout) (20 s), which does not count in the queue |
//! | the wait in the queue: the smaller of `connect_timeout` and `request_timeout` | [`queue_timeout`](crate::Builder::queue_timeout) (no limit); [`total_timeout`](crate::Builder::total_timeout) covers the queue and the request |
//! | `queues.Queue`, `LifoQueue`, `PriorityQueue` | [`Queue`], [`LifoQueue`], [`PriorityQueue`] |
//! | `queues.QueueFull`, `QueueEmpty` | [`QueueError::Full`], [`QueueError::Empty`] |
//! | `IOStream.read_bytes` | [`IoStream::read_exact`], [`read_partial`](IoStream::read_partial) |
//! | `IOStream.read_until`, `read_until_regex`, `read_until_close` | [`IoStream::read_until`], `read_until_regex` (feature `regex`), [`read_until_close`](IoStream::read_until_close) |
//! | `IOStream.read_into` | [`IoStream::read_into`], [`read_into_partial`](IoStream::read_into_partial) |
//! | `IOStream.write`, `close`, `set_close_callback` | [`IoStream::write`], [`close`](IoStream::close), [`closed`](IoStream::closed) |
//! | `IOStream(socket)` | `IoStream::from` an `Async` socket, `IoStream::try_from` a blocking socket (native) |
//! | `IOStream.start_tls` | `TlsConfig::start_tls`, `TlsServerConfig::start_tls` (native), [`IoStream::upgrade`] |
//! | `IOStream.socket`: `getpeername`, `getsockname` | [`IoStream::remote_address`], [`local_address`](IoStream::local_address) |
//! | `IOStream.socket`: `getpeercert`, `version`, `cipher` | [`IoStream::peer_certificates`], [`protocol_version`](IoStream::protocol_version), [`cipher_suite`](IoStream::cipher_suite) |
//! | `IOStream.socket`: `selected_alpn_protocol` | [`IoStream::alpn_protocol`] |
//! | `StreamClosedError`, `UnsatisfiableReadError`, `StreamBufferFullError` | [`ErrorKind::ConnectionClosed`](crate::ErrorKind::ConnectionClosed), [`StreamLimit`] |
//! | `TCPClient.connect` | `TcpClient::connect`, in the native part of [`platform`](crate::platform) |
//! | `OverrideResolver`, `hostname_mapping` | `HostMap`, in the native part of [`platform`](crate::platform) |
//!
//! Tornado's `locks` are in other crates, which also work on any executor. For a time limit, race the wait against a
//! timer: a wait that is dropped passes its lock, permit or notification on.
//!
//! | Tornado | another crate | difference |
//! | --- | --- | --- |
//! | `Lock` | `tokio::sync::Mutex`, which is first in, first out | The guard releases the lock when it is dropped. `async_lock::Mutex` lets a later task overtake. |
//! | `Semaphore` | `tokio::sync::Semaphore`, which is first in, first out | The permit releases itself when it is dropped; `add_permits` is `release` without a permit. `async_lock::Semaphore` lets a later task overtake. |
//! | `BoundedSemaphore` | the permits of `tokio::sync::Semaphore` | Each permit is released once, so nothing checks the bound. `add_permits` exceeds it without an error. |
//! | `Condition` | `event_listener::Event`: `listen` is `wait`, `notify_additional(n)` is `notify(n)` | The wait begins at `listen`. Its `notify(1)` differs: called twice, it wakes a single task if that task has not run between. |
//! | `Event` | `tokio::sync::watch::channel(false)`: `send_replace(true)` is `set`, `send_replace(false)` is `clear`, `wait_for(\|set\| *set)` is `wait` | A task that waits and is not polled between `set` and `clear` waits on. With `futures_intrusive::sync::ManualResetEvent` its wait ends, as in Tornado. `event_listener::Event` has no flag. |

pub(crate) mod event_loop;
mod fetch_with;
pub(crate) mod io_stream;
pub(crate) mod promise;
mod queues;

pub use self::event_loop::{EventLoop, Periodic, Scheduled, TimedOut, with_timeout};
#[cfg(feature = "regex")]
pub use self::io_stream::Regex;
pub use self::io_stream::{IoStream, StreamLimit, Write};
pub use self::promise::{Pending, Promise, promise};
pub use self::queues::{
    Fifo, Get, Items, Join, Lifo, LifoQueue, Lowest, Order, PriorityQueue, Put, PutError, Queue, QueueError, WorkQueue,
};
pub use crate::client::configure::{configure, reset_configuration};
