//! A server of experiments under `/lab/…`, for the tests and the live page: the URL says how the server behaves,
//! correctly or not.
//!
//! Pages of every origin may read the responses (CORS). An experiment that keeps state has a key in its URL, so that
//! parallel tests do not disturb each other.

mod bodies;
mod encoded;
mod events;
mod faults;
mod state;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use async_io::Timer;
use futures::FutureExt;
use futures::future::BoxFuture;
use waterspout::testing::{Handler, Incoming, Reply};

use self::state::KeyedState;

/// The handler of `/lab/…`.
#[derive(Clone, Default)]
#[allow(unreachable_pub, reason = "each program that includes this module is its own crate")]
pub struct Lab {
    state: Arc<KeyedState>,
}

impl Handler for Lab {
    fn handle<'a>(&'a self, request: &'a mut Incoming) -> BoxFuture<'a, Reply> {
        async move {
            if request.method() == "OPTIONS" && request.header("access-control-request-method").is_some() {
                return preflight(request);
            }
            allow_cross_origin(self.reply(request).await)
        }
        .boxed()
    }
}

impl Lab {
    async fn reply(&self, request: &mut Incoming) -> Reply {
        let path = request.path().trim_start_matches("/lab/").to_owned();
        let (name, argument) = path.split_once('/').unwrap_or((&path, ""));
        match name {
            "hello" => Reply::text("hello"),
            "status" => status(argument),
            "charset" => charset(request, argument),
            "echo" => echo(request).await,
            "head" => Reply::text(head(request)),
            "header" => header_bytes(request, argument),
            "guarded" => guarded(request),
            "upload" => upload(request).await,
            "redirect" => redirect(request, argument),
            "slow" => bodies::slow(request, &self.state).await,
            "bytes" => bodies::bytes(argument),
            "chunks" => bodies::chunks(argument),
            "encoded" => encoded::reply(argument),
            "events" => events::reply(request).await,
            "json" => {
                Reply::text(r#"{"name":"waterspout","sizes":[1,2,3]}"#).with_header("content-type", "application/json")
            }
            "headers" => Reply::text("").with_header("x-twice", "one").with_header("x-twice", "two"),
            "hit" | "hits" | "peak" | "busy" | "flaky" | "endless" | "ended" => {
                self.state.reply(name, argument, request).await
            }
            _ => rare(name, request).await,
        }
    }
}

/// Lets pages of every origin read a response and its headers.
fn allow_cross_origin(reply: Reply) -> Reply {
    reply
        .with_header("access-control-allow-origin", "*")
        .with_header("access-control-expose-headers", "*, authorization")
        // A page that is isolated from other origins needs this header even without CORS.
        .with_header("cross-origin-resource-policy", "cross-origin")
        // If the response may be cached, a browser sends only a single request for a URL at a time.
        .with_header("cache-control", "no-store")
}

/// Returns a malformed or a rare response.
async fn rare(name: &str, request: &mut Incoming) -> Reply {
    if let Some(reply) = streams::reply(name, request).await {
        return reply;
    }
    faults::reply(name).unwrap_or_else(|| Reply::new(404, format!("unknown experiment: {name}")))
}

/// `status/CODE`: a response with this status.
fn status(code: &str) -> Reply {
    match code.parse() {
        Ok(number @ 200..=599) => Reply::text(format!("status {code}")).with_status(number),
        _ => Reply::new(400, format!("not the status of a response: {code}")),
    }
}

/// `charset/LABEL`: the bytes that the query `bytes` has in hexadecimal, as a text of this charset.
fn charset(request: &Incoming, label: &str) -> Reply {
    let digits = request.query("bytes").unwrap_or_default();
    let bytes: Option<Vec<u8>> =
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect();
    match bytes {
        Some(bytes) => Reply::new(200, bytes).with_header("content-type", &format!("text/plain; charset={label}")),
        None => Reply::new(400, "not hexadecimal"),
    }
}

fn preflight(request: &Incoming) -> Reply {
    let headers = request.header("access-control-request-headers").unwrap_or("*").to_owned();
    allow_cross_origin(Reply::new(204, ""))
        .with_header("access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, QUERY")
        .with_header("access-control-allow-headers", &headers)
        .with_header("access-control-max-age", "600")
}

/// `echo`: the request's body and content type, with its method in `x-method`.
async fn echo(request: &mut Incoming) -> Reply {
    let kind = request.header("content-type").unwrap_or("application/octet-stream").to_owned();
    let method = request.method().to_string();
    match request.body().await {
        Ok(body) => Reply::new(200, body).with_header("content-type", &kind).with_header("x-method", &method),
        Err(error) => Reply::new(400, error.report().to_string()),
    }
}

/// `head`: the request's head as text, a line for the request line and for each header.
fn head(request: &Incoming) -> String {
    let mut text = format!("{} {}\n", request.method(), request.target());
    for (name, value) in request.headers() {
        text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    }
    text
}

/// `header/NAME`: the bytes of a request header as decimal numbers.
fn header_bytes(request: &Incoming, name: &str) -> Reply {
    let value = request.headers().get(name).map(|value| value.as_bytes()).unwrap_or_default();
    let numbers: Vec<_> = value.iter().map(u8::to_string).collect();
    Reply::text(numbers.join(" "))
}

/// `guarded`: a page behind an authentication scheme that no browser implements.
fn guarded(request: &Incoming) -> Reply {
    match request.header("authorization") {
        Some("Sesame open") => Reply::text("welcome"),
        _ => Reply::new(401, "credentials required").with_header("www-authenticate", "Sesame"),
    }
}

/// `upload`: the number of bytes in the request's body, and the sum of their values.
async fn upload(request: &mut Incoming) -> Reply {
    let mut count = 0;
    let mut sum = 0u64;
    loop {
        match request.chunk().await {
            Ok(Some(chunk)) => {
                count += chunk.len();
                sum += chunk.iter().map(|byte| u64::from(*byte)).sum::<u64>();
            }
            Ok(None) => return Reply::text(format!("{count} {sum}")),
            Err(error) => return Reply::new(400, error.report().to_string()),
        }
    }
}

/// `redirect/N?status=S&to=URL`: N redirects with the status S (default 302), the last to `to` (default `/lab/hello`).
fn redirect(request: &Incoming, times: &str) -> Reply {
    let status = request.query("status").and_then(|status| status.parse().ok()).unwrap_or(302);
    let to = request.query("to").unwrap_or("/lab/hello");
    match times.parse::<u32>().unwrap_or(1) {
        0 | 1 => Reply::redirect(status, to),
        times => Reply::redirect(status, &format!("/lab/redirect/{}?status={status}&to={to}", times - 1)),
    }
}

/// Waits for the number of milliseconds in the query parameter `name`, if it is present.
async fn sleep_ms(request: &Incoming, name: &str) {
    if let Some(milliseconds) = query_number(request, name) {
        Timer::after(Duration::from_millis(milliseconds)).await;
    }
}

/// Returns the number in the query parameter `name`, or `None` if it is missing or not a number.
fn query_number(request: &Incoming, name: &str) -> Option<u64> {
    request.query(name)?.parse().ok()
}
