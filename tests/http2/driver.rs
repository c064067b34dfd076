//! How a shared connection is driven: no request waits for a request that is held and not polled.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::net::{Net, Received, text};

/// Polls a future once with a waker that does nothing, as a task does that is dropped or busy afterwards.
fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn response_that_is_not_read_stalls_no_other() {
    let mut net = Net::serve(h2::server::Builder::new(), |received| match received.path() {
        "/large" => received.answer(vec![b'x'; 1_000_000]),
        _ => received.answer("hello"),
    });
    let client = net.client.clone();
    let held = net.run(async move { client.get("http://server.test/large").await }).unwrap().unwrap();
    for _ in 0..10 {
        assert_eq!(net.run(text(&net.client, "/")).unwrap().unwrap(), "hello");
    }
    assert_eq!(net.run(held.bytes()).unwrap().unwrap().len(), 1_000_000);
    assert_eq!(net.connects(), 1);
}

#[test]
fn requests_that_are_held_after_a_poll_delay_the_others_once() {
    let kept = Rc::new(RefCell::new(Vec::<Received>::new()));
    let log = kept.clone();
    let mut net = Net::serve(h2::server::Builder::new(), move |received| match received.path() {
        "/now" => received.answer("hello"),
        _ => log.borrow_mut().push(received),
    });
    assert_eq!(net.run(text(&net.client, "/now")).unwrap().unwrap(), "hello");
    let client = net.client.clone();
    // This request waits before the others do, and its task goes on to be polled.
    let waiting = net.tasks.spawner();
    let done = Rc::new(RefCell::new(None));
    let result = done.clone();
    let request = text(&client, "/later");
    futures::task::LocalSpawnExt::spawn_local(&waiting, async move {
        let found = request.await;
        *result.borrow_mut() = Some(found);
    })
    .unwrap();
    net.tasks.run_until_stalled();
    let mut held: Vec<_> = (0..10).map(|_| Box::pin(text(&net.client, "/held"))).collect();
    for request in &mut held {
        for _ in 0..3 {
            assert!(poll_once(request).is_pending());
        }
    }
    net.tasks.run_until_stalled();
    let later = kept.borrow_mut().iter().position(|received| received.path() == "/later").unwrap();
    let later = kept.borrow_mut().remove(later);
    later.answer("at last");
    net.tasks.run_until_stalled();
    // A watch takes up to twice its time: it looks again if it began with another wake-up.
    for _ in 0..2 {
        net.timer.advance(std::time::Duration::from_millis(20));
        net.tasks.run_until_stalled();
    }
    assert_eq!(done.borrow_mut().take().unwrap().unwrap(), "at last");
    // The held requests are no candidates any more, so the next request does not wait for the clock.
    assert_eq!(net.run(text(&net.client, "/now")).unwrap().unwrap(), "hello");
    drop(held);
    assert_eq!(net.run(text(&net.client, "/now")).unwrap().unwrap(), "hello");
}

#[test]
fn dropped_request_hands_the_connection_on() {
    let kept = Rc::new(RefCell::new(Vec::<Received>::new()));
    let log = kept.clone();
    let mut net = Net::serve(h2::server::Builder::new(), move |received| match received.path() {
        "/now" => received.answer("hello"),
        _ => log.borrow_mut().push(received),
    });
    let client = net.client.clone();
    let mut dropped = Box::pin(text(&client, "/dropped"));
    let other = net.tasks.spawner();
    let done = Rc::new(RefCell::new(None));
    let result = done.clone();
    let request = text(&client, "/later");
    futures::task::LocalSpawnExt::spawn_local(&other, async move { *result.borrow_mut() = Some(request.await) })
        .unwrap();
    net.tasks.run_until_stalled();
    assert!(poll_once(&mut dropped).is_pending());
    net.tasks.run_until_stalled();
    drop(dropped);
    net.tasks.run_until_stalled();
    let later = kept.borrow_mut().iter().position(|received| received.path() == "/later").unwrap();
    let later = kept.borrow_mut().remove(later);
    later.answer("at last");
    net.tasks.run_until_stalled();
    assert_eq!(done.borrow_mut().take().unwrap().unwrap(), "at last");
}

#[test]
fn request_is_served_after_all_woken_requests_were_held() {
    let kept = Rc::new(RefCell::new(Vec::<Received>::new()));
    let log = kept.clone();
    let mut net = Net::serve(h2::server::Builder::new(), move |received| match received.path() {
        "/now" => received.answer("hello"),
        _ => log.borrow_mut().push(received),
    });
    assert_eq!(net.run(text(&net.client, "/now")).unwrap().unwrap(), "hello");
    let mut held: Vec<_> = (0..2).map(|_| Box::pin(text(&net.client, "/held"))).collect();
    for request in &mut held {
        for _ in 0..3 {
            assert!(poll_once(request).is_pending());
        }
    }
    net.tasks.run_until_stalled();
    // The answers wake the held requests, which are not polled, until the watch has ended as well.
    for received in kept.borrow_mut().drain(..) {
        received.answer("at last");
    }
    for _ in 0..5 {
        net.tasks.run_until_stalled();
        net.timer.advance(std::time::Duration::from_millis(20));
    }
    let found = net.run(text(&net.client, "/now"));
    assert_eq!(found.expect("the request waits for the held requests").unwrap(), "hello");
    for request in &mut held {
        assert!(poll_once(request).is_ready());
    }
}
