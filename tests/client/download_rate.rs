//! The minimum rate of a response's body, on a manual clock.

use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use waterspout::testing::{ManualTimer, MockBackend, Script};
use waterspout::{Client, Error, ErrorKind, Phase, Response, Timeout};

use crate::support::client::{ScriptedClient, URL, scripted, scripted_client, seconds, send};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";

/// A connection that sends the head, and then a piece of these lengths each time that it is released.
fn pieces(lengths: impl IntoIterator<Item = usize>) -> Script {
    let script = Script::new().expect_head().send(HEAD);
    lengths.into_iter().fold(script, |script, length| script.hold().send(vec![b'x'; length])).silence()
}

fn assert_too_slow(error: &Error, rate: u64, window: Duration) {
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Body), "{error}");
    assert_eq!((error.timeout(), error.limit()), (Some(Timeout::DownloadRate), Some(window)), "{error}");
    assert_eq!((error.min_download_rate(), error.elapsed()), (Some(rate), Some(window)));
    assert!(error.is_retryable() && error.is_timeout());
}

/// Polls for the next piece once. `None` means that the reader waits.
fn poll(response: &mut Response) -> Option<Result<usize, Error>> {
    response.chunk().now_or_never().map(|piece| piece.map(|piece| piece.map_or(0, |piece| piece.len())))
}

/// Lets the clock run for a second while the reader waits and is polled, and then lets the server send its next piece.
fn receive_after_polled_second(wire: &ScriptedClient, response: &mut Response) -> Option<Result<usize, Error>> {
    for _ in 0..4 {
        if let Some(outcome) = poll(response) {
            return Some(outcome);
        }
        wire.timer.advance(Duration::from_millis(250));
    }
    wire.connector.release();
    poll(response)
}

/// Lets the clock run while the reader waits, and then lets the server send its next piece.
fn receive_after(wire: &ScriptedClient, response: &mut Response, time: Duration) -> Option<Result<usize, Error>> {
    if let Some(outcome) = poll(response) {
        return Some(outcome);
    }
    wire.timer.advance(time);
    wire.connector.release();
    poll(response)
}

#[test]
fn body_without_a_minimum_rate_has_no_total_bound() {
    let wire = scripted([pieces([1; 1000])]);
    let mut response = send(wire.get()).unwrap();
    for _ in 0..1000 {
        assert_eq!(receive_after(&wire, &mut response, seconds(19)).unwrap().unwrap(), 1);
    }
}

#[test]
fn body_of_a_byte_per_19_seconds_fails() {
    let wire = scripted([pieces([1; 1000])]);
    let mut response = block_on(wire.get().min_download_rate(10, seconds(60)).send()).unwrap();
    let error = (0..10).find_map(|_| receive_after(&wire, &mut response, seconds(19)).unwrap().err()).unwrap();
    assert_too_slow(&error, 10, seconds(60));
    let text = error.to_string();
    assert!(text.starts_with("the server sent fewer than 10 bytes per second"), "{text}");
    assert!(text.contains("(limit `download_rate`: 60s)"), "{text}");
    // The slot and the connection are free, and no timer is left.
    assert_eq!((wire.client.stats().active, wire.connector.open(), wire.timer.pending()), (0, 0, 0));
    assert_eq!(error.url(), Some(URL));
    assert_eq!(poll(&mut response).unwrap().unwrap(), 0);
}

#[test]
fn silent_body_fails_at_the_end_of_the_window() {
    let wire = scripted([pieces([])]);
    let mut response = block_on(wire.get().min_download_rate(1, seconds(10)).send()).unwrap();
    assert!(poll(&mut response).is_none());
    wire.timer.advance(seconds(10) - Duration::from_nanos(1));
    assert!(poll(&mut response).is_none());
    wire.timer.advance(Duration::from_nanos(1));
    assert_too_slow(&poll(&mut response).unwrap().unwrap_err(), 1, seconds(10));
}

