//! Tests of the budgets, with frames that are made by hand.

mod windows;

use std::cell::Cell;
use std::time::Duration;

use super::*;

const DATA: u8 = frame_headers::DATA;
const HEADERS: u8 = frame_headers::HEADERS;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = frame_headers::RST_STREAM;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = frame_headers::WINDOW_UPDATE;
const CONTINUATION: u8 = frame_headers::CONTINUATION;
const ALTSVC: u8 = 10;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const PADDED: u8 = 8;

fn frame(kind: u8, flags: u8, stream: u32, length: u32) -> Vec<u8> {
    let [_, a, b, c] = length.to_be_bytes();
    let mut bytes = vec![a, b, c, kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.resize(bytes.len() + length as usize, 0);
    bytes
}

/// A meter of a connection whose clock is moved by hand.
struct Rig {
    meter: FrameMeter,
    now: Instant,
    clock_reads: Cell<u32>,
}

impl Rig {
    fn new() -> Self {
        Self::with_limits(&Http1Limits::default())
    }

    fn with_limits(limits: &Http1Limits) -> Self {
        let now = Instant::from_origin(Duration::from_secs(1));
        let mut meter = FrameMeter::new(limits, now);
        meter.sent(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        Self { meter, now, clock_reads: Cell::new(0) }
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<(), FrameFlood> {
        let now = || {
            self.clock_reads.set(self.clock_reads.get() + 1);
            self.now
        };
        self.meter.received(bytes, &now)
    }

    /// Returns how many of these frames are accepted, up to `most`, and the error of the next.
    fn accepted(&mut self, bytes: &[u8], most: u32) -> (u32, Option<FrameFlood>) {
        for count in 0..most {
            if let Err(flood) = self.receive(bytes) {
                return (count, Some(flood));
            }
        }
        (most, None)
    }

    fn request(&mut self, stream: u32) {
        self.meter.sent(&frame(HEADERS, 0x5, stream, 40));
    }
}

#[test]
fn flood_of_each_overhead_frame_is_bounded() {
    for (name, bytes) in [
        ("PING", frame(PING, 0, 0, 8)),
        ("PING", frame(PING, ACK, 0, 8)),
        ("SETTINGS", frame(SETTINGS, 0, 0, 6)),
        ("SETTINGS", frame(SETTINGS, ACK, 0, 0)),
        ("RST_STREAM", frame(RST_STREAM, 0, 1, 4)),
        ("WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 0, 4)),
        ("WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 1, 4)),
        ("PRIORITY", frame(PRIORITY, 0, 1, 5)),
        ("GOAWAY", frame(GOAWAY, 0, 0, 8)),
        ("PUSH_PROMISE", frame(PUSH_PROMISE, 4, 1, 4)),
        ("DATA", frame(DATA, END_STREAM, 1, 0)),
        ("unknown", frame(ALTSVC, 0, 0, 2)),
        ("unknown", frame(0xff, 0xff, 7, 0)),
    ] {
        let (count, flood) = Rig::new().accepted(&bytes, 10_000);
        assert_eq!((count, flood), (OVERHEAD, Some(FrameFlood::Overhead(name))));
        let error = flood.unwrap().error(Phase::Body);
        assert_eq!((error.kind(), error.phase()), (ErrorKind::LimitExceeded, Phase::Body));
        assert!(error.to_string().contains(name) && error.to_string().contains("1000"), "{error}");
    }
}

#[test]
fn floods_of_several_types_share_a_budget() {
    let mut rig = Rig::new();
    let mixed =
        [frame(PING, 0, 0, 8), frame(SETTINGS, 0, 0, 0), frame(PRIORITY, 0, 1, 5), frame(WINDOW_UPDATE, 0, 0, 4)];
    let (count, flood) = rig.accepted(&mixed.concat(), 10_000);
    assert_eq!((count, flood), (OVERHEAD / 4, Some(FrameFlood::Overhead("PING"))));
}

#[test]
fn flood_is_found_however_the_bytes_are_split() {
    let bytes = frame(WINDOW_UPDATE, 0, 0, 4).repeat(2_000);
    for step in [1, 2, 7, 9, 13, 100, 16_384, bytes.len()] {
        let mut rig = Rig::new();
        let refused = bytes.chunks(step).position(|piece| rig.receive(piece).is_err());
        // The header of the frame after the budget is complete in this piece.
        assert_eq!(refused, Some((OVERHEAD as usize * 13 + 8) / step), "in steps of {step}");
    }
}

#[test]
fn large_payload_counts_as_several_frames() {
    for (length, cost) in [(0, 1), (255, 1), (256, 2), (16_384, 65)] {
        let (count, _) = Rig::new().accepted(&frame(ALTSVC, 0, 0, length), 10_000);
        assert_eq!(count, OVERHEAD / cost, "{length}");
    }
}

#[test]
fn ping_every_few_seconds_is_accepted_for_days() {
    let mut rig = Rig::new();
    for _ in 0..3 * 24 * 3600 {
        rig.now = rig.now + Duration::from_secs(1);
        rig.receive(&frame(PING, 0, 0, 8)).unwrap();
    }
    // The clock is read when the budget is used up, and not for each frame.
    assert!(rig.clock_reads.get() <= 3 * 24 * 3600 / OVERHEAD);
}

#[test]
fn time_refills_the_budget_at_its_rate() {
    let mut rig = Rig::new();
    let ping = frame(PING, 0, 0, 8);
    assert_eq!(rig.accepted(&ping, 10_000).0, OVERHEAD);
    for (millis, count) in [(0, 0), (99, 0), (1, 1), (1_000, 10), (3_600_000, OVERHEAD)] {
        rig.now = rig.now + Duration::from_millis(millis);
        assert_eq!(rig.accepted(&ping, 10_000).0, count, "after {millis} ms");
    }
}

#[test]
fn progress_of_requests_refills_the_budget() {
    let data = frame(DATA, 0, 1, 100);
    for (name, allowed, sent, received) in [
        ("request", OVERHEAD_PER_REQUEST, frame(HEADERS, 0x5, 0, 40), vec![]),
        ("upload", OVERHEAD_PER_DATA_SENT, data.clone(), vec![]),
        ("download", OVERHEAD_PER_DATA_RECEIVED, vec![], data),
        ("padded download", OVERHEAD_PER_DATA_RECEIVED, vec![], frame(DATA, PADDED, 1, 300)),
    ] {
        for (extra, is_accepted) in [(0, true), (1, false)] {
            let mut rig = Rig::new();
            let pings = frame(PING, 0, 0, 8).repeat((allowed + extra) as usize);
            let outcome = (0..100_000).try_for_each(|number: u32| {
                let mut sent = sent.clone();
                if sent.get(3) == Some(&HEADERS) {
                    sent.splice(5..9, (2 * number + 1).to_be_bytes());
                }
                rig.meter.sent(&sent);
                rig.receive(&received)?;
                rig.receive(&pings)
            });
            assert_eq!(outcome.is_ok(), is_accepted, "{name}");
        }
    }
}

#[test]
fn answers_and_empty_frames_refill_nothing() {
    for (sent, received) in [
        (frame(PING, ACK, 0, 8), vec![]),
        (frame(SETTINGS, ACK, 0, 0), vec![]),
        (frame(WINDOW_UPDATE, 0, 0, 4), vec![]),
        (frame(RST_STREAM, 0, 1, 4), vec![]),
        (frame(DATA, END_STREAM, 1, 0), vec![]),
        // Trailers, because the stream of the request is 1.
        (frame(HEADERS, 0x5, 1, 10), vec![]),
        (vec![], frame(DATA, PADDED, 1, 256)),
        (vec![], frame(HEADERS, 0x4, 1, 10)),
    ] {
        let mut rig = Rig::new();
        rig.request(1);
        let (count, _) = (0..10_000).fold((0, false), |(count, ended), _| {
            rig.meter.sent(&sent);
            let ended = ended || rig.receive(&received).and_then(|()| rig.receive(&frame(PING, 0, 0, 8))).is_err();
            (count + u32::from(!ended), ended)
        });
        assert_eq!(count, OVERHEAD, "{sent:?} {received:?}");
    }
}

#[test]
fn flood_of_informational_heads_is_bounded_by_bytes() {
    let limits = Http1Limits::default();
    let head = u64::from(max_header_list_size(&limits));
    for (requests, length) in [(1, 4), (1, 1_000), (1, 16_384), (10, 1_000), (0, 4)] {
        let mut rig = Rig::new();
        for number in 0..requests {
            rig.request(2 * number + 1);
        }
        let (count, flood) = rig.accepted(&frame(HEADERS, 0x4, 1, length), u32::MAX);
        let bytes = limits.informational as u64 + u64::from(requests) * head;
        assert_eq!(u64::from(count), bytes / (u64::from(length) + 9), "{requests} {length}");
        assert_eq!(flood, Some(FrameFlood::Heads(limits.informational as u64)));
        assert!(flood.unwrap().to_string().contains("`Config::informational_bytes`"));
    }
}

#[test]
fn large_heads_of_sequential_and_parallel_requests_are_accepted() {
    for (streams, rounds) in [(1, 300), (100, 10)] {
        let mut rig = Rig::new();
        for round in 0..rounds {
            let ids: Vec<_> = (0..streams).map(|number| 2 * (round * streams + number) + 1).collect();
            ids.iter().for_each(|stream| rig.request(*stream));
            for stream in &ids {
                // A hint, a head of 64 KiB with its CONTINUATION frames, and trailers.
                rig.receive(&frame(HEADERS, 0x4, *stream, 2_000)).unwrap();
                rig.receive(&frame(HEADERS, 0, *stream, 16_384)).unwrap();
                rig.receive(&frame(CONTINUATION, 0, *stream, 16_384).repeat(3)).unwrap();
            }
            for stream in &ids {
                rig.receive(&frame(HEADERS, 0x5, *stream, 16_000)).unwrap();
            }
        }
    }
}

#[test]
fn request_that_has_ended_allows_no_heads() {
    let informational = Http1Limits::default().informational as u64;
    type End = fn(&mut Rig, u32);
    let ends: [(&str, End); 4] = [
        ("head", |rig, stream| rig.receive(&frame(HEADERS, 0x5, stream, 100)).unwrap()),
        ("body", |rig, stream| rig.receive(&frame(DATA, END_STREAM, stream, 100)).unwrap()),
        ("reset", |rig, stream| rig.receive(&frame(RST_STREAM, 0, stream, 4)).unwrap()),
        ("cancel", |rig, stream| rig.meter.sent(&frame(RST_STREAM, 0, stream, 4))),
    ];
    for (name, end) in ends {
        let mut rig = Rig::new();
        for stream in (1..2_000).step_by(2) {
            rig.request(stream);
            end(&mut rig, stream);
        }
        assert!(rig.meter.open.is_empty(), "{name}");
        assert_eq!(rig.meter.heads, informational, "{name}");
        // A second end of a stream counts for no other stream.
        rig.request(2_001);
        let before = rig.meter.heads;
        rig.meter.sent(&frame(RST_STREAM, 0, 1_999, 4));
        assert_eq!((rig.meter.heads, &rig.meter.open[..]), (before, &[2_001][..]), "{name}");
    }
}

#[test]
fn continuation_flood_is_bounded_with_and_without_payload() {
    for length in [0, 1, 10_000] {
        let mut rig = Rig::new();
        rig.request(1);
        for _ in 0..3 {
            rig.receive(&frame(HEADERS, 0, 1, 10)).unwrap();
            rig.receive(&frame(CONTINUATION, 0, 1, length).repeat(8)).unwrap();
        }
        let flood = rig.receive(&frame(CONTINUATION, 0, 1, length)).unwrap_err();
        assert_eq!(flood, FrameFlood::Continuations(8));
        assert!(flood.to_string().contains("more than 8 CONTINUATION frames"));
    }
}

#[test]
fn limit_of_continuations_is_below_the_limit_of_h2() {
    let default = Http1Limits::default();
    for head in [0, 100, 4_096, 65_535, 65_536, 100_000, 1 << 20, 100 << 20] {
        for trailers in [0, 16_384, 1 << 20] {
            for headers in [0, 256, 10_000] {
                let limits = Http1Limits { head, trailers, headers, ..default };
                // As h2 0.4.20 calculates it in `calc_max_continuation_frames`.
                let frames = (max_header_list_size(&limits) as usize / 16_384).max(1);
                let of_h2 = (frames + frames / 4).max(5);
                assert!(max_continuations(&limits) < of_h2, "{limits:?}");
                // The largest head fits.
                assert!(max_continuations(&limits) * 16_384 >= head.max(trailers), "{limits:?}");
            }
        }
    }
}

#[test]
fn empty_data_has_the_limit_of_h2_in_the_life_of_a_connection() {
    let mut rig = Rig::new();
    for number in 1..=MAX_EMPTY_DATA {
        rig.request(2 * number + 1);
        rig.receive(&frame(DATA, 0, 1, 0)).unwrap();
        assert_eq!(rig.meter.should_retire(), number > 50, "{number}");
        // The end of a stream is not counted.
        rig.receive(&frame(DATA, END_STREAM, 1, 0)).unwrap();
    }
    let flood = rig.receive(&frame(DATA, 0, 1, 0)).unwrap_err();
    assert_eq!(flood, FrameFlood::EmptyData);
    assert!(flood.to_string().contains("more than 100 empty DATA frames"));
}

#[test]
fn data_of_ended_streams_is_bounded_by_their_windows() {
    let window = u64::from(STREAM_WINDOW);
    let data = |stream| frame(DATA, 0, stream, 16_384);
    // The client has reset so many streams, and the server has ended a stream.
    for resets in [0, 1, 3] {
        let mut rig = Rig::new();
        for stream in (1..=2 * resets + 1).step_by(2) {
            rig.request(stream);
            // An open stream has no limit here.
            (0..1_000).for_each(|_| rig.receive(&data(stream)).unwrap());
        }
        for stream in (1..2 * resets).step_by(2) {
            // The second reset answers late frames.
            (0..2).for_each(|_| rig.meter.sent(&frame(RST_STREAM, 0, stream, 4)));
        }
        rig.receive(&frame(DATA, END_STREAM, 2 * resets + 1, 1)).unwrap();
        let (count, flood) = rig.accepted(&data(2 * resets + 1), 10_000);
        assert_eq!(u64::from(count), u64::from(resets) * window / 16_384, "{resets}");
        assert_eq!(flood, Some(FrameFlood::LateData));
        assert!(flood.unwrap().to_string().contains("requests that have ended"));
    }
}

#[test]
fn late_data_of_many_cancels_is_accepted() {
    let mut rig = Rig::new();
    rig.meter = rig.meter.with_stream_window(100_000);
    for stream in (1..4_000).step_by(2) {
        rig.request(stream);
        rig.meter.sent(&frame(RST_STREAM, 0, stream, 4));
        rig.receive(&frame(DATA, 0, stream, 10_000).repeat(10)).unwrap();
        rig.receive(&frame(HEADERS, 0x5, stream, 10)).unwrap();
    }
    assert_eq!(rig.receive(&frame(DATA, 0, 1, 1)), Err(FrameFlood::LateData));
}

#[test]
fn bytes_of_another_protocol_are_left_to_h2() {
    for answer in ["HTTP/1.1 400 Bad Request\r\n\r\n", "220 mail.test ESMTP\r\n", "\u{15}\u{3}\u{1}\0\u{2}\u{2}\u{28}"]
    {
        Rig::new().receive(answer.as_bytes()).unwrap();
    }
}

#[test]
fn sent_bytes_are_counted_however_they_are_split() {
    let bytes = [frame(HEADERS, 0x4, 1, 40), frame(DATA, 1, 1, 10), frame(HEADERS, 0x5, 3, 1)].concat();
    for count in 0..=bytes.len() {
        for at in 0..=bytes.len() {
            let (first, second) = bytes.split_at(at);
            let mut meter = Rig::new().meter;
            // The transport has taken `count` bytes, in two writes.
            meter.sent(&first[..count.min(at)]);
            meter.sent(&second[..count.saturating_sub(at)]);
            let expected: &[u32] = match count {
                0..9 => &[],
                9..77 => &[1],
                _ => &[1, 3],
            };
            assert_eq!(meter.open, expected, "{count} of {at}");
        }
    }
}
