//! The queue, and what a client does around a request: the backend responds without a network.

use std::future::{pending, ready};

use futures::FutureExt;
use futures::executor::block_on;
use futures::future::{join_all, poll_immediate};
use waterspout::http::StatusCode;
use waterspout::{Backend, BoxFuture, CallContext, Client, Request, Response, Result};

use crate::memory::Clock;

const WAITING: usize = 1000;

/// Responds at once, and never to a request for `/silent`.
struct Ready;

impl Backend for Ready {
    fn fetch(&self, request: Request, _: CallContext) -> BoxFuture<'_, Result<Response>> {
        if request.url().path() == "/silent" {
            return Box::pin(pending());
        }
        Box::pin(ready(Ok(Response::new(StatusCode::OK, request.url().clone(), ""))))
    }
}

fn client() -> Client {
    Client::builder().backend(Ready).timer(Clock::default()).max_active(1).build().expect("valid settings")
}

/// Sends requests that find a free slot.
pub fn free(count: usize) {
    let client = client();
    block_on(async {
        for _ in 0..count {
            client.get("http://example.com/").await.expect("a response");
        }
    });
}

/// Sends requests that wait for a single slot, 1,000 at a time.
pub fn waiting(count: usize) {
    assert_eq!(count % WAITING, 0);
    let client = client();
    block_on(async {
        for _ in 0..count / WAITING {
            let mut silent = client.get("http://example.com/silent").send().boxed();
            assert!(poll_immediate(&mut silent).await.is_none());
            let mut requests = join_all((0..WAITING).map(|_| client.get("http://example.com/").send()));
            assert!(poll_immediate(&mut requests).await.is_none());
            assert_eq!(client.stats().queued, WAITING);
            drop(silent);
            assert!(requests.await.iter().all(Result::is_ok));
        }
    });
}
