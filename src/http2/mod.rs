//! HTTP/2 (RFC 9113) as a client speaks it, over the frames and streams of the crate `h2`.
//!
//! A connection carries many exchanges at once. The futures of the requests drive it: a poll of a request reads and
//! writes for all of them.
//!
//! - `connection` is a connection that requests share; `wire` is the only file that reads and writes, over a transport.
//!   `read_signal` tells it whether there may be bytes to read.
//! - `allowance` counts the requests of a connection whose server may retire it soon.
//! - `driver` decides which request drives the connection.
//! - `stream` is a request's part of the connection; `exchange` takes it from the request to the head of the response,
//!   `upload` sends the request's body as far as `send_window` allows, `body` receives the response's body. `abandoned`
//!   keeps the streams of requests that were dropped early.
//! - `request_fields` makes the fields of a request; `connection_fields` knows the fields that concern a connection alone.
//!   `response_fields` checks what a server sends.
//! - `seen` keeps what the bytes of a connection have shown.
//! - `failure` says why an exchange failed, and whether the request may be repeated.
//! - `frame_limits` bounds the frames of a server without use for a request; `frame_headers` finds the frames.
//!   `h2_limits` has the settings of h2 that bound a server. `reset_budget` bounds the resets of the client.
//! - `first_settings` is the wait of some requests for the settings of the server.
//! - `connection_window` counts the window that all uploads of a connection share.
//! - `ping` asks a server whether a silent connection is alive, and whether a low window is on its way back.

mod abandoned;
mod allowance;
mod body;
mod connection;
mod connection_fields;
mod connection_window;
mod driver;
mod exchange;
mod failure;
mod first_settings;
mod frame_headers;
mod frame_limits;
mod h2_limits;
mod ping;
mod read_signal;
mod request_fields;
mod reset_budget;
mod response_fields;
mod seen;
mod send_window;
mod settings;
mod stream;
mod upload;
mod wire;

pub(crate) use body::Http2BodyEvent;
pub(crate) use connection::{FIRST_MAX_STREAMS, Http2Connection};
pub(crate) use exchange::{Http2Request, Http2Response, exchange};
pub(crate) use failure::Http2Failure;
pub(crate) use request_fields::{BodyFields, OriginFields};
pub(crate) use response_fields::InformationalHeads;
pub(crate) use settings::{Http2Settings, set_connections, set_windows};
pub(crate) use stream::Http2Stream;
pub(crate) use upload::{Http2Upload, RemainingHttp2Upload};
