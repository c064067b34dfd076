//! Trying again: which failures, how long after, and what is left alone.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join;
use waterspout::http::HeaderValue;
use waterspout::{Attempt, BoxFuture, CircuitBreaker, Client, ErrorKind, Hooks, Request, Response, Result, Retry};

use super::{Lab, ms};

fn quick() -> Retry {
    Retry::new().base_delay(ms(5))
}

fn client() -> Client {
    Client::builder().retry(quick()).build().unwrap()
}

fn statuses(attempts: &[Attempt]) -> Vec<u16> {
    attempts.iter().map(|attempt| attempt.status.map_or(0, |status| status.as_u16())).collect()
}

pub async fn nothing_is_tried_again_unless_asked(lab: Lab) {
    let response = Client::new().get(lab.keyed("flaky", "?fail=1")).await.unwrap();
    assert_eq!((response.status().as_u16(), response.attempts().len()), (503, 0));
    assert_eq!(Client::new().get(lab.keyed("flaky", "?fail=1")).await.unwrap().status(), 200);
}

pub async fn a_passing_failure_is_tried_again(lab: Lab) {
    // Not 408: over a kept connection Chromium answers that one itself, by asking again.
    for status in [425, 429, 500, 502, 503, 504] {
        let response = client().get(lab.keyed("flaky", &format!("?fail=2&status={status}"))).await.unwrap();
        assert_eq!(statuses(response.attempts()), [status, status, 200]);
    }
}

pub async fn the_last_answer_is_returned_as_it_is(lab: Lab) {
    let response = client().get(lab.keyed("flaky", "?fail=3&status=502")).await.unwrap();
    assert_eq!(statuses(response.attempts()), [502, 502, 502]);
    assert_eq!(response.text().await.unwrap(), "failed with 502");
    assert_eq!(client().get(lab.keyed("flaky", "?fail=3")).await.unwrap().status(), 200);
}

pub async fn a_body_is_sent_again_whole(lab: Lab) {
    let body = "again ".repeat(10_000);
    let response = client().put(lab.keyed("flaky", "?fail=2")).body(body.clone()).await.unwrap();
    assert_eq!(response.attempts().len(), 3);
    assert!(response.text().await.unwrap() == body);
}

pub async fn a_post_is_not_tried_again(lab: Lab) {
    let response = client().post(lab.keyed("flaky", "?fail=1")).body("order").await.unwrap();
    assert_eq!(statuses(response.attempts()), [503]);
    let response = client().post(lab.keyed("flaky", "?fail=1")).body("order").await.unwrap();
    assert_eq!(response.text().await.unwrap(), "order");
}

pub async fn the_server_says_how_long_to_wait(lab: Lab) {
    let response = client().get(lab.keyed("flaky", "?fail=1&after=1")).await.unwrap();
    assert_eq!(response.attempts()[0].delay, Duration::from_secs(1));
    // Its wish ends at our cap.
    let retry = quick().max_delay(ms(30));
    let response = client().get(lab.keyed("flaky", "?fail=1&after=3600")).retry(retry).await.unwrap();
    assert_eq!((response.status().as_u16(), response.attempts()[0].delay), (200, ms(30)));
}

pub async fn each_attempt_has_its_own_limit(lab: Lab) {
    let request = client().get(lab.keyed("flaky", "?fail=1&status=0")).attempt_timeout(ms(1_500));
    let response = request.await.unwrap();
    let made = response.attempts();
    assert_eq!((made.len(), made[0].error, made[1].error), (2, Some(ErrorKind::Timeout), None));
    assert!(made[0].elapsed >= ms(1_500), "{made:?}");
}

pub async fn a_request_that_backs_off_holds_no_slot(lab: Lab) {
    let client = Client::builder().max_active(1).build().unwrap();
    let flaky = client.get(lab.keyed("flaky", "?fail=1&after=1")).retry(quick());
    let hello = async {
        while client.stats().active > 0 {
            super::sleep(5).await;
        }
        client.get(lab.url("hello")).queue_timeout(ms(500)).await.unwrap().text().await.unwrap()
    };
    let (tried, text) = join(async { flaky.await.unwrap().attempts().len() }, hello).await;
    assert_eq!((tried, &*text), (2, "hello"));
}

pub async fn an_origin_that_fails_is_left_alone(lab: Lab) {
    let breaker = CircuitBreaker::new().failures(2).open_for(ms(150));
    let client = Client::builder().circuit_breaker(breaker).build().unwrap();
    for _ in 0..2 {
        assert_eq!(client.get(lab.keyed("flaky", "?fail=2")).await.unwrap().status(), 503);
    }
    let error = client.get(lab.keyed("flaky", "?fail=2")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CircuitOpen);
    super::sleep(200).await;
    assert_eq!(client.get(lab.keyed("flaky", "?fail=2")).await.unwrap().status(), 200);
}

/// Counts what it is called for.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Hooks for Notes {
    fn before_request<'a>(&'a self, request: &'a mut Request) -> BoxFuture<'a, Result<Option<Response>>> {
        request.headers_mut().insert("x-hook", HeaderValue::from_static("seen"));
        self.0.lock().unwrap().push(format!("request {}", request.attempts().len()));
        Box::pin(async { Ok(None) })
    }

    fn after_response(&self, response: Response) -> BoxFuture<'_, Result<Response>> {
        self.0.lock().unwrap().push(format!("response {}", response.status().as_u16()));
        Box::pin(async { Ok(response) })
    }
}

pub async fn hooks_see_each_attempt(lab: Lab) {
    let notes = Notes::default();
    let client = Client::builder().retry(quick()).hooks(notes.clone()).build().unwrap();
    client.get(lab.keyed("flaky", "?fail=1")).await.unwrap();
    assert_eq!(*notes.0.lock().unwrap(), ["request 0", "response 503", "request 1", "response 200"]);
    let head = client.get(lab.url("head")).await.unwrap().text().await.unwrap();
    assert!(head.contains("x-hook: seen"), "{head}");
}
