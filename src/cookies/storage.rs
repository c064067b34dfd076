//! Storing, matching, expiring and evicting cookies (RFC 6265bis, section 5.7).

use std::collections::BTreeMap;

use super::matching::{default_path, domain_matches, is_address, is_public_suffix, is_secure, path_matches};
use super::octets;
use super::set_cookie::SetCookie;
use crate::message::url::Url;

/// The maximum length of a `set-cookie` header, in bytes.
const MAX_HEADER_LENGTH: usize = 8 * 1024;

/// The maximum length of the value of a `cookie` header, in bytes. Together with its name the header has at most 8,190
/// bytes, the limit of Apache httpd; nginx and Node accept no less.
const MAX_SENT_LENGTH: usize = 8190 - "cookie: ".len();

/// The maximum number of cookies of a domain.
const MAX_PER_DOMAIN: usize = 50;

/// The maximum number of cookies of a jar.
const MAX_COUNT: usize = 3000;

/// The maximum lifetime of a cookie, in seconds: 400 days.
const MAX_LIFETIME: u64 = 400 * 24 * 60 * 60;

/// A cookie in the jar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredCookie {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) domain: String,
    /// Whether it is sent to its domain alone, and not to subdomains.
    pub(super) host_only: bool,
    pub(super) path: String,
    pub(super) secure: bool,
    /// The time at which it expires, in seconds since 1970. A cookie without it lives as long as the jar.
    pub(super) expires: Option<u64>,
}

/// The cookies of a jar by domain, each with its creation number: the lower, the older.
#[derive(Default)]
pub(super) struct CookieStorage {
    by_domain: BTreeMap<String, Vec<(u64, StoredCookie)>>,
    /// The creation number of the newest cookie.
    last_created: u64,
}

impl StoredCookie {
    fn is_unexpired(&self, now: u64) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }

    fn matches(&self, url: &Url) -> bool {
        let host = if self.host_only { url.host() == self.domain } else { domain_matches(url.host(), &self.domain) };
        host && path_matches(url.path(), &self.path) && (!self.secure || is_secure(url))
    }

    /// Returns the name that a server reads in a `cookie` header. A cookie without a name may have a value such as `a=b`,
    /// and is then sent like a cookie with the name `a`.
    fn sent_name(&self) -> &str {
        if !self.name.is_empty() {
            return &self.name;
        }
        self.value.split_once('=').map_or("", |(name, _)| name.trim())
    }

    /// Returns the cookie as a `cookie` header has it: a cookie without a name is its value alone.
    pub(super) fn pair(&self) -> String {
        if self.name.is_empty() { self.value.clone() } else { format!("{}={}", self.name, self.value) }
    }

    /// Returns whether this cookie replaces `other`: they have the same name, kind of domain and path.
    fn replaces(&self, other: &Self) -> bool {
        (&self.name, self.host_only, &self.path) == (&other.name, other.host_only, &other.path)
    }
}

