//! The window that all uploads of a connection share, against servers that return it early, late or not at all.

use std::time::Duration;

use futures::future::LocalBoxFuture;
use waterspout::testing::{Http2ErrorCode, Http2Frame};
use waterspout::{Body, Bytes, Client, ErrorKind, Result};

use crate::peer::{Peer, Rig, Started, URL, get, ok};

/// The window of a new connection.
const WINDOW: u32 = 65_535;

/// How a server returns the window of the connection.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Policy {
    /// Never for bytes that it discards, as HAProxy 2.6.
    ReadBytesOnly,
    /// Opens it to the maximum at first, as nginx.
    Maximum,
    /// For each frame, and for discarded bytes after the response, as Go.
    EachFrame,
    /// When a half is used up, as Node.
    Half,
    /// Within an upload when everything is used up, and after it as late as possible: before the answer to a PING.
    Late,
    /// As `Late`, but after the answer to a PING, as hyper when its program drops the body late.
    AfterAnswer,
}

/// A server that answers some uploads before it reads them.
struct Server {
    policy: Policy,
    answers_pings: bool,
    connections: Vec<Connection>,
    pings: usize,
}

#[derive(Default)]
struct Connection {
    /// The bytes whose window was not returned yet.
    consumed: u32,
    /// The streams that were answered early.
    discarded: Vec<u32>,
    /// Whether a PING was answered since the window was returned.
    is_pinged: bool,
}

impl Server {
    fn new(policy: Policy) -> Self {
        Self { policy, answers_pings: true, connections: Vec::new(), pings: 0 }
    }

    /// Serves all connections until nothing moves any more.
    fn serve(&mut self, rig: &mut Rig) {
        loop {
            let mut is_quiet = true;
            for number in 0..rig.connects() {
                let peer = rig.peer(number);
                if self.connections.len() <= number {
                    self.connections.push(Connection::default());
                    if self.policy == Policy::Maximum {
                        peer.send_frames(&[Http2Frame::window_update(0, (1 << 31) - 1 - WINDOW)]);
                    }
                }
                let frames = peer.received();
                is_quiet &= frames.is_empty();
                frames.iter().for_each(|frame| self.handle(number, &peer, frame));
                rig.run();
                self.return_discarded(number, &peer);
                rig.run();
            }
            if is_quiet {
                return;
            }
        }
    }

    fn handle(&mut self, number: usize, peer: &Peer, frame: &Http2Frame) {
        let connection = &mut self.connections[number];
        let stream = frame.stream;
        let ends = frame.flags & Http2Frame::END_STREAM != 0;
        match frame.kind {
            Http2Frame::HEADERS if ends => peer.send_frames(&[ok(stream, true)]),
            Http2Frame::HEADERS if self.policy.answers_early(number, stream) => {
                connection.discarded.push(stream);
                peer.send_frames(&[Http2Frame::headers(stream, &[(":status", "413")], true)]);
                if self.policy == Policy::EachFrame {
                    peer.send_frames(&[Http2Frame::rst_stream(stream, Http2ErrorCode::NO_ERROR)]);
                }
            }
            Http2Frame::DATA => {
                let length = frame.payload.len() as u32;
                let is_discarded = connection.discarded.contains(&stream);
                if !(is_discarded && self.policy == Policy::ReadBytesOnly) {
                    connection.consumed += length;
                }
                let is_returned = match self.policy {
                    Policy::ReadBytesOnly | Policy::EachFrame => !is_discarded,
                    Policy::Half => connection.consumed >= WINDOW / 2,
                    Policy::Late | Policy::AfterAnswer => connection.consumed == WINDOW && !is_discarded && !ends,
                    Policy::Maximum => false,
                };
                if is_returned {
                    connection.give_back(peer);
                }
                if !is_discarded && length > 0 && !ends {
                    peer.send_frames(&[Http2Frame::window_update(stream, length)]);
                }
                if !is_discarded && ends {
                    peer.send_frames(&[ok(stream, true)]);
                }
            }
            Http2Frame::PING if frame.flags & Http2Frame::ACK == 0 => {
                self.pings += 1;
                connection.is_pinged = true;
                if self.policy == Policy::Late {
                    connection.give_back(peer);
                }
                if self.answers_pings {
                    let ack = Http2Frame::new(Http2Frame::PING, Http2Frame::ACK, 0, frame.payload.clone());
                    peer.send_frames(&[ack]);
                }
            }
            _ => {}
        }
    }

