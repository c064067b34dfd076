//! What is kept, for whom, and for how long (RFC 6265bis, section 5.7).

use std::collections::BTreeMap;

use super::rules::{default_path, domain_matches, is_address, is_public_suffix, path_matches};
use crate::message::url::{Scheme, Url};

/// The longest `set-cookie` that is taken in.
const LONGEST: usize = 8 * 1024;

/// The most cookies of one domain, and of all.
const MOST_PER_DOMAIN: usize = 50;
const MOST: usize = 3000;

/// How long a cookie lives at most, in seconds: 400 days.
const LONGEST_LIFE: u64 = 400 * 24 * 60 * 60;

/// A cookie as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cookie {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) domain: String,
    /// Whether it is for its domain alone, and not for what is within.
    pub(super) host_only: bool,
    pub(super) path: String,
    pub(super) secure: bool,
    /// When it expires, in seconds since 1970; one that says nothing lives as long as the jar.
    pub(super) expires: Option<u64>,
}

/// The cookies of a jar by domain, each with a number that says how old it is.
#[derive(Default)]
pub(super) struct Store {
    by_domain: BTreeMap<String, Vec<(u64, Cookie)>>,
    made: u64,
}

impl Cookie {
    fn lives(&self, now: u64) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }

    fn is_for(&self, url: &Url) -> bool {
        let host = if self.host_only { url.host() == self.domain } else { domain_matches(url.host(), &self.domain) };
        host && path_matches(url.path(), &self.path) && (!self.secure || url.scheme() == Scheme::Https)
    }

    /// Whether this one takes the other's place.
    fn replaces(&self, other: &Self) -> bool {
        (&self.name, self.host_only, &self.path) == (&other.name, other.host_only, &other.path)
    }
}

impl Store {
    /// Takes in a `set-cookie` of `url`, or says why not.
    pub(super) fn set(&mut self, url: &Url, header: &str, now: u64) -> Result<(), &'static str> {
        let cookie = read(url, header, now)?;
        if url.scheme() == Scheme::Http && self.shadows_secure(&cookie) {
            return Err("a cookie of that name was set over https");
        }
        self.insert(cookie, now);
        Ok(())
    }

    /// Whether a cookie from http would stand in for one that only https may set.
    fn shadows_secure(&self, new: &Cookie) -> bool {
        let mut all = self.by_domain.values().flatten().map(|(_, cookie)| cookie);
        all.any(|old| {
            let related = domain_matches(&old.domain, &new.domain) || domain_matches(&new.domain, &old.domain);
            old.secure && old.name == new.name && related && path_matches(&new.path, &old.path)
        })
    }

    /// Keeps a cookie in place of its like; one that has expired is only taken out.
    pub(super) fn insert(&mut self, mut cookie: Cookie, now: u64) {
        cookie.expires = cookie.expires.map(|expires| expires.min(now.saturating_add(LONGEST_LIFE)));
        let of_domain = self.by_domain.entry(cookie.domain.clone()).or_default();
        let old = of_domain.iter().position(|(_, old)| cookie.replaces(old)).map(|at| of_domain.remove(at).0);
        if cookie.lives(now) {
            self.made += 1;
            // A new value does not make a cookie younger: the order in which they are sent stays.
            of_domain.push((old.unwrap_or(self.made), cookie));
        }
        if of_domain.len() > MOST_PER_DOMAIN {
            of_domain.retain(|(_, cookie)| cookie.lives(now));
            of_domain.sort_by_key(|(made, _)| *made);
            let excess = of_domain.len().saturating_sub(MOST_PER_DOMAIN);
            of_domain.drain(..excess);
        }
        self.crowd_out(now);
    }

    /// Takes out what has expired once there are too many, then the oldest.
    fn crowd_out(&mut self, now: u64) {
        let count = |store: &Self| store.by_domain.values().map(Vec::len).sum::<usize>();
        if count(self) > MOST {
            self.by_domain.values_mut().for_each(|cookies| cookies.retain(|(_, cookie)| cookie.lives(now)));
        }
        while count(self) > MOST {
            let oldest = self.by_domain.values().flatten().map(|(made, _)| *made).min();
            self.by_domain.values_mut().for_each(|cookies| cookies.retain(|(made, _)| Some(*made) != oldest));
        }
        self.by_domain.retain(|_, cookies| !cookies.is_empty());
    }

    /// The cookies of a request to `url`, in the order in which they are sent: longer paths first, then older ones.
    pub(super) fn matching(&self, url: &Url, now: u64) -> Vec<&Cookie> {
        let host = url.host();
        let parents = host.match_indices('.').map(|(at, _)| &host[at + 1..]);
        let all = std::iter::once(host).chain(parents).filter_map(|domain| self.by_domain.get(domain)).flatten();
        let mut found: Vec<_> = all.filter(|(_, cookie)| cookie.is_for(url) && cookie.lives(now)).collect();
        found.sort_by_key(|(made, cookie)| (std::cmp::Reverse(cookie.path.len()), *made));
        found.into_iter().map(|(_, cookie)| cookie).collect()
    }

    /// All cookies that have not expired, the oldest of each domain first.
    pub(super) fn living(&self, now: u64) -> impl Iterator<Item = &Cookie> {
        let all = self.by_domain.values().flatten().map(|(_, cookie)| cookie);
        all.filter(move |cookie| cookie.lives(now))
    }
}

