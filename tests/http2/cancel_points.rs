//! A request that is dropped at each point of its exchange: its slot and its stream are free, and the connection lives.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use waterspout::testing::{Fault, Handler, Http2Config, Http2Frame, Incoming, Reply, handler};
use waterspout::{Client, Result};

use crate::common::{Log, frames, gated, get, one_shot, post, url};
use crate::served::{Gates, HandPolled, Served};

type Request = Pin<Box<dyn Future<Output = Result<String>>>>;

/// A client with this number of slots, on a connection that has carried a request and allows a single stream.
fn serve(config: Http2Config, server: impl Handler, slots: usize) -> Served {
    let config = config.max_concurrent_streams(1);
    let mut served = Served::build(config, server, &Gates::default(), usize::MAX, |builder| builder.max_active(slots));
    assert!(served.run(get(&served.client, "/")).unwrap().is_ok());
    served.control.take_received();
    served
}

/// Answers `/stalled` with a body without an end, `/echo` with the request's body, and everything else at once.
fn server() -> impl Handler {
    handler(|request: &mut Incoming| {
        Box::pin(async move {
            match request.path() {
                "/stalled" => Reply::new(200, vec![b'x'; 200_000]).with_fault(Fault::silence().after_body(100_000)),
                "/large" => Reply::new(200, vec![b'x'; 200_000]),
                "/from" => Reply::redirect(302, "/large"),
                "/echo" => Reply::new(200, request.body().await.unwrap_or_default()),
                _ => Reply::text("hello"),
            }
        })
    })
}

/// What is left of a request that was dropped after this number of polls.
struct Dropped {
    /// Whether the request was complete before.
    is_complete: bool,
    /// Whether nothing would have woken the request again.
    is_stuck: bool,
}

fn drop_after(served: &mut Served, request: Request, polls: usize) -> Dropped {
    let mut request = HandPolled::new(request);
    for _ in 0..polls {
        let is_complete = request.poll().is_ready();
        served.tasks.run_until_stalled();
        if is_complete {
            return Dropped { is_complete, is_stuck: false };
        }
    }
    let is_stuck = !request.is_woken();
    drop(request);
    served.tasks.run_until_stalled();
    Dropped { is_complete: false, is_stuck }
}

/// Checks that the slot and the stream are free, and that the connection lives.
#[track_caller]
fn check_free(served: &mut Served, name: &str) {
    assert_eq!(served.client.stats().active, 0, "{name}");
    let next = served.run(get(&served.client, "/next")).unwrap_or_else(|| panic!("{name}: the next request hangs"));
    assert!(next.is_ok(), "{name}: {next:?}");
    assert_eq!(served.connects(), 1, "{name}");
}

#[test]
fn request_without_an_end_is_reset_at_each_point_once_its_head_was_sent() {
    let requests: [(&str, Http2Config, fn(&Client) -> Request); 5] = [
        ("download", Http2Config::new(), |client| Box::pin(get(client, "/stalled"))),
        ("upload", Http2Config::new().keep_windows_closed(), |client| Box::pin(post(client, "/echo", 100_000))),
        ("one-shot", Http2Config::new().keep_windows_closed(), |client| {
            let request = client.post(url("/echo")).body(one_shot(100_000));
            Box::pin(async move { request.await?.text().await })
        }),
        ("expectation", Http2Config::new().keep_windows_closed(), |client| {
            let request = client.post(url("/echo")).body(one_shot(100_000)).expect_continue(true);
            Box::pin(async move { request.await?.text().await })
        }),
        ("body that is both ways", Http2Config::new().keep_windows_closed(), |client| {
            let request = client.post(url("/stalled")).body(vec![b'x'; 100_000]);
            Box::pin(async move { request.await?.text().await })
        }),
    ];
    for (name, config, request) in requests {
        let (mut polls, mut resets) = (0, 0);
        loop {
            let mut served = serve(config.clone(), server(), 1);
            let request = request(&served.client);
            let dropped = drop_after(&mut served, request, polls);
            let name = format!("{name} after {polls} polls");
            assert!(!dropped.is_complete, "{name}");
            let sent = served.control.take_received();
            let count = |kind: u8| sent.iter().filter(|frame| frame.kind == kind).count();
            let is_open = count(Http2Frame::HEADERS) > 0;
            assert_eq!(count(Http2Frame::RST_STREAM), usize::from(is_open), "{name}");
            let cancel: &[u8] = &8_u32.to_be_bytes();
            assert!(sent.iter().all(|frame| frame.kind != Http2Frame::RST_STREAM || frame.payload == cancel), "{name}");
            resets += count(Http2Frame::RST_STREAM);
            check_free(&mut served, &name);
            if polls > 0 && dropped.is_stuck {
                break;
            }
            polls += 1;
        }
        assert!(resets > 0 && polls >= 2, "{name}: {resets} resets in {polls} polls");
    }
}

