//! Features of the client that do not depend on the version of HTTP.

use std::io::Write;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use waterspout::agent::Config;
use waterspout::http::Version;
use waterspout::testing::{Fault, Http2Config, Http2ErrorCode, Incoming, ManualTimer, MemoryConnector, Reply, handler};
use waterspout::{
    Agent, Body, BoxFuture, Bytes, CircuitBreaker, Client, Connector, ErrorKind, Middleware, Next, Origin, Phase,
    Request, Response, Result, Retry, RetryBudget, Timeout, Transport,
};

use crate::common::{get, url};
use crate::served::{Gates, Served};

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn brotli(data: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    brotli::CompressorWriter::new(&mut encoded, 4096, 5, 22).write_all(data).unwrap();
    encoded
}

/// Makes a frame whose blocks repeat the first byte of `data`.
fn zstd(data: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x48];
    let blocks = data.chunks(100_000).collect::<Vec<_>>();
    for (number, block) in blocks.iter().enumerate() {
        let is_last = number + 1 == blocks.len();
        let header = (block.len() as u32) << 3 | 2 | u32::from(is_last);
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(block[0]);
    }
    frame
}

#[test]
fn each_coding_is_decoded_and_bounded() {
    type Encode = fn(&[u8]) -> Vec<u8>;
    let codings: [(&str, Encode, bool); 4] = [
        ("gzip", gzip, cfg!(feature = "gzip")),
        ("deflate", deflate, cfg!(feature = "gzip")),
        ("br", brotli, cfg!(feature = "brotli")),
        ("zstd", zstd, cfg!(feature = "zstd")),
    ];
    for (coding, encode, _) in codings.into_iter().filter(|(_, _, is_enabled)| *is_enabled) {
        let (small, bomb) = (encode(&[b'x'; 300_000]), encode(&vec![b'x'; 20_000_000]));
        let server = handler(move |request: &mut Incoming| {
            let body = if request.path() == "/bomb" { bomb.clone() } else { small.clone() };
            Box::pin(async move { Reply::new(200, body).with_header("content-encoding", coding) })
        });
        let mut served = Served::new(Http2Config::new(), server);
        let fetch = |served: &mut Served, path: &str| {
            let request = served.client.get(url(path)).extension(Config::new().max_expansion(100));
            let request = async move {
                let (mut response, mut size) = (request.await?, 0);
                while let Some(chunk) = response.chunk().await? {
                    size += chunk.len();
                }
                Ok::<_, waterspout::Error>(size)
            };
            served.run(request).expect(coding)
        };
        assert_eq!(fetch(&mut served, "/small").unwrap(), 300_000, "{coding}");
        let error = fetch(&mut served, "/bomb").unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::LimitExceeded, Phase::Body), "{coding}: {error}");
        assert_eq!(fetch(&mut served, "/small").unwrap(), 300_000, "{coding}");
        assert_eq!(served.connects(), 1, "{coding}");
    }
}

#[test]
fn progress_of_both_directions_is_reported() {
    let echo =
        handler(|request: &mut Incoming| Box::pin(async move { Reply::new(200, request.body().await.unwrap()) }));
    let mut served = Served::new(Http2Config::new(), echo);
    let (sent, received) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    let steps = Arc::<AtomicUsize>::default();
    let (up, down, count) = (sent.clone(), received.clone(), steps.clone());
    let request = served.client.post(url("/")).body(vec![b'x'; 500_000]);
    let request = request
        .on_upload(move |progress| {
            count.fetch_add(1, Ordering::SeqCst);
            assert!(up.swap(progress.bytes, Ordering::SeqCst) <= progress.bytes);
            assert_eq!(progress.total, Some(500_000));
        })
        .on_download(move |progress| {
            assert!(down.swap(progress.bytes, Ordering::SeqCst) <= progress.bytes);
        });
    assert!(served.run(async move { request.await?.bytes().await }).expect("the request hangs").is_ok());
    assert_eq!((sent.load(Ordering::SeqCst), received.load(Ordering::SeqCst)), (500_000, 500_000));
    assert!(steps.load(Ordering::SeqCst) > 2, "the windows let the body go in several parts");
}

#[test]
fn slow_body_ends_at_the_minimum_rate() {
    let server = handler(|request: &mut Incoming| {
        let is_slow = request.path() == "/slow";
        Box::pin(async move {
            let reply = Reply::new(200, vec![b'x'; 100_000]);
            if is_slow { reply.with_fault(Fault::silence().after_body(50)) } else { reply }
        })
    });
    let mut served = Served::new(Http2Config::new(), server);
    let request = served.client.get(url("/slow")).min_download_rate(100, Duration::from_secs(10));
    let request = served.start(async move { request.await?.bytes().await });
    served.advance(Duration::from_secs(10));
    let error = request.take().expect("the body has no limit").unwrap_err();
    assert_eq!((error.timeout(), error.limit()), (Some(Timeout::DownloadRate), Some(Duration::from_secs(10))));
    assert!(served.run(get(&served.client, "/")).unwrap().is_ok());
    assert_eq!(served.connects(), 1);
}

/// A middleware that sends a field, and asks again after a 401.
struct Token;

