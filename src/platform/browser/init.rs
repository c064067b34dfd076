//! What only the engine's `fetch` understands: the members of its `RequestInit` that have no portable counterpart.

use std::borrow::Cow;
use std::fmt;

use wasm_bindgen::JsValue;

use super::upload::{self, Upload};
use crate::error::Result;
use crate::message::body::Body;
use crate::message::extensions::Extension;
use crate::message::progress::Progress;

/// The most bytes of a streamed request body that are gathered before sending, unless set otherwise: 64 MiB.
const UPLOAD_LIMIT: u64 = 64 * 1024 * 1024;

/// What the engine's `fetch` is told beyond what every platform has; the names and values are the Fetch standard's.
///
/// It is given to a request or a client by `setting`; a request's replaces the client's as a whole. Only what is set here
/// is set on the engine's request, since some engines refuse what they do not know; what they know and may not do is
/// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) with the engine's own words. There is no `redirect` here: the portable
/// [`Redirect`](crate::Redirect) has all three of the standard's.
///
/// # Errors
/// On sending: [`Unsupported`](crate::ErrorKind::Unsupported) if the engine ignores an option. That cannot be seen of
/// `priority`, a hint which any engine may ignore.
///
/// # Examples
///
/// ```
/// use waterspout::Client;
/// use waterspout::platform::browser::{Credentials, FetchInit};
///
/// let init = FetchInit::new().credentials(Credentials::Include);
/// let client = Client::builder().extension(init).build()?;
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchInit {
    /// Those that are set, in the order of the names that the standard has for them.
    members: Vec<(&'static str, Value)>,
    stream_upload: Option<StreamUpload>,
    upload_limit: Option<u64>,
}

/// What a member is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(Cow<'static, str>),
    Flag(bool),
}

impl From<&Value> for JsValue {
    fn from(value: &Value) -> Self {
        match value {
            Value::Text(text) => (&**text).into(),
            Value::Flag(flag) => (*flag).into(),
        }
    }
}

/// What starts a streamed upload. [`FetchInit::stream_upload`] alone names it: a program that does not call that does not
/// link the streams.
#[derive(Clone, Copy)]
struct StreamUpload(fn(&mut Body, &Progress) -> Result<Option<Upload>>);

impl PartialEq for StreamUpload {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for StreamUpload {}

impl fmt::Debug for StreamUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamUpload")
    }
}

impl Extension for FetchInit {
    const NAME: &'static str = "FetchInit";
    const BACKEND: &'static str = "fetch";
}

impl FetchInit {
    /// Nothing is set: the engine's own defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what may be asked of another origin. The standard's default: `cors`.
    pub fn mode(self, mode: Mode) -> Self {
        self.set("mode", Value::Text(mode.name().into()))
    }

    /// Sets whether the engine sends and keeps its own cookies. The standard's default: `same-origin`.
    pub fn credentials(self, credentials: Credentials) -> Self {
        self.set("credentials", Value::Text(credentials.name().into()))
    }

    /// Sets what the engine's cache may do. The standard's default: `default`.
    pub fn cache(self, cache: Cache) -> Self {
        self.set("cache", Value::Text(cache.name().into()))
    }

    /// Sets the page that the request is said to come from: a URL of the same origin, `about:client` for the page itself, or
    /// an empty text for none.
    pub fn referrer(self, referrer: impl Into<String>) -> Self {
        self.set("referrer", Value::Text(referrer.into().into()))
    }

    /// Sets how much of the referrer is sent. Default: the page's policy.
    pub fn referrer_policy(self, policy: ReferrerPolicy) -> Self {
        self.set("referrerPolicy", Value::Text(policy.name().into()))
    }

    /// Sets what the response's body must hash to, as in Subresource Integrity: `sha256-…`. Another one is an error of kind
    /// [`Network`](crate::ErrorKind::Network).
    pub fn integrity(self, metadata: impl Into<String>) -> Self {
        self.set("integrity", Value::Text(metadata.into().into()))
    }

    /// Sets whether the request may outlive its page. Browsers then take bodies of 64 KiB at most.
    ///
    /// A request that is dropped is aborted all the same: it is the page that may go, not its future.
    pub fn keepalive(self, keepalive: bool) -> Self {
        self.set("keepalive", Value::Flag(keepalive))
    }

    /// Sets how urgent the request is among the engine's own. The client's queue has
    /// [`priority`](crate::RequestOptions::priority).
    pub fn priority(self, priority: FetchPriority) -> Self {
        self.set(PRIORITY, Value::Text(priority.name().into()))
    }

