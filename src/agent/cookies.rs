//! The seam for a cookie jar: what it is asked before each hop, and told after.

use std::fmt;
use std::sync::Arc;

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

use crate::message::extensions::Extension;
use crate::message::request::Request;
use crate::message::url::Url;

/// Keeps the cookies of an [`Agent`](super::Agent). `cookies::CookieJar`, behind the feature `cookies`, is one.
pub trait CookieStore: fmt::Debug + Send + Sync + 'static {
    /// Takes in the `set-cookie` headers of a response from `url`.
    fn store(&self, url: &Url, headers: &HeaderMap);

    /// The `cookie` header of a request to `url`, if there are cookies for it.
    fn cookies(&self, url: &Url) -> Option<HeaderValue>;
}

/// The jar of a request or a client instead of its agent's: a [`Extension`].
#[derive(Clone, Debug)]
pub struct Cookies(Option<Arc<dyn CookieStore>>);

impl Cookies {
    /// This jar.
    pub fn new(jar: impl CookieStore) -> Self {
        Self(Some(Arc::new(jar)))
    }

    /// No jar: cookies are neither sent nor kept.
    pub const fn none() -> Self {
        Self(None)
    }

    pub(super) fn jar(&self) -> Option<&Arc<dyn CookieStore>> {
        self.0.as_ref()
    }
}

impl Extension for Cookies {
    const NAME: &'static str = "cookies";
    const BACKEND: &'static str = "agent";
}

/// Adds the jar's cookies to a request without any of its own; says whether it did.
pub(super) fn add(store: Option<&dyn CookieStore>, request: &mut Request) -> bool {
    if request.headers().contains_key(COOKIE) {
        return false;
    }
    let Some(mut cookies) = store.and_then(|store| store.cookies(request.url())) else { return false };
    cookies.set_sensitive(true);
    request.headers_mut().insert(COOKIE, cookies);
    true
}

/// Takes the jar's cookies out again: the next hop asks for its own.
pub(super) fn remove(request: &mut Request) {
    request.headers_mut().remove(COOKIE);
}

/// Hands a response's cookies to the jar.
pub(super) fn take_in(store: Option<&dyn CookieStore>, url: &Url, headers: &HeaderMap) {
    if let Some(store) = store.filter(|_| headers.contains_key(SET_COOKIE)) {
        store.store(url, headers);
    }
}
