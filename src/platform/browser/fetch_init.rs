//! Options that only the engine's `fetch` has: the members of `RequestInit` without a portable counterpart.

use std::borrow::Cow;

use wasm_bindgen::JsValue;

use super::upload::{StartUpload, StreamUpload, Upload};
use crate::error::Result;
use crate::message::body::Body;
use crate::message::extensions::Extension;
use crate::message::progress::Progress;

/// The default of [`FetchInit::upload_limit`] in bytes: 64 MiB.
const DEFAULT_UPLOAD_LIMIT: u64 = 64 * 1024 * 1024;

/// Options of the engine's `fetch` that other platforms do not have. Names and values are defined by the Fetch
/// standard.
///
/// Set it on a client or a request with `fetch_init`. The value of a request replaces the value of its client as a
/// whole. Only members that are set here are set on the engine's request, because some engines refuse members that they
/// do not know. There is no `redirect` here: the portable [`Redirect`](crate::Redirect) has all three values of the
/// standard.
///
/// # Errors
/// On sending: [`Unsupported`](crate::ErrorKind::Unsupported) if the engine ignores an option, and
/// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) with the engine's message if it refuses a value. An ignored
/// `priority` is not detected, because it is a hint that any engine may ignore.
///
/// # Examples
///
/// ```
/// use waterspout::Client;
/// use waterspout::platform::browser::{Credentials, FetchInit};
///
/// let init = FetchInit::new().credentials(Credentials::Include);
/// let client = Client::builder().fetch_init(init).build()?;
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchInit {
    /// The members that are set, in the order of their names.
    members: Vec<(&'static str, MemberValue)>,
    /// Set if streamed bodies are sent while they are read.
    stream_upload: Option<&'static dyn StartUpload>,
    upload_limit: Option<u64>,
}

/// The value of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MemberValue {
    Text(Cow<'static, str>),
    Flag(bool),
}

impl From<&MemberValue> for JsValue {
    fn from(value: &MemberValue) -> Self {
        match value {
            MemberValue::Text(text) => (&**text).into(),
            MemberValue::Flag(flag) => (*flag).into(),
        }
    }
}

impl Extension for FetchInit {
    const NAME: &'static str = "FetchInit";
    const BACKEND: &'static str = "fetch";
}

impl FetchInit {
    /// Makes options without any member: the engine's own defaults apply.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets which requests to other origins are allowed. Default: `cors`.
    pub fn mode(self, mode: Mode) -> Self {
        self.set("mode", MemberValue::Text(mode.name().into()))
    }

    /// Sets when the engine sends and stores its own cookies. Default: `same-origin`.
    pub fn credentials(self, credentials: Credentials) -> Self {
        self.set("credentials", MemberValue::Text(credentials.name().into()))
    }

    /// Sets how the engine's cache is used. Default: `default`.
    pub fn cache(self, cache: Cache) -> Self {
        self.set("cache", MemberValue::Text(cache.name().into()))
    }

    /// Sets the referrer: a URL of the same origin, `about:client` for the page itself, or an empty text for no
    /// referrer. Default: the page.
    pub fn referrer(self, referrer: impl Into<String>) -> Self {
        self.set("referrer", MemberValue::Text(referrer.into().into()))
    }

    /// Sets how much of the referrer is sent. Default: the page's policy.
    pub fn referrer_policy(self, policy: ReferrerPolicy) -> Self {
        self.set("referrerPolicy", MemberValue::Text(policy.name().into()))
    }

    /// Sets the hash that the response's body must have, as in Subresource Integrity: `sha256-…`. A body with another
    /// hash is an error of kind [`Network`](crate::ErrorKind::Network).
    pub fn integrity(self, metadata: impl Into<String>) -> Self {
        self.set("integrity", MemberValue::Text(metadata.into().into()))
    }

    /// Sets whether the request may outlive its page. Browsers then accept bodies of at most 64 KiB. Default: false.
    ///
    /// A dropped request is aborted all the same: the page may end before the request, but its future may not.
    pub fn keepalive(self, keepalive: bool) -> Self {
        self.set("keepalive", MemberValue::Flag(keepalive))
    }

    /// Sets the priority of the request among all requests of the engine. The priority in the client's queue is
    /// [`RequestOptions::priority`](crate::RequestOptions::priority).
    pub fn priority(self, priority: FetchPriority) -> Self {
        self.set(PRIORITY, MemberValue::Text(priority.name().into()))
    }

    /// Sets whether a streamed request body is sent while it is read, if the engine can do so
    /// ([`can_stream_uploads`](super::can_stream_uploads)). Otherwise the body is gathered, up to
    /// [`upload_limit`](Self::upload_limit). Default: false.
    ///
    /// It is off by default because a browser sends streams only over HTTP/2 and later. Over HTTP/1.1 the request fails
    /// with [`Network`](crate::ErrorKind::Network) after the stream has begun, so a body that can be read only once
    /// cannot be sent in another way. A redirect that keeps the body cannot be followed either.
    pub fn stream_upload(mut self, stream: bool) -> Self {
        self.stream_upload = if stream { Some(&StreamUpload) } else { None };
        self
    }

    /// Sets how many bytes of a streamed request body are gathered at most. Default: 64 MiB. A longer body is an error
    /// of kind [`LimitExceeded`](crate::ErrorKind::LimitExceeded), before anything is sent.
    pub fn upload_limit(mut self, bytes: u64) -> Self {
        self.upload_limit = Some(bytes);
        self
    }

    fn set(mut self, name: &'static str, value: MemberValue) -> Self {
        self.members.retain(|(other, _)| *other != name);
        // Sorted, so that equality does not depend on the order of the setters.
        let at = self.members.partition_point(|(other, _)| *other < name);
        self.members.insert(at, (name, value));
        self
    }

    /// Starts to send `body` while it is read, if that is set and the engine can. Otherwise `body` is unchanged.
    pub(super) fn start_upload(&self, body: &mut Body, progress: &Progress) -> Result<Option<Upload>> {
        self.stream_upload.map_or(Ok(None), |upload| upload.start(body, progress))
    }

    pub(super) fn max_gathered(&self) -> u64 {
        self.upload_limit.unwrap_or(DEFAULT_UPLOAD_LIMIT)
    }

    /// Returns the members that are set.
    pub(super) fn members(&self) -> &[(&'static str, MemberValue)] {
        &self.members
    }
}

/// The member that the engine's request does not show, so that it cannot be checked.
pub(super) const PRIORITY: &str = "priority";

/// Declares an option of the Fetch standard with its values and their names in the standard.
macro_rules! option {
    ($(#[$about:meta])* $option:ident { $($(#[$meaning:meta])* $value:ident = $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $option {
            $($(#[$meaning])* $value,)+
        }

        impl $option {
            /// Returns the name in the Fetch standard.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name,)+
                }
            }
        }
    };
}

option! {
    /// Which requests to other origins are allowed.
    Mode {
        /// `cors`: requests that the other server allows.
        Cors = "cors",
        /// `no-cors`: simple requests only. The page may not read their responses, so the request is sent and ends with
        /// an error of kind [`Unsupported`](crate::ErrorKind::Unsupported).
        NoCors = "no-cors",
        /// `same-origin`: none.
        SameOrigin = "same-origin",
    }
}

option! {
    /// When the engine sends and stores its own cookies and other credentials.
    Credentials {
        /// `omit`: never.
        Omit = "omit",
        /// `same-origin`: to the page's own origin.
        SameOrigin = "same-origin",
        /// `include`: to every origin; another origin must allow it.
        Include = "include",
    }
}

option! {
    /// How the engine's cache is used.
    Cache {
        /// `default`: a fresh entry is used, a stale entry is revalidated.
        Default = "default",
        /// `no-store`: the cache is neither read nor updated.
        NoStore = "no-store",
        /// `reload`: the cache is updated and not read.
        Reload = "reload",
        /// `no-cache`: every entry is revalidated.
        NoCache = "no-cache",
        /// `force-cache`: an entry is used even if it is stale.
        ForceCache = "force-cache",
        /// `only-if-cached`: an entry is used, and the request fails if there is none. Only for the page's own origin.
        OnlyIfCached = "only-if-cached",
    }
}

option! {
    /// How much of the referrer is sent, and to which origins.
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
    /// The priority of a request among all requests of the engine.
    FetchPriority {
        /// `high`
        High = "high",
        /// `low`
        Low = "low",
        /// `auto`: the engine decides.
        Auto = "auto",
    }
}
