//! Server-sent events, as defined by the HTML standard (section 9.2): a parser, and a stream that reconnects.
//!
//! [`Client::events`] makes the stream. Unlike a browser's `EventSource` it accepts any request: other methods,
//! headers, a body. [`Parser`] is the format alone, for bytes from any source.

mod options;
mod parser;
mod reconnect_delay;
mod stream;

use std::sync::Arc;

pub use self::parser::Parser;
pub use self::stream::Events;
use crate::client::Client;
use crate::error::Error;
use crate::message::request::{CallOptions, Request, RequestBuilder};

/// The default maximum size of an event: 1 MiB.
pub const DEFAULT_MAX_EVENT_SIZE: usize = 1024 * 1024;

/// An event.
///
/// # Examples
///
/// ```
/// use waterspout::sse::Parser;
///
/// let mut input: &[u8] = b"event: price\nid: 7\ndata: 42\ndata: 43\n\n";
/// let event = Parser::new().next(&mut input)?.unwrap();
/// assert_eq!((&*event.event, &*event.data, &*event.id), ("price", "42\n43", "7"));
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerEvent {
    /// The type of the event. `message` if the server sends no type.
    pub event: String,
    /// The data, with its lines joined by line feeds.
    pub data: String,
    /// The last id that the server has sent, with this event or before it. Empty if the server has sent no id.
    // Shared: a server that sends a long id once and then tiny events would otherwise cause a copy for each event.
    pub id: Arc<str>,
}

/// The state of a stream of events, as `readyState` of a browser's `EventSource`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadyState {
    /// The stream connects, or waits before it connects.
    Connecting,
    /// The stream is connected and receives events.
    Open,
    /// The stream has ended.
    Closed,
}

impl Client {
    /// Returns the events that the server sends in response to `request`, as a stream that reconnects when the
    /// connection is lost.
    ///
    /// See [`Events`].
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::StreamExt;
    /// use http::StatusCode;
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, Request, Response};
    ///
    /// # futures::executor::block_on(async {
    /// let backend = MockBackend::new(|request| {
    ///     let builder = Response::builder(StatusCode::OK, request.url());
    ///     let response = builder.header("content-type", "text/event-stream").body("data: hello\n\n");
    ///     Box::pin(async move { response })
    /// });
    /// let client = Client::builder().backend(backend).build()?;
    /// let mut events = client.events(Request::get("http://example.com/news"));
    /// assert_eq!(events.next().await.unwrap()?.data, "hello");
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn events(&self, request: impl TryInto<Request, Error: Into<Error>>) -> Events {
        Events::new(self.clone(), request.try_into().map_err(Into::into), CallOptions::default())
    }
}

impl RequestBuilder<Client> {
    /// Returns the events that the server sends in response to this request, as [`Client::events`] does.
    pub fn events(self) -> Events {
        let (client, request, call_options) = self.into_parts();
        Events::new(client, request, call_options)
    }
}