impl CookieStorage {
    /// Stores the cookie of a `set-cookie` header from `url`, as the text of [`octets`], or returns the reason for its
    /// refusal.
    pub(super) fn set(&mut self, url: &Url, header: &str, now: u64) -> Result<(), &'static str> {
        let cookie = parse(url, header, now)?;
        if !is_secure(url) && self.shadows_secure(&cookie, now) {
            return Err("a secure cookie of this name, set over https, cannot be replaced over http");
        }
        self.insert(cookie, now);
        Ok(())
    }

    /// Returns whether a cookie from http would replace or hide a secure cookie, which only https may set.
    fn shadows_secure(&self, new: &StoredCookie, now: u64) -> bool {
        let mut all = self.by_domain.values().flatten().map(|(_, cookie)| cookie);
        all.any(|old| {
            let related = domain_matches(&old.domain, &new.domain) || domain_matches(&new.domain, &old.domain);
            let named = old.sent_name() == new.sent_name();
            old.secure && old.is_unexpired(now) && named && related && path_matches(&new.path, &old.path)
        })
    }

    /// Stores a cookie in place of the cookie it replaces. An expired cookie only removes that cookie.
    pub(super) fn insert(&mut self, mut cookie: StoredCookie, now: u64) {
        cookie.expires = cookie.expires.map(|expires| expires.min(now.saturating_add(MAX_LIFETIME)));
        let of_domain = self.by_domain.entry(cookie.domain.clone()).or_default();
        let old = of_domain.iter().position(|(_, old)| cookie.replaces(old)).map(|at| of_domain.remove(at).0);
        if cookie.is_unexpired(now) {
            self.last_created += 1;
            // A new value keeps the creation number, so that the order in which cookies are sent stays.
            of_domain.push((old.unwrap_or(self.last_created), cookie));
        }
        if of_domain.len() > MAX_PER_DOMAIN {
            of_domain.retain(|(_, cookie)| cookie.is_unexpired(now));
            of_domain.sort_by_key(eviction_order);
            let excess = of_domain.len().saturating_sub(MAX_PER_DOMAIN);
            of_domain.drain(..excess);
        }
        self.evict(now);
    }

    /// Removes expired cookies once there are too many, then the first in the [`eviction_order`].
    fn evict(&mut self, now: u64) {
        let count = |storage: &Self| storage.by_domain.values().map(Vec::len).sum::<usize>();
        // Not on each insertion: a sweep visits all cookies.
        if count(self) > MAX_COUNT {
            self.by_domain.values_mut().for_each(|cookies| cookies.retain(|(_, cookie)| cookie.is_unexpired(now)));
        }
        while count(self) > MAX_COUNT {
            let first = self.by_domain.values().flatten().map(eviction_order).min();
            self.by_domain.values_mut().for_each(|cookies| cookies.retain(|it| Some(eviction_order(it)) != first));
        }
        self.by_domain.retain(|_, cookies| !cookies.is_empty());
    }

    /// Returns the cookies of a request to `url` in the order in which they are sent: longer paths first, then older
    /// cookies. Cookies that do not fit into a `cookie` header are left out.
    pub(super) fn matching(&self, url: &Url, now: u64) -> Vec<&StoredCookie> {
        let host = url.host();
        // The domains that may have cookies for the host are looked up by name, so other domains cost nothing.
        let parents = host.match_indices('.').map(|(at, _)| &host[at + 1..]);
        let all = std::iter::once(host).chain(parents).filter_map(|domain| self.by_domain.get(domain)).flatten();
        let mut found: Vec<_> = all.filter(|(_, cookie)| cookie.matches(url) && cookie.is_unexpired(now)).collect();
        found.sort_by_key(|(created, cookie)| (std::cmp::Reverse(cookie.path.len()), *created));
        fitting(found.into_iter().map(|(_, cookie)| cookie).collect())
    }

    /// Returns all cookies that have not expired, the oldest first.
    pub(super) fn unexpired(&self, now: u64) -> impl Iterator<Item = &StoredCookie> {
        let all = self.by_domain.values().flatten();
        let mut found: Vec<_> = all.filter(|(_, cookie)| cookie.is_unexpired(now)).collect();
        // A restored jar numbers its cookies again, so their order is all that keeps the old numbers.
        found.sort_by_key(|(created, _)| *created);
        found.into_iter().map(|(_, cookie)| cookie)
    }
}

/// Returns the order in which cookies are evicted: cookies that are not secure first, then by age.
///
/// Otherwise http could fill the jar until a secure cookie is gone, and then take its name (RFC 6265bis, section 5.7).
/// A new cookie that is not secure is itself evicted if all others are secure.
fn eviction_order((created, cookie): &(u64, StoredCookie)) -> (bool, u64) {
    (cookie.secure, *created)
}

/// Removes the cookies that do not fit into a `cookie` header. Secure cookies have precedence: otherwise a page over
/// http could crowd out the session of a server with long cookies of its own.
fn fitting(cookies: Vec<&StoredCookie>) -> Vec<&StoredCookie> {
    // The header has a separator before each cookie but the first.
    let separator = "; ".len();
    let mut room = MAX_SENT_LENGTH + separator;
    let mut fits = vec![false; cookies.len()];
    for secure in [true, false] {
        for (cookie, fits) in cookies.iter().zip(&mut fits).filter(|(cookie, _)| cookie.secure == secure) {
            let length = octets::length(&cookie.pair()) + separator;
            *fits = length <= room;
            if *fits {
                room -= length;
            }
        }
    }
    cookies.into_iter().zip(fits).filter_map(|(cookie, fits)| fits.then_some(cookie)).collect()
}

