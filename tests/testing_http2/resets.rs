//! Faults at positions of a reply: resets of its stream, and ends of its connection.

use futures::{FutureExt, stream};
use waterspout::testing::{Fault, Http2Action, Http2ErrorCode, Http2Frame, MemoryConnector, Reply, handler};
use waterspout::{Body, Bytes};

use super::peer::{Peer, get, on_each_transport};

/// What a client sees of a reply.
#[derive(Debug, PartialEq)]
struct Seen {
    has_head: bool,
    body: String,
    /// The error code, and whether the stream alone was reset.
    error: Option<(u32, bool)>,
}

fn seen(has_head: bool, body: &str, error: Option<(u32, bool)>) -> Seen {
    Seen { has_head, body: body.to_owned(), error }
}

async fn look(peer: &mut Peer, path: &str) -> Seen {
    let code = |error: h2::Error| Some((error.reason().map_or(u32::MAX, Into::into), error.is_reset()));
    let response = peer.begin(get(path));
    let mut response = match peer.run(response).await {
        Ok(response) => response,
        Err(error) => return seen(false, "", code(error)),
    };
    let mut body = String::new();
    loop {
        match peer.run(response.body_mut().data()).await {
            Some(Ok(chunk)) => body.push_str(std::str::from_utf8(&chunk).unwrap()),
            Some(Err(error)) => return seen(true, &body, code(error)),
            None => return seen(true, &body, None),
        }
    }
}

#[test]
fn stream_is_reset_at_its_position_and_the_connection_stays() {
    const CODES: [Http2ErrorCode; 5] = [
        Http2ErrorCode::NO_ERROR,
        Http2ErrorCode::REFUSED_STREAM,
        Http2ErrorCode::CANCEL,
        Http2ErrorCode::ENHANCE_YOUR_CALM,
        Http2ErrorCode(4711),
    ];
    let server = handler(|request| {
        let number = |name: &str| request.query(name).and_then(|text| text.parse::<u64>().ok());
        let fault = Fault::stream_reset(CODES[number("code").unwrap_or_default() as usize]);
        let fault = match (number("after"), number("body")) {
            (Some(at), _) => fault.after(at),
            (_, Some(at)) => fault.after_body(at),
            _ => fault,
        };
        let is_whole = request.path() == "/whole";
        async move {
            let chunks = ["hello, ", "world"].map(Ok::<_, std::io::Error>);
            let body = if is_whole { Body::from("hello, world") } else { Body::stream(stream::iter(chunks)) };
            Reply::new(200, body).with_fault(fault)
        }
        .boxed()
    });
    on_each_transport(server, async |mut peer| {
        for path in ["/whole", "/stream"] {
            for (index, code) in CODES.iter().enumerate() {
                let error = Some((code.0, true));
                for (position, expected) in [
                    ("", seen(false, "", error)),
                    ("&after=0", seen(false, "", error)),
                    ("&after=3", seen(true, "hel", error)),
                    ("&body=0", seen(true, "", error)),
                    ("&body=9", seen(true, "hello, wo", error)),
                    ("&body=12", seen(true, "hello, world", error)),
                    ("&body=13", seen(true, "hello, world", None)),
                ] {
                    let path = format!("{path}?code={index}{position}");
                    assert_eq!(look(&mut peer, &path).await, expected, "{path}");
                }
            }
        }
        assert!(peer.end.is_none(), "the connection is still open");
    });
}

fn replies(reply: impl Fn() -> Reply + Send + Sync + 'static) -> impl waterspout::testing::Handler {
    handler(move |request| {
        let reply = if request.path() == "/fault" { reply() } else { Reply::text("ok") };
        async { reply }.boxed()
    })
}

#[test]
fn connection_is_cut_at_its_position() {
    let text = |fault: Fault| move || Reply::text("hello").with_fault(fault.clone());
    type MakeReply = Box<dyn Fn() -> Reply + Send + Sync>;
    let cases: [(&str, MakeReply, bool, &str); 7] = [
        ("before the head", Box::new(text(Fault::close())), false, ""),
        ("after the head", Box::new(text(Fault::close().after_body(0))), true, ""),
        ("in the body", Box::new(text(Fault::close().after_body(3))), true, "hel"),
        ("after the body", Box::new(text(Fault::close().after_body(5))), true, "hello"),
        ("reset in the body", Box::new(text(Fault::reset().after_body(3))), true, ""),
        ("without an answer", Box::new(Reply::close), false, ""),
        ("by an action", Box::new(text(Fault::http2(Http2Action::Close).after_body(3))), true, "hel"),
    ];
    for (name, reply, has_head, body) in cases {
        let mut peer = Peer::in_memory(&MemoryConnector::new(replies(reply))).now_or_never().unwrap();
        assert_eq!(peer.get("/").now_or_never().unwrap().unwrap().text(), "ok");
        let result = look(&mut peer, "/fault").now_or_never().unwrap_or_else(|| panic!("{name} hangs"));
        if name != "reset in the body" {
            assert_eq!((result.has_head, &*result.body), (has_head, body), "{name}");
        }
        // An error of the transport has no code.
        assert_eq!(result.error, Some((u32::MAX, false)), "{name}");
        assert!(peer.send.clone().ready().now_or_never().is_none_or(|ready| ready.is_err()), "{name}");
    }
}

