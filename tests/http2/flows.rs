//! Windows: a slow reader stalls its own stream alone, and uploads wait for the server's windows.

use std::time::Duration;

use waterspout::testing::{Fault, Http2Action, Http2Config, Http2ErrorCode, Http2Frame, Incoming, Reply, handler};
use waterspout::{Phase, Timeout};

use crate::common::{frames, get, head, post, url};
use crate::served::{HandPolled, Served};

/// The default window of a stream.
const WINDOW: usize = 2 * 1024 * 1024;

/// Answers `/SIZE` with so many bytes, and a POST with its own body.
fn serve(config: Http2Config) -> Served {
    Served::new(
        config,
        handler(|request: &mut Incoming| {
            Box::pin(async move {
                match request.path()[1..].parse() {
                    Ok(size) => Reply::new(200, vec![b'x'; size]),
                    Err(_) => Reply::new(200, request.body().await.unwrap_or_default()),
                }
            })
        }),
    )
}

#[test]
fn slow_readers_stall_their_own_streams_alone() {
    let mut served = serve(Http2Config::new());
    // Together they may hold 4 MiB of the 5 MiB that the connection allows.
    let held: Vec<_> = (0..2).map(|_| served.run(head(&served.client, "/10000000")).unwrap().unwrap()).collect();
    for _ in 0..3 {
        assert_eq!(served.run(get(&served.client, "/500000")).unwrap().unwrap().len(), 500_000);
    }
    for mut response in held {
        let read = async move {
            let mut size = 0;
            while let Some(chunk) = response.chunk().await.unwrap() {
                size += chunk.len();
            }
            size
        };
        assert_eq!(served.run(read).expect("the body stalls"), 10_000_000);
    }
    assert_eq!(served.connects(), 1);
}

#[test]
fn window_opens_only_when_the_caller_takes_a_piece() {
    let mut served = serve(Http2Config::new());
    let mut response = served.run(head(&served.client, "/10000000")).unwrap().unwrap();
    let of_streams = |served: &Served| {
        let updates = frames(&served.control, Http2Frame::WINDOW_UPDATE);
        updates.into_iter().filter(|frame| frame.stream != 0).count()
    };
    served.advance(Duration::from_secs(1));
    assert_eq!(of_streams(&served), 0);
    let taken = served.run(async move {
        let mut size = 0;
        while size < WINDOW {
            size += response.chunk().await.unwrap().unwrap().len();
        }
        response
    });
    assert!(of_streams(&served) > 0);
    drop(taken);
}

#[test]
fn dropped_responses_give_their_part_of_the_connection_back() {
    let mut served = serve(Http2Config::new());
    for turn in 0..20 {
        let response = served.run(head(&served.client, "/3000000")).unwrap_or_else(|| panic!("turn {turn} stalls"));
        drop(response.unwrap());
        served.tasks.run_until_stalled();
    }
    assert_eq!(served.run(get(&served.client, "/3000000")).unwrap().unwrap().len(), 3_000_000);
    assert_eq!(served.connects(), 1);
}

#[test]
fn upload_goes_on_when_the_window_opens_late() {
    let mut served = serve(Http2Config::new().initial_window_size(0));
    // The client knows the window once it has read the settings.
    assert!(served.run(get(&served.client, "/0")).unwrap().is_ok());
    let request = served.start(post(&served.client, "/echo", 50_000));
    assert!(request.take().is_none());
    served.act(Http2Action::InitialWindowSize(10_000));
    served.act(Http2Action::InitialWindowSize(60_000));
    assert_eq!(request.take().expect("the upload stalls").unwrap().len(), 50_000);
}

#[test]
fn upload_into_a_closed_window_ends_at_the_limit_of_the_head() {
    let mut served = serve(Http2Config::new().keep_windows_closed());
    let client = served.client.clone();
    let limit = Duration::from_secs(20);
    let request = client.post(url("/echo")).body(vec![b'x'; 100_000]).head_timeout(limit);
    let request = served.start(async move { request.await?.text().await });
    for _ in 0..200 {
        served.advance(Duration::from_secs(1));
    }
    let error = request.take().expect("the upload hangs").unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(error.limit().is_some(), "{error}");
    // The stream is reset, and the connection serves requests without a body.
    assert_eq!(served.run(get(&served.client, "/5")).unwrap().unwrap().len(), 5);
    assert_eq!(served.connects(), 1);
}

