//! Bodies that wait for `100 Continue` (RFC 9110, section 10.1.1).

use std::cell::RefCell;
use std::rc::Rc;

use futures::FutureExt;
use futures::task::LocalSpawnExt;
use http::{Response, StatusCode};

use crate::net::Net;

#[test]
fn continue_lets_the_body_go_without_another_frame() {
    let kept = Rc::new(RefCell::new(None));
    let received = kept.clone();
    let mut net = Net::serve(h2::server::Builder::new(), move |request| *received.borrow_mut() = Some(request));
    let request = net.client.put("http://server.test/").body("body").expect_continue(true);
    let outcome = async move { request.await?.text().await };
    let outcome = net.tasks.spawner().spawn_local_with_handle(outcome).unwrap();
    net.tasks.run_until_stalled();
    let mut received = kept.borrow_mut().take().unwrap();
    let informational = Response::builder().status(StatusCode::CONTINUE).body(()).unwrap();
    received.reply.send_informational(informational).unwrap();
    net.tasks.run_until_stalled();
    // The clock stands still, so `100 Continue` alone ends the wait.
    let piece = received.request.body_mut().data().now_or_never().expect("the body waits for ever");
    assert_eq!(piece.unwrap().unwrap(), "body");
    received.answer("done");
    net.tasks.run_until_stalled();
    assert_eq!(outcome.now_or_never().unwrap().unwrap(), "done");
}
