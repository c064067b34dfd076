//! What the platforms without a JavaScript engine share: the functions that an engine has, and the clock of a client.

mod body_support;
#[cfg(feature = "charset")]
mod charset;
mod header_support;
mod normal_url;
mod parse;
mod standard;
#[cfg(feature = "cookies")]
mod time_of_day;
mod timer_queue;
mod url_crate;

/// The type of the values of a JavaScript engine. Without an engine there is no such value.
pub(crate) use std::convert::Infallible as EngineValue;

pub(crate) use self::body_support::NoBodySupport as BodySupport;
#[cfg(feature = "charset")]
pub(crate) use self::charset::decode;
pub(crate) use self::header_support::FullHeaderSupport as HeaderSupport;
pub(crate) use self::normal_url::{join_normal_url, parse_normal_url};
pub(crate) use self::parse::{parse_url, resolve_url};
pub(crate) use self::standard::{base64, normalize, random};
#[cfg(feature = "cookies")]
pub(crate) use self::time_of_day::unix_time;
pub(crate) use self::timer_queue::{QueuedSleep as ClientSleep, TimerQueue as ClientClock};