    /// Returns the window of discarded bytes, after the client has received the response.
    fn return_discarded(&mut self, number: usize, peer: &Peer) {
        let connection = &mut self.connections[number];
        let is_due = match self.policy {
            Policy::EachFrame => true,
            Policy::AfterAnswer => connection.is_pinged,
            _ => false,
        };
        if is_due {
            connection.give_back(peer);
        }
    }

    /// Starts a request, and serves until nothing moves any more.
    fn start<T: 'static>(&mut self, rig: &mut Rig, request: impl Future<Output = T> + 'static) -> Started<T> {
        let started = rig.start(request);
        self.serve(rig);
        started
    }

    /// Uploads a body of this many bytes. Returns the status of the response.
    #[track_caller]
    fn upload(&mut self, rig: &mut Rig, bytes: usize) -> u16 {
        let request = upload(&rig.client, bytes);
        self.start(rig, request).take().expect("the upload hangs").unwrap()
    }
}

impl Connection {
    fn give_back(&mut self, peer: &Peer) {
        self.is_pinged = false;
        let bytes = std::mem::take(&mut self.consumed);
        if bytes > 0 {
            peer.send_frames(&[Http2Frame::window_update(0, bytes)]);
        }
    }
}

impl Policy {
    fn answers_early(self, connection: usize, stream: u32) -> bool {
        match self {
            Self::ReadBytesOnly => connection == 0 && stream == 1,
            _ => stream % 4 == 1,
        }
    }
}

/// Uploads a body of this many bytes, and returns the status of the response.
fn upload(client: &Client, bytes: usize) -> impl Future<Output = Result<u16>> + use<> {
    send(client, vec![b'x'; bytes].into())
}

fn send(client: &Client, body: Body) -> impl Future<Output = Result<u16>> + use<> {
    let client = client.clone();
    async move {
        let response = client.post(URL).body(body).await?;
        let status = response.status().as_u16();
        response.bytes().await?;
        Ok(status)
    }
}

/// A body that can be sent once.
fn one_shot(bytes: usize) -> Body {
    Body::stream(futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; bytes]))]))
}

/// Loses the whole window of the first connection.
fn lose_window() -> (Rig, Server) {
    let (mut rig, mut server) = (Rig::new(), Server::new(Policy::ReadBytesOnly));
    assert_eq!(server.upload(&mut rig, 200_000), 413);
    assert_eq!(rig.connects(), 1);
    (rig, server)
}

#[test]
fn upload_leaves_a_connection_whose_window_was_lost() {
    type Send = fn(Client) -> LocalBoxFuture<'static, Result<u16>>;
    let once: Send = |client| Box::pin(send(&client, one_shot(100_000)));
    let large: Send = |client| Box::pin(upload(&client, 100_000));
    let small: Send = |client| Box::pin(upload(&client, 1));
    let put: Send =
        |client| Box::pin(async move { Ok(client.put(URL).body(vec![b'x'; 100_000]).await?.status().as_u16()) });
    for (name, request) in [("once", once), ("large", large), ("small", small), ("PUT", put)] {
        let (mut rig, mut server) = lose_window();
        let request = request(rig.client.clone());
        let status = server.start(&mut rig, request).take().expect(name);
        assert_eq!(status.unwrap(), 200, "{name}");
        assert_eq!((rig.connects(), server.pings), (2, 2), "{name}");
        assert!(rig.peer(0).is_closed(), "{name}: the first connection stays open");
        // The next uploads use the second connection.
        for _ in 0..5 {
            assert_eq!(server.upload(&mut rig, 100_000), 200, "{name}");
        }
        assert_eq!((rig.connects(), server.pings), (2, 2), "{name}");
    }
}

