//! The kinds of requests, and what each checks in its answer.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt;
use waterspout::http::Method;
use waterspout::platform::native::SystemTimer;
use waterspout::tornado::with_timeout;
use waterspout::{Body, Client, RequestBuilder, Response, Retry, Timer};

use crate::clients::SoakClient;
use crate::payload::{self, Checker, Sum};
use crate::random::Random;
use crate::run::{CALM_LIMIT, Run};
use crate::site::{event_data, pieces, streamed};
use crate::targets::Target;
use crate::watchdog::Watch;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Get,
    Head,
    Download,
    Chunked,
    Gzip,
    Slow,
    Held,
    Closed,
    Spawned,
    Echo,
    Upload,
    Expect,
    Count,
    CountRetried,
    Events,
    Redirect,
    Unstable,
    Cancel,
    /// A request without a limit to a server that never answers. Only planted.
    Hang,
}

/// The kinds by their weights.
pub const KINDS: [(u64, Kind); 18] = [
    (20, Kind::Get),
    (3, Kind::Head),
    (6, Kind::Download),
    (5, Kind::Chunked),
    (6, Kind::Gzip),
    (3, Kind::Slow),
    (4, Kind::Held),
    (5, Kind::Closed),
    (3, Kind::Spawned),
    (8, Kind::Echo),
    (6, Kind::Upload),
    (3, Kind::Expect),
    (8, Kind::Count),
    (4, Kind::CountRetried),
    (4, Kind::Events),
    (4, Kind::Redirect),
    (4, Kind::Unstable),
    (9, Kind::Cancel),
];

/// Why a request did not end well.
pub enum Failure {
    Request(waterspout::Error),
    /// The status is not 200.
    Status(u16),
    /// The program gave up on a stream of events.
    CutOff,
    /// An answer that cannot be right.
    Wrong(String),
}

impl From<waterspout::Error> for Failure {
    fn from(error: waterspout::Error) -> Self {
        Self::Request(error)
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self::Wrong(text)
    }
}

/// A request of a client to a target.
pub struct Call<'a> {
    pub run: &'a Run,
    pub client: &'a SoakClient,
    pub target: &'a Target,
    /// The beginning of the URL.
    pub base: &'a str,
    pub random: Random,
    /// The time until the end of the body.
    pub limit: Duration,
    pub watch: &'a Watch,
}