impl Middleware for Token {
    fn handle<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let mut again = request.try_clone().unwrap();
            let response = next.run(request).await?;
            assert_eq!(response.version(), Version::HTTP_2);
            if response.status() != 401 {
                return Ok(response);
            }
            again.headers_mut().insert("x-token", "secret".parse().unwrap());
            next.run(again).await
        })
    }
}

#[test]
fn middleware_sends_a_request_twice_on_a_connection() {
    let server = handler(|request: &mut Incoming| {
        let has_token = request.header("x-token") == Some("secret");
        Box::pin(async move { if has_token { Reply::text("hello") } else { Reply::new(401, "who?") } })
    });
    let config = Http2Config::new().max_concurrent_streams(1);
    let set = |builder: waterspout::Builder| builder.middleware(Token).max_active(1);
    let mut served = Served::build(config, server, &Gates::default(), usize::MAX, set);
    assert_eq!(served.run(get(&served.client, "/")).expect("the request hangs").unwrap(), "hello");
    assert_eq!(served.connects(), 1);
}

/// Serves requests by resets of their streams, and counts them.
fn failing(set: impl FnOnce(waterspout::Builder) -> waterspout::Builder) -> (Served, Arc<AtomicUsize>) {
    let calls = Arc::<AtomicUsize>::default();
    let count = calls.clone();
    let server = handler(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Reply::text("").with_fault(Fault::stream_reset(Http2ErrorCode::INTERNAL_ERROR)) })
    });
    (Served::build(Http2Config::new(), server, &Gates::default(), usize::MAX, set), calls)
}

#[test]
fn budget_limits_the_retries_of_reset_streams() {
    let budget = RetryBudget::new().percent(0).per_second(0).capacity(3);
    let (mut served, calls) = failing(|builder| builder.retry(Retry::new().attempts(10)).retry_budget(budget));
    for _ in 0..3 {
        let request = served.start(get(&served.client, "/"));
        (0..60).for_each(|_| served.advance(Duration::from_secs(1)));
        assert!(request.take().expect("the request hangs").is_err());
    }
    assert_eq!((calls.load(Ordering::SeqCst), served.connects()), (3 + 3, 1));
}

#[test]
fn circuit_opens_after_reset_streams_and_the_connection_lives() {
    let breaker = CircuitBreaker::new().failures(2).open_for(Duration::from_secs(10));
    let (mut served, calls) = failing(|builder| builder.circuit_breaker(breaker));
    for kind in [ErrorKind::ConnectionClosed, ErrorKind::ConnectionClosed, ErrorKind::CircuitOpen] {
        assert_eq!(served.run(get(&served.client, "/")).unwrap().unwrap_err().kind(), kind);
    }
    served.advance(Duration::from_secs(10));
    assert_eq!(served.run(get(&served.client, "/")).unwrap().unwrap_err().kind(), ErrorKind::ConnectionClosed);
    assert_eq!((calls.load(Ordering::SeqCst), served.connects()), (3, 1));
}

#[cfg(feature = "digest")]
#[test]
fn digest_challenge_is_answered_on_the_same_connection() {
    let server = handler(|request: &mut Incoming| {
        let answer = request.header("authorization").unwrap_or("none").to_owned();
        Box::pin(async move {
            match answer.contains("username=\"u\"") && answer.contains("uri=\"/\"") && answer.contains("nonce=\"n\"") {
                true => Reply::text("hello"),
                false => Reply::new(401, "no")
                    .with_header("www-authenticate", "Digest realm=\"r\", nonce=\"n\", qop=\"auth\""),
            }
        })
    });
    let mut served = Served::new(Http2Config::new().max_concurrent_streams(1), server);
    let request = served.client.get(url("/")).digest_auth("u", "p");
    assert_eq!(served.run(async move { request.await?.text().await }).expect("the request hangs").unwrap(), "hello");
    assert_eq!(served.connects(), 1);
}

#[test]
fn events_arrive_while_other_requests_run_and_go_on_after_a_reset() {
    let calls = Arc::<AtomicUsize>::default();
    let count = calls.clone();
    let server = handler(move |request: &mut Incoming| {
        let call = if request.path() == "/events" { count.fetch_add(1, Ordering::SeqCst) } else { 0 };
        let last = request.header("last-event-id").unwrap_or("none").to_owned();
        let is_stream = request.path() == "/events";
        Box::pin(async move {
            if !is_stream {
                return Reply::text("hello");
            }
            let text = format!("id: {call}\ndata: after {last}\n\nlost");
            let length = text.len() as u64 - 4;
            let reset = Fault::stream_reset(Http2ErrorCode::INTERNAL_ERROR);
            let fault = if call == 0 { reset } else { Fault::silence() };
            Reply::new(200, text).with_header("content-type", "text/event-stream").with_fault(fault.after_body(length))
        })
    });
    let mut served = Served::new(Http2Config::new(), server);
    let mut events = served.client.get(url("/events")).events();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let _events = served.start(async move {
        while let Some(Ok(event)) = events.next().await {
            log.lock().unwrap().push(event.data.clone());
        }
    });
    for _ in 0..10 {
        assert_eq!(served.run(get(&served.client, "/")).unwrap().unwrap(), "hello");
        served.advance(Duration::from_secs(1));
    }
    assert_eq!(*seen.lock().unwrap(), ["after none", "after 0"]);
    assert_eq!(served.connects(), 1);
}

