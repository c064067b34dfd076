//! HTTP/2 (RFC 9113) as a client speaks it, over the frames and streams of the crate `h2`.
//!
//! A connection carries many exchanges at once. The futures of the requests drive it: a poll of a request reads and
//! writes for all of them.

mod connection_fields;
mod frame_headers;
mod frame_limits;
mod h2_limits;
mod request_fields;
mod response_fields;
