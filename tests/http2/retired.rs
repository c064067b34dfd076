//! Connections that a server retires: no request is lost.

use std::cell::RefCell;
use std::rc::Rc;

use futures::future::join_all;

use crate::net::{Net, text};

#[test]
fn refused_stream_is_sent_again() {
    let refused = Rc::new(RefCell::new(0));
    let count = refused.clone();
    let mut net = Net::serve(h2::server::Builder::new(), move |mut received| {
        *count.borrow_mut() += 1;
        match *count.borrow() {
            1 | 2 => received.reply.send_reset(h2::Reason::REFUSED_STREAM),
            _ => received.answer("hello"),
        }
    });
    let client = net.client.clone();
    let found = net.run(async move { client.post("http://server.test/").body("once").await?.text().await });
    assert_eq!(found.unwrap().unwrap(), "hello");
    assert_eq!(*refused.borrow(), 3);
}

#[test]
fn request_is_refused_three_times_at_most() {
    let mut net = Net::serve(h2::server::Builder::new(), |mut received| {
        received.reply.send_reset(h2::Reason::REFUSED_STREAM);
    });
    let error = net.run(text(&net.client, "/")).unwrap().unwrap_err();
    assert!(error.to_string().contains("REFUSED_STREAM"), "{error}");
}

#[test]
fn server_that_asks_for_calm_gets_no_repetition() {
    let count = Rc::new(RefCell::new(0));
    let seen = count.clone();
    let mut net = Net::serve(h2::server::Builder::new(), move |mut received| {
        *seen.borrow_mut() += 1;
        received.reply.send_reset(h2::Reason::ENHANCE_YOUR_CALM);
    });
    let error = net.run(text(&net.client, "/")).unwrap().unwrap_err();
    assert!(error.to_string().contains("ENHANCE_YOUR_CALM"), "{error}");
    assert_eq!(*count.borrow(), 1);
}

#[test]
fn streams_of_many_requests_are_limited_by_the_server() {
    let mut builder = h2::server::Builder::new();
    builder.max_concurrent_streams(4);
    let mut net = Net::serve(builder, |received| received.answer("hello"));
    let requests: Vec<_> = (0..100).map(|number| text(&net.client, &format!("/{number}"))).collect();
    let found = net.run(join_all(requests)).unwrap();
    assert_eq!(found.iter().filter(|text| text.as_ref().is_ok_and(|text| text == "hello")).count(), 100);
    assert!(net.connects() <= 2);
}
