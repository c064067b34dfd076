//! What stands above HTTP/2: codings, retries, and the limits of a whole request.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use waterspout::testing::{Fault, Http2Config, Http2ErrorCode, Reply, handler};
use waterspout::{Bytes, ErrorKind, Retry, Timeout};

use crate::common::{Log, gated, get, url};
use crate::served::{Gates, Served};

fn gzip(data: &[u8]) -> Bytes {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap().into()
}

#[test]
fn bodies_are_decoded_whether_they_arrive_whole_or_in_pieces() {
    for size in [0, 5, 1_000_000, 5_000_000] {
        let data: Vec<u8> =
            (0..size as u32).map(|number| b'a' + (number.wrapping_mul(2_654_435_761) >> 28) as u8).collect();
        let encoded = gzip(&data);
        let server = handler(move |_| {
            let reply = Reply::new(200, encoded.clone()).with_header("content-encoding", "gzip");
            Box::pin(async move { reply })
        });
        let mut served = Served::new(Http2Config::new(), server);
        let text = served.run(get(&served.client, "/")).expect("the body stalls").unwrap();
        assert!(text.as_bytes() == data, "{size}");
    }
}

#[test]
fn coded_body_that_is_cut_or_too_large_is_an_error_of_its_stream() {
    let whole = gzip(&vec![b'x'; 50_000_000]);
    for (name, body) in [("cut", gzip(b"hello").slice(..12)), ("too large", whole)] {
        let server = handler(move |request: &mut waterspout::testing::Incoming| {
            let is_coded = request.path() == "/coded";
            let reply = if is_coded {
                Reply::new(200, body.clone()).with_header("content-encoding", "gzip")
            } else {
                Reply::text("hello")
            };
            Box::pin(async move { reply })
        });
        let mut served = Served::new(Http2Config::new(), server);
        let outcome = served.run(get(&served.client, "/coded")).expect(name);
        assert!(outcome.is_err(), "{name}");
        assert_eq!(served.run(get(&served.client, "/")).unwrap().unwrap(), "hello", "{name}");
        assert_eq!(served.connects(), 1, "{name}");
    }
}

#[test]
fn retries_follow_a_reset_stream_on_the_same_connection() {
    let calls = Arc::<AtomicUsize>::default();
    let count = calls.clone();
    let server = handler(move |_| {
        let call = count.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            match call {
                0 => Reply::text("").with_fault(Fault::stream_reset(Http2ErrorCode::INTERNAL_ERROR)),
                1 => Reply::new(503, ""),
                _ => Reply::text("hello"),
            }
        })
    });
    let mut served = Served::new(Http2Config::new(), server);
    let request = served.client.get(&url("/")).retry(Retry::new());
    let request = served.start(async move { request.await?.text().await });
    for _ in 0..60 {
        served.advance(Duration::from_secs(1));
    }
    assert_eq!(request.take().unwrap().unwrap(), "hello");
    assert_eq!((served.connects(), calls.load(Ordering::SeqCst)), (1, 3));
}

#[test]
fn limit_of_the_whole_request_resets_its_stream_alone() {
    let gates = Gates::default();
    let mut served =
        Served::build(Http2Config::new(), gated(&gates, &Log::default()), &gates, usize::MAX, |builder| builder);
    let other = served.start(get(&served.client, "/held/other"));
    let request = served.client.get(&url("/held/never")).timeout(Duration::from_secs(3));
    let request = served.start(async move { request.await?.text().await });
    served.advance(Duration::from_secs(3));
    let error = request.take().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.timeout()), (ErrorKind::Timeout, Some(Timeout::Request)), "{error}");
    gates.open("other");
    served.tasks.run_until_stalled();
    assert!(other.take().unwrap().is_ok());
    assert_eq!(served.connects(), 1);
}
