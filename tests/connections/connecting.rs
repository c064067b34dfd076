//! The limit on connecting.

use std::task::{Context, Waker};
use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
use waterspout::{Agent, BoxFuture, Client, Connector, ErrorKind, Origin, Phase, Result, Transport};

use crate::support::client::URL;
use crate::support::connectors::NeverConnects;

#[test]
fn connect_limit_ends_a_connect_and_is_named_in_the_error() {
    let timer = ManualTimer::new();
    let agent = Agent::new(NeverConnects, timer.clone());
    let client = Client::builder().backend(agent).timer(timer.clone()).head_timeout(Duration::ZERO).build().unwrap();
    let mut request = client.get(URL).send().boxed();
    assert!((&mut request).now_or_never().is_none());
    timer.advance(Duration::from_secs(20));
    let error = request.now_or_never().unwrap().unwrap_err();
    assert_eq!(
        (error.kind(), error.phase(), error.timeout().unwrap().name()),
        (ErrorKind::Timeout, Phase::Connect, "connect")
    );
    assert!(error.is_connect() && error.is_timeout());
}

#[test]
fn head_limit_does_not_end_a_connect() {
    let timer = ManualTimer::new();
    let client = Client::builder()
        .backend(Agent::new(NeverConnects, timer.clone()))
        .timer(timer.clone())
        .connect_timeout(Duration::from_secs(60))
        .build()
        .unwrap();
    let mut f = client.get(URL).send().boxed();
    assert!((&mut f).now_or_never().is_none());
    timer.advance(Duration::from_secs(30));
    let out = (&mut f).now_or_never();
    assert!(out.is_none(), "{:?}", out.unwrap().unwrap_err());
}

struct Then(ScriptedConnector);

impl Connector for Then {
    fn connect<'a>(&'a self, o: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        if o.host() == "hole.example" { Box::pin(std::future::pending()) } else { self.0.connect(o) }
    }
}

#[test]
fn timeout_of_a_connect_after_a_redirect_has_phase_connect() {
    let timer = ManualTimer::new();
    let c = ScriptedConnector::new([Script::new()
        .expect_head()
        .drip(b"HTTP/1.1 302 Found\r\nlocation: http://hole.example/\r\ncontent-length: 0\r\n\r\n")]);
    let client = Client::builder().backend(Agent::new(Then(c), timer.clone())).timer(timer.clone()).build().unwrap();
    let mut f = client.get(URL).send().boxed();
    // The first poll writes the head. The response drips in a second later.
    let mut cx = Context::from_waker(Waker::noop());
    assert!(f.as_mut().poll(&mut cx).is_pending());
    timer.advance(Duration::from_secs(1));
    for _ in 0..200 {
        assert!(f.as_mut().poll(&mut cx).is_pending());
    }
    timer.advance(Duration::from_secs(20));
    let error = f.now_or_never().unwrap().unwrap_err();
    assert_eq!(error.phase(), Phase::Connect, "{error}");
}

#[test]
fn connect_limit_wins_over_an_equal_head_limit() {
    let mut names = Vec::new();
    for _ in 0..20 {
        let limit = Duration::from_millis(30);
        let client = Client::builder()
            .backend(Agent::new(NeverConnects, waterspout::platform::native::SystemTimer))
            .connect_timeout(limit)
            .head_timeout(limit)
            .build()
            .unwrap();
        names.push(block_on(client.get(URL).send()).unwrap_err().timeout().unwrap().name());
    }
    assert!(names.iter().all(|n| *n == "connect"), "{names:?}");
}
