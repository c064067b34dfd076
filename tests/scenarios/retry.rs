//! Retries: which failures are retried, after which delay, and when the circuit breaker stops requests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join;
use waterspout::http::HeaderValue;
use waterspout::{
    Attempt, BoxFuture, CircuitBreaker, Client, ErrorKind, Middleware, Next, Request, Response, Result, Retry,
};

use super::{Lab, ms};

/// Returns a retry policy with short delays.
fn quick_retry() -> Retry {
    Retry::new().base_delay(ms(5))
}

fn client() -> Client {
    Client::builder().retry(quick_retry()).build().unwrap()
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
    // Without 408: on a reused connection, Chromium itself sends the request again after that status.
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
    // `max_delay` limits the delay that the server asks for.
    let retry = quick_retry().max_delay(ms(30));
    let response = client().get(lab.keyed("flaky", "?fail=1&after=3600")).retry(retry).await.unwrap();
    assert_eq!((response.status().as_u16(), response.attempts()[0].delay), (200, ms(30)));
}

pub async fn each_attempt_has_its_own_limit(lab: Lab) {
    let request = client().get(lab.keyed("flaky", "?fail=1&status=0")).attempt_timeout(ms(1_500));
    let response = request.await.unwrap();
    let attempts = response.attempts();
    assert_eq!((attempts.len(), attempts[0].error, attempts[1].error), (2, Some(ErrorKind::Timeout), None));
    assert!(attempts[0].elapsed >= ms(1_500), "{attempts:?}");
}

pub async fn a_request_that_backs_off_holds_no_slot(lab: Lab) {
    let client = Client::builder().max_active(1).build().unwrap();
    let flaky = client.get(lab.keyed("flaky", "?fail=1&after=1")).retry(quick_retry());
    let hello = async {
        while client.stats().active > 0 {
            super::sleep(5).await;
        }
        client.get(lab.url("hello")).queue_timeout(ms(500)).await.unwrap().text().await.unwrap()
    };
    let (attempts, text) = join(async { flaky.await.unwrap().attempts().len() }, hello).await;
    assert_eq!((attempts, &*text), (2, "hello"));
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

/// Records the requests and responses that it sees. The JavaScript scenario of the same name does this with hooks.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Middleware for Notes {
    fn handle<'a>(&'a self, mut request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            request.headers_mut().insert("x-hook", HeaderValue::from_static("seen"));
            self.0.lock().unwrap().push(format!("request {}", next.attempts().len()));
            let response = next.run(request).await?;
            self.0.lock().unwrap().push(format!("response {}", response.status().as_u16()));
            Ok(response)
        })
    }
}

pub async fn hooks_see_each_attempt(lab: Lab) {
    let notes = Notes::default();
    let client = Client::builder().retry(quick_retry()).middleware(notes.clone()).build().unwrap();
    client.get(lab.keyed("flaky", "?fail=1")).await.unwrap();
    assert_eq!(*notes.0.lock().unwrap(), ["request 0", "response 503", "request 1", "response 200"]);
    let head = client.get(lab.url("head")).await.unwrap().text().await.unwrap();
    assert!(head.contains("x-hook: seen"), "{head}");
}