#[test]
fn uploads_that_begin_at_once_share_the_pings() {
    let (mut rig, mut server) = lose_window();
    let uploads: Vec<_> = (0..10).map(|_| upload(&rig.client, 10_000)).collect();
    let statuses = server.start(&mut rig, futures::future::join_all(uploads)).take().expect("the uploads hang");
    assert!(statuses.into_iter().all(|status| status.unwrap() == 200));
    assert_eq!((rig.connects(), server.pings), (2, 2));
}

#[test]
fn upload_leaves_a_connection_with_less_than_a_quarter_of_its_window() {
    let (mut rig, mut server) = (Rig::new(), Server::new(Policy::ReadBytesOnly));
    // The server discards this upload, and no other.
    assert_eq!(server.upload(&mut rig, 49_153), 413);
    assert_eq!(server.upload(&mut rig, 100_000), 200);
    assert_eq!(rig.connects(), 2);
}

#[test]
fn connection_with_a_quarter_of_its_window_is_used_on() {
    let (mut rig, mut server) = (Rig::new(), Server::new(Policy::ReadBytesOnly));
    // A quarter is left, which the later uploads use again and again.
    assert_eq!(server.upload(&mut rig, 49_000), 413);
    for _ in 0..5 {
        assert_eq!(server.upload(&mut rig, 100_000), 200);
    }
    assert_eq!((rig.connects(), server.pings), (1, 0));
}

#[test]
fn servers_that_return_the_window_keep_their_connection() {
    for policy in [Policy::Maximum, Policy::EachFrame, Policy::Half, Policy::Late, Policy::AfterAnswer] {
        let (mut rig, mut server) = (Rig::new(), Server::new(policy));
        for round in 0..40 {
            let bytes = [60_000, 200_000, 100, 65_535, 30_000][round % 5];
            let status = server.upload(&mut rig, bytes);
            assert_eq!(status, if round % 2 == 0 { 413 } else { 200 }, "{policy:?}");
        }
        assert_eq!(rig.connects(), 1, "{policy:?}");
        let is_late = matches!(policy, Policy::Late | Policy::AfterAnswer);
        assert_eq!(server.pings > 0, is_late, "{policy:?} has {} PINGs", server.pings);
    }
}

#[test]
fn requests_without_a_body_stay_on_the_connection() {
    let (mut rig, mut server) = lose_window();
    let request = get(&rig.client);
    server.start(&mut rig, request).take().expect("the request hangs").unwrap();
    assert_eq!((rig.connects(), server.pings), (1, 0));
}

#[test]
fn running_request_ends_on_the_connection_that_uploads_leave() {
    let (mut rig, mut server) = lose_window();
    let running = rig.start(get(&rig.client));
    let head = rig.peer(0).received().into_iter().find(|frame| frame.kind == Http2Frame::HEADERS).unwrap();
    assert_eq!(server.upload(&mut rig, 100_000), 200);
    assert!(!running.is_done() && !rig.peer(0).is_closed());
    rig.peer(0).send_frames(&[ok(head.stream, true)]);
    rig.run();
    assert!(running.take().unwrap().is_ok());
    assert_eq!(rig.connects(), 2);
}

#[test]
fn unanswered_ping_sends_the_upload_elsewhere() {
    let (mut rig, mut server) = lose_window();
    server.answers_pings = false;
    let request = upload(&rig.client, 100);
    let request = server.start(&mut rig, request);
    assert!(!request.is_done());
    rig.advance(Duration::from_secs(2));
    server.serve(&mut rig);
    assert_eq!(request.take().expect("the upload hangs").unwrap(), 200);
    assert_eq!(rig.connects(), 2);
}

