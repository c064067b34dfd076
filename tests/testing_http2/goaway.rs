//! GOAWAY: at a request, at a position of a reply, and at any time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;
use futures::channel::oneshot;
use waterspout::testing::{
    Fault, Handler, Http2Action, Http2Config, Http2Control, Http2ErrorCode, MemoryConnector, Reply, handler,
};

use super::peer::{Peer, get, on_each_transport};

const RETIRE: Http2Action = Http2Action::GoAway { code: Http2ErrorCode::NO_ERROR, last_stream: None };

fn hello() -> impl Handler {
    handler(|_| async { Reply::text("hello") }.boxed())
}

/// Returns a handler that counts its calls.
fn counting() -> (impl Handler, Arc<AtomicUsize>) {
    let calls = Arc::<AtomicUsize>::default();
    let count = calls.clone();
    let counting = handler(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        async { Reply::text("hello") }.boxed()
    });
    (counting, calls)
}

#[test]
fn connection_is_retired_at_a_request() {
    on_each_transport(Http2Config::new().on_request(3, RETIRE).wrap(hello()), async |mut peer| {
        for _ in 0..3 {
            assert_eq!(peer.get("/").await.unwrap().text(), "hello");
        }
        peer.ended().await.unwrap();
    });
}

#[test]
fn requests_that_arrive_together_are_answered_up_to_the_last_stream() {
    // Which requests reach the handler, by the last stream of GOAWAY at the third of five requests.
    for (last_stream, answered) in [(None, 3), (Some(1), 1), (Some(3), 2), (Some(0), 0), (Some(7), 4), (Some(9), 5)] {
        let (counting, calls) = counting();
        let action = Http2Action::GoAway { code: Http2ErrorCode::NO_ERROR, last_stream };
        let connector = MemoryConnector::new(Http2Config::new().on_request(3, action).wrap(counting));
        let mut peer = Peer::in_memory(&connector).now_or_never().unwrap();
        let responses: Vec<_> = (0..5).map(|_| peer.begin(get("/"))).collect();
        let mut results = Vec::new();
        for response in responses {
            let answer = peer.answer(response).now_or_never().unwrap_or_else(|| panic!("{last_stream:?} hangs"));
            results.push(answer.map(|answer| answer.text().to_owned()));
        }
        let (complete, lost) = results.split_at(answered);
        assert!(complete.iter().all(Result::is_ok), "{last_stream:?}: {results:?}");
        for error in lost.iter().map(|result| result.as_ref().unwrap_err()) {
            assert!(error.is_go_away() && error.is_remote(), "{last_stream:?}: {error:?}");
            assert_eq!(error.reason(), Some(h2::Reason::NO_ERROR));
        }
        // All five requests arrive in the same read, so no request above the last stream has an effect.
        assert_eq!(calls.load(Ordering::SeqCst), answered, "{last_stream:?}");
    }
}

#[test]
fn error_code_of_goaway_reaches_the_client() {
    for code in [Http2ErrorCode::ENHANCE_YOUR_CALM, Http2ErrorCode::INTERNAL_ERROR, Http2ErrorCode(4711)] {
        for is_abrupt in [true, false] {
            let action = match is_abrupt {
                true => Http2Action::Shutdown { code },
                false => Http2Action::GoAway { code, last_stream: None },
            };
            let server = Http2Config::new().on_request(2, action).wrap(hello());
            let mut peer = Peer::in_memory(&MemoryConnector::new(server)).now_or_never().unwrap();
            peer.get("/").now_or_never().unwrap().unwrap();
            let answer = peer.get("/").now_or_never().unwrap();
            assert_eq!(answer.is_err(), is_abrupt, "{code:?}");
            let end = peer.ended().now_or_never().unwrap().unwrap_err();
            assert_eq!((end.is_go_away(), end.reason().map(u32::from)), (true, Some(code.0)));
        }
    }
}

