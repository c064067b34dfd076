//! HTTP/1.1 (RFC 9112) as a client speaks it: bytes in and events out, without a socket, a clock or a task.
//!
//! ```text
//!            encode                      decode                    framing, body, chunked
//! request ───────────▶ bytes ~~~~▶ bytes ───────▶ head ──▶ how long is the body? ──▶ chunks ──▶ end
//!                                     ▲     │ 1xx
//!                                     └─────┘
//! ```
//!
//! - `encode` writes a request's head; `upload` hands out the request's body.
//! - `decode` finds and parses a response's head; `plain_head` parses the usual heads faster; `fields` parses the lines of heads and trailers; `malformed_lines`
//!   names or skips malformed lines.
//! - `framing` decides where a body ends; `body` and `chunked` take the body apart. `keep_alive` reads how long the
//!   server keeps an idle connection.
//! - `control_bytes` searches for control characters.
//! - `limits` bounds what a server may send besides the body.
//! - `read_turn` bounds how much of a body is read before other tasks run.
//! - `exchange` drives the other files from a request to the head of its response.
//! - `connection` is the only file that reads and writes, over a transport.

mod body;
mod chunked;
mod connection;
mod control_bytes;
mod decode;
pub(crate) mod encode;
pub(crate) mod exchange;
pub(crate) mod fields;
pub(crate) mod framing;
mod keep_alive;
mod limits;
mod malformed_lines;
mod plain_head;
mod read_turn;
pub(crate) mod upload;

pub(crate) use crate::transport::read_buffer as buffer;
pub(crate) use body::{BodyDecoder, BodyEvent};
pub(crate) use connection::{Connection, OpenToken};
pub(crate) use decode::{HeadDecoder, HeadEvent, ResponseHead};
pub(crate) use encode::{AGENT_NAME, RequestHead, encode_headers};
pub(crate) use exchange::{Exchange, ExchangeRequest, ExchangeResponse};
pub(crate) use limits::Http1Limits;
pub(crate) use upload::RemainingUpload;