#[test]
fn request_may_be_dropped_at_each_point_until_it_is_complete() {
    let requests: [(&str, fn(&Client) -> Request); 5] = [
        ("download", |client| Box::pin(get(client, "/large"))),
        ("upload", |client| Box::pin(post(client, "/echo", 500_000))),
        ("redirect", |client| Box::pin(get(client, "/from"))),
        ("expectation", |client| {
            let request = client.post(url("/echo")).body(one_shot(100_000)).expect_continue(true);
            Box::pin(async move { request.await?.text().await })
        }),
        ("response in pieces", |client| {
            let request = client.get(url("/large"));
            Box::pin(async move {
                let mut response = request.await?;
                while response.chunk().await?.is_some() {
                    let mut is_first = true;
                    std::future::poll_fn(|cx| {
                        cx.waker().wake_by_ref();
                        if std::mem::take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) }
                    })
                    .await;
                }
                Ok(String::new())
            })
        }),
    ];
    for (name, request) in requests {
        let mut polls = 0;
        loop {
            let mut served = serve(Http2Config::new(), server(), 1);
            let request = request(&served.client);
            let dropped = drop_after(&mut served, request, polls);
            let sent = served.control.take_received();
            let count = |kind: u8| sent.iter().filter(|frame| frame.kind == kind).count();
            let (heads, resets) = (count(Http2Frame::HEADERS), count(Http2Frame::RST_STREAM));
            assert!(resets <= heads.min(1), "{name} after {polls} polls: {resets} resets of {heads} streams");
            check_free(&mut served, &format!("{name} after {polls} polls"));
            if dropped.is_complete {
                assert_eq!(resets, 0, "{name}: a complete request is reset");
                break;
            }
            polls += 1;
        }
        assert!(polls >= 2, "{name}");
    }
}

#[test]
fn request_that_waits_for_a_stream_may_be_dropped_at_each_point() {
    for polls in 0..6 {
        let (gates, log) = (Gates::default(), Log::default());
        let config = Http2Config::new().max_concurrent_streams(1);
        let mut served = Served::build(config, gated(&gates, &log), &gates, 1, |builder| builder.max_active(2));
        assert!(served.run(get(&served.client, "/")).unwrap().is_ok());
        let held = served.start(get(&served.client, "/held/a"));
        served.control.take_received();
        // The second connect waits for its gate.
        let waiting: Request = Box::pin(get(&served.client, "/waiting"));
        let dropped = drop_after(&mut served, waiting, polls);
        assert!(!dropped.is_complete, "{polls}");
        assert_eq!(served.client.stats().active, 1, "{polls}");
        let sent = served.control.take_received();
        assert!(sent.iter().all(|frame| frame.kind != Http2Frame::RST_STREAM), "{polls}");
        let next = served.start(get(&served.client, "/next"));
        gates.open("a");
        served.tasks.run_until_stalled();
        assert!(held.take().unwrap().is_ok(), "{polls}");
        assert!(next.take().expect("the next request waits for the dropped request").is_ok(), "{polls}");
        assert!(!log.take().contains(&"GET /waiting".to_string()), "{polls}");
        assert_eq!(frames(&served.control, Http2Frame::RST_STREAM).len(), 0, "{polls}");
    }
}

#[test]
fn cold_request_may_be_dropped_while_the_first_connect_runs() {
    // The dropped request is the first, which connects, or the second, which waits for that connect.
    for drops_first in [true, false] {
        for polls in 0..4 {
            let gates = Gates::default();
            let server = gated(&gates, &Log::default());
            let mut served = Served::build(Http2Config::new(), server, &gates, 0, |builder| builder.max_active(2));
            let mut first = HandPolled::new(get(&served.client, "/first"));
            let mut second = HandPolled::new(get(&served.client, "/second"));
            for poll in 0..4 {
                for (request, is_dropped) in [(&mut first, drops_first), (&mut second, !drops_first)] {
                    if !is_dropped || poll < polls {
                        assert!(request.poll().is_pending());
                    }
                    served.tasks.run_until_stalled();
                }
            }
            let (dropped, mut kept) = if drops_first { (first, second) } else { (second, first) };
            drop(dropped);
            gates.open("connect");
            served.tasks.run_until_stalled();
            let text = (0..10).find_map(|_| {
                let polled = kept.poll();
                served.tasks.run_until_stalled();
                match polled {
                    Poll::Ready(text) => Some(text.unwrap()),
                    Poll::Pending => None,
                }
            });
            let name = format!("{polls} polls, the first is dropped: {drops_first}");
            assert!(text.is_some(), "{name}");
            assert_eq!(served.client.stats().active, 0, "{name}");
            assert!(served.run(get(&served.client, "/")).unwrap().is_ok(), "{name}");
            assert!(served.connects() <= 2, "{name}");
            assert_eq!(served.control.open(), 1, "{name}");
        }
    }
}
