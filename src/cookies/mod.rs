//! A cookie jar for an agent, by the rules of RFC 6265 as browsers have revised them (RFC 6265bis). Behind the feature
//! `cookies`.
//!
//! It is for native programs: a browser keeps its cookies to itself, and its `fetch` takes none from here.

mod json;
mod rules;
mod store;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};

use self::store::Store;
use crate::agent::CookieStore;
use crate::error::{Error, ErrorKind, Result};
use crate::message::url::Url;
use crate::platform;

/// Cookies, each for the hosts and paths it was set for. A clone is another handle of the same jar.
///
/// A `Domain` that is a public suffix (`co.uk`) is refused, as are `Secure` cookies from `http` and names that begin
/// with `__Host-` or `__Secure-` without keeping those promises. `HttpOnly` and `SameSite` mean nothing here: there is
/// no page that could read or send a cookie.
///
/// A host has 50 cookies at most and a jar 3,000; beyond that the oldest go. One lives 400 days at most, and expires by
/// the system's wall clock. One whose `set-cookie` is longer than 8 KiB, or not UTF-8, is ignored.
///
/// # Examples
///
/// ```
/// use waterspout::cookies::CookieJar;
/// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
/// use waterspout::{Agent, Client};
///
/// # futures::executor::block_on(async {
/// let jar = CookieJar::new();
/// # let answer = "HTTP/1.1 200 OK\r\nset-cookie: sid=42\r\ncontent-length: 0\r\n\r\n";
/// # let connector = ScriptedConnector::new([Script::new().expect_head().send(answer)]);
/// # let timer = ManualTimer::new();
/// // Natively, the platform's own connector and timer take their place.
/// let agent = Agent::new(connector, timer).with_cookies(jar.clone());
/// let client = Client::builder().backend(agent).build()?;
/// client.get("http://example.com/login").await?;
/// assert_eq!(jar.get(&"http://example.com/".parse()?, "sid").as_deref(), Some("42"));
/// # Ok::<(), waterspout::Error>(())
/// # })?;
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct CookieJar(Arc<Mutex<Store>>);

impl CookieJar {
    /// An empty jar.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a cookie, written as in a `set-cookie` header, as if `url` had sent it.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if the rules refuse it; what `url` sends itself is then ignored.
    pub fn add(&self, url: &Url, cookie: &str) -> Result<()> {
        let taken = self.lock().set(url, cookie, now());
        taken.map_err(|reason| Error::request(ErrorKind::InvalidRequest, reason).with_url(url))
    }

    /// The value of the cookie of this name that a request to `url` would send first.
    pub fn get(&self, url: &Url, name: &str) -> Option<String> {
        let store = self.lock();
        let found = store.matching(url, now()).into_iter().find(|cookie| cookie.name == name);
        found.map(|cookie| cookie.value.clone())
    }

    /// Forgets all cookies.
    pub fn clear(&self) {
        *self.lock() = Store::default();
    }

    /// The number of cookies that have not expired.
    pub fn len(&self) -> usize {
        self.lock().living(now()).count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All cookies that have not expired, those without an expiry too, as JSON. Keep it as you keep passwords.
    pub fn to_json(&self) -> String {
        json::write(self.lock().living(now()))
    }

    /// A jar with the cookies that [`to_json`](Self::to_json) has written, but for those that have expired since.
    ///
    /// # Errors
    /// [`Decode`](ErrorKind::Decode) if it is not what `to_json` writes.
    pub fn from_json(text: &str) -> Result<Self> {
        let mut store = Store::default();
        for cookie in json::read(text)? {
            store.insert(cookie, now());
        }
        Ok(Self(Arc::new(Mutex::new(store))))
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CookieStore for CookieJar {
    fn store(&self, url: &Url, headers: &HeaderMap) {
        let mut store = self.lock();
        for header in headers.get_all(SET_COOKIE) {
            if let Ok(cookie) = std::str::from_utf8(header.as_bytes()) {
                // A cookie that breaks a rule is ignored: the response is none the worse.
                let _ = store.set(url, cookie, now());
            }
        }
    }

    fn cookies(&self, url: &Url) -> Option<HeaderValue> {
        let store = self.lock();
        let pairs: Vec<_> =
            store.matching(url, now()).iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        if pairs.is_empty() {
            return None;
        }
        HeaderValue::from_bytes(pairs.join("; ").as_bytes()).ok()
    }
}

/// The number of cookies; their values are nobody's business.
impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieJar").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Seconds since the beginning of 1970: what a cookie's expiry is told in.
fn now() -> u64 {
    platform::unix_time().as_secs()
}
