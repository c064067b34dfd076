//! `Expect: 100-continue` and other informational responses.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use waterspout::testing::{Http2Config, Http2Frame, Incoming, Reply, handler};

use crate::common::{frames, one_shot, url};
use crate::served::{Gates, Served};

/// Serves `/SIZE`: reads the body once the gate `body` is open, and answers with its size.
fn serve(gates: &Gates) -> Served {
    let held = gates.clone();
    let server = handler(move |request: &mut Incoming| {
        let gates = held.clone();
        Box::pin(async move {
            if request.path() == "/refuse" {
                return Reply::new(417, "");
            }
            gates.pass("body").await;
            let size = request.body().await.map_or(0, |body| body.len());
            Reply::text(size.to_string())
        })
    });
    Served::build(Http2Config::new(), server, gates, usize::MAX, |builder| builder)
}

fn send(served: &mut Served, path: &str, size: usize) -> crate::served::Started<waterspout::Result<String>> {
    let request = served.client.post(&url(path)).body(one_shot(size)).expect_continue(true);
    served.start(async move { request.await?.text().await })
}

#[test]
fn body_follows_100_continue_at_once() {
    for size in [1, 1_000_000] {
        let gates = Gates::default();
        let mut served = serve(&gates);
        let request = send(&mut served, "/", size);
        assert!(frames(&served.control, Http2Frame::DATA).is_empty());
        gates.open("body");
        served.tasks.run_until_stalled();
        assert_eq!(request.take().expect("the body does not follow").unwrap(), size.to_string());
    }
}

#[test]
fn body_follows_after_a_second_without_100_continue() {
    let gates = Gates::default();
    let mut served = serve(&gates);
    let _request = send(&mut served, "/", 10);
    served.advance(Duration::from_millis(999));
    assert!(frames(&served.control, Http2Frame::DATA).is_empty());
    served.advance(Duration::from_millis(1));
    assert!(!frames(&served.control, Http2Frame::DATA).is_empty());
}

#[test]
fn refused_body_is_not_sent_and_the_connection_lives() {
    let gates = Gates::default();
    let mut served = serve(&gates);
    let request = send(&mut served, "/refuse", 10);
    assert_eq!(request.take().unwrap().unwrap(), "");
    assert!(frames(&served.control, Http2Frame::DATA).is_empty());
    gates.open("body");
    assert_eq!(send(&mut served, "/", 5).take().unwrap().unwrap(), "5");
    assert_eq!(served.connects(), 1);
}

#[test]
fn informational_responses_are_reported_in_order() {
    let server = handler(|request: &mut Incoming| {
        Box::pin(async move {
            for status in [103, 102, 199] {
                request.inform(status, &[("x-number", "1")]).await.unwrap();
            }
            Reply::text("hello")
        })
    });
    let mut served = Served::new(Http2Config::new(), server);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let callback = waterspout::agent::OnInformational::new(move |status, headers| {
        log.lock().unwrap().push((status.as_u16(), headers.len()));
    });
    let request = served.client.get(&url("/")).extension(callback);
    assert!(served.run(async move { request.await?.text().await }).unwrap().is_ok());
    assert_eq!(*seen.lock().unwrap(), [(103, 1), (102, 1), (199, 1)]);
}
