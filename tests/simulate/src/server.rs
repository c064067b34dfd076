//! The servers: they do what the plan of each request says, and check what arrives.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use flate2::Compression;
use flate2::write::GzEncoder;
use waterspout::http::Method;
use waterspout::testing::{Fault, Handler, Http2Config, Incoming, Reply};
use waterspout::{Body, BoxFuture};

use crate::clock::KnownTimer;
use crate::counts::count;
use crate::model::arrival::check_arrival;
use crate::plan::{Act, Answer, Plan, request_byte, response_byte};
use crate::record::{Record, Visit};
use crate::settings::HOSTS;

/// The plans of all requests, by their numbers.
#[derive(Clone, Default)]
pub(crate) struct Plans(Arc<Mutex<Vec<Arc<Plan>>>>);

impl Plans {
    pub(crate) fn add(&self, plan: Arc<Plan>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(plan);
    }

    pub(crate) fn of(&self, id: usize) -> Arc<Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[id].clone()
    }
}

/// The server of a connection.
pub(crate) struct Server {
    pub(crate) host: usize,
    pub(crate) link: usize,
    pub(crate) timer: KnownTimer,
    pub(crate) record: Record,
    pub(crate) plans: Plans,
    pub(crate) http2: Http2Config,
}

impl Handler for Server {
    fn handle<'a>(&'a self, request: &'a mut Incoming) -> BoxFuture<'a, Reply> {
        Box::pin(self.answer(request))
    }

    fn http2(&self) -> Http2Config {
        self.http2.clone()
    }
}

impl Server {
    async fn answer(&self, request: &mut Incoming) -> Reply {
        let Some(id) = request.path()[1..].parse().ok() else {
            self.record.violate(format!("a request for {} arrives", request.target()));
            return Reply::close();
        };
        let plan = self.plans.of(id);
        let number = self.arrive(request, &plan);
        let act = plan.act(number);
        let reads_body = match &act {
            Act::Answer(answer) => answer.reads_body,
            Act::Redirect { .. } => true,
            _ => id % 2 == 0,
        };
        if reads_body && !self.read_body(request, &plan, number).await {
            return Reply::close();
        }
        self.reply(request, &plan, act, number).await
    }

    /// Records the arrival of a request and checks it. Returns its number among the arrivals of the request.
    fn arrive(&self, request: &Incoming, plan: &Plan) -> usize {
        count(if request.stream().is_some() { "requests over HTTP/2" } else { "requests over HTTP/1.1" });
        self.record.with(|state| {
            let tick = state.tick();
            let act = plan.act(state.requests[plan.id].visits.len());
            let link = &mut state.links[self.link];
            link.has_garbage |= matches!(act, Act::Garbage);
            let (answered_before, is_reused) = (link.answered, link.visits > 0);
            link.visits += 1;
            let number = state.requests[plan.id].visits.len();
            let mut visit = Visit {
                attempt: request.header("x-attempt").and_then(|number| number.parse().ok()).unwrap_or_default(),
                host: self.host,
                link: self.link,
                method: request.method().clone(),
                act,
                answered_before,
                is_reused,
                is_repeated: false,
                body: 0,
                is_body_complete: false,
            };
            state.log(|| {
                let (host, link) = (HOSTS[self.host], self.link);
                format!("{tick}: request {} arrives at {host} on {link}: {} {:?}", plan.id, visit.method, visit.act)
            });
            if let Err(reason) = check_arrival(plan, &mut visit, request, state) {
                state.violate(format!("request {}: {reason}", plan.id));
            }
            state.requests[plan.id].visits.push(visit);
            number
        })
    }

    /// Reads and checks the body of a request. Returns whether it has ended.
    async fn read_body(&self, request: &mut Incoming, plan: &Plan, visit: usize) -> bool {
        let mut at = 0;
        loop {
            let Ok(chunk) = request.chunk().await else { return false };
            let Some(chunk) = chunk else { break };
            let is_right = chunk.iter().enumerate().all(|(index, byte)| *byte == request_byte(plan.id, at + index));
            at += chunk.len();
            self.record.with(|state| state.requests[plan.id].visits[visit].body = at);
            if !is_right {
                self.record.violate(format!("the body of request {} is wrong before byte {at}", plan.id));
            }
        }
        let has_body = plan.has_body() && request.method() == plan.method;
        let expected = if has_body { plan.upload_size } else { 0 };
        if at != expected {
            self.record.violate(format!("the body of request {} has {at} bytes instead of {expected}", plan.id));
        }
        self.record.with(|state| state.requests[plan.id].visits[visit].is_body_complete = true);
        true
    }

    async fn reply(&self, request: &mut Incoming, plan: &Plan, act: Act, visit: usize) -> Reply {
        match act {
            Act::Answer(answer) => {
                if answer.informs && request.inform(103, &[("link", "</style.css>")]).await.is_err() {
                    return Reply::close();
                }
                self.response(plan, &answer, visit, *request.method() == Method::HEAD)
            }
            Act::Redirect { status, host } => {
                count("redirects");
                let location = if host == self.host {
                    format!("/{}", plan.id)
                } else {
                    format!("http://{}/{}", HOSTS[host], plan.id)
                };
                Reply::redirect(status, &location).with_header("x-visit", &visit.to_string())
            }
            Act::Close => Reply::close(),
            Act::Silence => Reply::silence(),
            Act::Garbage => Reply::raw("\0\0\0 this is not HTTP \r\n\r\n\r\n"),
            Act::ResetStream(code) => Reply::text("").with_fault(Fault::stream_reset(code)),
            Act::RequestTimeout => {
                Reply::new(408, "").with_header("connection", "close").with_header("x-visit", &visit.to_string())
            }
        }
    }

    fn response(&self, plan: &Plan, answer: &Answer, visit: usize, is_head: bool) -> Reply {
        let content: Vec<u8> = (0..answer.size).map(|at| response_byte(plan.id, visit, at)).collect();
        let content = if answer.is_gzip { gzip(&content) } else { content };
        let body = if answer.is_chunked && !is_head { chunked(content) } else { Body::from(content) };
        let mut reply = Reply::new(answer.status, body).with_header("x-visit", &visit.to_string());
        if answer.is_gzip {
            reply = reply.with_header("content-encoding", "gzip");
        }
        if answer.sets_cookie {
            reply = reply.with_header("set-cookie", &format!("{}={}; Path=/", self.host, plan.id));
        }
        if let Some(seconds) = answer.retry_after {
            reply = reply.with_header("retry-after", &seconds.to_string());
        }
        if answer.closes {
            reply = reply.with_header("connection", "close");
        }
        if !answer.delay.is_zero() {
            reply = reply.with_fault(Fault::delay(self.timer.clone(), answer.delay));
        }
        if let Some((at, pause)) = answer.pause {
            reply = reply.with_fault(Fault::delay(self.timer.clone(), pause).after_body(at as u64));
        }
        if let Some(at) = answer.cut {
            reply = reply.with_fault(Fault::close().after_body(at as u64));
        }
        if let Some(at) = answer.stall {
            reply = reply.with_fault(Fault::silence().after_body(at as u64));
        }
        reply
    }
}

/// Makes a body of unknown length.
fn chunked(content: Vec<u8>) -> Body {
    let middle = content.len() / 2;
    let pieces = [content[..middle].to_vec(), content[middle..].to_vec()];
    Body::stream(futures::stream::iter(pieces.map(Ok::<_, std::io::Error>)))
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(content);
    encoder.finish().unwrap_or_default()
}
