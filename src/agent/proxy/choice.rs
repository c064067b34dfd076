//! The choice of a proxy for an origin.

use std::fmt;
use std::sync::Arc;

use super::no_proxy::NoProxy;
use super::{Proxy, env};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::url::{Origin, Scheme};

/// Chooses a proxy for each origin. Clones share the state of a [`custom`](Self::custom) function.
///
/// The choice is made when a connection is opened. As in curl, no host is an exception by default, not even
/// `localhost`; [`no_proxy`](Self::no_proxy) and the variable `NO_PROXY` make exceptions.
///
/// # Examples
///
/// ```
/// use waterspout::proxy::Proxies;
/// use waterspout::Url;
///
/// let proxies = Proxies::all("http://proxy.example:3128")?.no_proxy("localhost,127.0.0.0/8,.corp.example")?;
/// let origin = |url: &str| Url::parse(url).map(|url| url.origin());
/// assert!(proxies.for_origin(&origin("https://example.com/")?)?.is_some());
/// assert!(proxies.for_origin(&origin("https://wiki.corp.example/")?)?.is_none());
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Proxies {
    pub(super) http: Choice,
    pub(super) https: Choice,
    /// Replaces `http` and `https`, if set.
    custom: Option<Arc<Custom>>,
    /// The hosts that are reached directly.
    pub(super) no_proxy: NoProxy,
}

type Custom = dyn Fn(&Origin) -> Option<Proxy> + Send + Sync;

/// How an origin is reached.
#[derive(Clone, Debug, Default)]
pub(super) enum Choice {
    #[default]
    Direct,
    Proxy(Arc<Proxy>),
    /// The environment variable of this name does not contain the URL of a proxy, for this reason.
    Malformed(&'static str, Arc<Error>),
}

impl Proxies {
    /// Uses no proxy for any origin, even if the environment names a proxy.
    pub fn none() -> Self {
        Self::default()
    }

    /// Uses the same proxy for every origin.
    ///
    /// # Errors
    /// The errors of [`Proxy::parse`].
    pub fn all(proxy: impl TryInto<Proxy, Error: Into<Error>>) -> Result<Self> {
        let choice = choice(proxy)?;
        Ok(Self { http: choice.clone(), https: choice, ..Self::default() })
    }

    /// Sets the proxy for `http` origins. Default: none.
    ///
    /// # Errors
    /// The errors of [`Proxy::parse`].
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Url;
    /// use waterspout::proxy::Proxies;
    ///
    /// let proxies = Proxies::none().http("proxy.example:3128")?.https("socks5h://socks.example")?;
    /// let chosen = proxies.for_origin(&Url::parse("https://example.com/")?.origin())?;
    /// assert_eq!(chosen.unwrap().to_string(), "socks5h://socks.example:1080");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn http(mut self, proxy: impl TryInto<Proxy, Error: Into<Error>>) -> Result<Self> {
        self.http = choice(proxy)?;
        Ok(self)
    }

    /// Sets the proxy for `https` origins. Default: none.
    ///
    /// # Errors
    /// The errors of [`Proxy::parse`].
    pub fn https(mut self, proxy: impl TryInto<Proxy, Error: Into<Error>>) -> Result<Self> {
        self.https = choice(proxy)?;
        Ok(self)
    }

    /// Chooses with a function, for every origin that [`no_proxy`](Self::no_proxy) does not except. It is called for
    /// each new connection and should not block.
    ///
    /// An idle connection is used again for its origin without a call.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Url;
    /// use waterspout::proxy::{Proxies, Proxy};
    ///
    /// let proxy = Proxy::parse("proxy.example:3128")?;
    /// let proxies = Proxies::custom(move |origin| origin.host().ends_with(".test").then(|| proxy.clone()));
    /// assert!(proxies.for_origin(&Url::parse("http://a.test/")?.origin())?.is_some());
    /// assert!(proxies.for_origin(&Url::parse("http://example.com/")?.origin())?.is_none());
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn custom(choose: impl Fn(&Origin) -> Option<Proxy> + Send + Sync + 'static) -> Self {
        Self { custom: Some(Arc::new(choose)), ..Self::default() }
    }

