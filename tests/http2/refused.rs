//! REFUSED_STREAM: the request is sent again for each method, as long as its body can be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use waterspout::testing::{Fault, Http2Config, Http2ErrorCode, Http2Frame, Incoming, Reply, handler};

use crate::common::{get, one_shot, post, post_once, url};
use crate::raw::RawNet;
use crate::served::{HandPolled, Served};

/// Refuses the first requests. A path `/read` reads the body before.
fn serve(refused: usize, code: Http2ErrorCode) -> (Served, Arc<AtomicUsize>) {
    let calls = Arc::<AtomicUsize>::default();
    let count = calls.clone();
    let server = handler(move |request: &mut Incoming| {
        let is_refused = count.fetch_add(1, Ordering::SeqCst) < refused;
        Box::pin(async move {
            if request.path() == "/read" {
                let _ = request.body().await;
            }
            let reply = Reply::text("hello");
            if is_refused { reply.with_fault(Fault::stream_reset(code)) } else { reply }
        })
    });
    (Served::new(Http2Config::new(), server), calls)
}

/// A body of no bytes that can be sent once, whose length is known.
fn one_shot_of_nothing() -> waterspout::Body {
    waterspout::Body::stream(futures::stream::iter([Ok::<_, std::io::Error>("")])).with_length(0)
}

#[test]
fn each_method_is_sent_three_times_at_most() {
    for (refused, is_ok) in [(0, true), (1, true), (2, true), (3, false), (9, false)] {
        for method in ["GET", "POST", "DELETE", "PATCH"] {
            let (mut served, calls) = serve(refused, Http2ErrorCode::REFUSED_STREAM);
            let request = served.client.request(method.parse().unwrap(), url("/read")).body("hello");
            let outcome = served.run(async move { request.await?.text().await }).unwrap();
            assert_eq!(outcome.is_ok(), is_ok, "{method} {refused}: {outcome:?}");
            assert_eq!(calls.load(Ordering::SeqCst), refused.min(2) + 1, "{method} {refused}");
        }
    }
}

#[test]
fn body_that_can_be_sent_once_is_sent_again_only_if_nothing_was_taken() {
    for (path, expects_continue, size, is_ok) in
        [("/", true, 5, true), ("/read", true, 5, false), ("/read", false, 5, false), ("/read", false, 0, true)]
    {
        let (mut served, calls) = serve(1, Http2ErrorCode::REFUSED_STREAM);
        let body = if size == 0 { one_shot_of_nothing() } else { one_shot(size) };
        let request = served.client.post(url(path)).body(body).expect_continue(expects_continue);
        let outcome = served.run(async move { request.await?.text().await }).unwrap();
        assert_eq!(outcome.is_ok(), is_ok, "{path} {expects_continue} {size}: {outcome:?}");
        assert_eq!(calls.load(Ordering::SeqCst), 1 + usize::from(is_ok), "{path} {expects_continue} {size}");
    }
}

#[test]
fn other_resets_are_not_repeated() {
    for code in [
        Http2ErrorCode::ENHANCE_YOUR_CALM,
        Http2ErrorCode::CANCEL,
        Http2ErrorCode::INTERNAL_ERROR,
        Http2ErrorCode::PROTOCOL_ERROR,
        Http2ErrorCode::NO_ERROR,
    ] {
        let (mut served, calls) = serve(1, code);
        assert!(served.run(post(&served.client, "/", 5)).expect("the request hangs").is_err(), "{code:?}");
        assert_eq!(calls.load(Ordering::SeqCst), 1, "{code:?}");
        assert!(served.run(get(&served.client, "/")).unwrap().is_ok());
        assert_eq!(served.connects(), 1, "{code:?}");
    }
}

#[test]
fn body_that_can_be_sent_once_waits_for_the_settings_of_a_new_connection() {
    for (name, sends_settings, waits) in [("settings", true, 0), ("no settings within a second", false, 1_000)] {
        let net = RawNet::new();
        let mut request = HandPolled::new(post_once(&net.client, "/", 5));
        let mut repeatable = HandPolled::new(post(&net.client, "/", 5));
        for _ in 0..3 {
            assert!(request.poll().is_pending() && repeatable.poll().is_pending());
        }
        let mut server = net.accept().unwrap();
        assert_eq!(server.streams(), [1], "{name}: only the body that can be sent again leaves at once");
        if sends_settings {
            server.send(&[Http2Frame::settings(&[])]);
            assert!(repeatable.poll().is_pending());
        }
        net.timer.advance(Duration::from_millis(waits));
        assert!(request.is_woken(), "{name}");
        for _ in 0..3 {
            assert!(request.poll().is_pending());
        }
        assert_eq!(server.streams(), [1, 3], "{name}");
    }
}

#[test]
fn error_after_the_last_repetition_names_the_limit() {
    let (mut served, _) = serve(9, Http2ErrorCode::REFUSED_STREAM);
    let error = served.run(get(&served.client, "/")).unwrap().unwrap_err();
    let text = error.to_string();
    assert!(text.contains("sent 3 times") && text.contains("2 repetitions"), "{text}");
}
