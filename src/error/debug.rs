//! The debug output of an error: what a program prints whose `main` returns the error.

use std::fmt;

use super::{Attempt, Error};

/// Shows what is known about the error, its cause included. The URL is shown as by [`Display`](fmt::Display).
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let details = &*self.0;
        let mut debug = f.debug_struct("Error");
        if let Some(status) = &details.status {
            debug.field("status", &format_args!("{}", status.as_u16()));
        }
        debug.field("kind", &details.kind).field("phase", &details.phase).field("message", &details.message);
        if let Some(reason) = &details.reason {
            debug.field("reason", reason);
        }
        if let Some(url) = &details.url {
            debug.field("url", &format_args!("{}", crate::Url::redact(url)));
        }
        if let Some((timeout, limit)) = &details.timeout {
            debug.field("timeout", &format_args!("{timeout} ({limit:?})"));
        }
        if let Some(step) = &details.connect_step {
            debug.field("connect_step", step);
        }
        if !details.attempts.is_empty() {
            debug.field("attempts", &Attempts(&details.attempts));
        }
        if let Some(source) = &details.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

/// Shows each attempt as its outcome and duration.
struct Attempts<'a>(&'a [Attempt]);

impl fmt::Debug for Attempts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        for Attempt { status, error, elapsed, .. } in self.0 {
            match (status, error) {
                (Some(status), _) => list.entry(&format_args!("{} after {elapsed:?}", status.as_u16())),
                (None, Some(kind)) => list.entry(&format_args!("{kind:?} after {elapsed:?}")),
                (None, None) => list.entry(&format_args!("no outcome after {elapsed:?}")),
            };
        }
        list.finish()
    }
}
