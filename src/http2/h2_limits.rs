//! The settings of h2 that bound what a server may do. The sizes of windows are elsewhere: they are for speed.

use std::time::Duration;

use h2::Reason;

use super::response_fields::max_header_list_size;
use crate::http1::Http1Limits;

/// Maximum bytes of bookkeeping for DATA frames that no program has read, as h2 counts them: 256 less the payload of
/// each frame with a smaller payload.
///
/// By default this is half of the connection's window. An unread stream of small events would then end the connection,
/// and all other requests on it, before it has filled its own window of 2 MiB. 8 MiB is enough for 2 MiB in pieces of 52
/// bytes, and for 33,000 pieces of a byte. h2 also counts small frames that arrive after a cancel, and takes them back
/// only when larger frames arrive.
const DATA_FRAME_BUDGET: usize = 8 << 20;

/// Maximum number of cancelled streams whose late frames are ignored.
///
/// h2 answers frames for older streams by a RST_STREAM each, and ends the connection after 1,024 of them. By default it
/// remembers 50 streams for a second. A window of 2 MiB may hold 128 late frames for each stream.
const CANCELLED_STREAMS: usize = 1_024;

/// How long late frames of a cancelled stream are ignored. A server whose buffers are full may send them late.
const LATE_FRAMES: Duration = Duration::from_secs(30);

/// Maximum number of streams that h2 resets because of a fault of the server, in the life of a connection. This is the
/// default of h2, and `frame_limits` relies on it.
const FAULTY_STREAMS: usize = 1_024;

/// Sets the limits of a connection.
pub(crate) fn apply(builder: &mut h2::client::Builder, limits: &Http1Limits) {
    builder
        // h2 offers push by default, and this library has no use for pushed responses.
        .enable_push(false)
        .max_header_list_size(max_header_list_size(limits))
        .data_frame_budget(DATA_FRAME_BUDGET)
        .max_concurrent_reset_streams(CANCELLED_STREAMS)
        .reset_stream_duration(LATE_FRAMES)
        .max_local_error_reset_streams(Some(FAULTY_STREAMS));
}

/// The limits of h2 by the debug data of its GOAWAY frames, and what a server has done if it exceeds them.
const EXCEEDED: [(&str, &str); 3] = [
    (
        "too_many_data_frames",
        "the server sent too many small DATA frames; the limits are 100 frames with padding alone, and 8 MiB of \
         bookkeeping for frames that the program has not read",
    ),
    (
        "header_list_way_too_large",
        "the server sent a head that is many times larger than the limit, which is `Config::head_bytes`",
    ),
    ("too_many_internal_resets", "the server sent more than 1024 malformed responses on a connection, their limit"),
];

/// Returns what the server has done, if h2 has ended the connection because the server has exceeded a limit.
pub(super) fn exceeded(error: &h2::Error) -> Option<&'static str> {
    if !error.is_library() || error.reason() != Some(Reason::ENHANCE_YOUR_CALM) {
        return None;
    }
    // The debug data is a part of the text, and has no other access.
    let text = error.to_string();
    let found = EXCEEDED.iter().find(|(name, _)| text.contains(name));
    Some(found.map_or("the server exceeded a limit of HTTP/2", |(_, message)| message))
}
