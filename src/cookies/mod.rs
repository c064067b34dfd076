//! A cookie jar for an agent, by the rules of RFC 6265 as revised by browsers (RFC 6265bis). Behind the feature
//! `cookies`.
//!
//! It is for native programs: the method `cookies` of [`Builder`](crate::Builder) sets it for a client. A browser manages
//! its cookies itself, and its `fetch` accepts none from a program.

// The rules are written here, over the list of the crate `psl`. The crate `cookie` reads dates by fixed formats and
// refuses cookies without a name. The crate `cookie_store` has no bounds, links `url`, and leaves the list of public
// suffixes to its user.
pub(crate) mod date;
mod json;
mod matching;
mod octets;
mod set_cookie;
mod storage;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};

use self::storage::{CookieStorage, StoredCookie};
use crate::agent::CookieStore;
use crate::error::{Error, ErrorKind, Result};
use crate::message::url::Url;
use crate::platform;

/// Cookies, each with the hosts and paths for which it was set. A clone is another handle of the same jar.
///
/// Hosts are compared as URLs write them. A trailing dot is part of a host, as in browsers: `example.com` and
/// `example.com.` share no cookie. The rule for public suffixes disregards the dot.
///
/// Refused are a `Domain` that is a public suffix (`co.uk`, `co.uk.`), `Secure` cookies from `http`, and names that begin
/// with `__Host-` or `__Secure-` without the attributes that these prefixes require. `HttpOnly` and `SameSite` have no
/// effect: there is no page that could read or send a cookie. A cookie without `=` has an empty name and is sent as its
/// value alone.
///
/// `http` to a loopback host counts as secure: `localhost`, names below it, and loopback addresses. There `Secure` cookies
/// are stored and sent, although such a request may go through a proxy: exclude loopback hosts from proxies
/// (`NO_PROXY=localhost`) if the proxy must not read them.
///
/// A domain has at most 50 cookies and a jar at most 3,000; beyond that cookies are removed. Expired cookies go first,
/// then cookies that are not `Secure`, then the oldest. A page over `http` can neither remove a `Secure` cookie nor set a
/// cookie of its name for its paths, also not by a cookie without a name such as `=sid=x`. A cookie lives at most
/// 400 days and expires by the system's wall clock. A `set-cookie` header that is longer than 8 KiB, or not UTF-8, is
/// ignored. A `cookie` header has at most 8,190 bytes, its name included. Cookies that do not fit are left out: longer
/// paths have precedence, then older cookies, and `Secure` cookies before all other cookies.
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
/// // Outside of tests, use the platform's own connector and timer.
/// let agent = Agent::new(connector, timer).with_cookies(jar.clone());
/// let client = Client::builder().backend(agent).build()?;
/// client.get("http://example.com/login").await?;
/// assert_eq!(jar.get(&"http://example.com/".parse()?, "sid").as_deref(), Some("42"));
/// # Ok::<(), waterspout::Error>(())
/// # })?;
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct CookieJar(Arc<Mutex<CookieStorage>>);

impl CookieJar {
    /// Returns an empty jar.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stores a cookie in the format of a `set-cookie` header, as if a response from `url` had set it.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if the rules refuse the cookie. In a response such a cookie is
    /// ignored.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Url;
    /// use waterspout::cookies::CookieJar;
    ///
    /// let jar = CookieJar::new();
    /// let url = Url::parse("https://example.com/")?;
    /// jar.add(&url, "theme=dark; Path=/; Max-Age=3600")?;
    /// assert!(jar.add(&url, "a=b; Domain=other.example").is_err());
    /// assert_eq!(jar.len(), 1);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn add(&self, url: &Url, cookie: &str) -> Result<()> {
        let stored = self.lock().set(url, &octets::decode(cookie.as_bytes()), now());
        stored.map_err(|reason| Error::request(ErrorKind::InvalidRequest, reason).with_url(url))
    }

    /// Returns the value of the first cookie of this name that a request to `url` would send. The name of a cookie without
    /// `=` is empty. U+FFFD replaces each byte that is not UTF-8; the request sends the byte itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Url;
    /// use waterspout::cookies::CookieJar;
    ///
    /// let jar = CookieJar::new();
    /// jar.add(&Url::parse("https://example.com/")?, "sid=42; Domain=example.com")?;
    /// assert_eq!(jar.get(&Url::parse("https://api.example.com/")?, "sid").as_deref(), Some("42"));
    /// assert_eq!(jar.get(&Url::parse("https://other.example/")?, "sid"), None);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn get(&self, url: &Url, name: &str) -> Option<String> {
        let storage = self.lock();
        let found = storage.matching(url, now()).into_iter().find(|cookie| cookie.name == name);
        found.map(|cookie| octets::shown(&cookie.value))
    }

    /// Removes all cookies.
    pub fn clear(&self) {
        *self.lock() = CookieStorage::default();
    }

    /// Returns the number of cookies that have not expired.
    pub fn len(&self) -> usize {
        self.lock().unexpired(now()).count()
    }

    /// Returns whether all cookies have expired or there are no cookies.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes all cookies that have not expired as JSON, cookies without an expiry included. Keep it as safe as
    /// passwords.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Url;
    /// use waterspout::cookies::CookieJar;
    ///
    /// let url = Url::parse("https://example.com/")?;
    /// let jar = CookieJar::new();
    /// jar.add(&url, "sid=42")?;
    /// let restored = CookieJar::from_json(&jar.to_json())?;
    /// assert_eq!(restored.get(&url, "sid").as_deref(), Some("42"));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn to_json(&self) -> String {
        json::write(self.lock().unexpired(now()))
    }

    /// Reads a jar that [`to_json`](Self::to_json) has written. Cookies that have expired since are dropped.
    ///
    /// # Errors
    /// [`Decode`](ErrorKind::Decode) if `to_json` cannot have written the text.
    pub fn from_json(text: &str) -> Result<Self> {
        let mut storage = CookieStorage::default();
        for cookie in json::read(text)? {
            storage.insert(cookie, now());
        }
        Ok(Self(Arc::new(Mutex::new(storage))))
    }

    fn lock(&self) -> MutexGuard<'_, CookieStorage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CookieStore for CookieJar {
    fn store(&self, url: &Url, headers: &HeaderMap) {
        let mut storage = self.lock();
        for header in headers.get_all(SET_COOKIE) {
            // A cookie that breaks a rule is ignored: the response stays valid.
            let _ = storage.set(url, &octets::decode(header.as_bytes()), now());
        }
    }

    fn cookies(&self, url: &Url) -> Option<HeaderValue> {
        let storage = self.lock();
        let pairs: Vec<_> = storage.matching(url, now()).into_iter().map(StoredCookie::pair).collect();
        if pairs.is_empty() {
            return None;
        }
        HeaderValue::from_bytes(&octets::encode(&pairs.join("; "))).ok()
    }
}

/// Writes the number of cookies, and no values, because they may be secret.
impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieJar").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Returns the seconds since the beginning of 1970.
// The wall clock, not the `Timer`: a cookie's expiry is a calendar date.
fn now() -> u64 {
    platform::unix_time().as_secs()
}
