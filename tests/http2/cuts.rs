//! Connections that are cut at each point of a reply.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use waterspout::testing::{Fault, Http2Config, Reply, handler};

use crate::common::{get, post};
use crate::served::Served;

/// The first reply after the request `/first` is cut after so many bytes.
fn serve(after: u64, is_reset: bool) -> (Served, Arc<AtomicUsize>) {
    let calls = Arc::<AtomicUsize>::default();
    let count = calls.clone();
    let server = handler(move |_| {
        let is_cut = count.fetch_add(1, Ordering::SeqCst) == 1;
        Box::pin(async move {
            let reply = Reply::text("hello").with_trailer("x-sum", "1");
            let fault = if is_reset { Fault::reset() } else { Fault::close() };
            if is_cut { reply.with_fault(fault.after(after)) } else { reply }
        })
    });
    let mut served = Served::new(Http2Config::new(), server);
    assert!(served.run(get(&served.client, "/first")).unwrap().is_ok());
    (served, calls)
}

#[test]
fn cut_connection_gives_the_whole_reply_or_an_error() {
    for is_reset in [false, true] {
        let (mut complete, mut repeated) = (0, 0);
        for after in 0..200 {
            let (mut served, calls) = serve(after, is_reset);
            let outcome = served.run(get(&served.client, "/")).unwrap_or_else(|| panic!("{after} hangs"));
            match outcome {
                Ok(text) => assert_eq!(text, "hello", "{after}"),
                Err(error) => assert!(error.is_network(), "{after}: {error}"),
            }
            complete += usize::from(served.connects() == 1);
            repeated += usize::from(calls.load(Ordering::SeqCst) == 3);
            assert_eq!(served.run(get(&served.client, "/next")).unwrap().unwrap(), "hello", "{after}");

            let (mut served, calls) = serve(after, is_reset);
            let outcome = served.run(post(&served.client, "/", 5)).unwrap_or_else(|| panic!("{after} hangs"));
            assert!(outcome.is_err() || outcome.as_ref().unwrap() == "hello", "{after}");
            assert_eq!(calls.load(Ordering::SeqCst), 2, "a POST is sent again after {after} bytes");
        }
        assert!(complete > 0 && repeated > 0, "the table has both: {complete} {repeated}");
    }
}