#[test]
fn silent_stream_holds_up_no_other_stream() {
    let server = handler(|request| {
        let reply = match request.path() {
            "/silence" => Reply::silence(),
            "/half" => Reply::text("hello").with_fault(Fault::silence().after_body(2)),
            _ => Reply::text("ok"),
        };
        async { reply }.boxed()
    });
    let mut peer = Peer::in_memory(&MemoryConnector::new(server)).now_or_never().unwrap();
    let mut silent = peer.begin(get("/silence"));
    let half = peer.begin(get("/half"));
    let mut half = peer.run(half).now_or_never().unwrap().unwrap();
    assert_eq!(peer.run(half.body_mut().data()).now_or_never().unwrap().unwrap().unwrap(), "he");
    assert!(peer.run(half.body_mut().data()).now_or_never().is_none());
    assert!(peer.run(&mut silent).now_or_never().is_none());
    assert_eq!(peer.get("/").now_or_never().unwrap().unwrap().text(), "ok");
}

#[test]
fn frames_and_bytes_are_inserted_at_their_position() {
    // A frame of an unknown type is ignored (RFC 9113, section 4.1).
    let unknown = Http2Frame::new(0xfa, 0, 0, "anything");
    let frames = Http2Action::Frames(vec![unknown.clone(), Http2Frame::settings(&[(0xfafa, 1)])]);
    let server = replies(move || {
        Reply::text("hello")
            .with_fault(Fault::http2(frames.clone()).after_body(1))
            .with_fault(Fault::garbage(unknown.to_bytes()).after_body(3))
    });
    on_each_transport(server, async |mut peer| {
        assert_eq!(look(&mut peer, "/fault").await, seen(true, "hello", None));
        // The client has acknowledged the settings, and the server goes on.
        assert_eq!(look(&mut peer, "/").await, seen(true, "ok", None));
    });
}

#[test]
fn raw_reply_is_sent_between_frames() {
    let head = Http2Frame::headers(3, &[(":status", "200")], false).to_bytes();
    let bytes = [head, Http2Frame::data(3, "raw", true).to_bytes()].concat();
    let server = replies(move || Reply::raw(bytes.clone()));
    on_each_transport(server, async |mut peer| {
        assert_eq!(peer.get("/").await.unwrap().text(), "ok");
        assert_eq!(look(&mut peer, "/fault").await, seen(true, "raw", None));
        let _ = peer.ended().await;
    });
}

#[test]
fn malformed_frame_is_an_error_of_the_connection() {
    // A DATA frame on the stream 0 (RFC 9113, section 6.1).
    let data = Http2Frame::data(0, Bytes::from("x"), false);
    let server = replies(move || Reply::text("hello").with_fault(Fault::garbage(data.to_bytes()).after_body(3)));
    let mut peer = Peer::in_memory(&MemoryConnector::new(server)).now_or_never().unwrap();
    let result = look(&mut peer, "/fault").now_or_never().unwrap();
    assert_eq!((result.has_head, result.error), (true, Some((Http2ErrorCode::PROTOCOL_ERROR.0, false))));
}

#[test]
fn faults_of_http2_over_http1() {
    let client = |fault: Fault| {
        let server = handler(move |_| {
            let reply = Reply::text("hello").with_fault(fault.clone());
            async { reply }.boxed()
        });
        let agent = waterspout::Agent::new(MemoryConnector::new(server), waterspout::testing::ManualTimer::new());
        let client = waterspout::Client::builder().backend(agent).build().unwrap();
        futures::executor::block_on(async { client.get("http://example.com/").await?.text().await })
    };
    let reset = client(Fault::stream_reset(Http2ErrorCode::CANCEL).after_body(2)).unwrap_err();
    assert_eq!(reset.kind(), waterspout::ErrorKind::ConnectionClosed);
    assert_eq!(client(Fault::http2(Http2Action::GracefulShutdown)).unwrap(), "hello");
}
