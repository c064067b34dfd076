//! Cancellation: dropping a request or a response stops it at every point.

use futures::FutureExt;
use futures::future::{Either, join, select};
use waterspout::Client;

use super::{Lab, ms, sleep};

pub async fn a_request_dropped_in_the_queue_is_never_sent(lab: Lab) {
    let client = Client::builder().max_active(1).build().unwrap();
    let running = client.get(lab.url("slow?head=60")).send();
    let dropped = async {
        let mut waiting = Box::pin(client.get(lab.keyed("hit", "?name=dropped")).send());
        assert!((&mut waiting).now_or_never().is_none());
        assert_eq!(client.stats().queued, 1);
        drop(waiting);
        assert_eq!(client.stats().queued, 0);
    };
    join(running.map(|response| drop(response.unwrap())), dropped).await;
    client.get(lab.keyed("hit", "?name=later")).await.unwrap();
    assert_eq!(lab.recall("hits", "").await, "later");
}

pub async fn a_request_dropped_before_its_head_frees_its_slot(lab: Lab) {
    let client = Client::builder().max_active(1).build().unwrap();
    let silent = Box::pin(client.get(lab.url("silence")).send());
    match select(silent, Box::pin(sleep(30))).await {
        Either::Left(_) => panic!("the server answered"),
        Either::Right((_, silent)) => drop(silent),
    }
    assert_eq!(client.stats().active, 0);
    let response = client.get(lab.url("hello")).queue_timeout(ms(5_000)).await.unwrap();
    assert_eq!(response.text().await.unwrap(), "hello");
}

pub async fn dropping_the_body_ends_the_download(lab: Lab) {
    let mut response = Client::new().get(lab.keyed("endless", "")).await.unwrap();
    assert!(response.chunk().await.unwrap().is_some());
    assert_eq!(lab.recall("ended", "").await, "false");
    drop(response);
    assert_eq!(lab.recall("ended", "?wait=5000").await, "true");
}

pub async fn a_request_that_is_not_awaited_is_not_sent(lab: Lab) {
    let client = Client::new();
    drop(client.get(lab.keyed("hit", "?name=unsent")).send());
    assert_eq!(lab.recall("hits", "").await, "");
    assert_eq!(client.stats().active, 0);
}
