//! What `timeout` and `total_timeout` cover: `timeout` begins when the request leaves the queue for the first time.

use std::time::Duration;

use futures::future::{BoxFuture, join_all, select};
use futures::{FutureExt, stream};
use waterspout::http::StatusCode;
use waterspout::runtime::Timer;
use waterspout::testing::{ManualTimer, MockBackend};
use waterspout::{Body, Builder, Bytes, Client, Phase, RequestBuilder, Response, Result, Retry, Timeout};

use crate::support::client::seconds;

const LIMIT: u64 = 10;
const BOTH: [Timeout; 2] = [Timeout::Request, Timeout::Total];

/// Answers of a server, by the path of the URL: `/hello` at once, `/after/3` after 3 s, `/busy/3` with the status 503
/// and the demand to wait 3 s, `/connecting` and `/silence` never, `/body` with a body that never ends.
fn server(timer: &ManualTimer) -> MockBackend {
    let timer = timer.clone();
    MockBackend::with_context(move |request, context| {
        let (timer, progress, url) = (timer.clone(), context.progress().clone(), request.url().clone());
        async move {
            let (name, number) = url.path()[1..].split_once('/').unwrap_or((&url.path()[1..], "0"));
            let mut response = Response::new(StatusCode::OK, url.clone(), "hello");
            match name {
                "after" => timer.sleep_until(timer.now() + seconds(number.parse().unwrap())).await,
                "busy" => {
                    response = Response::new(StatusCode::SERVICE_UNAVAILABLE, url.clone(), "");
                    response.headers_mut().insert("retry-after", number.parse().unwrap());
                }
                "connecting" => {
                    let _guard = progress.connecting();
                    std::future::pending::<()>().await;
                }
                "silence" => std::future::pending().await,
                "body" => {
                    let body = Body::stream(stream::pending::<Result<Bytes>>());
                    response = Response::new(StatusCode::OK, url.clone(), body);
                }
                _ => {}
            }
            Ok(response)
        }
        .boxed()
    })
}

/// A client on a manual clock whose other limits are off.
struct Bench {
    client: Client,
    timer: ManualTimer,
}

impl Bench {
    fn new(settings: impl FnOnce(Builder) -> Builder) -> Self {
        let timer = ManualTimer::new();
        let off = Duration::ZERO;
        let builder = Client::builder().timer(timer.clone()).backend(server(&timer)).queue_timeout(off);
        let builder = builder.head_timeout(off).connect_timeout(off).idle_timeout(off);
        Self { client: settings(builder).build().unwrap(), timer }
    }

    fn get(&self, path: &str) -> RequestBuilder<Client> {
        self.client.get(format!("http://example.com/{path}").as_str())
    }

    /// Begins a request with the limit `timeout` of 10 s and polls it once.
    fn limited(&self, timeout: Timeout, path: &str) -> BoxFuture<'static, Result<String>> {
        let request = with(self.get(path), timeout, LIMIT);
        polled(async { request.await?.text().await }.boxed())
    }

    /// Takes a slot for as long as the result lives.
    fn take_slot(&self) -> BoxFuture<'static, Result<Response>> {
        polled(self.get("silence").send().boxed())
    }
}

fn with(request: RequestBuilder<Client>, timeout: Timeout, limit: u64) -> RequestBuilder<Client> {
    match timeout {
        Timeout::Request => request.timeout(seconds(limit)),
        _ => request.total_timeout(seconds(limit)),
    }
}

