//! Records requests as a HAR 1.2 file, which the network panel of a browser opens.
//! `cargo run --example har -- requests.har` starts a server of its own, and writes the file.
//!
//! The wait for a slot is `blocked`. Each redirect is an entry of its own. HAR wants 0 or more for `send`, `wait` and
//! `receive`, and -1 for any other time that does not apply; the client measures the time until the first byte as a whole,
//! so `send` is 0 and `wait` has the rest.
#![cfg(not(target_family = "wasm"))]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs};

use serde_json::{Value, json};
use waterspout::http::{HeaderMap, Method, Version};
use waterspout::testing::{Incoming, Reply, Server, handler};
use waterspout::tornado::EventLoop;
use waterspout::{Client, ConnectionInfo, Request, Response, Timings, Url};

/// The headers whose values are left out, because a file is often passed on.
const SECRET_HEADERS: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "set-cookie"];

/// The entries of a HAR file.
#[derive(Default)]
struct HarLog {
    entries: Vec<Value>,
}

/// What is known of a request before it is sent.
struct Sent {
    method: Method,
    headers: Value,
    body: Option<Value>,
    body_size: usize,
    started: SystemTime,
    clock: Instant,
}

/// The times of an exchange. `None` is a time that does not apply.
#[derive(Default)]
struct Times {
    blocked: Option<Duration>,
    dns: Option<Duration>,
    /// Connecting, without TLS.
    connect: Option<Duration>,
    tls: Option<Duration>,
    wait: Duration,
    receive: Duration,
}

impl Times {
    fn new(info: &ConnectionInfo) -> Self {
        let wait = info.first_byte.unwrap_or_default();
        Self { dns: info.dns, connect: info.connect, tls: info.tls, wait, ..Self::default() }
    }

    /// Returns the time of the whole exchange. HAR counts TLS as a part of connecting.
    fn total(&self) -> Duration {
        let parts = [self.blocked, self.dns, self.connect, self.tls];
        parts.into_iter().flatten().sum::<Duration>() + self.wait + self.receive
    }

    fn to_json(&self) -> Value {
        let connect = self.connect.map(|connect| connect + self.tls.unwrap_or_default());
        json!({
            "blocked": self.blocked.map_or(-1.0, millis),
            "dns": self.dns.map_or(-1.0, millis),
            "connect": connect.map_or(-1.0, millis),
            "ssl": self.tls.map_or(-1.0, millis),
            "send": 0,
            "wait": millis(self.wait),
            "receive": millis(self.receive),
        })
    }
}

impl HarLog {
    /// Sends a request with this text as its body, reads the response's body, and records both. A failed request is an
    /// entry with the status 0.
    async fn send(&mut self, client: &Client, mut request: Request, text: &'static str) -> waterspout::Result<String> {
        if !text.is_empty() {
            *request.body_mut() = text.into();
        }
        let sent = Sent::new(&request, text);
        let url = request.url().clone().without_credentials();
        let response = match client.fetch(request).await {
            Ok(response) => response,
            Err(error) => {
                self.failed(sent, &url, &error.report().to_string());
                return Err(error);
            }
        };
        let head_at = sent.clock.elapsed();
        let answer = Answer::new(&response);
        let text = response.text().await;
        let receive = sent.clock.elapsed().saturating_sub(head_at);
        self.answered(sent, answer, text.as_deref().unwrap_or_default(), receive);
        text
    }

