//! A caller of the client: it sends a request as planned, and reads the response as planned.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use waterspout::http::{HeaderName, HeaderValue, Method};
use waterspout::{
    Agent, Backend, Body, BoxFuture, Bytes, CallContext, Client, Request, RequestBuilder, Response, Result, Retry,
    Timer,
};

use crate::clock::KnownTimer;
use crate::model::arrival::credentials;
use crate::model::outcome::Reply;
use crate::plan::{Limits, Plan, Reading, Upload, request_byte, response_byte};
use crate::record::{Mark, Record};
use crate::settings::HOSTS;

/// The number of pieces of a streamed body.
const PIECES: usize = 3;

/// The wait between two pieces of a slow body.
const PACE: Duration = Duration::from_millis(300);

/// Makes the attempts of a client: an agent that numbers them, so that the servers know them apart.
pub(crate) struct NumberedAgent {
    pub(crate) agent: Arc<Agent>,
    pub(crate) record: Record,
}

impl Backend for NumberedAgent {
    fn fetch(&self, mut request: Request, context: CallContext) -> BoxFuture<'_, Result<Response>> {
        let number = HeaderValue::from(context.attempts().len() + 1);
        request.headers_mut().insert(HeaderName::from_static("x-attempt"), number);
        let host = HOSTS.iter().position(|name| request.url().host() == *name).unwrap_or_default();
        let running = Running { record: self.record.clone(), host };
        self.record.with(|state| state.running[host] += 1);
        Box::pin(async move {
            let _running = running;
            self.agent.fetch(request, context).await
        })
    }
}

/// An attempt that is being made.
struct Running {
    record: Record,
    host: usize,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.record.with(|state| state.running[self.host] -= 1);
    }
}

/// What a caller needs.
pub(crate) struct Caller {
    pub(crate) plan: Arc<Plan>,
    pub(crate) client: Client,
    pub(crate) record: Record,
    /// The clock of the waits beside the client.
    pub(crate) timer: KnownTimer,
}

impl Caller {
    /// Sends the request, and reads the response.
    pub(crate) async fn call(self) -> Result<Reply> {
        self.record.with(|state| {
            let mark = Mark { tick: state.tick(), at: self.timer.now() };
            state.requests[self.plan.id].polled = Some(mark);
        });
        let mut response = self.request().await?;
        let visit = response.headers().get("x-visit").and_then(|visit| visit.to_str().ok()?.parse().ok());
        let mut reply =
            Reply { status: response.status().as_u16(), visit, length: 0, is_right: true, is_complete: false };
        if self.plan.reading == Reading::Nothing {
            return Ok(reply);
        }
        loop {
            if let Reading::Slow(pause) = self.plan.reading {
                self.pause(pause).await;
            }
            let Some(chunk) = response.chunk().await? else { break };
            let expected = |at| response_byte(self.plan.id, reply.visit.unwrap_or_default(), at);
            reply.is_right &= chunk.iter().enumerate().all(|(at, byte)| *byte == expected(reply.length + at));
            reply.length += chunk.len();
            if self.plan.reading == Reading::Part {
                return Ok(reply);
            }
        }
        reply.is_complete = true;
        let closes = response.headers().get("connection").is_some_and(|value| value == "close");
        if closes && !self.plan.has_body() {
            self.record.with(|state| {
                let visit = reply.visit.and_then(|visit| state.requests[self.plan.id].visits.get(visit));
                if let Some(link) = visit.map(|visit| visit.link) {
                    state.links[link].is_finished = true;
                }
            });
        }
        Ok(reply)
    }

    /// Waits for something else than the client.
    async fn pause(&self, pause: Duration) {
        self.record.with(|state| state.requests[self.plan.id].is_pausing = true);
        self.timer.sleep_until(self.timer.now() + pause).await;
        let now = self.timer.now();
        self.record.with(|state| {
            state.requests[self.plan.id].is_pausing = false;
            state.quiet_since = now;
        });
    }

    fn request(&self) -> RequestBuilder<Client> {
        let Plan { id, host, priority, limits, .. } = &*self.plan;
        let url = format!("http://{}/{id}", HOSTS[*host]);
        let mut request = self.client.request(self.plan.method.clone(), &url).body(self.body()).priority(*priority);
        if self.plan.has_credentials {
            let mut secret = HeaderValue::from_str(&credentials(*id)).unwrap_or_else(|error| panic!("{error}"));
            secret.set_sensitive(true);
            request = request.header("authorization", secret.clone()).header("x-secret", secret);
        }
        if let Some(retry) = self.plan.retry {
            // Without a random wait, which would differ from run to run.
            let mut policy = Retry::new().attempts(retry.attempts).base_delay(Duration::ZERO);
            if retry.has_post {
                policy = policy.methods([Method::GET, Method::PUT, Method::POST]);
            }
            request = request.retry(policy);
        }
        if self.plan.expects_continue {
            request = request.expect_continue(true);
        }
        with_limits(request, limits)
    }

    fn body(&self) -> Body {
        let (id, size) = (self.plan.id, self.plan.upload_size);
        match self.plan.upload {
            Upload::None => Body::empty(),
            Upload::Bytes => Body::from((0..size).map(|at| request_byte(id, at)).collect::<Vec<u8>>()),
            Upload::Factory => Body::factory(move || stream::iter(pieces(id, size)).map(Ok::<_, std::io::Error>)),
            Upload::Once => {
                let record = self.record.clone();
                Body::stream(stream::iter(pieces(id, size)).map(move |piece| {
                    record.with(|state| state.requests[id].is_body_taken = true);
                    Ok::<_, std::io::Error>(piece)
                }))
            }
            Upload::Paced => {
                let (timer, record) = (self.timer.clone(), self.record.clone());
                Body::stream(stream::iter(pieces(id, size)).then(move |piece| {
                    let (timer, record) = (timer.clone(), record.clone());
                    async move {
                        timer.sleep_until(timer.now() + PACE).await;
                        record.with(|state| state.requests[id].is_body_taken = true);
                        Ok::<_, std::io::Error>(piece)
                    }
                }))
                .with_length(size as u64)
            }
        }
    }
}

/// Returns the pieces of the body of a request.
fn pieces(id: usize, size: usize) -> Vec<Bytes> {
    let length = size.div_ceil(PIECES).max(1);
    let begins = (0..size).step_by(length);
    begins.map(|begin| (begin..size.min(begin + length)).map(|at| request_byte(id, at)).collect()).collect()
}

fn with_limits(mut request: RequestBuilder<Client>, limits: &Limits) -> RequestBuilder<Client> {
    if let Some(limit) = limits.total {
        request = request.total_timeout(limit);
    }
    if let Some(limit) = limits.request {
        request = request.timeout(limit);
    }
    if let Some(limit) = limits.attempt {
        request = request.attempt_timeout(limit);
    }
    if let Some(limit) = limits.head {
        request = request.head_timeout(limit);
    }
    if let Some(limit) = limits.idle {
        request = request.idle_timeout(limit);
    }
    if let Some(limit) = limits.connect {
        request = request.connect_timeout(limit);
    }
    if let Some(limit) = limits.queue {
        request = request.queue_timeout(limit);
    }
    request
}
