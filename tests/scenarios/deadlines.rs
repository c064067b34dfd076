//! Timeouts: each wait has a limit, and the error names the limit that passed.

use futures::future::join;
use waterspout::{Client, Phase, Timeout};

use super::{Lab, assert_timeout, ms};

pub async fn the_total_limit_covers_the_wait_for_the_head(lab: Lab) {
    let error = Client::new().get(lab.url("silence")).total_timeout(ms(60)).await.unwrap_err();
    assert_timeout(&error, Phase::Head, Timeout::Total);
}

pub async fn the_request_limit_covers_the_wait_for_the_head(lab: Lab) {
    let error = Client::new().get(lab.url("silence")).timeout(ms(60)).await.unwrap_err();
    assert_timeout(&error, Phase::Head, Timeout::Request);
}

pub async fn the_total_limit_covers_the_body(lab: Lab) {
    let client = Client::builder().total_timeout(ms(1_500)).build().unwrap();
    assert_body_times_out(&client, &lab, Timeout::Total).await;
}

pub async fn the_request_limit_covers_the_body(lab: Lab) {
    let client = Client::builder().timeout(ms(1_500)).build().unwrap();
    assert_body_times_out(&client, &lab, Timeout::Request).await;
}

async fn assert_body_times_out(client: &Client, lab: &Lab, timeout: Timeout) {
    let mut response = client.get(lab.keyed("endless", "")).await.unwrap();
    let error = loop {
        match response.chunk().await {
            Ok(chunk) => assert!(chunk.is_some()),
            Err(error) => break error,
        }
    };
    assert_timeout(&error, Phase::Body, timeout);
    assert!(response.chunk().await.unwrap().is_none());
}

pub async fn the_head_limit_covers_the_wait_for_the_head(lab: Lab) {
    let error = Client::new().get(lab.url("silence")).head_timeout(ms(60)).await.unwrap_err();
    assert_timeout(&error, Phase::Head, Timeout::Head);
    assert!(error.to_string().contains("limit `head`: 60ms"), "{error}");
}

pub async fn the_idle_limit_covers_a_stalled_body(lab: Lab) {
    let mut response = Client::new().get(lab.url("stall")).idle_timeout(ms(300)).await.unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap(), "first");
    assert_timeout(&response.chunk().await.unwrap_err(), Phase::Body, Timeout::Idle);
}

pub async fn a_slow_but_steady_body_is_not_idle(lab: Lab) {
    let client = Client::builder().idle_timeout(ms(2_000)).build().unwrap();
    let response = client.get(lab.url("slow?chunks=45&size=100&gap=50")).await.unwrap();
    assert_eq!(response.bytes().await.unwrap().len(), 4500);
}

pub async fn a_limit_of_zero_is_none(lab: Lab) {
    let client = Client::builder().head_timeout(ms(20)).timeout(ms(20)).total_timeout(ms(20)).build().unwrap();
    let request = client.get(lab.url("slow?head=80")).head_timeout(ms(0)).timeout(ms(0)).total_timeout(ms(0));
    assert_eq!(request.await.unwrap().status(), 200);
}

pub async fn a_request_overrides_its_client(lab: Lab) {
    let client = Client::builder().timeout(ms(30)).build().unwrap();
    let slow = lab.url("slow?head=100");
    assert_timeout(&client.get(slow.clone()).await.unwrap_err(), Phase::Head, Timeout::Request);
    assert_eq!(client.get(slow).timeout(ms(10_000)).await.unwrap().status(), 200);
}

pub async fn the_queue_limit_covers_the_wait_for_a_slot(lab: Lab) {
    let client = Client::builder().max_active(1).queue_timeout(ms(50)).build().unwrap();
    let first = client.get(lab.url("silence")).timeout(ms(300));
    let second = client.get(lab.keyed("hit", "?name=second"));
    let (first, second) = join(first.send(), second.send()).await;
    assert_timeout(&first.unwrap_err(), Phase::Head, Timeout::Request);
    assert_timeout(&second.unwrap_err(), Phase::Queue, Timeout::Queue);
    assert_eq!(lab.recall("hits", "").await, "");
}

pub async fn the_total_limit_covers_the_queue(lab: Lab) {
    let client = Client::builder().max_active(1).build().unwrap();
    let first = client.get(lab.url("silence")).timeout(ms(300));
    let second = client.get(lab.url("hello")).total_timeout(ms(50));
    let (_, second) = join(first.send(), second.send()).await;
    assert_timeout(&second.unwrap_err(), Phase::Queue, Timeout::Total);
}

pub async fn the_request_limit_begins_when_the_request_leaves_the_queue(lab: Lab) {
    let client = Client::builder().max_active(1).build().unwrap();
    let first = client.get(lab.url("silence")).timeout(ms(600));
    // It waits longer than its limit for its slot, and then has the whole limit.
    let second = client.get(lab.url("hello")).timeout(ms(500));
    let (first, second) = join(first.send(), second.send()).await;
    assert_timeout(&first.unwrap_err(), Phase::Head, Timeout::Request);
    assert_eq!(second.unwrap().status(), 200);
}
