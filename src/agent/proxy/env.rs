//! Reads proxies from environment variables such as `HTTP_PROXY`, as curl does.

use std::sync::Arc;

use super::Proxy;
use super::choice::{Choice, Proxies};
use super::no_proxy::NoProxy;

/// Reads the variables through `lookup`, which returns the value of a variable if it is set.
///
/// The order is the lower-case name, the upper-case name, `all_proxy`, `ALL_PROXY`. The first variable that is set
/// counts, even if it is empty: an empty variable means no proxy.
pub(super) fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Proxies {
    // A CGI program receives the request header `Proxy` as the variable `HTTP_PROXY`. The sender of a CGI request could
    // otherwise choose the proxy of the program's own requests.
    let is_cgi = lookup("REQUEST_METHOD").is_some();
    let http: &[&str] = if is_cgi { &["http_proxy"] } else { &["http_proxy", "HTTP_PROXY"] };
    let choice = |names: &[&'static str]| {
        let mut names = names.iter().chain(&["all_proxy", "ALL_PROXY"]);
        names.find_map(|name| Some((*name, lookup(name)?))).map_or(Choice::Direct, |(name, value)| chosen(name, &value))
    };
    let mut proxies = Proxies::none();
    proxies.http = choice(http);
    proxies.https = choice(&["https_proxy", "HTTPS_PROXY"]);
    let excepted = ["no_proxy", "NO_PROXY"].into_iter().find_map(lookup);
    proxies.no_proxy = NoProxy::parse_leniently(&excepted.unwrap_or_default());
    proxies
}

fn chosen(name: &'static str, value: &str) -> Choice {
    if value.trim().is_empty() {
        return Choice::Direct;
    }
    match Proxy::parse(value) {
        Ok(proxy) => Choice::Proxy(Arc::new(proxy)),
        Err(error) => Choice::Malformed(name, Arc::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ErrorKind, Phase, Result};
    use crate::message::url::Url;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        let value =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        read(&value)
    }

    fn chosen_for(variables: &[(&str, &str)], url: &str) -> Result<Option<String>> {
        let proxy = proxies(variables).for_origin(&Url::parse(url).unwrap().origin())?;
        Ok(proxy.map(|proxy| proxy.to_string()))
    }

    #[track_caller]
    fn check(variables: &[(&str, &str)], http: Option<&str>, https: Option<&str>) {
        let whole = |host: Option<&str>| host.map(|host| format!("http://{host}:80"));
        assert_eq!(chosen_for(variables, "http://example.com/").unwrap(), whole(http));
        assert_eq!(chosen_for(variables, "https://example.com/").unwrap(), whole(https));
    }

    #[test]
    fn each_scheme_has_its_variable_and_all_proxy_is_the_fallback() {
        check(&[], None, None);
        check(&[("HTTP_PROXY", "h")], Some("h"), None);
        check(&[("https_proxy", "s")], None, Some("s"));
        check(&[("ALL_PROXY", "a")], Some("a"), Some("a"));
        check(&[("all_proxy", "a"), ("HTTPS_PROXY", "s")], Some("a"), Some("s"));
    }

    #[test]
    fn each_scheme_of_a_proxy_is_understood() {
        for scheme in ["http", "https", "socks4", "socks4a", "socks5", "socks5h", "SOCKS4"] {
            let found = chosen_for(&[("ALL_PROXY", &format!("{scheme}://user@proxy.test:1"))], "http://a.test/");
            assert_eq!(found.unwrap(), Some(format!("{}://proxy.test:1", scheme.to_lowercase())));
        }
    }

    #[test]
    fn lower_case_name_takes_precedence() {
        check(&[("HTTP_PROXY", "upper"), ("http_proxy", "lower")], Some("lower"), None);
        check(&[("HTTPS_PROXY", "upper"), ("https_proxy", "lower")], None, Some("lower"));
        check(&[("ALL_PROXY", "upper"), ("all_proxy", "lower")], Some("lower"), Some("lower"));
        let excepted = [("ALL_PROXY", "a"), ("NO_PROXY", "example.com"), ("no_proxy", "other.test")];
        check(&excepted, Some("a"), Some("a"));
    }

    #[test]
    fn empty_variable_means_no_proxy() {
        check(&[("http_proxy", ""), ("HTTP_PROXY", "h"), ("ALL_PROXY", "a")], None, Some("a"));
        check(&[("https_proxy", " "), ("ALL_PROXY", "a")], Some("a"), None);
    }

    #[test]
    fn cgi_program_reads_only_the_lower_case_name() {
        let cgi = ("REQUEST_METHOD", "GET");
        check(&[cgi, ("HTTP_PROXY", "evil"), ("HTTPS_PROXY", "s")], None, Some("s"));
        check(&[cgi, ("HTTP_PROXY", "evil"), ("http_proxy", "h")], Some("h"), None);
        check(&[cgi, ("HTTP_PROXY", "evil"), ("ALL_PROXY", "a")], Some("a"), Some("a"));
    }

    #[test]
    fn exceptions_are_honoured_and_malformed_entries_ignored() {
        let variables = [("ALL_PROXY", "a"), ("NO_PROXY", "<local>, example.com:80,10.0.0.0/8")];
        check(&variables, None, Some("a"));
        assert_eq!(chosen_for(&variables, "https://10.1.2.3/").unwrap(), None);
        check(&[("ALL_PROXY", "a"), ("NO_PROXY", "*")], None, None);
        // As in curl, and unlike in Go, `localhost` is no exception.
        assert!(chosen_for(&[("ALL_PROXY", "a")], "http://localhost/").unwrap().is_some());
    }

    #[test]
    fn malformed_variable_fails_the_requests_it_is_for() {
        let variables = [("HTTP_PROXY", "socks9://user:secret@proxy"), ("NO_PROXY", "other.test")];
        let error = chosen_for(&variables, "http://example.com/").unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Proxy, Phase::Connect));
        assert!(error.to_string().contains("HTTP_PROXY"), "{error}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        assert!(!format!("{:?}", proxies(&variables)).contains("secret"));
        assert_eq!(chosen_for(&variables, "https://example.com/").unwrap(), None);
        assert_eq!(chosen_for(&variables, "http://other.test/").unwrap(), None);
    }
}
