//! The queue in front of the slots.

use futures::future::{join, join_all};
use waterspout::{Client, Phase};

use super::{Lab, assert_timeout, ms};

pub async fn at_most_max_active_run(lab: Lab) {
    let client = Client::builder().max_active(3).build().unwrap();
    let texts = join_all((0..12).map(|index| {
        let request = client.get(lab.keyed("busy", &format!("?ms=20&n={index}")));
        async { request.await.unwrap().text().await.unwrap() }
    }))
    .await;
    assert!(texts.iter().all(|text| text == "done"));
    assert_eq!(lab.recall("peak", "").await, "3");
}

pub async fn the_first_to_come_is_the_first_served(lab: Lab) {
    let client = Client::builder().max_active(1).build().unwrap();
    let names = ["a", "b", "c", "d", "e", "f"];
    join_all(names.map(|name| {
        let request = client.get(lab.keyed("hit", &format!("?name={name}&ms=5")));
        async { request.await.unwrap().text().await.unwrap() }
    }))
    .await;
    assert_eq!(lab.recall("hits", "").await, names.join(" "));
}

pub async fn a_slot_is_held_until_the_body_has_been_read(lab: Lab) {
    let client = Client::builder().max_active(1).build().unwrap();
    let unread = client.get(lab.keyed("endless", "")).await.unwrap();
    let error = client.get(lab.url("hello")).queue_timeout(ms(60)).await.unwrap_err();
    assert_timeout(&error, Phase::Queue, "queue");
    drop(unread);
    let read = client.get(lab.url("chunks/3/10")).await.unwrap();
    assert_eq!(read.bytes().await.unwrap().len(), 30);
    assert_eq!(client.get(lab.url("hello")).queue_timeout(ms(60)).await.unwrap().status(), 200);
}

pub async fn a_failure_frees_its_slot(lab: Lab) {
    let client = Client::builder().max_active(1).queue_timeout(ms(2_000)).build().unwrap();
    for experiment in ["close", "garbage", "truncated"] {
        let failing = async {
            match client.get(lab.url(experiment)).await {
                Err(_) => {}
                Ok(response) => assert!(response.bytes().await.is_err()),
            }
        };
        let (_, response) = join(failing, client.get(lab.url("hello")).send()).await;
        assert_eq!(response.unwrap().text().await.unwrap(), "hello");
    }
    assert_eq!((client.stats().active, client.stats().queued), (0, 0));
}

pub async fn a_timeout_frees_its_slot(lab: Lab) {
    let client = Client::builder().max_active(1).build().unwrap();
    let silent = client.get(lab.url("silence")).timeout(ms(50));
    let (silent, response) = join(silent.send(), client.get(lab.url("hello")).send()).await;
    assert!(silent.unwrap_err().is_timeout());
    assert_eq!(response.unwrap().text().await.unwrap(), "hello");
    assert_eq!(client.stats().active, 0);
}

pub async fn stats_count_the_active_and_the_queued(lab: Lab) {
    let client = Client::builder().max_active(2).build().unwrap();
    let requests = join_all((0..5).map(|_| async {
        client.get(lab.url("slow?head=40")).await.unwrap().bytes().await.unwrap();
    }));
    let look = async {
        let stats = client.stats();
        assert_eq!((stats.active, stats.queued), (2, 3));
    };
    join(requests, look).await;
    assert_eq!((client.stats().active, client.stats().queued), (0, 0));
}

pub async fn fifty_requests_share_ten_slots(lab: Lab) {
    let client = Client::new();
    let lengths = join_all((0..50).map(|index| {
        let request = client.get(lab.url(&format!("bytes/{}", index * 997)));
        async { request.await.unwrap().bytes().await.unwrap().len() }
    }))
    .await;
    assert!(lengths.iter().enumerate().all(|(index, length)| *length == index * 997));
}
