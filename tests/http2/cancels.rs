//! Dropped requests: the stream is reset at once, and the connection lives on.

use std::time::Duration;

use waterspout::testing::{Http2Config, Http2Frame};

use crate::common::{Log, frames, gated, get, head, post};
use crate::served::{Gates, HandPolled, Served};

const CANCEL: [u8; 4] = 8_u32.to_be_bytes();

fn serve(config: Http2Config) -> Served {
    let mut served = Served::new(config, gated(&Gates::default(), &Log::default()));
    assert!(served.run(get(&served.client, "/")).unwrap().is_ok());
    served
}

/// Starts a request that is not answered, and drops it.
fn cancel(served: &mut Served) {
    let mut request = HandPolled::new(get(&served.client, "/held/never"));
    for _ in 0..2 {
        assert!(request.poll().is_pending());
        served.tasks.run_until_stalled();
    }
}

#[test]
fn dropped_request_resets_its_stream_at_once() {
    let mut served = serve(Http2Config::new().max_concurrent_streams(1));
    served.control.take_received();
    cancel(&mut served);
    served.tasks.run_until_stalled();
    let resets = frames(&served.control, Http2Frame::RST_STREAM);
    assert_eq!(resets.iter().map(|frame| &frame.payload[..]).collect::<Vec<_>>(), [CANCEL]);
    // The server allows a single stream, so the dropped request's stream is free.
    assert!(served.run(get(&served.client, "/")).unwrap().is_ok());
    assert_eq!(served.connects(), 1);
}

#[test]
fn dropped_response_resets_its_stream_at_once() {
    let gates = Gates::default();
    let mut served = Served::new(
        Http2Config::new().max_concurrent_streams(1),
        waterspout::testing::handler(|_| {
            Box::pin(async { waterspout::testing::Reply::new(200, vec![b'x'; 5_000_000]) })
        }),
    );
    let _ = gates;
    let response = served.run(head(&served.client, "/")).unwrap().unwrap();
    served.control.take_received();
    drop(response);
    served.tasks.run_until_stalled();
    let resets = frames(&served.control, Http2Frame::RST_STREAM);
    assert_eq!(resets.iter().map(|frame| &frame.payload[..]).collect::<Vec<_>>(), [CANCEL]);
    assert!(served.run(head(&served.client, "/")).unwrap().is_ok());
    assert_eq!(served.connects(), 1);
}

#[test]
fn dropped_upload_resets_its_stream_at_once() {
    let mut served = serve(Http2Config::new().keep_windows_closed());
    served.control.take_received();
    let mut request = HandPolled::new(post(&served.client, "/", 1_000_000));
    for _ in 0..4 {
        assert!(request.poll().is_pending());
        served.tasks.run_until_stalled();
    }
    drop(request);
    served.tasks.run_until_stalled();
    assert_eq!(frames(&served.control, Http2Frame::RST_STREAM).len(), 1);
    assert!(served.run(get(&served.client, "/")).unwrap().is_ok());
    assert_eq!(served.connects(), 1);
}

#[test]
fn request_that_was_never_polled_sends_nothing() {
    let mut served = serve(Http2Config::new());
    served.control.take_received();
    drop(HandPolled::new(get(&served.client, "/")));
    served.tasks.run_until_stalled();
    assert!(served.control.take_received().is_empty());
}

#[test]
fn many_cancels_retire_the_connection_before_the_server_is_alarmed() {
    // The server shuts a connection down at its 101st reset, and with it the request that runs meanwhile.
    let mut served = serve(Http2Config::new().max_resets(100));
    for _ in 0..350 {
        cancel(&mut served);
        assert!(served.run(get(&served.client, "/")).unwrap().is_ok());
    }
    assert_eq!(served.connects(), 4);
    assert_eq!(served.control.open(), 1, "connections without a request are closed");
}

#[test]
fn running_response_survives_many_cancels() {
    let gates = Gates::default();
    let config = Http2Config::new().max_resets(100);
    let mut served = Served::build(config, gated(&gates, &Log::default()), &gates, usize::MAX, |builder| builder);
    let running = served.start(get(&served.client, "/held/a"));
    for _ in 0..250 {
        cancel(&mut served);
    }
    gates.open("a");
    served.tasks.run_until_stalled();
    assert!(running.take().unwrap().is_ok());
}

#[test]
fn cancels_now_and_then_keep_the_connection() {
    let mut served = serve(Http2Config::new());
    for _ in 0..300 {
        cancel(&mut served);
        served.advance(Duration::from_millis(100));
    }
    assert_eq!(served.connects(), 1);
}