#[test]
fn running_streams_end_before_a_retired_connection_closes() {
    for action in [RETIRE, Http2Action::GracefulShutdown] {
        let (release, released) = oneshot::channel::<()>();
        let released = released.shared();
        let control = Http2Control::new();
        let server = Http2Config::new().control(&control).wrap(handler(move |_| {
            let released = released.clone();
            async move {
                let _ = released.await;
                Reply::text("hello")
            }
            .boxed()
        }));
        let mut peer = Peer::in_memory(&MemoryConnector::new(server)).now_or_never().unwrap();
        let mut first = peer.begin(get("/1"));
        assert!(peer.run(&mut first).now_or_never().is_none());
        control.run(action);
        peer.settle();
        assert!(peer.end.is_none(), "the stream is still running");
        assert!(peer.send.clone().ready().now_or_never().unwrap().is_err(), "the client has received GOAWAY");
        release.send(()).unwrap();
        assert_eq!(peer.answer(first).now_or_never().unwrap().unwrap().text(), "hello");
        peer.ended().now_or_never().unwrap().unwrap();
        assert_eq!(control.open(), 0);
    }
}

#[test]
fn last_stream_of_a_second_goaway_does_not_rise() {
    let code = Http2ErrorCode::NO_ERROR;
    for second in [Http2Action::GracefulShutdown, RETIRE, Http2Action::Shutdown { code }] {
        let control = Http2Control::new();
        let server = Http2Config::new().control(&control).wrap(handler(|_| std::future::pending().boxed()));
        let mut peer = Peer::in_memory(&MemoryConnector::new(server)).now_or_never().unwrap();
        let mut responses: Vec<_> = (0..3).map(|_| peer.begin(get("/"))).collect();
        assert!(peer.run(&mut responses[0]).now_or_never().is_none());
        control.run(Http2Action::GoAway { code, last_stream: Some(1) });
        control.run(second.clone());
        peer.settle();
        control.run(Http2Action::Close);
        peer.settle();
        // h2 answers a higher stream with PROTOCOL_ERROR.
        let error = peer.run(&mut responses[0]).now_or_never().unwrap().unwrap_err();
        assert!(!error.is_library(), "{second:?}: {error:?}");
    }
}

#[test]
fn goaway_in_a_body_lets_the_body_end() {
    let server = handler(|_| {
        let reply = Reply::text("hello, world").with_fault(Fault::http2(RETIRE).after_body(5));
        async { reply }.boxed()
    });
    on_each_transport(server, async |mut peer| {
        assert_eq!(peer.get("/").await.unwrap().text(), "hello, world");
        peer.ended().await.unwrap();
    });
}

#[test]
fn shutdown_in_a_body_cuts_it() {
    let server = handler(|_| {
        let action = Http2Action::Shutdown { code: Http2ErrorCode::ENHANCE_YOUR_CALM };
        async { Reply::text("hello, world").with_fault(Fault::http2(action).after_body(5)) }.boxed()
    });
    let mut peer = Peer::in_memory(&MemoryConnector::new(server)).now_or_never().unwrap();
    let response = peer.begin(get("/"));
    let mut response = peer.run(response).now_or_never().unwrap().unwrap();
    assert_eq!(peer.run(response.body_mut().data()).now_or_never().unwrap().unwrap().unwrap(), "hello");
    assert!(peer.run(response.body_mut().data()).now_or_never().unwrap().unwrap().is_err());
    let end = peer.ended().now_or_never().unwrap().unwrap_err();
    assert_eq!(end.reason(), Some(h2::Reason::ENHANCE_YOUR_CALM));
}

#[test]
fn connection_is_cut_at_a_request() {
    for action in [Http2Action::Close, Http2Action::Reset] {
        let (counting, calls) = counting();
        let connector = MemoryConnector::new(Http2Config::new().on_request(2, action).wrap(counting));
        let mut peer = Peer::in_memory(&connector).now_or_never().unwrap();
        peer.get("/").now_or_never().unwrap().unwrap();
        let error = peer.get("/").now_or_never().unwrap().unwrap_err();
        assert!(error.is_io() || error.reason().is_none(), "{error:?}");
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn idle_connection_is_retired() {
    for action in [RETIRE, Http2Action::GracefulShutdown, Http2Action::Close] {
        let control = Http2Control::new();
        let server = Http2Config::new().control(&control).wrap(hello());
        let connector = MemoryConnector::new(server);
        let mut peer = Peer::in_memory(&connector).now_or_never().unwrap();
        peer.get("/").now_or_never().unwrap().unwrap();
        assert_eq!(control.open(), 1);
        control.run(action);
        peer.settle();
        assert!(peer.end.is_some(), "the client has seen the end");
        assert_eq!(control.open(), 0);
    }
}
