//! Requests and responses.

use std::cell::RefCell;
use std::rc::Rc;

use futures::future::join_all;
use http::Version;

use crate::net::{Net, text};

#[test]
fn response_has_its_version_and_body() {
    let mut net = Net::serve(h2::server::Builder::new(), |received| {
        let path = received.path().to_string();
        received.answer(path);
    });
    let client = net.client.clone();
    let found = net.run(async move {
        let response = client.get("http://server.test/a").await?;
        let version = response.version();
        Ok::<_, waterspout::Error>((version, response.text().await?))
    });
    assert_eq!(found.unwrap().unwrap(), (Version::HTTP_2, "/a".to_string()));
}

#[test]
fn cold_requests_share_a_connection() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = seen.clone();
    let mut net = Net::serve(h2::server::Builder::new(), move |received| {
        log.borrow_mut().push(received.connection);
        received.answer("hello");
    });
    let requests: Vec<_> = (0..64).map(|number| text(&net.client, &format!("/{number}"))).collect();
    let found = net.run(join_all(requests)).unwrap();
    assert!(found.iter().all(|text| text.as_ref().unwrap() == "hello"));
    assert_eq!((net.connects(), seen.borrow().len()), (1, 64));
}

#[test]
fn bodies_go_both_ways() {
    let mut net = Net::serve(h2::server::Builder::new(), |received| {
        let (_, mut body) = received.request.into_parts();
        let mut reply = received.reply;
        // The server runs in the connection's task, so it answers when the whole body is here.
        let mut sent = reply.send_response(http::Response::new(()), false).unwrap();
        std::thread_local! { static KEPT: RefCell<Vec<Box<dyn std::any::Any>>> = const { RefCell::new(Vec::new()) }; }
        let _ = (&mut body, &mut sent);
        sent.send_data("ok".into(), true).unwrap();
        KEPT.with(|kept| kept.borrow_mut().push(Box::new(body)));
    });
    let client = net.client.clone();
    let found = net.run(async move { client.post("http://server.test/").body("hello").await?.text().await });
    assert_eq!(found.unwrap().unwrap(), "ok");
}

#[test]
fn shared_connection_is_active_while_it_carries_a_request() {
    let body = Rc::new(RefCell::new(None));
    let kept = body.clone();
    let mut net = Net::serve(h2::server::Builder::new(), move |received| {
        let mut reply = received.reply;
        *kept.borrow_mut() = Some(reply.send_response(http::Response::new(()), false).unwrap());
    });
    let client = net.client.clone();
    let counts = move || {
        let counts = client.connections();
        counts.iter().map(|counts| (counts.version, counts.active, counts.idle)).collect::<Vec<_>>()
    };
    assert_eq!(counts(), []);
    let client = net.client.clone();
    let response = net.run(async move { client.get("http://server.test/").await }).unwrap().unwrap();
    assert_eq!(counts(), [(Version::HTTP_2, 1, 0)]);
    body.borrow_mut().take().unwrap().send_data("hello".into(), true).unwrap();
    assert_eq!(net.run(response.text()).unwrap().unwrap(), "hello");
    assert_eq!(counts(), [(Version::HTTP_2, 0, 1)]);
}
