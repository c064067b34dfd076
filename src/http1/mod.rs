//! HTTP/1.1 (RFC 9112) as seen by a client: bytes and events, without a socket, a clock or a task.
//!
//! ```text
//!            encode                      decode                    framing, body, chunked
//! request ───────────▶ bytes ~~~~▶ bytes ───────▶ head ──▶ how long is the body? ──▶ chunks ──▶ end
//!                                     ▲     │ 1xx
//!                                     └─────┘
//! ```
//!
//! `fields` are the lines of heads and of trailers, `limits` what is too much, `upload` a request's body on its way out.
//! `exchange` is the one file that reads and writes: it drives this over a transport.

mod body;
mod chunked;
mod connection;
mod decode;
mod encode;
pub(crate) mod fields;
pub(crate) mod framing;
mod limits;
mod upload;

pub(crate) use crate::transport::read_buffer as buffer;
pub(crate) use body::{BodyDecoder, BodyEvent};
pub(crate) use connection::{Answer, Connection, Outgoing, Rest};
pub(crate) use decode::{HeadDecoder, ResponseHead};
pub(crate) use encode::RequestHead;
pub(crate) use limits::Limits;
