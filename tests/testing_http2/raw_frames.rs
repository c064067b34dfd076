//! Frames that are written byte by byte: by a client to the server, and by a script to a client.

use std::io::{Read, Write};
use std::net::TcpStream;

use futures::FutureExt;
use waterspout::Connector;
use waterspout::testing::{
    Http2ErrorCode, Http2Frame, MemoryConnector, Recorder, Reply, Script, ScriptedConnector, Server, handler,
};

use super::peer::{Peer, RawPeer, origin};

const GET: [(&str, &str); 4] = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")];

/// Sends frames after the preface, and returns the frames of the server.
fn talk(frames: &[Http2Frame]) -> Vec<Http2Frame> {
    let connector = MemoryConnector::new(handler(|_| async { Reply::text("hello") }.boxed()));
    let mut peer = RawPeer::new(&connector);
    peer.send(frames);
    peer.received()
}

#[test]
fn server_reads_literal_header_blocks() {
    let long = "x".repeat(5000);
    let mut fields = GET.to_vec();
    fields.push(("x-long", &long));
    let frames = talk(&[Http2Frame::headers(1, &fields, true)]);
    assert!(frames.iter().any(|frame| frame.kind == Http2Frame::HEADERS && frame.stream == 1), "{frames:?}");
    let body = frames.iter().find(|frame| frame.kind == Http2Frame::DATA).unwrap();
    assert_eq!((&body.payload[..], body.flags), (&b"hello"[..], Http2Frame::END_STREAM));
}

#[test]
fn server_answers_malformed_requests_with_errors() {
    let stream = |frames: &[Http2Frame]| {
        let reset = talk(frames).into_iter().find(|frame| frame.kind == Http2Frame::RST_STREAM);
        reset.map(|frame| (frame.stream, frame.payload[3]))
    };
    let protocol_error = Some((1, Http2ErrorCode::PROTOCOL_ERROR.0 as u8));
    let without_path = Http2Frame::headers(1, &GET[..3], true);
    assert_eq!(stream(&[without_path]), protocol_error);
    let connection = Http2Frame::headers(1, &[&GET[..], &[("connection", "close")]].concat(), true);
    assert_eq!(stream(&[connection]), protocol_error);
    let goaway = |frames: &[Http2Frame]| {
        let frame = talk(frames).into_iter().find(|frame| frame.kind == Http2Frame::GOAWAY);
        frame.map(|frame| u32::from_be_bytes(frame.payload[4..8].try_into().unwrap()))
    };
    // h2 decodes no name in upper case, and the table of header compression is lost then.
    let upper_case = Http2Frame::headers(1, &[&GET[..], &[("X-Key", "1")]].concat(), true);
    assert_eq!(goaway(&[upper_case]), Some(Http2ErrorCode::PROTOCOL_ERROR.0));
    assert_eq!(goaway(&[Http2Frame::data(0, "x", false)]), Some(Http2ErrorCode::PROTOCOL_ERROR.0));
    assert_eq!(goaway(&[Http2Frame::window_update(0, 0x7fff_ffff)]), Some(Http2ErrorCode::FLOW_CONTROL_ERROR.0));
}

#[test]
fn scripted_frames_answer_a_client() {
    let script = Script::new()
        .send(Http2Frame::settings(&[]))
        .send(Http2Frame::settings_ack())
        .expect_frame(Http2Frame::HEADERS)
        .send(Http2Frame::headers(1, &[(":status", "200"), ("x-key", "1")], false))
        .drip(&Http2Frame::data(1, "hello", true).to_bytes())
        .expect_frame(Http2Frame::HEADERS)
        .send(Http2Frame::rst_stream(3, Http2ErrorCode::REFUSED_STREAM))
        .send(Http2Frame::go_away(3, Http2ErrorCode::NO_ERROR))
        .silence();
    let connector = ScriptedConnector::new([script]);
    let io = connector.connect(&origin()).now_or_never().unwrap().unwrap();
    let mut peer = Peer::over(io).now_or_never().unwrap();
    let answer = peer.get("/").now_or_never().unwrap().unwrap();
    assert_eq!((answer.text(), &answer.head.headers()["x-key"]), ("hello", &"1".parse().unwrap()));
    let refused = peer.get("/").now_or_never().unwrap().unwrap_err();
    assert_eq!(refused.reason(), Some(h2::Reason::REFUSED_STREAM));
    let sent = connector.frames(0);
    assert_eq!(sent.iter().filter(|frame| frame.kind == Http2Frame::HEADERS).count(), 2);
    assert_eq!(sent[0].kind, Http2Frame::SETTINGS);
}

#[test]
fn preface_in_pieces_is_recognized() {
    let recorder = Recorder::new();
    let server = Server::start(recorder.record(handler(|_| async { Reply::text("hello") }.boxed()))).unwrap();
    let mut socket = TcpStream::connect(server.address()).unwrap();
    socket.set_nodelay(true).unwrap();
    for byte in Http2Frame::PREFACE {
        socket.write_all(&[*byte]).unwrap();
    }
    socket.write_all(&Http2Frame::settings(&[]).to_bytes()).unwrap();
    socket.write_all(&Http2Frame::headers(1, &GET, true).to_bytes()).unwrap();
    let mut received = Vec::new();
    let mut buffer = [0; 1024];
    while Http2Frame::parse(&received).iter().all(|frame| frame.kind != Http2Frame::DATA) {
        let count = socket.read(&mut buffer).unwrap();
        assert!(count > 0, "{received:?}");
        received.extend_from_slice(&buffer[..count]);
    }
    assert_eq!(Http2Frame::parse(&received)[0].kind, Http2Frame::SETTINGS);
    assert_eq!(recorder.requests().len(), 1);
    // A method that begins as the preface does is a method of HTTP/1.1.
    let mut socket = TcpStream::connect(server.address()).unwrap();
    socket.write_all(b"PRINT / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(recorder.requests()[1].method, "PRINT");
}