fn polled<T>(mut future: BoxFuture<'static, T>) -> BoxFuture<'static, T> {
    assert!((&mut future).now_or_never().is_none());
    future
}

/// Advances the clock second by second until `request` ends. Returns how many seconds passed, and the facts of its error.
fn fails(bench: &Bench, mut request: BoxFuture<'static, Result<String>>) -> (u64, Timeout, Phase) {
    for second in 1..100 {
        bench.timer.advance(seconds(1));
        if let Some(outcome) = (&mut request).now_or_never() {
            let error = outcome.unwrap_err();
            assert_eq!((error.limit(), error.elapsed()), (Some(seconds(LIMIT)), Some(seconds(LIMIT))), "{error}");
            assert!(!error.is_retryable());
            return (second, error.timeout().unwrap(), error.phase());
        }
    }
    panic!("no limit passed");
}

#[test]
fn batch_of_300_requests_with_10_slots_loses_none() {
    let timer = ManualTimer::new();
    let client = Client::builder().timer(timer.clone()).backend(server(&timer)).timeout(seconds(10)).build().unwrap();
    let mut batch = join_all((0..300).map(|_| client.get("http://example.com/after/3").send())).boxed();
    let answers = loop {
        match (&mut batch).now_or_never() {
            Some(answers) => break answers,
            None => timer.advance(seconds(1)),
        }
    };
    let lost: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert!(lost.is_empty(), "{} of {} requests are lost: {}", lost.len(), answers.len(), lost[0]);
    assert_eq!(timer.now().since_origin(), seconds(90));
}

#[test]
fn limits_pass_while_the_first_attempt_runs() {
    for timeout in BOTH {
        for (path, phase) in
            [("silence", Phase::Head), ("connecting", Phase::Connect), ("body", Phase::Body), ("after/11", Phase::Head)]
        {
            let bench = Bench::new(|builder| builder);
            let request = bench.limited(timeout, path);
            assert_eq!(fails(&bench, request), (LIMIT, timeout, phase), "{path}");
            assert_eq!(bench.client.stats().active, 0, "{path}");
        }
    }
}

#[test]
fn first_wait_in_the_queue_counts_for_the_total_limit_alone() {
    for (timeout, passes, phase) in [(Timeout::Total, 10, Phase::Queue), (Timeout::Request, 25, Phase::Head)] {
        let bench = Bench::new(|builder| builder.max_active(1));
        // It holds the only slot for 15 s.
        let first = polled(bench.get("after/15").send().boxed());
        let second = bench.limited(timeout, "silence");
        let frees_the_slot = async move {
            drop(first.await);
            std::future::pending().await
        };
        let either = select(frees_the_slot.boxed(), second).map(|ended| ended.factor_first().0);
        assert_eq!(fails(&bench, either.boxed()), (passes, timeout, phase));
    }
}

#[test]
fn long_wait_in_the_queue_leaves_the_request_its_whole_limit() {
    let bench = Bench::new(|builder| builder.max_active(1));
    for (path, phase) in [("silence", Phase::Head), ("body", Phase::Body)] {
        let first = bench.take_slot();
        let mut second = bench.limited(Timeout::Request, path);
        bench.timer.advance(seconds(1000));
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        assert!((&mut second).now_or_never().is_none());
        assert_eq!(fails(&bench, second), (LIMIT, Timeout::Request, phase), "{path}");
    }
}

#[test]
fn pause_of_the_client_counts_for_the_total_limit_alone() {
    let bench = Bench::new(|builder| builder);
    bench.client.pause();
    let total = bench.limited(Timeout::Total, "silence");
    let mut request = bench.limited(Timeout::Request, "hello");
    assert_eq!(fails(&bench, total), (LIMIT, Timeout::Total, Phase::Queue));
    bench.timer.advance(seconds(100));
    bench.client.resume();
    assert_eq!((&mut request).now_or_never().unwrap().unwrap(), "hello");
}

#[test]
fn wait_before_a_retry_counts_for_both_limits() {
    for timeout in BOTH {
        let bench = Bench::new(|builder| builder.retry(Retry::new()));
        let mut request = bench.limited(timeout, "busy/8");
        // The task polls the request late, so that the limit passes within the wait.
        bench.timer.advance(seconds(12));
        let error = (&mut request).now_or_never().unwrap().unwrap_err();
        assert_eq!((error.timeout(), error.phase(), error.attempts().len()), (Some(timeout), Phase::Queue, 1));
        assert_eq!(error.elapsed(), Some(seconds(12)));
    }
}

#[test]
fn wait_that_either_limit_would_cut_short_is_not_begun() {
    for timeout in BOTH {
        for (wait, attempts) in [("busy/10", 1), ("busy/9", 2)] {
            let bench = Bench::new(|builder| builder.retry(Retry::new().attempts(2)));
            let mut request = with(bench.get(wait), timeout, LIMIT).send().boxed();
            let outcome = (&mut request).now_or_never();
            assert_eq!(outcome.is_some(), attempts == 1, "{timeout} {wait}");
            let response = outcome.unwrap_or_else(|| {
                bench.timer.advance(seconds(9));
                request.now_or_never().unwrap()
            });
            assert_eq!(response.unwrap().attempts().len(), attempts, "{timeout} {wait}");
        }
    }
}

#[test]
fn second_wait_in_the_queue_counts_for_both_limits() {
    for timeout in BOTH {
        let bench = Bench::new(|builder| builder.max_active(1).retry(Retry::new()));
        let request = bench.limited(timeout, "busy/2");
        // It has freed its slot, which another request takes.
        let _running = bench.take_slot();
        assert_eq!(fails(&bench, request), (LIMIT, timeout, Phase::Queue));
        assert_eq!((bench.client.stats().active, bench.client.stats().queued), (1, 0));
    }
}

#[test]
fn limits_pass_in_a_later_attempt() {
    let at_once = Retry::new().attempts(9).base_delay(Duration::ZERO);
    for timeout in BOTH {
        let bench = Bench::new(|builder| builder.retry(at_once.clone()).attempt_timeout(seconds(4)));
        let request = bench.limited(timeout, "silence");
        let (passed, name, phase) = fails(&bench, request);
        assert_eq!((passed, name, phase), (LIMIT, timeout, Phase::Head));
    }
}

#[test]
fn error_names_the_limit_that_passes_first_and_the_wider_of_two() {
    for (request, total, expected) in
        [(3, 5, Timeout::Request), (5, 3, Timeout::Total), (4, 4, Timeout::Total), (0, 4, Timeout::Total)]
    {
        let bench = Bench::new(|builder| builder);
        let limited = bench.get("silence").timeout(seconds(request)).total_timeout(seconds(total));
        let mut sent = polled(limited.send().boxed());
        let passes = if request == 0 { total } else { request.min(total) };
        bench.timer.advance(seconds(passes) - Duration::from_nanos(1));
        assert!((&mut sent).now_or_never().is_none());
        bench.timer.advance(Duration::from_nanos(1));
        let error = sent.now_or_never().unwrap().unwrap_err();
        assert_eq!((error.timeout(), error.elapsed()), (Some(expected), Some(seconds(passes))));
        let text = format!("(limit `{expected}`: {passes}s), for http://example.com/silence");
        assert!(error.to_string().ends_with(&text), "{error}");
    }
}

#[test]
fn limits_of_a_request_replace_the_limits_of_its_client() {
    for timeout in BOTH {
        let bench = Bench::new(|builder| builder.timeout(seconds(30)).total_timeout(seconds(30)));
        let request = bench.limited(timeout, "silence");
        assert_eq!(fails(&bench, request), (LIMIT, timeout, Phase::Head));
    }
}
