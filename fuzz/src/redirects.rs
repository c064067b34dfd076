//! Redirect chains: any values of `location`.

use waterspout::agent::{Config, RedirectPolicy};
use waterspout::http::HeaderValue;
use waterspout::testing::ManualTimer;
use waterspout::{Agent, Origin, RequestBuilder, Scheme, Url};

use crate::choices::{Choices, whole};
use crate::outcome::client;
use crate::polling::run_until_stalled;
use crate::urls;
use crate::wire::{Answer, Received, Wire};

const LIMIT: usize = 5;
const STATUSES: [u16; 8] = [301, 302, 303, 307, 308, 300, 200, 304];
const STARTS: [&str; 4] =
    ["http://a.test/dir/page?q#f", "https://a.test/dir/", "http://a.test:8080/", "https://[::1]:8443/x/y"];

/// Every credential of the request has this text.
const SECRET: &str = "secret-";

/// Follows redirects: each line of `input` is an answer. Its first byte selects the status, and the rest is the
/// `location`.
///
/// Checks that credentials stay within their origin, that the limit holds, and that no redirect leads from https to
/// http. Each target must be the target that the crate `url` computes.
pub fn run(input: &[u8]) {
    let mut choices = Choices::of(input);
    let start = Url::parse(choices.pick(&STARTS)).expect("the URLs are valid");
    let method = choices.pick(&["GET", "POST", "HEAD", "PUT"]);
    let lines: Vec<(u16, &[u8])> = input.split(|byte| *byte == b'\n').take(LIMIT + 3).filter_map(answer).collect();
    let answers = lines.iter().map(|(status, location)| {
        let start = format!("HTTP/1.1 {status} X\r\nlocation: ");
        let head = [start.as_bytes(), location, b"\r\ncontent-length: 0\r\n\r\n"];
        Answer { pieces: whole(&head.concat()), has_pauses: false, closes: false }
    });
    // After the last line come answers without a redirect. A closed connection could make the client repeat a request.
    let good = Answer { pieces: whole(b"HTTP/1.1 204 X\r\n\r\n"), has_pauses: false, closes: false };
    let wire = Wire::new(answers.chain(vec![good; LIMIT + 2]));
    let timer = ManualTimer::new();
    let agent = Agent::new(wire.clone(), timer.clone()).with_config(Config::new());
    let client = client(agent, timer);
    let request = client.request(method.parse().expect("the methods are valid"), &start);
    let outcome = run_until_stalled(with_secrets(request).send()).expect("the request hangs");
    let received = wire.received();
    check_requests(&received);
    check_secrets(&received, &start.origin());
    if let Ok(response) = outcome {
        assert_eq!(response.history().len() + 1, received.len());
        let urls = response.history().iter().map(|entry| &entry.url).chain([response.url()]);
        check_targets(&urls.collect::<Vec<_>>(), &lines);
    }
}

fn answer(line: &[u8]) -> Option<(u16, &[u8])> {
    let (selector, location) = line.split_first()?;
    Some((STATUSES[usize::from(*selector) % STATUSES.len()], location))
}

fn with_secrets(request: RequestBuilder<waterspout::Client>) -> RequestBuilder<waterspout::Client> {
    let mut key = HeaderValue::from_static("secret-key");
    key.set_sensitive(true);
    let request = request.header("authorization", "Bearer secret-token").header("cookie", "sid=secret-cookie");
    request.header("x-api-key", key).extension(RedirectPolicy::new().limit(LIMIT))
}

/// Checks the requests that the servers have received.
fn check_requests(received: &[Received]) {
    assert!(received.len() <= LIMIT + 1, "{} requests", received.len());
    let mut is_secure = false;
    for Received { origin, head, .. } in received {
        let text = String::from_utf8_lossy(head);
        assert!(!is_secure || origin.scheme() == Scheme::Https, "a redirect leads from https to {origin}");
        is_secure = origin.scheme() == Scheme::Https;
        let authority = origin.to_string().replace(&format!("{}://", origin.scheme().as_str()), "");
        assert!(text.contains(&format!("\r\nhost: {authority}\r\n")), "{origin} gets another host: {text}");
        let line = text.lines().next().unwrap_or_default();
        let words: Vec<&str> = line.split(' ').collect();
        assert!(words.len() == 3 && words[1].starts_with('/'), "{line}");
        assert!(words[1].bytes().all(|byte| byte.is_ascii_graphic()), "{line}");
    }
}

/// Checks that no server but the first has received a credential. The target and the host come from a `location`, which
/// may have the text of a credential itself.
fn check_secrets(received: &[Received], start: &Origin) {
    // They do not return either, when a later redirect leads back.
    for Received { origin, head, .. } in received.iter().skip_while(|request| request.origin == *start) {
        let text = String::from_utf8_lossy(head);
        let mut fields = text.lines().skip(1).filter(|line| !line.starts_with("host:"));
        assert!(!fields.any(|line| line.contains(SECRET)), "{origin} gets a credential of {start}: {text}");
    }
}

/// Checks that each URL is the `location` of the answer before, joined to the URL before.
fn check_targets(urls: &[&Url], lines: &[(u16, &[u8])]) {
    for (pair, (status, location)) in urls.windows(2).zip(lines) {
        assert!(matches!(status, 301 | 302 | 303 | 307 | 308), "{status}");
        // Other bytes are percent-encoded or removed before the URL is parsed.
        let Some(location) = std::str::from_utf8(location).ok().filter(|it| it.bytes().all(|it| it.is_ascii_graphic()))
        else {
            continue;
        };
        let from = url::Url::parse(pair[0].as_str()).expect("the client has parsed the URL");
        let mut target = urls::join(&from, location).expect("the client has joined the URL");
        if target.fragment().is_none() {
            target.set_fragment(from.fragment());
        }
        assert_eq!(pair[1].as_str(), target.as_str(), "{location} on {from}");
    }
}