/// Parses a `set-cookie` header from `url`, or returns the reason for its refusal.
fn parse(url: &Url, header: &str, now: u64) -> Result<StoredCookie, &'static str> {
    if octets::length(header) > MAX_HEADER_LENGTH {
        return Err("the cookie is longer than 8 KiB");
    }
    if header.contains(|character: char| character.is_ascii_control() && character != '\t') {
        return Err("the cookie has a control character");
    }
    let raw = SetCookie::parse(header);
    check_pair(raw.name, raw.value)?;
    let (domain, host_only) = domain(url.host(), raw.domain)?;
    if raw.secure && !is_secure(url) {
        return Err("a secure cookie cannot be set over http, except from a loopback host");
    }
    let is_for_host = raw.domain.is_none() && raw.path == Some("/");
    check_prefix(raw.name, raw.secure, is_for_host)?;
    // `Max-Age` overrides `Expires`. An age of zero is an expiry in the past.
    let expires = match raw.max_age {
        Some(0) => Some(0),
        Some(age) => Some(now.saturating_add(age)),
        None => raw.expires,
    };
    let cookie = StoredCookie {
        name: raw.name.to_owned(),
        value: raw.value.to_owned(),
        domain,
        host_only,
        path: raw.path.unwrap_or(default_path(url.path())).to_owned(),
        secure: raw.secure,
        expires,
    };
    if octets::length(&cookie.pair()) > MAX_SENT_LENGTH {
        return Err("the cookie is longer than a `cookie` header may be");
    }
    Ok(cookie)
}

/// Checks the name and value of a cookie by the rules that depend on nothing else.
pub(super) fn check_pair(name: &str, value: &str) -> Result<(), &'static str> {
    if !name.is_empty() {
        return Ok(());
    }
    if value.is_empty() {
        return Err("the cookie has neither a name nor a value");
    }
    // The server would read the value as a name with a prefix, without the attributes that the prefix promises.
    if ["__Host-", "__Secure-"].iter().any(|prefix| has_prefix(value, prefix)) {
        return Err("the value of a cookie without a name begins with a prefix for names");
    }
    Ok(())
}

/// Checks that a cookie has the attributes that the prefix of its name requires (RFC 6265bis, section 4.1.3).
/// `is_for_host` says that the cookie is sent to a single host, and to all paths there.
pub(super) fn check_prefix(name: &str, is_secure: bool, is_for_host: bool) -> Result<(), &'static str> {
    let lacks_host = has_prefix(name, "__Host-") && !(is_secure && is_for_host);
    let lacks_secure = has_prefix(name, "__Secure-") && !is_secure;
    if lacks_host || lacks_secure {
        return Err("the prefix of the cookie's name requires attributes that the cookie lacks");
    }
    Ok(())
}

/// Returns whether `text` begins with `prefix`, in any case of letters: some servers compare names that way (RFC
/// 6265bis, section 5.7).
fn has_prefix(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Returns the domain of a cookie from `host`, and whether the cookie is sent to that host alone.
fn domain(host: &str, wanted: Option<&str>) -> Result<(String, bool), &'static str> {
    let Some(wanted) = wanted.map(str::to_ascii_lowercase) else {
        return Ok((host.to_owned(), true));
    };
    // A host that is itself an address or a public suffix may set a cookie for itself alone.
    if wanted == host && (is_address(host) || is_public_suffix(host)) {
        return Ok((wanted, true));
    }
    if is_public_suffix(&wanted) {
        return Err("the cookie's domain is a public suffix");
    }
    if !domain_matches(host, &wanted) {
        return Err("the cookie's domain is not the URL's host or a parent of it");
    }
    Ok((wanted, false))
}

#[cfg(test)]
#[path = "storage_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "parse_tests.rs"]
mod parse_tests;

#[cfg(test)]
#[path = "secure_tests.rs"]
mod secure_tests;