    /// Reads the proxies from the environment, from the variables that curl reads too.
    ///
    /// The proxy for `http` origins is in `http_proxy` or `HTTP_PROXY`, and the proxy for `https` origins in
    /// `https_proxy` or `HTTPS_PROXY`. Without these, both use `all_proxy` or `ALL_PROXY`. The first variable that is
    /// set counts; if it is empty, there is no proxy. The hosts in `no_proxy` or `NO_PROXY` are reached directly. These
    /// variables are written as for [`no_proxy`](Self::no_proxy); entries that are not rules are ignored.
    ///
    /// In a CGI program, where `REQUEST_METHOD` is set, only `http_proxy` counts and not `HTTP_PROXY`: the sender of
    /// the CGI request could set the latter.
    ///
    /// A variable that does not contain the URL of a proxy is an error of the kind [`Proxy`](ErrorKind::Proxy) for the
    /// requests that would go through that proxy. They are not sent directly instead.
    ///
    /// # Platform
    /// A browser has no environment: there the result is [`none`](Self::none).
    pub fn from_env() -> Self {
        env::read(&|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// Adds hosts that are reached directly, separated by commas or white space.
    ///
    /// - `example.com`, `.example.com` and `*.example.com` mean that host and all its subdomains;
    /// - `192.0.2.7`, `10.0.0.0/8`, `::1` and `fd00::/8` are addresses and networks. They match hosts that are written
    ///   as addresses; names are not looked up;
    /// - `*` means every host;
    /// - with a port, as in `example.com:8080` or `[::1]:80`, a rule is for this port only.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) for an entry that is no rule. The message names the entry.
    pub fn no_proxy(mut self, rules: &str) -> Result<Self> {
        self.no_proxy.extend(NoProxy::parse(rules)?);
        Ok(self)
    }

    /// Returns the proxy for `origin`, or `None` if the origin is reached directly.
    ///
    /// # Errors
    /// [`Proxy`](ErrorKind::Proxy) if the environment variable for this origin does not contain the URL of a proxy.
    pub fn for_origin(&self, origin: &Origin) -> Result<Option<Proxy>> {
        if self.no_proxy.contains(origin) {
            return Ok(None);
        }
        if let Some(choose) = &self.custom {
            return Ok(choose(origin));
        }
        let choice = match origin.scheme() {
            Scheme::Http => &self.http,
            Scheme::Https => &self.https,
        };
        match choice {
            Choice::Direct => Ok(None),
            Choice::Proxy(proxy) => Ok(Some((**proxy).clone())),
            // The request must not go past a proxy that the user meant to set.
            Choice::Malformed(name, reason) => {
                let message = format!("the environment variable {name} does not contain the URL of a proxy");
                Err(Error::new(ErrorKind::Proxy, Phase::Connect, message).with_source(reason.clone()))
            }
        }
    }
}

fn choice(proxy: impl TryInto<Proxy, Error: Into<Error>>) -> Result<Choice> {
    Ok(Choice::Proxy(Arc::new(proxy.try_into().map_err(Into::into)?)))
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Proxies");
        match &self.custom {
            Some(_) => debug.field("custom", &true),
            None => debug.field("http", &self.http).field("https", &self.https),
        };
        debug.field("no_proxy", &self.no_proxy).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::url::Url;

    fn chosen(proxies: &Proxies, url: &str) -> Option<String> {
        let proxy = proxies.for_origin(&Url::parse(url).unwrap().origin()).unwrap();
        proxy.map(|proxy| proxy.host().to_owned())
    }

    #[test]
    fn each_scheme_has_its_own_proxy() {
        let proxies = Proxies::none().http("one").unwrap().https("two").unwrap();
        assert_eq!(chosen(&proxies, "http://example.com/").as_deref(), Some("one"));
        assert_eq!(chosen(&proxies, "https://example.com/").as_deref(), Some("two"));
        assert_eq!(chosen(&Proxies::none().http("one").unwrap(), "https://example.com/"), None);
        let proxy = Proxy::parse("three").unwrap();
        assert_eq!(chosen(&Proxies::all(proxy).unwrap(), "https://example.com/").as_deref(), Some("three"));
        assert_eq!(chosen(&Proxies::none(), "https://example.com/"), None);
    }

    #[test]
    fn custom_function_is_called_after_the_exceptions() {
        let choose = |origin: &Origin| Proxy::parse(&format!("{}.proxy.test", origin.host())).ok();
        let proxies = Proxies::custom(choose).no_proxy("a.test").unwrap().no_proxy("b.test").unwrap();
        assert_eq!(chosen(&proxies, "http://c.test/").as_deref(), Some("c.test.proxy.test"));
        assert_eq!((chosen(&proxies, "http://a.test/"), chosen(&proxies, "https://b.test/")), (None, None));
    }

    #[test]
    fn debug_output_has_no_credentials() {
        let proxies = Proxies::all("http://user:secret@proxy.test").unwrap().no_proxy("a.test").unwrap();
        let shown = format!("{proxies:?}");
        assert!(shown.contains("http://proxy.test:80") && shown.contains("a.test"), "{shown}");
        assert!(!shown.contains("secret") && !shown.contains("user"), "{shown}");
        assert!(Proxies::all("http://user:secret@[").is_err());
    }
}