impl Call<'_> {
    /// Makes the request, and checks the answer.
    pub async fn make(&mut self, kind: Kind) -> Result<(), Failure> {
        let seed = self.random.next();
        let small = self.random.between(0, 20_000);
        let large = self.random.between(100_000, self.run.options.largest);
        match kind {
            Kind::Get => self.get(&format!("bytes/{small}/{seed}"), seed, small).await,
            Kind::Download => self.get(&format!("bytes/{large}/{seed}"), seed, large).await,
            Kind::Chunked => self.get(&format!("bytes/{small}/{seed}?chunked=1"), seed, small).await,
            Kind::Gzip => self.get(&format!("bytes/{large}/{seed}?gzip=1"), seed, large).await,
            Kind::Slow => self.get(&format!("slow/{small}/{seed}"), seed, small).await,
            Kind::Redirect => {
                let steps = self.random.between(1, 5);
                self.get(&format!("redirect/{steps}/{small}/{seed}"), seed, small).await
            }
            Kind::Closed => {
                let request = self.request(Method::GET, &format!("bytes/{small}/{seed}")).header("connection", "close");
                self.answer(request, seed, small).await
            }
            Kind::Unstable => {
                let retry = Retry::new().attempts(6).base_delay(Duration::from_millis(10));
                let request = self.request(Method::GET, &format!("unstable/{small}/{seed}")).retry(retry);
                self.answer(request, seed, small).await
            }
            Kind::Head => self.head(small, seed).await,
            Kind::Held => self.held(large, seed).await,
            Kind::Spawned => {
                let request = self.request(Method::GET, &format!("bytes/{small}/{seed}"));
                self.watch.phase("head, spawned");
                let response = request.send_spawned().await?.into_response();
                self.body(response, seed, small).await
            }
            Kind::Echo => {
                let body = payload::bytes(seed, 0, small);
                let request = self.request(Method::POST, "echo").body(body);
                self.answer(request, seed, small).await
            }
            Kind::Expect => {
                let body = payload::bytes(seed, 0, small);
                let request = self.request(Method::POST, "echo").body(body).expect_continue(true);
                self.answer(request, seed, small).await
            }
            Kind::Upload => self.upload(large, seed).await,
            Kind::Count => self.count(small, seed, 1).await,
            Kind::CountRetried => self.count(small, seed, 3).await,
            Kind::Events => self.events(seed).await,
            Kind::Cancel => self.cancelled(large, seed).await,
            Kind::Hang => {
                let url = format!("{}/silence", self.base);
                let none = Duration::ZERO;
                self.client.client.get(url).head_timeout(none).idle_timeout(none).await?;
                Ok(())
            }
        }
    }

    /// Begins a request with limits.
    fn request(&mut self, method: Method, path: &str) -> RequestBuilder<Client> {
        let url = format!("{}/{path}", self.base);
        let request = self.client.client.request(method, url);
        // Both pairs of limits cover everything from the call to the end of the body.
        let request = match self.random.chance(60) {
            true => request.total_timeout(self.limit),
            false => request.queue_timeout(self.limit / 2).timeout(self.limit / 2),
        };
        // The other limits end a part of the waits earlier.
        match self.random.chance(30) && !self.target.errors.is_empty() {
            true => {
                let short = Duration::from_millis(self.random.between(300, 2_000));
                request.connect_timeout(short).head_timeout(short).idle_timeout(short)
            }
            false => request,
        }
    }

    async fn get(&mut self, path: &str, seed: u64, length: u64) -> Result<(), Failure> {
        let request = self.request(Method::GET, path);
        self.answer(request, seed, length).await
    }

    /// Sends a request, and compares the body of its answer.
    async fn answer(&mut self, request: RequestBuilder<Client>, seed: u64, length: u64) -> Result<(), Failure> {
        let response = self.send(request).await?;
        self.body(response, seed, length).await
    }

    async fn send(&self, request: RequestBuilder<Client>) -> Result<Response, Failure> {
        self.watch.phase("head");
        let response = request.await?;
        let version = format!("{:?}", response.version());
        *self.run.tally.counts().versions.entry((self.client.name, version)).or_default() += 1;
        match response.status().as_u16() {
            200 => Ok(response),
            status => Err(Failure::Status(status)),
        }
    }

    async fn body(&self, mut response: Response, seed: u64, length: u64) -> Result<(), Failure> {
        self.watch.phase("body");
        let mut checker = Checker::new(seed, length);
        while let Some(piece) = response.chunk().await? {
            checker.piece(&piece)?;
        }
        checker.end()?;
        self.run.tally.counts().bytes += length;
        Ok(())
    }

    async fn head(&mut self, length: u64, seed: u64) -> Result<(), Failure> {
        let request = self.request(Method::HEAD, &format!("bytes/{length}/{seed}"));
        let response = self.send(request).await?;
        let named = response.headers().get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
        if named != Some(length) {
            return Err(format!("HEAD: the length is {named:?}, not {length}").into());
        }
        self.body(response, seed, 0).await
    }

    /// Leaves a body unread for a time, then reads it or drops it.
    async fn held(&mut self, length: u64, seed: u64) -> Result<(), Failure> {
        let request = self.request(Method::GET, &format!("bytes/{length}/{seed}"));
        let response = self.send(request).await?;
        self.watch.phase("held");
        pause(self.random.between(0, 1_500)).await;
        if self.run.plants("slot") && self.random.chance(5) {
            std::mem::forget(response);
            return Ok(());
        }
        match self.random.chance(50) {
            true => self.body(response, seed, length).await,
            false => Ok(()),
        }
    }

    /// Streams a body with or without a length, and compares the checksum that the server answers.
    async fn upload(&mut self, length: u64, seed: u64) -> Result<(), Failure> {
        let body = match self.random.between(0, 2) {
            0 => streamed(length, seed),
            1 => streamed(length, seed).with_length(length),
            _ => Body::factory(move || pieces(length, seed)),
        };
        let request = self.request(Method::POST, "sum").body(body);
        let response = self.send(request).await?;
        self.watch.phase("body");
        let text = response.text().await?;
        let mut sum = Sum::default();
        sum.add(&payload::bytes(seed, 0, length));
        self.run.tally.counts().bytes += length;
        match text == format!("{length} {:016x}", sum.value()) {
            true => Ok(()),
            false => Err(format!("upload of {length} bytes: the server received {text}").into()),
        }
    }

    /// Sends a POST that the server counts. The server must receive it `allowed` times at most.
    async fn count(&mut self, length: u64, seed: u64, allowed: u64) -> Result<(), Failure> {
        let id = self.run.next_id.fetch_add(1, Ordering::Relaxed);
        self.run.tally.counts().add_counted(id, allowed);
        let body = payload::bytes(seed, 0, length);
        let request = self.request(Method::POST, &format!("count/{id}")).body(body);
        let request = match allowed {
            1 => request,
            _ => {
                let retry = Retry::new().attempts(allowed as u32).base_delay(Duration::from_millis(20));
                request.retry(retry.methods([Method::POST]))
            }
        };
        let response = self.send(request).await?;
        self.watch.phase("body");
        let text = response.text().await?;
        self.run.tally.counts().set_answered(id);
        match text == format!("counted {id}") {
            true => Ok(()),
            false => Err(format!("the POST {id} has the answer of another request: {text}").into()),
        }
    }

    /// Reads a stream of events, which reconnects.
    async fn events(&mut self, seed: u64) -> Result<(), Failure> {
        let count = self.random.between(1, 60);
        let request = self.client.client.get(format!("{}/events/{count}/{seed}", self.base));
        let idle = if self.limit == CALM_LIMIT { CALM_LIMIT } else { self.limit / 2 };
        let request = request.head_timeout(idle).idle_timeout(idle).connect_timeout(idle);
        self.watch.phase("events");
        let mut events = request.events().max_attempts(4).retry_delay(Duration::from_millis(50));
        let read = async {
            for number in 1..=count {
                let event = match events.next().await {
                    Some(event) => event?,
                    None => return Err(format!("the events ended before {number} of {count}").into()),
                };
                if *event.id != number.to_string() || event.data != event_data(seed, number) {
                    return Err(format!("event {number} of {count} is {event:?}").into());
                }
            }
            Ok(())
        };
        with_timeout(self.limit, read).await.unwrap_or(Err(Failure::CutOff))
    }

    /// Drops a request or its body after a short time.
    async fn cancelled(&mut self, length: u64, seed: u64) -> Result<(), Failure> {
        let after = Duration::from_micros(self.random.between(0, 150_000));
        let part = self.random.between(0, 2);
        let work = async {
            match part {
                0 => self.get(&format!("bytes/{length}/{seed}"), seed, length).await,
                1 => self.upload(length, seed).await,
                _ => self.count(length.min(200_000), seed, 1).await,
            }
        };
        with_timeout(after, work).await.unwrap_or(Ok(()))
    }
}

/// Waits for some milliseconds.
pub async fn pause(millis: u64) {
    SystemTimer.sleep_until(SystemTimer.now() + Duration::from_millis(millis)).await;
}