    /// Adds an entry for each redirect, and an entry for the response.
    fn answered(&mut self, sent: Sent, answer: Answer, text: &str, receive: Duration) {
        let Answer { redirects, timings, info, .. } = &answer;
        let Sent { mut method, mut started, headers, mut body, mut body_size, .. } = sent;
        let mut blocked = timings.queue;
        for (index, (url, status, info)) in redirects.iter().enumerate() {
            let next = redirects.get(index + 1).map_or(&answer.url, |(url, ..)| url);
            let times = Times { blocked: blocked.take(), ..Times::new(info) };
            let response = json!({
                "status": status.as_u16(),
                "statusText": status.canonical_reason().unwrap_or_default(),
                "httpVersion": version_name(info.version),
                "cookies": [],
                "headers": [{ "name": "location", "value": next.as_str() }],
                "content": { "size": 0, "mimeType": "x-unknown" },
                "redirectURL": next.as_str(),
                "headersSize": -1,
                "bodySize": -1,
            });
            let request = request_json(&method, url, info.version, &headers, body.as_ref(), body_size);
            self.push(started, &times, request, response, info);
            started += times.total();
            // As browsers do: after these redirects, a request with a body becomes a GET.
            let becomes_get = matches!((status.as_u16(), &method), (303, _) | (301 | 302, &Method::POST));
            if becomes_get && method != Method::HEAD {
                (method, body, body_size) = (Method::GET, None, 0);
            }
        }
        let times = Times { blocked, receive, ..Times::new(info) };
        let request = request_json(&method, &answer.url, info.version, &headers, body.as_ref(), body_size);
        self.push(started, &times, request, answer.to_json(text), info);
    }

    fn failed(&mut self, sent: Sent, url: &Url, error: &str) {
        let times = Times { wait: sent.clock.elapsed(), ..Times::default() };
        let response = json!({
            "status": 0,
            "statusText": "",
            "httpVersion": version_name(None),
            "cookies": [],
            "headers": [],
            "content": { "size": 0, "mimeType": "x-unknown" },
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
            "_error": error,
        });
        let request = request_json(&sent.method, url, None, &sent.headers, sent.body.as_ref(), sent.body_size);
        self.push(sent.started, &times, request, response, &ConnectionInfo::default());
    }

    fn push(&mut self, started: SystemTime, times: &Times, request: Value, response: Value, info: &ConnectionInfo) {
        let mut entry = json!({
            "startedDateTime": timestamp(started),
            "time": millis(times.total()),
            "request": request,
            "response": response,
            "cache": {},
            "timings": times.to_json(),
        });
        if let Some(address) = info.remote_address {
            entry["serverIPAddress"] = address.ip().to_string().into();
            entry["connection"] = info.local_address.map_or(0, |local| local.port()).to_string().into();
        }
        self.entries.push(entry);
    }

    fn to_json(&self) -> Value {
        json!({ "log": {
            "version": "1.2",
            "creator": { "name": "waterspout", "version": env!("CARGO_PKG_VERSION") },
            "entries": self.entries,
        }})
    }
}

impl Sent {
    fn new(request: &Request, text: &str) -> Self {
        let mime_type = request.headers().get("content-type").and_then(|value| value.to_str().ok());
        let body = json!({ "mimeType": mime_type.unwrap_or("x-unknown"), "params": [], "text": text });
        Self {
            method: request.method().clone(),
            headers: headers_json(request.headers()),
            body: (!text.is_empty()).then_some(body),
            body_size: text.len(),
            started: SystemTime::now(),
            clock: Instant::now(),
        }
    }
}

/// What is known of a response before its body is read.
struct Answer {
    url: Url,
    status: waterspout::http::StatusCode,
    headers: HeaderMap,
    redirects: Vec<(Url, waterspout::http::StatusCode, ConnectionInfo)>,
    info: ConnectionInfo,
    timings: Timings,
}

impl Answer {
    fn new(response: &Response) -> Self {
        let redirects = response.history().iter();
        Self {
            url: response.url().clone(),
            status: response.status(),
            headers: response.headers().clone(),
            redirects: redirects
                .map(|entry| (entry.url.clone(), entry.status, entry.connection_info.clone()))
                .collect(),
            info: response.connection_info(),
            timings: response.timings(),
        }
    }

