//! HTTP/2 (RFC 9113) as a client speaks it, over the frames and streams of the crate `h2`.
//!
//! A connection carries many exchanges at once. The futures of the requests drive it: a poll of a request reads and
//! writes for all of them.
//!
//! - `request_fields` makes the fields of a request; `response_fields` checks the fields and lengths of a response;
//!   `connection_fields` names the fields that neither may have.
//! - `frame_limits` bounds the frames of a server without use for a request; `frame_headers` finds the frames.
//! - `h2_limits` has the settings of h2 that bound a server.

mod connection_fields;
mod frame_headers;
mod frame_limits;
mod h2_limits;
mod request_fields;
mod response_fields;
