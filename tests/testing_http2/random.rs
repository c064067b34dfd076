//! Random orders of requests, cancels, faults and changed settings, on a clock moved by hand: no request hangs, and the
//! same seed has the same outcome.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use h2::SendStream;
use h2::client::ResponseFuture;
use waterspout::Bytes;
use waterspout::testing::{
    Fault, Handler, Http2Action, Http2Config, Http2Control, Http2ErrorCode, Http2Frame, ManualTimer, MemoryConnector,
    Recorder, Reply, handler,
};

use super::peer::{Peer, read, request};

const SEEDS: u64 = 100;

struct Random(u64);

impl Random {
    /// Returns a number below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }
}

/// Answers with as many bytes as the query says, and with the fault that it names.
fn faulty(timer: &ManualTimer) -> impl Handler {
    let timer = timer.clone();
    handler(move |request| {
        let number = |name: &str| request.query(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
        let at = number("at");
        let retire = Http2Action::GoAway { code: Http2ErrorCode::NO_ERROR, last_stream: None };
        let fault = match number("fault") {
            0 => Fault::stream_reset(Http2ErrorCode::REFUSED_STREAM),
            1 => Fault::delay(timer.clone(), Duration::from_secs(3)).after_body(at),
            2 => Fault::stream_reset(Http2ErrorCode::INTERNAL_ERROR).after_body(at),
            3 => Fault::http2(retire).after_body(at),
            4 => Fault::http2(Http2Action::Ping([1; 8])).after_body(at),
            5 => Fault::close().after_body(at),
            6 => Fault::http2(Http2Action::MaxConcurrentStreams(2)).after_body(at),
            _ => Fault::garbage(Http2Frame::new(0xfa, 0, 0, "unknown").to_bytes()).after_body(at),
        };
        let reply = Reply::new(200, vec![b'x'; number("size") as usize]).with_fault(fault);
        let reads = number("reads") == 1;
        async move {
            if reads && request.body().await.is_err() {
                return Reply::new(400, "");
            }
            reply
        }
        .boxed()
    })
}

/// A request, and what became of it.
struct Exchange {
    outcome: Option<LocalBoxFuture<'static, String>>,
}

/// Resets the stream when it is dropped. h2 does so too, but only with its next frame if the stream has the last place
/// that the server allows.
struct CancelOnDrop(SendStream<Bytes>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.send_reset(h2::Reason::CANCEL);
    }
}

/// The connections and streams of which the server has received the head.
type Opened = Rc<RefCell<BTreeSet<(u64, u32)>>>;

/// Sends a body of `size` bytes and reads the answer.
///
/// The body waits until the stream is open: h2 holds back the reset of a stream that is cancelled before it is open, if
/// a window holds back its body.
async fn exchange(
    response: ResponseFuture,
    mut cancel: CancelOnDrop,
    size: usize,
    is_open: impl Fn() -> bool,
) -> String {
    let mut left = size;
    let mut response = response.fuse();
    let answered = poll_fn(|cx| {
        let stream = &mut cancel.0;
        while left > 0 && is_open() {
            stream.reserve_capacity(left);
            if stream.capacity() == 0 && !matches!(stream.poll_capacity(cx), Poll::Ready(Some(Ok(1..)))) {
                break;
            }
            let count = left.min(stream.capacity());
            left -= count;
            if stream.send_data(Bytes::from(vec![b'y'; count]), left == 0).is_err() {
                left = 0;
            }
        }
        response.poll_unpin(cx)
    })
    .await;
    match answered {
        Err(error) => format!("no head: {error}"),
        Ok(response) => match read(response).await {
            Ok(answer) => format!("{} with {} bytes", answer.status(), answer.body.len()),
            Err(error) => format!("no body: {error}"),
        },
    }
}

/// The state of a run.
struct Run {
    peer: Peer,
    control: Http2Control,
    exchanges: Vec<Exchange>,
    opened: Opened,
    trace: String,
}

impl Run {
    /// Polls the connection and all exchanges as far as they go.
    fn drive(&mut self) {
        loop {
            let Self { peer, exchanges, trace, .. } = self;
            let polled = peer.run(poll_fn(|cx| {
                for (number, exchange) in exchanges.iter_mut().enumerate() {
                    let Some(outcome) = &mut exchange.outcome else { continue };
                    if let Poll::Ready(outcome) = outcome.poll_unpin(cx) {
                        exchange.outcome = None;
                        writeln!(trace, "{number}: {outcome}").unwrap();
                    }
                }
                Poll::<()>::Pending
            }));
            assert!(polled.now_or_never().is_none());
            let received = self.control.take_received();
            let heads = received.into_iter().filter(|(_, frame)| frame.kind == Http2Frame::HEADERS);
            let heads: Vec<_> = heads.map(|(connection, frame)| (connection, frame.stream)).collect();
            if heads.is_empty() {
                return;
            }
            self.opened.borrow_mut().extend(heads);
        }
    }

