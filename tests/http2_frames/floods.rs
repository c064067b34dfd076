//! Known attacks on clients of HTTP/2, by their CVE numbers: when each ends, with which error, and how much memory it
//! has taken until then.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use waterspout::testing::{Http2ErrorCode, Http2Frame};
use waterspout::{Body, Bytes, Error, ErrorKind, Response};

use crate::attacks::{Attack, End, Victim, attacks};
use crate::peer::{Memory, Rig, Started, URL, get, ok};

/// A victim's outcome.
enum Request {
    Text(Started<Result<String, Error>>),
    Held { _response: Started<Result<Response, Error>> },
}

impl Request {
    fn start(rig: &mut Rig, victim: Victim) -> Self {
        let client = rig.client.clone();
        match victim {
            Victim::Waiting | Victim::Reading | Victim::Done => Self::Text(rig.start(get(&client))),
            Victim::Uploading => {
                let request = client.post(URL).body(vec![b'x'; 1_000_000]);
                Self::Text(rig.start(async move { request.await?.text().await }))
            }
            Victim::Held => Self::Held { _response: rig.start(async move { client.get(URL).await }) },
        }
    }

    fn error(&self) -> Option<Error> {
        match self {
            Self::Text(request) => request.take().map(|outcome| outcome.expect_err("the victim has a response")),
            // The response is held, and its body is not read.
            Self::Held { .. } => None,
        }
    }

    fn is_done(&self) -> bool {
        matches!(self, Self::Text(request) if request.is_done())
    }
}

/// What an attack has done.
struct Outcome {
    /// The frames that were sent until a request failed.
    frames: u32,
    victim: Option<Error>,
    witness: Option<Error>,
    memory: usize,
    /// The connection of the next request.
    next: usize,
}

fn run(attack: &Attack) -> Outcome {
    let mut rig = Rig::new();
    let victim = Request::start(&mut rig, attack.victim);
    let witness = rig.start(get(&rig.client));
    let peer = rig.peer(0);
    match attack.victim {
        Victim::Waiting | Victim::Uploading => {}
        Victim::Reading | Victim::Held => peer.send_frames(&[ok(1, false)]),
        Victim::Done => peer.send_frames(&[ok(1, true)]),
    }
    rig.run();
    if let (Victim::Done, Request::Text(request)) = (attack.victim, &victim) {
        request.take().unwrap().unwrap();
    }
    drop(peer.received());
    let memory = Memory::new();
    let (mut frames, limit) = (0, attack.max_frames());
    while frames < limit && !victim.is_done() && !witness.is_done() {
        peer.send_frames(&[(attack.frame)(frames)]);
        rig.run();
        drop(peer.received());
        frames += 1;
    }
    let memory = memory.growth();
    let (victim_error, witness_error) = (victim.error(), witness.take().map(|outcome| outcome.unwrap_err()));
    if matches!(attack.end, End::Harmless { .. }) && witness_error.is_none() {
        peer.send_frames(&[ok(3, true)]);
        match attack.victim {
            Victim::Waiting => peer.send_frames(&[ok(1, true)]),
            // RFC 9113, section 8.1: the server does not want the rest of the request.
            Victim::Uploading => {
                peer.send_frames(&[ok(1, true), Http2Frame::rst_stream(1, Http2ErrorCode::NO_ERROR)]);
            }
            Victim::Reading | Victim::Held => peer.send_frames(&[Http2Frame::data(1, "", true)]),
            Victim::Done => {}
        }
        rig.run();
        witness.take().expect("the witness hangs").expect("the witness fails");
        if let (false, Request::Text(request)) = (attack.victim == Victim::Done, &victim) {
            request.take().expect("the victim hangs").expect("the victim fails");
        }
    }
    let next = rig.next_request();
    assert_eq!(peer.is_closed(), next == 1, "{}: a connection that has ended is closed", attack.name);
    Outcome { frames, victim: victim_error, witness: witness_error, memory, next }
}

/// Returns whether an attack ended as it should.
fn is_expected(attack: &Attack, outcome: &Outcome) -> bool {
    let has = |error: Option<&Error>, kind: ErrorKind, text: &str| {
        error.is_some_and(|error| error.kind() == kind && error.to_string().contains(text))
    };
    let (victim, witness) = (outcome.victim.as_ref(), outcome.witness.as_ref());
    let is_bounded = outcome.memory <= attack.memory;
    is_bounded
        && match attack.end {
            End::Connection { at, kind, text } => {
                let has_error = matches!(attack.victim, Victim::Held | Victim::Done) || has(victim, kind, text);
                (outcome.frames, outcome.next) == (at, 1) && has(witness, kind, text) && has_error
            }
            End::Stream { at, kind, text } => {
                (outcome.frames, outcome.next) == (at, 0) && has(victim, kind, text) && witness.is_none()
            }
            End::Harmless { frames } => {
                (outcome.frames, outcome.next) == (frames, 0) && victim.is_none() && witness.is_none()
            }
        }
}

