//! Requests that are built, cloned and changed before they are sent.

use futures::executor::block_on;
use futures::stream;
use waterspout::http::Method;
use waterspout::testing::MockBackend;
use waterspout::{Body, Bytes, Client, Request, Result, Url};

use crate::support::client::{HELLO, URL, answers, redirect, scripted};

#[test]
fn a_request_can_be_built_once_and_sent_twice() {
    let backend = MockBackend::text("answer");
    let client = Client::builder().backend(backend.clone()).build().unwrap();
    let request = Request::post(URL).header("x-a", "1").body("body").build().unwrap();
    block_on(client.fetch(request.try_clone().unwrap())).unwrap();
    block_on(client.fetch(request)).unwrap();
    assert_eq!(backend.seen(), ["POST http://example.com/", "POST http://example.com/"]);
    assert!(
        Request::post(URL).body(Body::stream(stream::empty::<Result<Bytes>>())).build().unwrap().try_clone().is_none()
    );
}

/// Compiles only if the handles and futures are `Send` and `Sync` as documented.
#[test]
fn handles_and_futures_may_move_between_threads() {
    fn shareable<T: Send + Sync>(_: &T) {}
    fn movable<T: Send>(_: &T) {}
    let client = Client::builder().backend(MockBackend::text("")).build().unwrap();
    shareable(&client);
    movable(&client.get(URL).send());
    movable(&client.fetch(Request::get(URL)));
    let response = block_on(client.get(URL).send()).unwrap();
    shareable(&response);
    movable(&response.text());
    shareable(&Request::get(URL).build().unwrap());
}

#[test]
fn sending_a_clone_does_not_change_the_request() {
    let wire = scripted([answers([&*redirect(303, "http://other.example/"), HELLO]), answers([HELLO])]);
    let request = Request::post(URL).basic_auth("user", "secret").header("x-a", "1").body("body").build().unwrap();
    let before = request.headers().clone();
    let response = block_on(wire.client.fetch(request.try_clone().unwrap())).unwrap();
    assert_eq!(response.url().as_str(), "http://other.example/");
    assert_eq!((request.headers(), request.method(), request.url().as_str()), (&before, &Method::POST, URL));
    block_on(wire.client.fetch(request)).unwrap();
    let sent = wire.sent(0);
    let (first, second) = sent.split_at(sent.len() / 2);
    assert_eq!(first, second);
    assert!(first.ends_with("\r\n\r\nbody") && first.contains("authorization: "), "{first}");
}

#[test]
fn a_request_whose_url_was_changed_goes_to_the_new_host() {
    let wire = scripted([answers([HELLO]), answers([HELLO])]);
    let mut request = Request::get(URL).build().unwrap();
    block_on(wire.client.fetch(request.try_clone().unwrap())).unwrap();
    *request.url_mut() = Url::parse("http://other.example:81/").unwrap();
    block_on(wire.client.fetch(request)).unwrap();
    assert!(wire.sent(1).contains("\r\nhost: other.example:81\r\n"), "{}", wire.sent(1));
}
