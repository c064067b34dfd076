//! Retries over mock backends, on a manual clock.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
#![cfg(not(target_family = "wasm"))]

mod attempts;
mod budget;
mod circuit_breaker;
mod closing;
mod delays;
mod dropping;
mod limits;
#[path = "../support/mod.rs"]
mod support;

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::executor::block_on;
use futures::future::BoxFuture;
use futures::{FutureExt, stream};
use waterspout::http::StatusCode;
use waterspout::testing::{ManualTimer, MockBackend};
use waterspout::{Body, Builder, Bytes, Client, Error, ErrorKind, Event, Phase, Request, Response, Result, Retry};

use crate::support::client::{URL, seconds};
use crate::support::polling::yield_once;

/// How the server treats an attempt.
#[derive(Clone, Copy, Debug)]
enum Act {
    Status(u16),
    /// A status and a `Retry-After` header.
    Later(u16, &'static str),
    Fails(ErrorKind),
    /// The server never answers.
    Silent,
    /// A status at the second poll.
    Slow(u16),
}

/// A backend that performs an act for each attempt and repeats the last act. It keeps the bodies of the requests.
#[derive(Clone, Default)]
struct Acts {
    acts: Arc<Mutex<VecDeque<Act>>>,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Acts {
    fn backend(&self) -> MockBackend {
        let this = self.clone();
        MockBackend::new(move |request| {
            let this = this.clone();
            let act = {
                let mut acts = this.acts.lock().unwrap();
                let act = acts.front().copied().unwrap();
                if acts.len() > 1 {
                    acts.pop_front();
                }
                act
            };
            async move { this.answer(request, act).await }.boxed()
        })
    }

    async fn answer(&self, mut request: Request, act: Act) -> Result<Response> {
        let body = std::mem::take(request.body_mut()).collect(1000).await?;
        self.bodies.lock().unwrap().push(String::from_utf8_lossy(&body).into_owned());
        let response = |status| {
            let body = Body::stream(stream::iter([Ok::<_, std::io::Error>(Bytes::from(format!("status {status}")))]));
            Response::new(StatusCode::from_u16(status).unwrap(), request.url().clone(), body)
        };
        match act {
            Act::Status(status) => Ok(response(status)),
            Act::Later(status, time) => {
                let mut response = response(status);
                response.headers_mut().insert("retry-after", time.parse().unwrap());
                Ok(response)
            }
            Act::Fails(kind) => Err(Error::new(kind, Phase::Head, "it failed")),
            Act::Silent => std::future::pending().await,
            Act::Slow(status) => {
                yield_once().await;
                Ok(response(status))
            }
        }
    }
}

struct Stage {
    client: Client,
    timer: ManualTimer,
    backend: MockBackend,
    acts: Acts,
}

/// Builds a client over these acts. With a base delay of zero the delays have no jitter.
fn stage(acts: &[Act], build: impl FnOnce(Builder) -> Builder) -> Stage {
    let acts = Acts { acts: Arc::new(Mutex::new(acts.iter().copied().collect())), bodies: Arc::default() };
    let (timer, backend) = (ManualTimer::new(), acts.backend());
    let builder = Client::builder().timer(timer.clone()).backend(backend.clone());
    Stage { client: build(builder).build().unwrap(), timer, backend, acts }
}

fn at_once() -> Retry {
    Retry::new().base_delay(Duration::ZERO)
}

impl Stage {
    fn attempts(&self) -> usize {
        self.backend.seen().len()
    }

    fn get(&self) -> Result<Response> {
        block_on(self.client.get(URL).send())
    }
}

fn statuses(response: &Response) -> Vec<u16> {
    response.attempts().iter().map(|attempt| attempt.status.map_or(0, |status| status.as_u16())).collect()
}

fn poll(request: &mut BoxFuture<'_, Result<Response>>) -> Option<Result<Response>> {
    request.now_or_never()
}

/// Builds a client and a request whose first attempt has failed and which backs off.
fn backing_off(
    seen: &Arc<Mutex<Vec<waterspout::Stage>>>,
) -> (Client, ManualTimer, futures::future::LocalBoxFuture<'static, Result<Response>>) {
    let (timer, told) = (ManualTimer::new(), seen.clone());
    let client = Client::builder()
        .backend(MockBackend::new(|request: Request| {
            async move { Ok(Response::new(StatusCode::SERVICE_UNAVAILABLE, request.url().clone(), "")) }.boxed()
        }))
        .timer(timer.clone())
        .max_active(1)
        .retry(Retry::new().attempts(2).base_delay(seconds(60)))
        .observer(move |event: &Event<'_>| told.lock().unwrap().push(event.stage))
        .build()
        .unwrap();
    let mut sending = client.get(URL).send().boxed_local();
    assert!((&mut sending).now_or_never().is_none());
    (client, timer, sending)
}
