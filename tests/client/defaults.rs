//! A client's defaults and what its clones share.

use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::executor::block_on;
use waterspout::http::StatusCode;
use waterspout::testing::MockBackend;
use waterspout::{Client, ErrorKind, Redirect, Response};

use crate::support::client::{URL, seconds};

#[test]
fn default_options_match_the_documentation() {
    let seen = Arc::new(Mutex::new(None));
    let backend = {
        let seen = seen.clone();
        MockBackend::new(move |request| {
            *seen.lock().unwrap() = Some(request.options().clone());
            async move { Ok(Response::new(StatusCode::OK, request.url().clone(), "")) }.boxed()
        })
    };
    let client = Client::builder().backend(backend).build().unwrap();
    block_on(client.get(URL).send()).unwrap();
    let options = seen.lock().unwrap().take().unwrap();
    assert_eq!(
        (options.connect_timeout, options.head_timeout, options.idle_timeout),
        (Some(seconds(20)), Some(seconds(20)), Some(seconds(20)))
    );
    assert_eq!((options.queue_timeout, options.timeout), (None, None));
    assert_eq!((options.body_limit, options.redirect.unwrap_or_default()), (Some(100 << 20), Redirect::Follow));
    assert!(format!("{client:?}").contains("head_timeout: 20s"));
}

#[test]
fn a_client_without_slots_is_refused() {
    let error = Client::builder().max_active(0).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.to_string().contains("max_active"), "{error}");
}

#[test]
fn ten_requests_run_at_once_by_default() {
    let client = Client::builder().backend(MockBackend::pending()).build().unwrap();
    let mut requests: Vec<_> = (0..12).map(|_| client.get(URL).send().boxed()).collect();
    assert!(requests.iter_mut().all(|request| request.now_or_never().is_none()));
    assert_eq!((client.stats().active, client.stats().queued), (10, 2));
    requests.clear();
    assert_eq!((client.stats().active, client.stats().queued), (0, 0));
}

#[test]
fn a_clone_of_a_client_is_the_same_client() {
    let client = Client::builder().max_active(1).backend(MockBackend::pending()).build().unwrap();
    let clone = client.clone();
    let mut first = client.get(URL).send().boxed();
    let mut second = clone.get(URL).send().boxed();
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    assert_eq!((clone.stats().active, client.stats().queued), (1, 1));
}

#[test]
fn two_clients_share_neither_slots_nor_defaults() {
    let one = Client::builder().max_active(1).backend(MockBackend::pending()).build().unwrap();
    let other = Client::builder().max_active(1).backend(MockBackend::text("other")).build().unwrap();
    let mut waiting = one.get(URL).send().boxed();
    assert!((&mut waiting).now_or_never().is_none());
    assert_eq!((one.stats().active, other.stats().active), (1, 0));
    assert!(other.get(URL).send().now_or_never().unwrap().is_ok());
}
