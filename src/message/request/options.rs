//! What a request can set over its client's options.

use std::sync::Arc;
use std::time::Duration;

use super::RetryPolicy;
use crate::message::extensions::{Extension, Extensions};

/// What to do with a redirect; the names are the Fetch standard's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Redirect {
    /// Go where it says, 20 times at most.
    ///
    /// # Platform
    /// Natively never from `https` to `http`, unless the agent is told to; elsewhere the engine decides: Node goes there.
    #[default]
    Follow,
    /// Fail with [`Redirect`](crate::ErrorKind::Redirect); in a browser, which does not say why, with [`Network`](crate::ErrorKind::Network).
    Error,
    /// Return the redirect as the response that it is; `location` says where it points.
    ///
    /// # Platform
    /// A browser does not show redirects to a page: there such a response is an error of kind
    /// [`Unsupported`](crate::ErrorKind::Unsupported).
    Manual,
}

/// Every setting that a request can have of its own; what is `None` is taken from the client.
///
/// A time limit of zero means none.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RequestOptions {
    /// The longest wait for a slot. Client default: none.
    pub queue_timeout: Option<Duration>,
    /// Who goes first when several requests wait for a slot: the higher, from -32768 to 32767. Client default: 0.
    ///
    /// Among equals, who came first; what waits rises with time, see [`Builder::ageing`](crate::Builder::ageing).
    pub priority: Option<i16>,
    /// The longest time to look up and connect to the server. Client default: 20 s.
    ///
    /// # Platform
    /// A browser does not show its connections: there this time is part of `head_timeout`.
    pub connect_timeout: Option<Duration>,
    /// The longest silence between starting an attempt and the response's head. Client default: 20 s.
    ///
    /// Connecting has its own limit and does not count. While the request's body is on its way, each piece that leaves
    /// starts the time again.
    ///
    /// # Platform
    /// A browser does not show its connections, nor how far an upload is: there this time includes connecting, and a
    /// body adds a second for each 32 KiB.
    pub head_timeout: Option<Duration>,
    /// The longest time from the start of an attempt, when it has its slot, to the response's head, connecting and sending
    /// included. Client default: none.
    pub attempt_timeout: Option<Duration>,
    /// The longest silence between two pieces of the response's body. Client default: 20 s.
    pub idle_timeout: Option<Duration>,
    /// The longest time from the call to the end of the response's body. Client default: none.
    pub timeout: Option<Duration>,
    /// The most bytes that `bytes`, `text` and `json` collect. Client default: 100 MiB.
    ///
    /// Reading chunk by chunk is not limited by this one, but by `stream_limit`.
    pub body_limit: Option<u64>,
    /// The most bytes of a response's body, however it is read. Client default: no limit.
    ///
    /// It counts what is handed out, after decoding. A body that says that it is longer fails before its first byte.
    pub stream_limit: Option<u64>,
    /// Whether a body in a coding that is known is decoded, and such codings asked for. Default: yes.
    ///
    /// With `false`, a body comes as it was sent, with the headers that describe it.
    ///
    /// # Platform
    /// A browser always decodes: there `false` is an error of kind
    /// [`Unsupported`](crate::ErrorKind::Unsupported). Nor does an engine say which codings it knows: a body in one that it has not
    /// asked for (zstd, of Node 20) comes as it was sent, without the header that says so.
    pub decompress: Option<bool>,
    /// What to do with a redirect. Client default: follow it.
    pub redirect: Option<Redirect>,
    /// Whether to send the head alone and the body only once the server says that it wants it (`Expect: 100-continue`),
    /// or after a second of silence. Client default: no.
    ///
    /// A final response that comes first means that the body is never touched. A request without a body does not ask. A
    /// server that knows no such question (417) is sent the request once more without it, if its body can be had again
    /// (RFC 9110, section 10.1.1).
    ///
    /// # Platform
    /// A browser cannot: there a request that has a body and asks fails with [`Unsupported`](crate::ErrorKind::Unsupported).
    pub expect_continue: Option<bool>,
    /// When to try again; `Retry` and its setters stand in `client`. Client default: never.
    pub(crate) retry: Option<Arc<dyn RetryPolicy>>,
    /// What only one backend understands.
    pub(crate) settings: Extensions,
}

impl RequestOptions {
    /// The setting of this type, if there is one.
    pub fn extension<S: Extension>(&self) -> Option<&S> {
        self.settings.get()
    }

    /// Sets what the backend `S::BACKEND` understands; it replaces one of the same type.
    pub fn set_setting<S: Extension>(&mut self, setting: S) {
        self.settings.set(setting);
    }

    /// Takes the setting of this type out.
    pub fn take_extension<S: Extension>(&mut self) -> Option<Arc<S>> {
        self.settings.take()
    }

