//! REFUSED_STREAM: the request is sent again for each method, as long as its body can be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use waterspout::testing::{Fault, Http2Config, Http2ErrorCode, Incoming, Reply, handler};

use crate::common::{get, one_shot, post, url};
use crate::served::Served;

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
            let request = served.client.request(method.parse().unwrap(), &url("/read")).body("hello");
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
        let request = served.client.post(&url(path)).body(body).expect_continue(expects_continue);
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
