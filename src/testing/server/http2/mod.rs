//! HTTP/2 (RFC 9113) as the test server speaks it, over the server half of h2.
//!
//! `connection` is the loop over the streams of a connection. `stream` answers a request, `source` is its body, and
//! `output` writes the reply with its faults. `wire` lies between h2 and the transport: it adds the frames that h2
//! cannot make, which `frame_filter` and `frame_scan` need to know the frames. `config` is how the server behaves,
//! `action` what a test does to a connection, `control` and `action_queue` when. `frame` writes frames byte by byte,
//! and `error_code` names the codes.

mod action;
mod action_queue;
mod config;
mod connection;
mod control;
mod error_code;
mod frame;
mod frame_filter;
mod frame_scan;
mod output;
mod source;
mod stream;
mod wire;

use http::Version;

pub use self::action::Http2Action;
pub use self::config::Http2Config;
pub(super) use self::connection::serve;
pub use self::control::Http2Control;
pub use self::error_code::Http2ErrorCode;
pub use self::frame::Http2Frame;
pub(super) use self::source::StreamSource;
use crate::transport::Transport;

/// Returns how many bytes are needed to tell whether a connection speaks HTTP/2: `Some(0)` if it does, and `None` if it
/// does not. `bytes` are the first bytes of the client.
pub(super) fn preface_left(transport: &dyn Transport, bytes: &[u8], config: &Http2Config) -> Option<usize> {
    let preface = Http2Frame::PREFACE;
    let is_preface = preface.iter().zip(bytes).all(|(expected, byte)| expected == byte);
    match transport.version() {
        _ if config.is_disabled => None,
        // TLS has selected `h2`, so the server need not wait for the client.
        Version::HTTP_2 => Some(0),
        _ => is_preface.then(|| preface.len().saturating_sub(bytes.len())),
    }
}