    /// These options, and `defaults` where they say nothing.
    pub fn over(self, defaults: &Self) -> Self {
        Self {
            queue_timeout: self.queue_timeout.or(defaults.queue_timeout),
            priority: self.priority.or(defaults.priority),
            connect_timeout: self.connect_timeout.or(defaults.connect_timeout),
            head_timeout: self.head_timeout.or(defaults.head_timeout),
            attempt_timeout: self.attempt_timeout.or(defaults.attempt_timeout),
            idle_timeout: self.idle_timeout.or(defaults.idle_timeout),
            timeout: self.timeout.or(defaults.timeout),
            body_limit: self.body_limit.or(defaults.body_limit),
            stream_limit: self.stream_limit.or(defaults.stream_limit),
            decompress: self.decompress.or(defaults.decompress),
            redirect: self.redirect.or(defaults.redirect),
            expect_continue: self.expect_continue.or(defaults.expect_continue),
            retry: self.retry.or_else(|| defaults.retry.clone()),
            settings: self.settings.over(&defaults.settings),
        }
    }
}

/// The setters of [`RequestOptions`], for the client's builder and the request's alike.
macro_rules! option_setters {
    () => {
        /// Sets the longest time from the call to the end of the response's body; zero means none.
        pub fn timeout(self, limit: std::time::Duration) -> Self {
            self.with_options(|options| options.timeout = Some(limit))
        }

        /// Sets the longest wait for a slot; zero means none.
        pub fn queue_timeout(self, limit: std::time::Duration) -> Self {
            self.with_options(|options| options.queue_timeout = Some(limit))
        }

        /// Sets who goes first when several requests wait for a slot: the higher; among equals, who came first.
        pub fn priority(self, priority: i16) -> Self {
            self.with_options(|options| options.priority = Some(priority))
        }

        /// Sets the longest time to look up and connect to the server; zero means none.
        ///
        /// # Platform
        /// A browser does not show its connections: there this time is part of `head_timeout`.
        pub fn connect_timeout(self, limit: std::time::Duration) -> Self {
            self.with_options(|options| options.connect_timeout = Some(limit))
        }

        /// Sets the longest silence between starting an attempt and the response's head; zero means none.
        ///
        /// Connecting has its own limit and does not count. While the request's body is on its way, each piece that
        /// leaves starts the time again.
        ///
        /// # Platform
        /// A browser does not show its connections, nor how far an upload is: there this time includes connecting, and
        /// a body adds a second for each 32 KiB.
        pub fn head_timeout(self, limit: std::time::Duration) -> Self {
            self.with_options(|options| options.head_timeout = Some(limit))
        }

        /// Sets the longest time from the start of an attempt to the response's head; zero means none.
        pub fn attempt_timeout(self, limit: std::time::Duration) -> Self {
            self.with_options(|options| options.attempt_timeout = Some(limit))
        }

        /// Sets the longest silence between two pieces of the response's body; zero means none.
        pub fn idle_timeout(self, limit: std::time::Duration) -> Self {
            self.with_options(|options| options.idle_timeout = Some(limit))
        }

        /// Sets the most bytes that `bytes`, `text` and `json` collect.
        pub fn body_limit(self, bytes: u64) -> Self {
            self.with_options(|options| options.body_limit = Some(bytes))
        }

        /// Sets the most bytes of a response's body, however it is read.
        pub fn stream_limit(self, bytes: u64) -> Self {
            self.with_options(|options| options.stream_limit = Some(bytes))
        }

        /// Sets whether a body in a coding that is known is decoded, and such codings asked for; default: yes.
        ///
        /// # Platform
        /// A browser always decodes: there `false` is an error of kind
        /// [`Unsupported`](crate::error::ErrorKind::Unsupported).
        pub fn decompress(self, decode: bool) -> Self {
            self.with_options(|options| options.decompress = Some(decode))
        }

        /// Sets what to do with a redirect.
        pub fn redirect(self, redirect: crate::message::request::Redirect) -> Self {
            self.with_options(|options| options.redirect = Some(redirect))
        }

        /// Sets whether to ask the server before a body is sent (`Expect: 100-continue`).
        ///
        /// # Platform
        /// A browser cannot: there a request that has a body and asks fails with `Unsupported`.
        pub fn expect_continue(self, ask: bool) -> Self {
            self.with_options(|options| options.expect_continue = Some(ask))
        }

        /// Sets what only one backend understands, such as how its connections are made; it replaces one of the same
        /// type.
        ///
        /// # Errors
        /// On sending: [`Unsupported`](crate::error::ErrorKind::Unsupported) if it is for another backend.
        pub fn extension<S: crate::message::extensions::Extension>(self, setting: S) -> Self {
            self.with_options(|options| options.set_setting(setting))
        }
    };
}
pub(crate) use option_setters;