#[test]
fn each_phase_has_its_limit() {
    let gates = Gates::default();
    let silent = |config: Http2Config, free_connects: usize, slots: usize| {
        let server = handler(|_| Box::pin(async { Reply::text("hello").with_fault(Fault::silence().after_body(2)) }));
        Served::build(config, server, &gates, free_connects, |builder| {
            builder.max_active(slots).queue_timeout(Duration::from_secs(7))
        })
    };
    // The first connect never ends, so no protocol is known.
    let mut served = silent(Http2Config::new(), 0, 10);
    let requests: Vec<_> = (0..3).map(|_| served.start(get(&served.client, "/"))).collect();
    (0..25).for_each(|_| served.advance(Duration::from_secs(1)));
    for request in requests {
        let error = request.take().expect("the request waits for ever").unwrap_err();
        assert_eq!((error.timeout(), error.phase()), (Some(Timeout::Connect), Phase::Connect), "{error}");
    }
    // The body of the first request is silent, and the second request waits for its slot.
    let mut served = silent(Http2Config::new(), usize::MAX, 1);
    let (first, second) = (served.start(get(&served.client, "/")), served.start(get(&served.client, "/")));
    (0..7).for_each(|_| served.advance(Duration::from_secs(1)));
    let error = second.take().expect("the request waits for ever").unwrap_err();
    assert_eq!((error.timeout(), error.phase()), (Some(Timeout::Queue), Phase::Queue), "{error}");
    (0..20).for_each(|_| served.advance(Duration::from_secs(1)));
    let error = first.take().expect("the body is silent for ever").unwrap_err();
    assert_eq!((error.timeout(), error.phase()), (Some(Timeout::Idle), Phase::Body), "{error}");
    // All of it has a limit together.
    let request = served.client.get(url("/")).total_timeout(Duration::from_secs(3));
    let request = served.start(async move { request.await?.text().await });
    served.advance(Duration::from_secs(3));
    let error = request.take().unwrap().unwrap_err();
    assert_eq!((error.timeout(), error.phase()), (Some(Timeout::Total), Phase::Body), "{error}");
}

/// Connects to `http1.test` in HTTP/1.1, and to all other hosts in HTTP/2.
struct Mixed {
    http1: MemoryConnector,
    http2: MemoryConnector,
}

impl Connector for Mixed {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        if origin.host() == "http1.test" { self.http1.connect(origin) } else { self.http2.connect(origin) }
    }

    fn may_speak_http2(&self, _: &Origin) -> bool {
        true
    }
}

#[test]
fn redirects_lead_to_other_origins_and_versions() {
    let server = || {
        handler(|request: &mut Incoming| {
            let seen =
                format!("{:?}", (request.header("authorization"), request.header("x"), request.method().as_str()));
            let to = request.path().strip_prefix("/to/").map(|host| format!("http://{host}/"));
            Box::pin(async move {
                let _ = request.body().await;
                to.map_or(Reply::text(seen), |to| Reply::redirect(307, &to))
            })
        })
    };
    let http2 = MemoryConnector::new(server()).version(Version::HTTP_2);
    let connector = Mixed { http1: MemoryConnector::new(server()), http2: http2.clone() };
    let client = Client::builder().backend(Agent::new(connector, ManualTimer::new())).build().unwrap();
    for (from, to, version) in [
        ("a.test", "b.test", Version::HTTP_2),
        ("a.test", "http1.test", Version::HTTP_11),
        ("http1.test", "b.test", Version::HTTP_2),
        ("a.test", "a.test", Version::HTTP_2),
    ] {
        let request = client.post(format!("http://{from}/to/{to}")).header("authorization", "secret").header("x", "1");
        let request = request.body("hello");
        let response = futures::executor::block_on(async { request.await }).unwrap();
        assert_eq!((response.version(), response.redirected()), (version, true), "{from} {to}");
        let text = futures::executor::block_on(response.text()).unwrap();
        let expected = if from == to { "Some(\"secret\")" } else { "None" };
        assert_eq!(text, format!("({expected}, Some(\"1\"), \"POST\")"), "{from} {to}");
    }
    // Each origin has a connection of its own, although all have the same address.
    assert_eq!(http2.connections(), 2);
}

#[test]
fn body_that_can_be_sent_once_is_no_error_after_a_303() {
    let server = handler(|request: &mut Incoming| {
        let reply = if request.path() == "/from" { Reply::redirect(303, "/to") } else { Reply::text("hello") };
        Box::pin(async move {
            let _ = request.body().await;
            reply
        })
    });
    let mut served = Served::new(Http2Config::new(), server);
    let body = Body::stream(futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"hello"))]));
    let request = served.client.post(url("/from")).body(body);
    assert_eq!(served.run(async move { request.await?.text().await }).expect("the request hangs").unwrap(), "hello");
    assert_eq!(served.connects(), 1);
}
