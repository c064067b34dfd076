//! The arguments of the command, and the client and the plan that follow from them.

use std::time::Duration;

use clap::Parser;
use waterspout::http::{HeaderMap, HeaderValue, header};
use waterspout::{Client, Url};

use crate::crawl::Plan;

const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("waterspout-spider/", env!("CARGO_PKG_VERSION")));

/// Crawls a web site and reports its pages, broken links and latencies.
#[derive(Parser)]
#[command(name = "spider", after_help = EXIT_CODES, allow_negative_numbers = true)]
pub(crate) struct Arguments {
    /// Where to start [default: a demo site on this machine]
    ///
    /// Without a scheme it is `http://` for this machine (`localhost:8801`, `127.0.0.1`, `[::1]`), and else `https://`.
    ///
    /// The crawl follows only links into the folder of this URL: the same origin, and the path up to the last slash, as
    /// for relative links. `http://example.com/docs/` keeps the crawl in `/docs/`, `http://example.com/docs` does not.
    ///
    /// `robots.txt` is not read: crawl only your own sites.
    #[arg(value_parser = parse_start_url)]
    pub(crate) url: Option<Url>,

    /// The number of pages to fetch at once
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    workers: u16,

    /// Request at most N pages, including pages that fail
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_pages: Option<u32>,

    /// The maximum size of a page; a larger page is reported as failed
    #[arg(long, value_name = "MIB", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    max_page_size: u16,

    /// Send at most N requests at once to an origin [default: the number of workers]
    ///
    /// All pages of a crawl have the same origin, so this limits all requests. Workers beyond N are not started: they
    /// would only wait in the queue, and the wait would count as latency of the server.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    limit_per_origin: Option<u16>,

    /// The maximum time for a page, from the request to the last byte; 0 sets no limit
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = parse_seconds)]
    timeout: Duration,

    /// The maximum time for the whole crawl; 0 sets no limit
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = parse_seconds)]
    deadline: Duration,
}

const EXIT_CODES: &str = "Ctrl-C ends the crawl with a summary of the results so far; a second Ctrl-C ends it at once.\n\n\
    Exit codes: 0 the crawl ran, with or without failed links; 1 the start page could not be fetched; \
    2 an argument is invalid; 130 the crawl was ended by Ctrl-C.";

impl Arguments {
    /// Returns the maximum number of concurrent requests.
    fn concurrency(&self) -> usize {
        self.limit_per_origin.map_or(self.workers, |limit| limit.min(self.workers)).into()
    }

    pub(crate) fn client(&self) -> waterspout::Result<Client> {
        let unlimited = Duration::ZERO;
        Client::builder()
            .max_active(self.concurrency())
            .default_headers(HeaderMap::from_iter([(header::USER_AGENT, USER_AGENT)]))
            .timeout(self.timeout)
            // The defaults of these limits would apply before a longer --timeout does.
            .connect_timeout(unlimited)
            .head_timeout(unlimited)
            .idle_timeout(unlimited)
            .build()
    }

    pub(crate) fn plan(&self, start: Url) -> Plan {
        Plan {
            start,
            workers: self.concurrency(),
            max_pages: self.max_pages.map_or(usize::MAX, |pages| pages as usize),
            max_page_size: usize::from(self.max_page_size) * 1024 * 1024,
            deadline: if self.deadline.is_zero() { Duration::MAX } else { self.deadline },
        }
    }
}

fn parse_start_url(text: &str) -> Result<Url, String> {
    let url = if text.contains("://") { Url::parse(text) } else { without_scheme(text) };
    let url = url.map_err(|error| error.report().to_string())?;
    if url.has_credentials() {
        return Err("a URL with a user name or password cannot be crawled".to_owned());
    }
    Ok(url)
}

/// Returns the URL of a text without a scheme. The servers of this machine seldom have a certificate.
fn without_scheme(text: &str) -> waterspout::Result<Url> {
    let url = Url::parse(&format!("https://{text}"))?;
    let host = url.host().trim_end_matches('.');
    let is_local = host == "localhost"
        || host.ends_with(".localhost")
        || host.starts_with("127.") && host.parse::<std::net::Ipv4Addr>().is_ok()
        || host == "[::1]";
    if is_local { Url::parse(&format!("http://{text}")) } else { Ok(url) }
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| "not a number of seconds from 0 to 18446744073709551615".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_scheme_is_http_for_this_machine_and_https_otherwise() {
        let table = [
            ("localhost:8801", "http://localhost:8801/"),
            ("localhost/docs/", "http://localhost/docs/"),
            ("LOCALHOST.", "http://localhost./"),
            ("app.localhost:1", "http://app.localhost:1/"),
            ("127.0.0.1:80/a", "http://127.0.0.1/a"),
            ("127.9.9.9", "http://127.9.9.9/"),
            ("[::1]:8080/", "http://[::1]:8080/"),
            ("example.com", "https://example.com/"),
            ("example.com:8443/docs/?a=b", "https://example.com:8443/docs/?a=b"),
            ("127.example.com", "https://127.example.com/"),
            ("localhost.example.com", "https://localhost.example.com/"),
            ("notlocalhost", "https://notlocalhost/"),
            ("http://example.com/", "http://example.com/"),
            ("https://localhost/", "https://localhost/"),
        ];
        for (text, expected) in table {
            assert_eq!(parse_start_url(text).unwrap().as_str(), expected, "{text}");
        }
        for text in ["", "ftp://example.com/", "http://", "user:secret@localhost", "example.com:x", "a b"] {
            assert!(parse_start_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn zero_seconds_set_no_limit() {
        let plan = |arguments: &[&str]| {
            let arguments = Arguments::try_parse_from([&["spider"], arguments].concat()).map_err(|e| e.to_string())?;
            Ok::<_, String>((arguments.timeout, arguments.plan(Url::parse("http://localhost/").unwrap()).deadline))
        };
        let seconds = Duration::from_secs;
        assert_eq!(plan(&[]), Ok((seconds(20), seconds(300))));
        assert_eq!(plan(&["--timeout", "0", "--deadline", "0"]), Ok((Duration::ZERO, Duration::MAX)));
        assert_eq!(plan(&["--timeout", "0.5"]), Ok((Duration::from_millis(500), seconds(300))));
        for text in ["-1", "x", "inf", "NaN", "1e99"] {
            let message = plan(&["--timeout", text]).unwrap_err();
            assert!(message.contains("not a number of seconds"), "{message}");
        }
    }
}
