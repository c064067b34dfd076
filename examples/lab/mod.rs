//! A server that does as it is told, good and bad: `/lab/…`, the counterpart of the tests and of the live page.
//!
//! Every answer may be read by any page (CORS). What needs a memory is keyed, so that tests do not meet.

mod bodies;
mod encoded;
mod events;
mod faults;
mod memory;

use std::sync::Arc;
use std::time::Duration;

use async_io::Timer;
use futures::FutureExt;
use futures::future::BoxFuture;
use waterspout::testing::{Handler, Incoming, Reply};

use self::memory::Memory;

/// The handler of `/lab/…`.
#[derive(Clone, Default)]
#[allow(unreachable_pub, reason = "each program that includes this module is its own crate")]
pub struct Lab {
    memory: Arc<Memory>,
}

impl Handler for Lab {
    fn handle<'a>(&'a self, request: &'a mut Incoming) -> BoxFuture<'a, Reply> {
        async move {
            if request.method() == "OPTIONS" && request.header("access-control-request-method").is_some() {
                return preflight(request);
            }
            readable(self.answer(request).await)
        }
        .boxed()
    }
}

impl Lab {
    async fn answer(&self, request: &mut Incoming) -> Reply {
        let path = request.path().trim_start_matches("/lab/").to_owned();
        let (name, argument) = path.split_once('/').unwrap_or((&path, ""));
        match name {
            "hello" => Reply::text("hello"),
            "status" => Reply::text(format!("status {argument}")).with_status(argument),
            "echo" => echo(request).await,
            "head" => Reply::text(head(request)),
            "header" => header(request, argument),
            "guarded" => guarded(request),
            "upload" => upload(request).await,
            "redirect" => redirect(request, argument),
            "slow" => bodies::slow(request, &self.memory).await,
            "bytes" => bodies::bytes(argument),
            "chunks" => bodies::chunks(argument),
            "encoded" => encoded::answer(argument),
            "events" => events::answer(request).await,
            "json" => {
                Reply::text(r#"{"name":"waterspout","sizes":[1,2,3]}"#).with_header("content-type", "application/json")
            }
            "headers" => Reply::text("").with_header("x-twice", "one").with_header("x-twice", "two"),
            "hit" | "hits" | "peak" | "busy" | "flaky" | "endless" | "ended" => {
                self.memory.answer(name, argument, request).await
            }
            _ => faults::answer(name).unwrap_or_else(|| Reply::new(404, format!("no such experiment: {name}"))),
        }
    }
}

/// Lets any page read an answer, its headers included.
fn readable(reply: Reply) -> Reply {
    reply
        .with_header("access-control-allow-origin", "*")
        .with_header("access-control-expose-headers", "*, authorization")
        // Also by a page that is isolated from other origins, without CORS.
        .with_header("cross-origin-resource-policy", "cross-origin")
        // A browser asks for the same page only once at a time if it may be cached.
        .with_header("cache-control", "no-store")
}

fn preflight(request: &Incoming) -> Reply {
    let headers = request.header("access-control-request-headers").unwrap_or("*").to_owned();
    readable(Reply::new(204, ""))
        .with_header("access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, QUERY")
        .with_header("access-control-allow-headers", &headers)
        .with_header("access-control-max-age", "600")
}

/// The request's method, body and content type, back.
async fn echo(request: &mut Incoming) -> Reply {
    let kind = request.header("content-type").unwrap_or("application/octet-stream").to_owned();
    let method = request.method().to_string();
    match request.body().await {
        Ok(body) => Reply::new(200, body).with_header("content-type", &kind).with_header("x-method", &method),
        Err(error) => Reply::new(400, error.to_string()),
    }
}

/// The request's head as text, a line each.
fn head(request: &Incoming) -> String {
    let mut text = format!("{} {}\n", request.method(), request.target());
    for (name, value) in request.headers() {
        text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    }
    text
}

/// `header/NAME`: the bytes of a header as numbers.
fn header(request: &Incoming, name: &str) -> Reply {
    let value = request.headers().get(name).map(|value| value.as_bytes()).unwrap_or_default();
    let numbers: Vec<_> = value.iter().map(u8::to_string).collect();
    Reply::text(numbers.join(" "))
}

/// A page behind a challenge that no browser knows.
fn guarded(request: &Incoming) -> Reply {
    match request.header("authorization") {
        Some("Sesame open") => Reply::text("welcome"),
        _ => Reply::new(401, "who is there?").with_header("www-authenticate", "Sesame"),
    }
}

/// How many bytes came, and the sum of them.
async fn upload(request: &mut Incoming) -> Reply {
    let (mut count, mut sum) = (0, 0u64);
    loop {
        match request.chunk().await {
            Ok(Some(chunk)) => {
                count += chunk.len();
                sum += chunk.iter().map(|byte| u64::from(*byte)).sum::<u64>();
            }
            Ok(None) => return Reply::text(format!("{count} {sum}")),
            Err(error) => return Reply::new(400, error.to_string()),
        }
    }
}

/// `redirect/N` redirects N times, then to `to`; `status` says how.
fn redirect(request: &Incoming, times: &str) -> Reply {
    let status = request.query("status").and_then(|status| status.parse().ok()).unwrap_or(302);
    let to = request.query("to").unwrap_or("/lab/hello");
    match times.parse::<u32>().unwrap_or(1) {
        0 | 1 => Reply::redirect(status, to),
        times => Reply::redirect(status, &format!("/lab/redirect/{}?status={status}&to={to}", times - 1)),
    }
}

/// Waits for as many milliseconds as the query's `name` says.
async fn pause(request: &Incoming, name: &str) {
    if let Some(milliseconds) = number(request, name) {
        Timer::after(Duration::from_millis(milliseconds)).await;
    }
}

fn number(request: &Incoming, name: &str) -> Option<u64> {
    request.query(name)?.parse().ok()
}