#[test]
fn attack_ends_at_its_limit_or_costs_nothing() {
    let mut faults = Vec::new();
    for attack in attacks() {
        let outcome = run(&attack);
        if !is_expected(&attack, &outcome) {
            let text = |error: &Option<Error>| error.as_ref().map(ToString::to_string);
            let (victim, witness) = (text(&outcome.victim), text(&outcome.witness));
            let (frames, kib) = (outcome.frames, outcome.memory / 1024);
            faults.push(format!("{}: {frames} frames, {kib} KiB, {victim:?} and {witness:?}", attack.name));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn answers_that_the_server_does_not_read_take_no_memory() {
    // CVE-2019-9512 and CVE-2019-9515, without a read of the socket.
    for frame in [Http2Frame::ping([0; 8]), Http2Frame::settings(&[(4, 65_535)])] {
        let mut rig = Rig::new();
        let request = rig.start(get(&rig.client));
        let peer = rig.peer(0);
        peer.stop_reading();
        let flood = frame.to_bytes().repeat(500);
        let (memory, before) = (Memory::new(), peer.taken());
        for _ in 0..100 {
            peer.send(&flood);
            rig.run();
        }
        let taken = peer.taken() - before;
        assert!(taken < 32 * 1024, "{taken} bytes were read of {}", flood.len() * 100);
        // The bytes on the way are in memory too, and are copied when their buffer grows.
        let growth = memory.growth().saturating_sub(4 * flood.len() * 100);
        assert!(growth < 64 * 1024, "{growth} bytes");
        // The client reads no more than it can answer, so the flood is found or the request ends at its limit.
        rig.advance(Duration::from_secs(20));
        let error = request.take().expect("the request hangs").unwrap_err();
        assert!([ErrorKind::LimitExceeded, ErrorKind::Timeout].contains(&error.kind()), "{error}");
    }
}

#[test]
fn upload_that_the_server_does_not_read_takes_little_memory() {
    // CVE-2019-9517: the windows are open, and the server reads nothing from the socket.
    let mut rig = Rig::new();
    let warm = rig.start(get(&rig.client));
    let peer = rig.peer(0);
    peer.send_frames(&[ok(1, true), Http2Frame::settings(&[(4, 0x7fff_ffff)])]);
    peer.send_frames(&[Http2Frame::window_update(0, 0x7fff_0000)]);
    rig.run();
    warm.take().unwrap().unwrap();
    peer.stop_reading();
    let memory = Memory::new();
    let taken = Arc::<AtomicUsize>::default();
    let count = taken.clone();
    let pieces = futures::stream::repeat_with(move || {
        count.fetch_add(1, Ordering::Relaxed);
        Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 65_536]))
    });
    let request = rig.client.post(URL).body(Body::stream(pieces.take(10_000)));
    let request = rig.start(async move { request.await?.text().await });
    for _ in 0..100 {
        peer.send_frames(&[Http2Frame::ping([0; 8])]);
        rig.run();
    }
    assert!(!request.is_done());
    let pieces = taken.load(Ordering::Relaxed);
    assert!(pieces <= 6 && memory.growth() < 600 * 1024, "{pieces} pieces, {} bytes", memory.growth());
}

#[test]
fn server_that_causes_resets_gets_new_connections_and_no_endless_stream_of_resets() {
    // CVE-2025-8671 and CVE-2023-44487: each answer is malformed, so the client resets its stream.
    let mut rig = Rig::new();
    let memory = Memory::new();
    let mut resets = Vec::new();
    for _ in 0..1_000 {
        let request = rig.start(get(&rig.client));
        let number = rig.connects() - 1;
        let peer = rig.peer(number);
        let head = peer.received().into_iter().find(|frame| frame.kind == Http2Frame::HEADERS).unwrap();
        peer.send_frames(&[Http2Frame::headers(head.stream, &[("x", "no status")], false)]);
        rig.run();
        let error = request.take().expect("the request hangs").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        resets.resize(number + 1, 0);
        resets[number] += peer.received().iter().filter(|frame| frame.kind == Http2Frame::RST_STREAM).count();
    }
    assert!(resets.iter().all(|count| *count <= 100), "{resets:?}");
    assert_eq!((resets.len(), resets.iter().sum::<usize>()), (10, 1_000));
    assert!(memory.growth() < 1024 * 1024, "{}", memory.growth());
    rig.next_request();
}

#[test]
fn refused_streams_are_repeated_twice_and_no_more() {
    // CVE-2023-44487, as a server can turn it around: each stream is refused at once.
    let mut rig = Rig::new();
    for _ in 0..50 {
        let request = rig.start(get(&rig.client));
        let mut sent = 0;
        while !request.is_done() {
            for number in 0..rig.connects() {
                let peer = rig.peer(number);
                for head in peer.received().into_iter().filter(|frame| frame.kind == Http2Frame::HEADERS) {
                    sent += 1;
                    peer.send_frames(&[Http2Frame::rst_stream(head.stream, Http2ErrorCode::REFUSED_STREAM)]);
                }
            }
            rig.run();
        }
        assert!(request.take().unwrap().is_err());
        assert!(sent <= 3, "{sent}");
    }
}
