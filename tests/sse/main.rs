//! Server-sent events: the format by a golden list, and the stream over a mock backend on a manual clock.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
#![cfg(not(target_family = "wasm"))]

mod ending;
mod events;
mod format;
mod reconnecting;
mod resuming;
#[path = "../support/mod.rs"]
mod support;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::stream::{BoxStream, iter, pending};
use futures::{FutureExt, StreamExt};
use waterspout::http::{HeaderMap, HeaderValue, StatusCode};
use waterspout::sse::{Events, ReadyState, ServerEvent};
use waterspout::testing::{ManualTimer, MockBackend};
use waterspout::{Body, Bytes, Client, Error, ErrorKind, Phase, Request, Response, Result};

use Act::{Answer, Fail, Silence, Status};

const URL: &str = "http://a.example/events";

const SECOND: Duration = Duration::from_secs(1);

/// How the server treats a request.
enum Act {
    /// Status 200, the content type, these bytes, and whether the body ends then.
    Answer(&'static str, &'static str, End),
    Status(u16),
    Fail(ErrorKind, Phase),
    Silence,
}

#[derive(Clone, Copy, Debug)]
enum End {
    /// The body ends in good order.
    Close,
    Stay,
}

const STREAM: &str = "text/event-stream";

/// A client over a backend that performs acts, its clock, and a line for each request: `METHOD body accept
/// last-event-id`.
struct Stage {
    client: Client,
    timer: ManualTimer,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Stage {
    fn new(acts: impl IntoIterator<Item = Act>) -> Self {
        let (timer, asked) = (ManualTimer::new(), Arc::new(Mutex::new(Vec::new())));
        let acts = Mutex::new(acts.into_iter().collect::<VecDeque<_>>());
        let log = asked.clone();
        let backend = MockBackend::new(move |mut request| {
            let act = acts.lock().unwrap().pop_front().expect("no request follows the last act");
            let log = log.clone();
            Box::pin(async move {
                let body = std::mem::take(request.body_mut()).collect(1000).await?;
                let header = |name| request.headers().get(name).map_or("-", |value| value.to_str().unwrap()).to_owned();
                let body = String::from_utf8_lossy(&body);
                let line = format!("{} {body:?} {} {}", request.method(), header("accept"), header("last-event-id"));
                log.lock().unwrap().push(line);
                let url = request.url().clone();
                match act {
                    Answer(kind, text, end) => {
                        let first = iter([Ok::<_, Error>(Bytes::from_static(text.as_bytes()))]);
                        let rest: BoxStream<'static, Result<Bytes>> = match end {
                            End::Close => iter([]).boxed(),
                            End::Stay => pending().boxed(),
                        };
                        let headers = [("content-type".parse().unwrap(), HeaderValue::from_static(kind))];
                        let body = Body::stream(first.chain(rest));
                        Response::builder(StatusCode::OK, url).headers(HeaderMap::from_iter(headers)).body(body)
                    }
                    Status(code) => Ok(Response::new(StatusCode::from_u16(code).unwrap(), url, "")),
                    Fail(kind, phase) => Err(Error::new(kind, phase, "it failed")),
                    Silence => std::future::pending().await,
                }
            })
        });
        let client = Client::builder().backend(backend).timer(timer.clone()).build().unwrap();
        Self { client, timer, asked }
    }

    fn events(&self) -> Events {
        self.client.events(Request::get(URL))
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

/// Polls the stream once. Returns `None` while it is pending, `Some(None)` at its end, or the item.
fn now(events: &mut Events) -> Option<Option<Result<ServerEvent>>> {
    events.next().now_or_never()
}

fn data(events: &mut Events) -> String {
    now(events).expect("an event is there").expect("the stream has not ended").unwrap().data
}

fn error(events: &mut Events) -> Error {
    let error = now(events).expect("it is over").expect("the stream ends in an error").unwrap_err();
    assert_eq!(events.ready_state(), ReadyState::Closed);
    assert!(now(events).expect("an error is the last").is_none());
    error
}

fn waits(events: &mut Events) {
    assert!(now(events).is_none(), "nothing is to be had now");
}