#[test]
fn upload_that_waits_for_a_lost_window_ends_by_its_limit_and_later_uploads_leave() {
    let (mut rig, mut server) = (Rig::new(), Server::new(Policy::ReadBytesOnly));
    let client = rig.client.clone();
    let first = rig.start(upload(&client, 200_000));
    // This upload begins while the first has the whole window.
    let waiting = async move {
        let request = client.post(URL).head_timeout(Duration::from_secs(5)).body(vec![b'x'; 100]);
        request.await.map(drop)
    };
    let waiting = server.start(&mut rig, waiting);
    assert_eq!(first.take().unwrap().unwrap(), 413);
    assert!(!waiting.is_done());
    // It does not hide the loss from another upload.
    assert_eq!(server.upload(&mut rig, 100_000), 200);
    assert_eq!((rig.connects(), server.pings), (2, 2));
    rig.advance(Duration::from_secs(5));
    assert_eq!(waiting.take().expect("the upload hangs").unwrap_err().kind(), ErrorKind::Timeout);
    server.serve(&mut rig);
    assert!(rig.peer(0).is_closed());
    assert_eq!(server.upload(&mut rig, 100_000), 200);
    assert_eq!(rig.connects(), 2);
}

#[test]
fn open_upload_that_uses_the_window_up_keeps_the_connection() {
    let (mut rig, mut server) = (Rig::new(), Server::new(Policy::ReadBytesOnly));
    // The server neither answers nor reads the first upload for now.
    let slow = rig.start(upload(&rig.client, 65_535));
    let frames = rig.peer(0).received();
    let next = rig.start(upload(&rig.client, 100));
    assert_eq!((rig.connects(), server.pings), (1, 0));
    server.connections.push(Connection::default());
    frames.iter().filter(|frame| frame.kind == Http2Frame::DATA).for_each(|frame| {
        server.handle(0, &rig.peer(0), frame);
    });
    rig.run();
    server.serve(&mut rig);
    assert_eq!((slow.take().unwrap().unwrap(), next.take().unwrap().unwrap()), (200, 200));
    assert_eq!((rig.connects(), server.pings), (1, 0));
}

#[test]
fn answer_to_a_ping_says_nothing_about_uploads_that_end_later() {
    for is_dropped in [false, true] {
        let (mut rig, mut server) = (Rig::new(), Server::new(Policy::Late));
        let request = get(&rig.client);
        server.start(&mut rig, request).take().unwrap().unwrap();
        let peer = rig.peer(0);
        // The connection was silent, so a POST sends a PING first.
        rig.advance(Duration::from_secs(10));
        let (request, handle) = futures::future::abortable(upload(&rig.client, 100));
        let mut post = rig.start(async move { request.await.unwrap_or(Ok(0)) });
        let pings = pings_of(&peer);
        assert_eq!(pings.len(), 1);
        let ack = Http2Frame::new(Http2Frame::PING, Http2Frame::ACK, 0, pings[0].payload.clone());
        // The request of a PUT may be sent again, so it does not wait. Its body uses the window up.
        let client = rig.client.clone();
        let put = rig.start(async move { client.put(URL).body(vec![b'x'; WINDOW as usize]).await.map(drop) });
        peer.received();
        peer.send_frames(&[ok(3, true)]);
        rig.run();
        put.take().expect("the PUT hangs").unwrap();
        if is_dropped {
            handle.abort();
            post = rig.start(upload(&rig.client.clone(), 100));
        }
        peer.send_frames(std::slice::from_ref(&ack));
        rig.run();
        // The server has returned the window before it answers the second PING.
        assert_eq!(pings_of(&peer).len(), 1, "dropped: {is_dropped}");
        peer.send_frames(&[Http2Frame::window_update(0, WINDOW), ack]);
        rig.run();
        server.serve(&mut rig);
        post.take().expect("the POST hangs").unwrap();
        assert_eq!(rig.connects(), 1, "dropped: {is_dropped}");
    }
}

/// Takes the PINGs that a peer has received.
fn pings_of(peer: &Peer) -> Vec<Http2Frame> {
    peer.received().into_iter().filter(|frame| frame.kind == Http2Frame::PING).collect()
}
