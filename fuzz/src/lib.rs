//! The fuzz targets of waterspout. Each public module is a target, and its function `run` checks a single input.
//!
//! A check panics if a promise of the client is broken. Most targets give the same bytes to the client whole and split,
//! and both must have the same outcome; `challenges` and `redirects` do not split them. Some targets compare the client with a
//! second, naive implementation.
//!
//! All connections are in memory, the clock stands still, and no target starts a thread.

mod choices;
mod outcome;
mod polling;
mod wire;

pub mod challenges;
pub mod chunked;
pub mod codings;
pub mod cookie_date;
pub mod event_stream;
pub mod exchange;
pub mod http2_frames;
pub mod proxies;
pub mod redirects;
pub mod response_head;
pub mod set_cookie;
pub mod urls;