    /// Sets whether a request body that is a stream is sent while it is read, where the engine can
    /// ([`can_stream_uploads`](super::can_stream_uploads)). Default: no; it is gathered, up to
    /// [`upload_limit`](Self::upload_limit).
    ///
    /// It is no default since a browser sends streams over HTTP/2 and later alone: over HTTP/1.1 the request fails with
    /// [`Network`](crate::ErrorKind::Network), after the stream has been begun, so that a one-shot body could not be sent
    /// another way. Nor can a redirect that keeps the body be followed. Where the engine has no such streams, the body is
    /// gathered as ever.
    pub fn stream_upload(mut self, stream: bool) -> Self {
        self.stream_upload = stream.then_some(StreamUpload(upload::start));
        self
    }

    /// Sets the most bytes of a streamed request body that are gathered before they are sent. Default: 64 MiB. A longer one
    /// is an error of kind [`LimitExceeded`](crate::ErrorKind::LimitExceeded), before anything is sent.
    pub fn upload_limit(mut self, bytes: u64) -> Self {
        self.upload_limit = Some(bytes);
        self
    }

    fn set(mut self, name: &'static str, value: Value) -> Self {
        self.members.retain(|(other, _)| *other != name);
        let at = self.members.partition_point(|(other, _)| *other < name);
        self.members.insert(at, (name, value));
        self
    }

    /// Sends `body` while it is read, if that is wanted and can be; else it stays.
    pub(super) fn start_upload(&self, body: &mut Body, progress: &Progress) -> Result<Option<Upload>> {
        self.stream_upload.map_or(Ok(None), |StreamUpload(start)| start(body, progress))
    }

    pub(super) fn most_gathered(&self) -> u64 {
        self.upload_limit.unwrap_or(UPLOAD_LIMIT)
    }

    /// The members that are set.
    pub(super) fn members(&self) -> &[(&'static str, Value)] {
        &self.members
    }
}

/// The one member that the engine's request does not show.
pub(super) const PRIORITY: &str = "priority";

/// Declares an option of the Fetch standard: its values, each with its name there.
macro_rules! option {
    ($(#[$about:meta])* $option:ident { $($(#[$meaning:meta])* $value:ident = $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $option {
            $($(#[$meaning])* $value,)+
        }

        impl $option {
            /// The standard's name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name,)+
                }
            }
        }
    };
}

option! {
    /// What may be asked of another origin.
    Mode {
        /// `cors`: what its server allows.
        Cors = "cors",
        /// `no-cors`: simple requests alone, whose responses the page may not see: they are errors of kind
        /// [`Unsupported`](crate::ErrorKind::Unsupported), though the request was sent.
        NoCors = "no-cors",
        /// `same-origin`: nothing.
        SameOrigin = "same-origin",
    }
}

option! {
    /// When the engine sends and keeps its own cookies and other credentials.
    Credentials {
        /// `omit`: never.
        Omit = "omit",
        /// `same-origin`: to the page's own origin.
        SameOrigin = "same-origin",
        /// `include`: to every origin; another one must allow it.
        Include = "include",
    }
}

option! {
    /// What the engine's cache may do.
    Cache {
        /// `default`: answer while fresh, ask whether it still holds when stale.
        Default = "default",
        /// `no-store`: nothing.
        NoStore = "no-store",
        /// `reload`: keep the answer, but not give one.
        Reload = "reload",
        /// `no-cache`: answer once the server says that it still holds.
        NoCache = "no-cache",
        /// `force-cache`: answer, stale or not.
        ForceCache = "force-cache",
        /// `only-if-cached`: answer or fail; within the page's own origin alone.
        OnlyIfCached = "only-if-cached",
    }
}

option! {
    /// How much of the referrer is sent, and to whom.
    ReferrerPolicy {
        /// `no-referrer`
        NoReferrer = "no-referrer",
        /// `no-referrer-when-downgrade`
        NoReferrerWhenDowngrade = "no-referrer-when-downgrade",
        /// `same-origin`
        SameOrigin = "same-origin",
        /// `origin`
        Origin = "origin",
        /// `strict-origin`
        StrictOrigin = "strict-origin",
        /// `origin-when-cross-origin`
        OriginWhenCrossOrigin = "origin-when-cross-origin",
        /// `strict-origin-when-cross-origin`
        StrictOriginWhenCrossOrigin = "strict-origin-when-cross-origin",
        /// `unsafe-url`
        UnsafeUrl = "unsafe-url",
    }
}

option! {
    /// How urgent a request is among the engine's own.
    FetchPriority {
        /// `high`
        High = "high",
        /// `low`
        Low = "low",
        /// `auto`: as the engine thinks.
        Auto = "auto",
    }
}