/// The cookie that a `set-cookie` of `url` describes, or why it is not to be kept.
fn read(url: &Url, header: &str, now: u64) -> Result<Cookie, &'static str> {
    if header.len() > LONGEST {
        return Err("the cookie is too long");
    }
    if header.contains(|character: char| character.is_ascii_control() && character != '\t') {
        return Err("the cookie has a control character");
    }
    let raw = cookie::Cookie::parse(header).map_err(|_| "it is not a cookie")?;
    let (domain, host_only) = domain(url.host(), raw.domain())?;
    let secure = raw.secure() == Some(true);
    if secure && url.scheme() == Scheme::Http {
        return Err("a secure cookie cannot be set over http");
    }
    let path = raw.path().filter(|path| path.starts_with('/'));
    let prefixed = |prefix: &str| raw.name().get(..prefix.len()).is_some_and(|it| it.eq_ignore_ascii_case(prefix));
    let is_hosts = secure && raw.domain().is_none() && path == Some("/");
    if (prefixed("__Host-") && !is_hosts) || (prefixed("__Secure-") && !secure) {
        return Err("the cookie does not keep the promise that its name makes");
    }
    let at = |seconds: i64| u64::try_from(seconds).unwrap_or(0);
    let expires = match raw.max_age() {
        Some(age) => Some(now.saturating_add(at(age.whole_seconds())).saturating_sub(u64::from(age.is_zero()))),
        None => raw.expires_datetime().map(|date| at(date.unix_timestamp())),
    };
    Ok(Cookie {
        name: raw.name().to_owned(),
        value: raw.value().to_owned(),
        domain,
        host_only,
        path: path.unwrap_or(default_path(url.path())).to_owned(),
        secure,
        expires,
    })
}

/// The domain of a cookie from `host`, and whether it is for that host alone.
fn domain(host: &str, wanted: Option<&str>) -> Result<(String, bool), &'static str> {
    let Some(wanted) = wanted.map(str::to_ascii_lowercase).filter(|domain| !domain.is_empty()) else {
        return Ok((host.to_owned(), true));
    };
    if wanted == host && (is_address(host) || is_public_suffix(host)) {
        return Ok((wanted, true));
    }
    if is_public_suffix(&wanted) {
        return Err("the cookie's domain is a public suffix");
    }
    if !domain_matches(host, &wanted) {
        return Err("the cookie's domain is not the URL's");
    }
    Ok((wanted, false))
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
