//! Spawned requests: they run on a separate task, and their futures and responses are `Send` on every platform.

use waterspout::{Client, ErrorKind, Phase, Request};

use super::{FETCH, Lab, ms, sleep};

/// Returns `value`. A call with a value that is not `Send` does not compile.
fn assert_send<T: Send>(value: T) -> T {
    value
}

/// Waits up to two seconds until `condition` is true.
async fn eventually(condition: impl Fn() -> bool) {
    for _ in 0..200 {
        if condition() {
            return;
        }
        sleep(10).await;
    }
    panic!("the condition was not true within two seconds");
}

pub async fn a_spawned_request_is_send_and_gives_the_response(lab: Lab) {
    let client = Client::new();
    let url = lab.url("redirect/1");
    let all = assert_send(async move {
        let response = client.fetch_spawned(Request::get(url)).await?.error_for_status()?;
        assert!(response.status() == 200 && response.redirected() && response.url().path() == "/lab/hello");
        assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
        response.text().await
    });
    assert_eq!(all.await.unwrap(), "hello");
    let response = assert_send(Client::new().get(lab.url("status/404")).send_spawned()).await.unwrap();
    let whole = response.into_response();
    assert_eq!(whole.error_for_status_ref().unwrap_err().kind(), ErrorKind::Status);
    assert_eq!(whole.text().await.unwrap(), "status 404");
    let (name, _): (String, Vec<u32>) = {
        #[derive(serde::Deserialize)]
        struct Answer {
            name: String,
            sizes: Vec<u32>,
        }
        let response = Client::new().get(lab.url("json")).send_spawned().await.unwrap();
        let answer: Answer = assert_send(response.json()).await.unwrap();
        (answer.name, answer.sizes)
    };
    assert_eq!(name, "waterspout");
}

pub async fn a_spawned_request_runs_without_being_polled(lab: Lab) {
    let spawned = Client::new().get(lab.keyed("hit", "?name=spawned")).send_spawned();
    for _ in 0..100 {
        if lab.recall("hits", "").await == "spawned" {
            return drop(spawned);
        }
        sleep(10).await;
    }
    panic!("the request was not sent within 100 checks");
}

pub async fn a_spawned_request_that_is_dropped_is_stopped(lab: Lab) {
    let client = Client::builder().max_active(1).build().unwrap();
    let spawned = client.get(lab.url("silence")).send_spawned();
    eventually(|| client.stats().active == 1).await;
    drop(spawned);
    eventually(|| client.stats().active == 0).await;
    let response = client.get(lab.url("hello")).queue_timeout(ms(1000)).await.unwrap();
    assert_eq!(response.text().await.unwrap(), "hello");
}

pub async fn a_spawned_body_is_streamed_and_stops_when_dropped(lab: Lab) {
    let client = Client::builder().max_active(1).build().unwrap();
    let mut response = client.get(lab.keyed("endless", "")).send_spawned().await.unwrap();
    let mut seen = 0;
    while seen < 20_000 {
        let chunk = assert_send(response.chunk()).await.unwrap().unwrap();
        assert!(chunk.iter().all(|byte| *byte == b'.'));
        seen += chunk.len();
    }
    drop(response);
    assert_eq!(lab.recall("ended", "?wait=5000").await, "true");
    eventually(|| client.stats().active == 0).await;
}

pub async fn a_spawned_request_fails_as_any_other(lab: Lab) {
    let error = Client::new().get("http://[::1").send_spawned().await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::InvalidUrl, Phase::Request));
    let response = Client::new().get(lab.url("truncated")).send_spawned().await.unwrap();
    let error = response.bytes().await.unwrap_err();
    let kind = if FETCH { ErrorKind::Network } else { ErrorKind::ConnectionClosed };
    assert_eq!((error.kind(), error.phase()), (kind, Phase::Body), "{error}");
    assert!(error.url().is_some(), "{error}");
    let limited = Client::new().get(lab.url("chunks/11/100")).body_limit(1000).send_spawned().await.unwrap();
    assert_eq!(limited.bytes().await.unwrap_err().kind(), ErrorKind::LimitExceeded);
}