    fn to_json(&self, text: &str) -> Value {
        let mime_type = self.headers.get("content-type").and_then(|value| value.to_str().ok());
        json!({
            "status": self.status.as_u16(),
            "statusText": self.status.canonical_reason().unwrap_or_default(),
            "httpVersion": version_name(self.info.version),
            "cookies": [],
            "headers": headers_json(&self.headers),
            "content": { "size": text.len(), "mimeType": mime_type.unwrap_or("x-unknown"), "text": text },
            "redirectURL": "",
            "headersSize": -1,
            // The size before decoding is not known.
            "bodySize": -1,
        })
    }
}

fn request_json(
    method: &Method,
    url: &Url,
    version: Option<Version>,
    headers: &Value,
    body: Option<&Value>,
    body_size: usize,
) -> Value {
    let pairs: Vec<_> = url.query_pairs().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let mut request = json!({
        "method": method.as_str(),
        "url": url.as_str(),
        "httpVersion": version_name(version),
        "cookies": [],
        "headers": headers,
        "queryString": pairs,
        "headersSize": -1,
        "bodySize": body_size,
    });
    if let Some(body) = body {
        request["postData"] = body.clone();
    }
    request
}

fn headers_json(headers: &HeaderMap) -> Value {
    let pairs = headers.iter().map(|(name, value)| {
        let is_secret = value.is_sensitive() || SECRET_HEADERS.contains(&name.as_str());
        let shown = if is_secret { "REDACTED".into() } else { String::from_utf8_lossy(value.as_bytes()) };
        json!({ "name": name.as_str(), "value": shown })
    });
    pairs.collect()
}

fn version_name(version: Option<Version>) -> String {
    version.map_or("unknown".to_owned(), |version| format!("{version:?}"))
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Returns the time in the format of ISO 8601, in UTC.
fn timestamp(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // The year begins in March here, so that a leap day is the last day of its year.
    let day = days + 719_468;
    let (era, day_of_era) = (day / 146_097, day % 146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, year) = if month < 10 { (month + 3, era * 400 + year) } else { (month - 9, era * 400 + year + 1) };
    let (hour, minute) = (second / 3600, second / 60 % 60);
    let (second, milli) = (second % 60, since.subsec_millis());
    format!("{year:04}-{month:02}-{day_of_month:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::start(handler(|request: &mut Incoming| {
        let reply = match request.path() {
            "/old" => Reply::redirect(302, "/moved"),
            "/moved" => Reply::redirect(303, "/page?from=old"),
            "/page" => Reply::html("<p>hello</p>").with_header("set-cookie", "session=secret"),
            _ => Reply::text("there is no such page").with_status(404),
        };
        Box::pin(async { reply })
    }))?;
    let client = Client::new();
    let mut log = HarLog::default();
    EventLoop::new().run_sync(async {
        let note = Request::post(server.url("/old")).header("content-type", "text/plain").build()?;
        log.send(&client, note, "a note").await?;
        let missing = Request::get(server.url("/missing")).header("authorization", "Bearer secret").build()?;
        log.send(&client, missing, "").await?;
        // No server listens on this port.
        let refused = log.send(&client, Request::get("http://user:secret@127.0.0.1:1/").build()?, "").await;
        println!("{} entries, refused: {}", log.entries.len(), refused.is_err_and(|error| error.is_connect()));
        Ok::<(), waterspout::Error>(())
    })?;
    let file = serde_json::to_string_pretty(&log.to_json())?;
    fs::write(env::args().nth(1).ok_or("usage: har FILE")?, file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_follow_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.007Z"),
            (951_782_400, "2000-02-29T00:00:00.007Z"),
            (1_709_251_199, "2024-02-29T23:59:59.007Z"),
            (4_107_542_400, "2100-03-01T00:00:00.007Z"),
        ] {
            assert_eq!(timestamp(UNIX_EPOCH + Duration::from_millis(seconds * 1000 + 7)), text);
        }
    }
}