#[test]
fn body_at_the_minimum_rate_goes_on() {
    let wire = scripted([pieces([100; 500])]);
    let mut response = block_on(wire.get().min_download_rate(100, seconds(10)).send()).unwrap();
    for _ in 0..500 {
        assert_eq!(receive_after(&wire, &mut response, seconds(1)).unwrap().unwrap(), 100);
    }
}

#[test]
fn body_that_becomes_slow_fails_soon_after_a_window() {
    let fast = [4_000; 5];
    let wire = scripted([pieces(fast.into_iter().chain([1; 100]))]);
    let mut response = block_on(wire.get().min_download_rate(100, seconds(10)).send()).unwrap();
    for _ in 0..fast.len() {
        assert_eq!(receive_after(&wire, &mut response, seconds(1)).unwrap().unwrap(), 4_000);
    }
    let slow = (0..100).find_map(|after| Some((after, receive_after_polled_second(&wire, &mut response)?.err()?)));
    let (after, error) = slow.unwrap();
    assert_too_slow(&error, 100, seconds(10));
    // The window ends with a slot of 1.25 s.
    assert!((9..=11).contains(&after), "{after} s");
}

#[test]
fn time_in_which_the_caller_does_not_wait_does_not_count() {
    let wire = scripted([pieces([1; 100])]);
    let mut response = block_on(wire.get().min_download_rate(1, seconds(10)).send()).unwrap();
    // The caller pauses after each piece, and waits a second for the next piece.
    for _ in 0..50 {
        wire.timer.advance(seconds(1_000));
        assert_eq!(receive_after(&wire, &mut response, seconds(1)).unwrap().unwrap(), 1);
    }
    // The caller gives up a wait, pauses, and finds a piece when it comes back. Then it waits again.
    assert!(poll(&mut response).is_none());
    wire.timer.advance(seconds(15));
    wire.connector.release();
    assert_eq!(poll(&mut response).unwrap().unwrap(), 1);
    assert!(poll(&mut response).is_none());
}

#[test]
fn other_limits_go_on_beside_the_minimum_rate() {
    for (limit, name) in [(5, "idle"), (20, "download_rate")] {
        let wire = scripted([pieces([])]);
        let request = wire.get().min_download_rate(1, seconds(10)).idle_timeout(seconds(limit));
        let mut response = block_on(request.send()).unwrap();
        assert!(poll(&mut response).is_none());
        wire.timer.advance(seconds(10));
        assert_eq!(poll(&mut response).unwrap().unwrap_err().timeout().unwrap().name(), name);
    }
}

#[test]
fn request_overrides_the_minimum_rate_of_its_client() {
    let unlimited = [(0, seconds(10)), (10, Duration::ZERO)];
    for (rate, window) in unlimited.into_iter().chain([(10, seconds(1_000))]) {
        let builder = Client::builder().min_download_rate(10, seconds(10)).idle_timeout(Duration::ZERO);
        let wire = scripted_client(builder, [pieces([]), pieces([])]);
        let mut limited = send(wire.get()).unwrap();
        let mut other = block_on(wire.get().min_download_rate(rate, window).send()).unwrap();
        assert!(poll(&mut limited).is_none() && poll(&mut other).is_none());
        wire.timer.advance(seconds(10));
        assert_too_slow(&poll(&mut limited).unwrap().unwrap_err(), 10, seconds(10));
        assert!(poll(&mut other).is_none(), "{rate} {window:?}");
    }
}

#[test]
fn complete_body_has_no_minimum_rate() {
    let timer = ManualTimer::new();
    let builder = Client::builder().timer(timer.clone()).backend(MockBackend::text("hello"));
    let client = builder.min_download_rate(1_000_000, seconds(1)).build().unwrap();
    let response = block_on(client.get(URL).send()).unwrap();
    timer.advance(seconds(100));
    assert_eq!(block_on(response.text()).unwrap(), "hello");
    assert_eq!(timer.pending(), 0);
}
