//! Which origin goes through which proxy.

use std::fmt;
use std::sync::Arc;

use super::no_proxy::NoProxy;
use super::{Proxy, env};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::url::{Origin, Scheme};

/// Which origin goes through which proxy. A clone shares what a function of one's own holds.
///
/// The choice is made when a connection is opened. No host is an exception by itself, `localhost` no more than any other,
/// as in curl; [`no_proxy`](Self::no_proxy) and the variable `NO_PROXY` make exceptions.
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
    custom: Option<Arc<Custom>>,
    pub(super) no_proxy: NoProxy,
}

type Custom = dyn Fn(&Origin) -> Option<Proxy> + Send + Sync;

#[derive(Clone, Debug, Default)]
pub(super) enum Choice {
    #[default]
    Direct,
    Proxy(Arc<Proxy>),
    /// The variable of this name holds what is not a proxy, for this reason.
    Malformed(&'static str, Arc<Error>),
}

impl Proxies {
    /// No proxy for any origin, whatever the environment says.
    pub fn none() -> Self {
        Self::default()
    }

    /// One proxy for every origin.
    ///
    /// # Errors
    /// Those of [`Proxy::parse`].
    pub fn all(proxy: impl TryInto<Proxy, Error: Into<Error>>) -> Result<Self> {
        let choice = choice(proxy)?;
        Ok(Self { http: choice.clone(), https: choice, ..Self::default() })
    }

    /// The same, with this proxy for `http` origins.
    ///
    /// # Errors
    /// Those of [`Proxy::parse`].
    pub fn http(mut self, proxy: impl TryInto<Proxy, Error: Into<Error>>) -> Result<Self> {
        self.http = choice(proxy)?;
        Ok(self)
    }

    /// The same, with this proxy for `https` origins.
    ///
    /// # Errors
    /// Those of [`Proxy::parse`].
    pub fn https(mut self, proxy: impl TryInto<Proxy, Error: Into<Error>>) -> Result<Self> {
        self.https = choice(proxy)?;
        Ok(self)
    }

    /// A choice of one's own, for every origin but those of [`no_proxy`](Self::no_proxy). It is asked for each new
    /// connection and should not wait.
    ///
    /// A connection that is kept is used again for its origin without asking.
    pub fn custom(choose: impl Fn(&Origin) -> Option<Proxy> + Send + Sync + 'static) -> Self {
        Self { custom: Some(Arc::new(choose)), ..Self::default() }
    }

    /// What the environment says now, in the variables that curl reads too.
    ///
    /// `http` origins go through the proxy in `http_proxy` or `HTTP_PROXY`, `https` origins through that in
    /// `https_proxy` or `HTTPS_PROXY`, and both otherwise through that in `all_proxy` or `ALL_PROXY`. The first of these
    /// that is set counts; if it is empty, there is no proxy. Hosts of `no_proxy` or `NO_PROXY` are reached directly; it
    /// is written as for [`no_proxy`](Self::no_proxy), and entries that are no rules are left out.
    ///
    /// Where `REQUEST_METHOD` is set, as it is in a CGI program, `HTTP_PROXY` may come from whoever sent the request, so
    /// there only `http_proxy` counts.
    ///
    /// A variable that does not hold a proxy's URL is an error of the requests that would go through it, of the kind
    /// [`Proxy`](ErrorKind::Proxy): they are not sent past the proxy.
    ///
    /// # Platform
    /// A browser has no environment: there this is [`none`](Self::none).
    pub fn from_env() -> Self {
        env::read(&|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// Adds hosts that are reached directly, between commas or white space.
    ///
    /// - `example.com`, `.example.com` and `*.example.com` are that host and all below it;
    /// - `192.0.2.7`, `10.0.0.0/8`, `::1` and `fd00::/8` are addresses and networks. They fit hosts that are written as
    ///   addresses; no name is looked up for that;
    /// - `*` is every host;
    /// - with a port behind it, `example.com:8080` or `[::1]:80`, a rule is for this port only.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest), naming the entry that is none of these.
    pub fn no_proxy(mut self, rules: &str) -> Result<Self> {
        self.no_proxy.extend(NoProxy::parse(rules)?);
        Ok(self)
    }

    /// The proxy for `origin`, or `None` if it is reached directly.
    ///
    /// # Errors
    /// [`Proxy`](ErrorKind::Proxy) if the environment names one that is not the URL of a proxy.
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
            Choice::Malformed(name, reason) => {
                let message = format!("the environment's variable {name} does not hold a proxy");
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
    fn a_function_chooses_by_origin_after_the_exceptions() {
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
