//! The requests of the random test, and how the server answers them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use http::{HeaderMap, HeaderValue, Method};
use waterspout::testing::{Fault, Handler, Http2ErrorCode, Incoming, Reply, handler};
use waterspout::{Body, Bytes, Client, RequestBuilder, Timeout, Trailers};

use super::rng::SeededRng;
use crate::served::Gates;

/// What a request does. The path of a request says so to the server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A GET that is answered at once.
    Now,
    /// A GET whose answer waits for the request's gate.
    Gated,
    /// A POST whose body comes back.
    Echo,
    /// A POST of a body that can be taken once.
    OneShot,
    /// A POST of a body that can be taken once, and that waits for the request's gate in the middle.
    Paced,
    /// A PUT whose body comes back.
    Put,
    /// A POST that waits for `100 Continue`.
    Expect,
    /// A POST with trailers, which come back.
    Trailed,
    /// A POST that is answered before its body is read.
    Early,
    /// A GET whose stream is refused at first.
    Refused,
    /// A POST whose stream is refused at first.
    RefusedPost,
    /// A GET whose stream is reset in the middle of the body.
    Torn,
}

const KINDS: [Kind; 12] = [
    Kind::Now,
    Kind::Gated,
    Kind::Echo,
    Kind::OneShot,
    Kind::Paced,
    Kind::Put,
    Kind::Expect,
    Kind::Trailed,
    Kind::Early,
    Kind::Refused,
    Kind::RefusedPost,
    Kind::Torn,
];

/// The length of each limit of a request.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// A request, as a seed makes it.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(super) id: u64,
    pub(super) kind: Kind,
    /// The bytes of the body that comes back.
    pub(super) size: usize,
    pub(super) host: &'static str,
    /// The limit of [`LIMIT`] that the request has.
    pub(super) limit: Option<Timeout>,
    pub(super) priority: i16,
    /// Whether a piece of a body that can be taken once was taken.
    pub(super) is_taken: Arc<AtomicBool>,
}

/// The body of a response, and whether the response has trailers.
pub(crate) type Answer = (Vec<u8>, bool);

impl Plan {
    pub(super) fn random(rng: &mut SeededRng, id: u64, hosts: &[&'static str]) -> Self {
        let limits = [Timeout::Total, Timeout::Head, Timeout::Idle, Timeout::Connect, Timeout::Queue];
        Self {
            id,
            kind: rng.pick(&KINDS),
            size: rng.pick(&[0, 2, 100, 10_000, 10_000, 70_000, 200_000]),
            host: rng.pick(hosts),
            limit: (rng.below(3) == 0).then(|| rng.pick(&limits)),
            priority: rng.pick(&[-1, 0, 0, 1]),
            is_taken: Arc::default(),
        }
    }

    /// Makes a request without limits.
    pub(crate) fn simple(id: u64, kind: Kind, size: usize, host: &'static str) -> Self {
        Self { id, kind, size, host, limit: None, priority: 0, is_taken: Arc::default() }
    }

    fn method(&self) -> Method {
        match self.kind {
            Kind::Now | Kind::Gated | Kind::Refused | Kind::Torn => Method::GET,
            Kind::Put => Method::PUT,
            _ => Method::POST,
        }
    }

    pub(super) fn is_idempotent(&self) -> bool {
        self.method() != Method::POST
    }

    /// Returns whether the body cannot be sent again.
    pub(super) fn is_spent(&self) -> bool {
        self.is_taken.load(Ordering::Relaxed)
    }

    fn body(&self, gates: &Gates) -> Body {
        let (half, is_taken) = (self.size / 2, self.is_taken.clone());
        let pieces = futures::stream::iter(0..2);
        let piece = Bytes::from(vec![b'x'; half]);
        match self.kind {
            Kind::OneShot => Body::stream(pieces.map(move |_| {
                is_taken.store(true, Ordering::Relaxed);
                Ok::<_, std::io::Error>(piece.clone())
            })),
            Kind::Paced => {
                let (gates, name) = (gates.clone(), self.id.to_string());
                Body::stream(pieces.then(move |number| {
                    is_taken.store(true, Ordering::Relaxed);
                    let gate = (number == 1).then(|| gates.pass(&name));
                    let piece = piece.clone();
                    async move {
                        if let Some(gate) = gate {
                            gate.await;
                        }
                        Ok::<_, std::io::Error>(piece)
                    }
                }))
            }
            _ if self.is_idempotent() && self.kind != Kind::Put => Body::empty(),
            _ => Body::from(vec![b'x'; self.size]),
        }
    }

    fn request(&self, client: &Client, gates: &Gates) -> RequestBuilder<Client> {
        let Self { id, kind, size, host, .. } = self;
        let url = format!("http://{host}/{id}/{kind:?}/{size}");
        let mut request = client.request(self.method(), &url).body(self.body(gates)).priority(self.priority);
        if self.kind == Kind::Trailed {
            let fields = [(http::HeaderName::from_static("sum"), HeaderValue::from_static("1"))];
            request = request.trailers(Trailers::from(HeaderMap::from_iter(fields)));
        }
        match self.limit {
            Some(Timeout::Total) => request.total_timeout(LIMIT),
            Some(Timeout::Head) => request.head_timeout(LIMIT),
            Some(Timeout::Idle) => request.idle_timeout(LIMIT),
            Some(Timeout::Connect) => request.connect_timeout(LIMIT),
            Some(Timeout::Queue) => request.queue_timeout(LIMIT),
            _ if self.kind == Kind::Expect => request.expect_continue(true),
            _ => request,
        }
    }

    /// Sends the request and receives the whole response.
    pub(crate) async fn send(self, client: Client, gates: Gates) -> waterspout::Result<Answer> {
        let mut response = self.request(&client, &gates).await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
        }
        Ok((body, response.trailers().is_some_and(|fields| fields.contains_key("sum"))))
    }

