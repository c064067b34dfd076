//! The interface for a cookie jar: the agent reads it before each request and stores cookies after each response.

use std::fmt;
use std::sync::Arc;

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

use super::default_fields;
use crate::message::extensions::Extension;
use crate::message::request::Request;
use crate::message::response::Response;
use crate::message::url::Url;

/// Stores the cookies of an [`Agent`](super::Agent). `cookies::CookieJar`, behind the feature `cookies`, implements it.
///
/// The agent calls both methods for each request and each response, redirects included. They should not block.
///
/// # Examples
///
/// A store that sends back every cookie to every URL; a real store checks domain, path and expiry:
///
/// ```
/// use std::sync::Mutex;
/// use waterspout::agent::CookieStore;
/// use waterspout::http::{HeaderMap, HeaderValue};
/// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
/// use waterspout::{Agent, Client, Url};
///
/// #[derive(Debug, Default)]
/// struct LastCookie(Mutex<Option<HeaderValue>>);
///
/// impl CookieStore for LastCookie {
///     fn store(&self, _url: &Url, headers: &HeaderMap) {
///         *self.0.lock().unwrap() = headers.get("set-cookie").cloned();
///     }
///
///     fn cookies(&self, _url: &Url) -> Option<HeaderValue> {
///         self.0.lock().unwrap().clone()
///     }
/// }
///
/// let answer = "HTTP/1.1 200 OK\r\nset-cookie: a=1\r\ncontent-length: 0\r\n\r\n";
/// let connector = ScriptedConnector::new([Script::new().expect_head().send(answer).expect_head().send(answer)]);
/// let agent = Agent::new(connector.clone(), ManualTimer::new()).with_cookies(LastCookie::default());
/// let client = Client::builder().backend(agent).build()?;
/// futures::executor::block_on(async {
///     client.get("http://example.com/").await?;
///     client.get("http://example.com/").await
/// })?;
/// assert!(connector.written(0).contains("cookie: a=1\r\n"));
/// # Ok::<(), waterspout::Error>(())
/// ```
pub trait CookieStore: fmt::Debug + Send + Sync + 'static {
    /// Stores the cookies in the `set-cookie` headers of a response from `url`.
    fn store(&self, url: &Url, headers: &HeaderMap);

    /// Returns the `cookie` header of a request to `url`, or `None` if there are no cookies for it.
    fn cookies(&self, url: &Url) -> Option<HeaderValue>;
}

impl<S: CookieStore + ?Sized> CookieStore for Arc<S> {
    fn store(&self, url: &Url, headers: &HeaderMap) {
        (**self).store(url, headers);
    }

    fn cookies(&self, url: &Url) -> Option<HeaderValue> {
        (**self).cookies(url)
    }
}

/// The cookie store of a request or a client, as an [`Extension`]. It replaces the agent's store.
///
/// # Examples
///
/// ```
/// use waterspout::Request;
/// use waterspout::agent::Cookies;
///
/// let request = Request::get("http://example.com/").extension(Cookies::none()).build()?;
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cookies(Option<Arc<dyn CookieStore>>);

impl Cookies {
    /// Uses this store.
    pub fn new(jar: impl CookieStore) -> Self {
        Self(Some(Arc::new(jar)))
    }

    /// Uses no store: cookies are neither sent nor stored.
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

/// Adds the store's cookies to a request. Returns whether it added any.
///
/// A request with a `cookie` header of its own keeps exactly that: the caller has written it on purpose, and gets no
/// mixture.
pub(super) fn add(store: Option<&dyn CookieStore>, request: &mut Request) -> bool {
    if request.headers().contains_key(COOKIE) {
        return false;
    }
    let Some(mut cookies) = store.and_then(|store| store.cookies(request.url())) else { return false };
    // Cookies appear in no debug output.
    cookies.set_sensitive(true);
    request.headers_mut().insert(COOKIE, cookies);
    true
}

/// Removes the store's cookies from a request, and returns them. The next URL has cookies of its own.
pub(super) fn remove(request: &mut Request) -> Option<HeaderValue> {
    request.headers_mut().remove(COOKIE)
}

/// Records in `response` the request that it answers. `stored` are the store's cookies that were sent with it.
pub(super) fn record(response: &mut Response, request: &mut Request, stored: Option<HeaderValue>) {
    if let Some(stored) = stored {
        request.headers_mut().insert(COOKIE, stored);
    }
    response.set_request(request, Some(default_fields::of(request)));
}

/// Stores the cookies of a response.
pub(super) fn store(store: Option<&dyn CookieStore>, url: &Url, response: &Response) {
    // Only a response with cookies needs the map of its headers.
    if let Some(store) = store.filter(|_| response.has_header(&SET_COOKIE)) {
        store.store(url, response.headers());
    }
}