#[test]
fn bodies_larger_than_the_windows_go_both_ways_at_once() {
    let server = handler(|request: &mut Incoming| {
        let (sender, receiver) = futures::channel::mpsc::unbounded::<Result<waterspout::Bytes, std::io::Error>>();
        Box::pin(async move {
            while let Ok(Some(chunk)) = request.chunk().await {
                sender.unbounded_send(Ok(chunk)).unwrap();
            }
            drop(sender);
            Reply::new(200, waterspout::Body::stream(receiver))
        })
    });
    let mut served = Served::new(Http2Config::new(), server);
    let found = served.run(post(&served.client, "/", 5_000_000)).expect("the bodies stall");
    assert_eq!(found.unwrap().len(), 5_000_000);
}

#[test]
fn complete_response_survives_the_reset_of_its_upload() {
    // RFC 9113, section 8.1: a server may answer early, and reset the stream with NO_ERROR.
    let frames = vec![
        Http2Frame::headers(1, &[(":status", "200")], false),
        Http2Frame::data(1, "hello", true),
        Http2Frame::rst_stream(1, Http2ErrorCode::NO_ERROR),
    ];
    let config = Http2Config::new().keep_windows_closed().on_request(1, Http2Action::Frames(frames));
    let mut served = Served::new(config, handler(|_| Box::pin(async { Reply::silence() })));
    let found = served.run(post(&served.client, "/", 1_000_000)).expect("the request hangs");
    assert_eq!(found.unwrap(), "hello");
}

#[test]
fn silent_server_ends_at_the_limit_of_each_phase() {
    for (name, fault, phase, timeout) in [
        ("head", Fault::silence(), Phase::Head, Timeout::Head),
        ("body", Fault::silence().after_body(2), Phase::Body, Timeout::Idle),
    ] {
        let server = handler(move |_| {
            let fault = fault.clone();
            Box::pin(async move { Reply::text("hello").with_fault(fault) })
        });
        let mut served = Served::new(Http2Config::new(), server);
        let request = served.start(get(&served.client, "/"));
        for _ in 0..120 {
            served.advance(Duration::from_secs(1));
        }
        let error = request.take().expect(name).unwrap_err();
        assert_eq!((error.phase(), error.timeout()), (phase, Some(timeout)), "{error}");
        served.tasks.run_until_stalled();
        assert_eq!(frames(&served.control, Http2Frame::RST_STREAM).len(), 1, "{name}");
    }
}

#[test]
fn uploads_that_are_not_polled_keep_the_window_from_no_other() {
    for held in [1, 20] {
        let mut served = serve(Http2Config::new());
        assert!(served.run(get(&served.client, "/0")).unwrap().is_ok());
        let mut uploads: Vec<_> =
            (0..held).map(|_| HandPolled::new(post(&served.client, "/echo", 1_000_000))).collect();
        // The server reads what arrives, and opens the windows for more.
        for _ in 0..3 {
            uploads.iter_mut().for_each(|upload| assert!(upload.poll().is_pending()));
            served.tasks.run_until_stalled();
        }
        let other = served.start(post(&served.client, "/echo", 1_000_000));
        // Held requests are woken first, and delay the other request once.
        (0..5).for_each(|_| served.advance(Duration::from_millis(20)));
        let other = other.take().unwrap_or_else(|| panic!("the upload waits for {held} held uploads"));
        assert_eq!(other.unwrap().len(), 1_000_000);
        assert_eq!(served.connects(), 1);
        drop(uploads);
    }
}

#[test]
fn uploads_share_the_window_of_the_connection_in_frames_of_a_useful_size() {
    let mut served = serve(Http2Config::new());
    let uploads: Vec<_> = (0..10).map(|_| served.start(post(&served.client, "/echo", 300_000))).collect();
    assert!(uploads.iter().all(|upload| upload.take().is_some_and(|text| text.unwrap().len() == 300_000)));
    let data = frames(&served.control, Http2Frame::DATA);
    let average = data.iter().map(|frame| frame.payload.len()).sum::<usize>() / data.len();
    assert!(average > 2_000, "{} frames of {average} bytes", data.len());
    let is_empty = |frame: &&Http2Frame| frame.payload.is_empty() && frame.flags & Http2Frame::END_STREAM == 0;
    assert_eq!(data.iter().filter(is_empty).count(), 0, "empty frames");
}

#[test]
fn complete_response_ends_an_upload_that_the_server_does_not_read() {
    let mut served = Served::new(Http2Config::new(), handler(|_| Box::pin(async { Reply::text("hello") })));
    let request = served.start(post(&served.client, "/", 300_000));
    (0..30).for_each(|_| served.advance(Duration::from_secs(1)));
    assert_eq!(request.take().expect("the request hangs").unwrap(), "hello");
    assert!(served.run(get(&served.client, "/")).unwrap().is_ok());
    assert_eq!(served.connects(), 1);
}