    /// Returns what a complete response holds.
    pub(super) fn answer(&self) -> Answer {
        (vec![b'x'; self.size], self.kind == Kind::Trailed)
    }
}

/// Answers the requests. `calls` counts how often the server has processed each request.
pub(super) fn server(gates: &Gates, calls: &Calls) -> impl Handler + use<> {
    let (gates, calls) = (gates.clone(), calls.clone());
    handler(move |request: &mut Incoming| {
        let parts: Vec<String> = request.path().split('/').skip(1).map(str::to_string).collect();
        let count = calls.count(parts[0].parse().unwrap());
        let (gates, calls) = (gates.clone(), calls.clone());
        async move {
            let size = parts[2].parse().unwrap();
            if parts[1] == "Gated" {
                gates.pass(&parts[0]).await;
            }
            if let Some(code) = calls.take_reset(parts[0].parse().unwrap()) {
                return Reply::text("").with_fault(Fault::stream_reset(code));
            }
            match parts[1].as_str() {
                "Refused" | "RefusedPost" if count == 1 => {
                    return Reply::text("").with_fault(Fault::stream_reset(Http2ErrorCode::REFUSED_STREAM));
                }
                "Echo" | "OneShot" | "Paced" | "Put" | "Expect" | "Trailed" | "RefusedPost" => {
                    let Ok(body) = request.body().await else { return Reply::close() };
                    assert_eq!(body.len(), size, "{parts:?}");
                    let reply = Reply::new(200, body);
                    return if request.trailers().is_some() { reply.with_trailer("sum", "1") } else { reply };
                }
                "Torn" => {
                    let fault = Fault::stream_reset(Http2ErrorCode::INTERNAL_ERROR).after_body(size as u64 / 2);
                    return Reply::new(200, vec![b'x'; size]).with_fault(fault);
                }
                _ => {}
            }
            Reply::new(200, vec![b'x'; size])
        }
        .boxed()
    })
}

/// How often the server has processed each request, and the requests whose streams it resets next.
#[derive(Clone, Default)]
pub(super) struct Calls(Arc<Mutex<BTreeMap<u64, usize>>>, Arc<Mutex<BTreeMap<u64, Http2ErrorCode>>>);

impl Calls {
    fn count(&self, id: u64) -> usize {
        let mut calls = self.0.lock().unwrap();
        let count = calls.entry(id).or_default();
        *count += 1;
        *count
    }

    /// Resets the next stream of a request.
    pub(super) fn reset(&self, id: u64, code: Http2ErrorCode) {
        self.1.lock().unwrap().insert(id, code);
    }

    fn take_reset(&self, id: u64) -> Option<Http2ErrorCode> {
        self.1.lock().unwrap().remove(&id)
    }

    pub(super) fn of(&self, id: u64) -> usize {
        self.0.lock().unwrap().get(&id).copied().unwrap_or(0)
    }
}
