//! Server-sent events, as the HTML standard has them (section 9.2): a parser, and a stream that reconnects.
//!
//! [`Client::events`](crate::Client::events) makes the stream. Unlike a browser's `EventSource` it takes any request: other
//! methods, headers, a body. [`Parser`] is the format alone, for bytes from anywhere.

mod delay;
mod parser;
mod stream;

use std::sync::Arc;

pub use self::parser::Parser;
pub use self::stream::{Events, State};

/// The largest event, unless set otherwise: 1 MiB.
pub const DEFAULT_MAX_EVENT_SIZE: usize = 1024 * 1024;

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What kind of event it is; `message` if the server does not say.
    pub event: String,
    /// The data, its lines joined by line feeds.
    pub data: String,
    /// The last id that the server has given, with this event or before it; empty if it has given none.
    pub id: Arc<str>,
}
