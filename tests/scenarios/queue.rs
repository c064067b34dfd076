//! The queue: concurrency, order, priorities, pauses and rate limits.

use futures::future::{join, join_all, join3};
use waterspout::{Client, ErrorKind, Phase, Rate, Timeout};

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
    assert_timeout(&error, Phase::Queue, Timeout::Queue);
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
    let check = async {
        let stats = client.stats();
        assert_eq!((stats.active, stats.queued), (2, 3));
    };
    join(requests, check).await;
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

pub async fn at_most_max_active_per_origin_run(lab: Lab) {
    let client = Client::builder().max_active_per_origin(2).build().unwrap();
    join_all((0..8).map(|index| {
        let request = client.get(lab.keyed("busy", &format!("?ms=20&n={index}")));
        async { request.await.unwrap().text().await.unwrap() }
    }))
    .await;
    assert_eq!(lab.recall("peak", "").await, "2");
    assert!(client.stats().origins.is_empty());
}

pub async fn the_higher_priority_goes_first(lab: Lab) {
    let client = Client::builder().max_active(1).build().unwrap();
    let priorities = [("first", 0), ("low", -5), ("equal", 0), ("high", 5), ("next", 0)];
    join_all(priorities.map(|(name, priority)| {
        let request = client.get(lab.keyed("hit", &format!("?name={name}&ms=5"))).priority(priority);
        async { request.await.unwrap().text().await.unwrap() }
    }))
    .await;
    assert_eq!(lab.recall("hits", "").await, "first high equal next low");
}

pub async fn a_full_queue_turns_away(lab: Lab) {
    let client = Client::builder().max_active(1).max_queued(1).build().unwrap();
    let text = || async { client.get(lab.url("slow?head=20")).await?.text().await };
    let (first, second, third) = join3(text(), text(), text()).await;
    assert!(first.is_ok() && second.is_ok());
    let error = third.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::QueueFull, Phase::Queue), "{error}");
}

pub async fn a_paused_client_starts_nothing(lab: Lab) {
    let client = Client::new();
    client.pause();
    let error = client.get(lab.url("hello")).queue_timeout(ms(30)).await.unwrap_err();
    assert_timeout(&error, Phase::Queue, Timeout::Queue);
    let waiting = client.get(lab.url("hello")).send();
    let (response, ()) = join(waiting, async { client.resume() }).await;
    assert_eq!(response.unwrap().text().await.unwrap(), "hello");
}

pub async fn a_cleared_queue_goes_on(lab: Lab) {
    let client = Client::builder().max_active(1).build().unwrap();
    let text = |path| {
        let request = client.get(lab.url(path));
        async { request.await?.text().await }
    };
    let clear = async { assert_eq!(client.clear(), 1) };
    let (running, waiting, ()) = join3(text("slow?head=20"), text("hello"), clear).await;
    running.unwrap();
    assert_eq!(waiting.unwrap_err().kind(), ErrorKind::Cleared);
    assert_eq!(text("hello").await.unwrap(), "hello");
}

pub async fn a_closed_client_finishes_what_it_has(lab: Lab) {
    let client = Client::builder().max_active(1).build().unwrap();
    let text = |path| {
        let request = client.get(lab.url(path));
        async { request.await?.text().await }
    };
    let (running, waiting, ()) = join3(text("slow?head=20"), text("hello"), async { client.close() }).await;
    running.unwrap();
    assert_eq!(waiting.unwrap(), "hello");
    assert_eq!(text("hello").await.unwrap_err().kind(), ErrorKind::Closed);
}

pub async fn a_client_closed_at_once_ends_what_runs(lab: Lab) {
    let client = Client::builder().max_active(2).build().unwrap();
    let mut body = client.get(lab.keyed("endless", "")).await.unwrap();
    let reading = async {
        loop {
            match body.chunk().await {
                Ok(chunk) => assert!(chunk.is_some()),
                Err(error) => break error,
            }
        }
    };
    let close = async {
        super::sleep(20).await;
        client.close_now();
    };
    let (silent, body, ()) = join3(client.get(lab.url("silence")).send(), reading, close).await;
    let silent = silent.unwrap_err();
    assert_eq!((silent.kind(), silent.phase()), (ErrorKind::Closed, Phase::Head));
    assert_eq!((body.kind(), body.phase()), (ErrorKind::Closed, Phase::Body));
    assert_eq!((client.stats().active, client.stats().queued), (0, 0));
    assert_eq!(lab.recall("ended", "?wait=5000").await, "true");
}

pub async fn a_rate_limit_keeps_requests_apart(lab: Lab) {
    let client = Client::builder().rate_limit(Rate::new(1, ms(1_000))).build().unwrap();
    let request = || client.get(lab.url("hello"));
    let (first, second, third) =
        join3(request().send(), request().queue_timeout(ms(30)).send(), request().send()).await;
    assert_eq!(first.unwrap().text().await.unwrap(), "hello");
    assert_timeout(&second.unwrap_err(), Phase::Queue, Timeout::Queue);
    assert_eq!(third.unwrap().text().await.unwrap(), "hello");
    assert!(client.stats().waits.longest() >= ms(150), "{:?}", client.stats());
}