    fn begin(&mut self, path: &str, size: usize, connection: u64) -> Result<(), h2::Error> {
        let (response, stream) = self.peer.send.send_request(request("POST", path), false)?;
        let (opened, id) = (self.opened.clone(), (connection, stream.stream_id().as_u32()));
        let outcome = exchange(response, CancelOnDrop(stream), size, move || opened.borrow().contains(&id));
        self.exchanges.push(Exchange { outcome: Some(outcome.boxed_local()) });
        Ok(())
    }
}

fn outcome_of(seed: u64) -> String {
    let mut random = Random(seed);
    let timer = ManualTimer::new();
    let control = Http2Control::new();
    let mut config = Http2Config::new().control(&control).initial_window_size(random.of(&[10, 1000, 65_535]));
    if random.below(2) == 0 {
        config = config.max_concurrent_streams(random.of(&[1, 3]));
    }
    let recorder = Recorder::new();
    let mut connector = MemoryConnector::new(recorder.record(config.wrap(faulty(&timer))));
    connector = connector.capacity(random.of(&[500, 65_536]));
    if random.below(2) == 0 {
        connector = connector.in_pieces(random.of(&[100, 5000]));
    }
    let mut run = Run {
        peer: Peer::in_memory_soon(&connector),
        control: control.clone(),
        exchanges: Vec::new(),
        opened: Opened::default(),
        trace: String::new(),
    };
    for _ in 0..40 {
        match random.below(8) {
            0..=3 => {
                let (size, at, reads) = (random.of(&[0, 1, 100, 10_000]), random.of(&[0, 1, 50]), random.below(2));
                let path = format!("/?size={size}&at={at}&reads={reads}&fault={}", random.below(30));
                let sent = random.of(&[1, 20, 10_000]);
                let begun = run.begin(&path, sent, connector.connections() as u64 - 1);
                // Without an end of the connection, another request waits for a stream.
                if begun.is_err() && run.peer.end.is_some() {
                    run.drive();
                    run.peer = Peer::in_memory_soon(&connector);
                }
            }
            4 if !run.exchanges.is_empty() => {
                let index = random.below(run.exchanges.len() as u64) as usize;
                run.exchanges[index].outcome = None;
            }
            5 => timer.advance(Duration::from_secs(1)),
            6 => control.run(match random.below(6) {
                0 => Http2Action::InitialWindowSize(random.of(&[10, 1000, 65_535])),
                1 => Http2Action::MaxConcurrentStreams(random.of(&[0, 1, 3])),
                2 => Http2Action::Ping([2; 8]),
                3 => Http2Action::Frames(vec![Http2Frame::settings(&[(0xfafa, 7)])]),
                4 => Http2Action::GracefulShutdown,
                _ => Http2Action::InitialWindowSize(20_000),
            }),
            _ => run.drive(),
        }
    }
    for _ in 0..5 {
        control.run(Http2Action::MaxConcurrentStreams(1));
        timer.advance(Duration::from_secs(60));
        run.drive();
    }
    let hanging: Vec<_> = (0..run.exchanges.len()).filter(|index| run.exchanges[*index].outcome.is_some()).collect();
    assert!(hanging.is_empty(), "seed {seed}: {hanging:?} hang after\n{}", run.trace);
    assert_eq!(timer.pending(), 0, "seed {seed}: the server waits for an answer without a client");
    let Run { peer, mut trace, .. } = run;
    drop(peer);
    assert_eq!((connector.open(), control.open()), (0, 0), "seed {seed}");
    for seen in recorder.requests() {
        writeln!(trace, "{} {:?} {} {:?}", seen.connection, seen.stream, seen.body.len(), seen.reset).unwrap();
    }
    trace
}

#[test]
fn no_request_hangs_and_a_seed_repeats_its_outcome() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..SEEDS {
        let trace = outcome_of(seed);
        assert_eq!(trace, outcome_of(seed), "seed {seed}");
        outcomes.insert(trace);
    }
    assert!(outcomes.len() > SEEDS as usize / 2, "the seeds differ");
}
