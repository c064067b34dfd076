//! The parser. Each input is read whole, byte by byte, and in two pieces split at each position.

use std::time::Duration;

use waterspout::sse::{Parser, ServerEvent};
use waterspout::{Error, ErrorKind, Phase};

/// A description, the input, the events as (event, data, id), the last id, and the server's `retry` in milliseconds.
type Golden =
    (&'static str, &'static [u8], &'static [(&'static str, &'static str, &'static str)], &'static str, Option<u64>);

const GOLDEN: &[Golden] = &[
    ("nothing", b"", &[], "", None),
    ("a line of data", b"data: a\n\n", &[("message", "a", "")], "", None),
    ("lines end in line feeds", b"data: a\n\ndata: b\n\n", &[("message", "a", ""), ("message", "b", "")], "", None),
    (
        "lines end in carriage returns",
        b"data: a\r\rdata: b\r\r",
        &[("message", "a", ""), ("message", "b", "")],
        "",
        None,
    ),
    ("lines end in both", b"data: a\r\n\r\ndata: b\r\n\r\n", &[("message", "a", ""), ("message", "b", "")], "", None),
    ("line ends may be mixed", b"data: a\r\ndata: b\rdata: c\n\r\n", &[("message", "a\nb\nc", "")], "", None),
    (
        "a line feed and a carriage return are two ends",
        b"data: a\n\rdata: b\n\n",
        &[("message", "a", ""), ("message", "b", "")],
        "",
        None,
    ),
    ("an event ends with the carriage return", b"data: a\n\r", &[("message", "a", "")], "", None),
    (
        "a line separator of Unicode ends no line",
        "data: a\u{2028}b\u{85}c\x0bd\n\n".as_bytes(),
        &[("message", "a\u{2028}b\u{85}c\x0bd", "")],
        "",
        None,
    ),
    (
        "several lines of data are joined",
        b"data: YHOO\ndata: +2\ndata: 10\n\n",
        &[("message", "YHOO\n+2\n10", "")],
        "",
        None,
    ),
    (
        "empty lines of data are lines",
        b"data\n\ndata\ndata\n\ndata:",
        &[("message", "", ""), ("message", "\n", "")],
        "",
        None,
    ),
    (
        "a space after the colon is left out",
        b"data:test\n\ndata: test\n\ndata:  test\n\n",
        &[("message", "test", ""), ("message", "test", ""), ("message", " test", "")],
        "",
        None,
    ),
    ("a tab after the colon stays", b"data:\ttest\n\n", &[("message", "\ttest", "")], "", None),
    ("a value may have colons", b"data: a:b: c\n\n", &[("message", "a:b: c", "")], "", None),
    ("comments are skipped", b": test stream\n\n:\n:data: no\ndata: a\n: more\n\n", &[("message", "a", "")], "", None),
    ("an event without data is none", b"event: a\n\nid: 3\n\n\n\n", &[], "3", None),
    ("its type is forgotten", b"event: a\n\ndata: b\n\n", &[("message", "b", "")], "", None),
    (
        "an event has a type",
        b"event: add\ndata: 1\n\nevent: remove\ndata: 2\n\ndata: 3\n\n",
        &[("add", "1", ""), ("remove", "2", ""), ("message", "3", "")],
        "",
        None,
    ),
    (
        "the last type counts",
        b"event: a\nevent: b\ndata: 1\n\nevent: a\nevent\ndata: 2\n\n",
        &[("b", "1", ""), ("message", "2", "")],
        "",
        None,
    ),
    (
        "an id stays until there is another",
        b"data: a\nid: 1\n\ndata: b\n\ndata: c\nid: 2\n\n",
        &[("message", "a", "1"), ("message", "b", "1"), ("message", "c", "2")],
        "2",
        None,
    ),
    (
        "an empty id takes it back",
        b"id: 1\ndata: a\n\nid\ndata: b\n\ndata: c\n\n",
        &[("message", "a", "1"), ("message", "b", ""), ("message", "c", "")],
        "",
        None,
    ),
    (
        "an id with NUL is ignored",
        b"id: 1\ndata: a\n\nid: 2\0\ndata: b\n\nid:\0\n\n",
        &[("message", "a", "1"), ("message", "b", "1")],
        "1",
        None,
    ),
    ("an id beyond ASCII", "id: …\ndata: a\n\n".as_bytes(), &[("message", "a", "…")], "…", None),
    (
        "an id counts when its event has ended",
        b"id: 1\ndata: a\n\nid: 2\ndata: b\n",
        &[("message", "a", "1")],
        "1",
        None,
    ),
    ("what the end cuts short is no event", b"data: a\n\ndata: b\n", &[("message", "a", "")], "", None),
    ("not even with its line whole", b"data: a", &[], "", None),
    ("retry is a number of milliseconds", b"retry: 1500\n\n", &[], "", Some(1500)),
    ("retry counts at once", b"retry: 1500\n", &[], "", Some(1500)),
    ("the last retry counts", b"retry:1\nretry: 02\n", &[], "", Some(2)),
    (
        "a retry with anything but digits is ignored",
        b"retry: 7\nretry: 1e3\nretry: -1\nretry: +1\nretry: 1 \nretry:  1\nretry: 1.5\nretry: 0x1\n",
        &[],
        "",
        Some(7),
    ),
    ("nor digits of another script", "retry: 7\nretry: ١\n".as_bytes(), &[], "", Some(7)),
    ("an empty retry is ignored", b"retry: 7\nretry\nretry:\nretry: \n", &[], "", Some(7)),
    ("a huge retry is the longest there is", b"retry: 99999999999999999999999\n", &[], "", Some(u64::MAX)),
    (
        "unknown fields are ignored",
        b"unknown: 1\ndata: a\nDATA: b\nEvent: c\ndata : d\n data: e\n\n",
        &[("message", "a", "")],
        "",
        None,
    ),
    ("a byte order mark at the beginning is skipped", b"\xEF\xBB\xBFdata: a\n\n", &[("message", "a", "")], "", None),
    (
        "only the first byte order mark is skipped",
        b"\xEF\xBB\xBF\xEF\xBB\xBFdata: a\n\ndata: b\n\n",
        &[("message", "b", "")],
        "",
        None,
    ),
    (
        "and at the beginning only",
        b"data: a\n\n\xEF\xBB\xBFdata: b\n\n\n\xEF\xBB\xBF: c\n\n",
        &[("message", "a", "")],
        "",
        None,
    ),
    ("a byte order mark alone on its line", b"\xEF\xBB\xBF\ndata: a\n\n", &[("message", "a", "")], "", None),
    ("a byte order mark in data stays", b"data: \xEF\xBB\xBFa\n\n", &[("message", "\u{FEFF}a", "")], "", None),
    (
        "two thirds of a byte order mark are no mark",
        b"\xEF\xBBdata: a\n\ndata: b\n\n",
        &[("message", "b", "")],
        "",
        None,
    ),
    ("what is not UTF-8 is replaced", b"data: \xFFa\xC3\n\n", &[("message", "\u{FFFD}a\u{FFFD}", "")], "", None),
    (
        "a character cut by the end of the line is replaced once",
        b"data: \xF0\x9F\x92\ndata: \xA9\n\n",
        &[("message", "\u{FFFD}\n\u{FFFD}", "")],
        "",
        None,
    ),
    ("characters of several bytes", "event: größe\ndata: 💩…\n\n".as_bytes(), &[("größe", "💩…", "")], "", None),
    ("NUL is data like any other", b"data: a\0b\nevent: \0\n\n", &[("\0", "a\0b", "")], "", None),
    ("all fields in any order", b"id: 9\nretry: 10\nevent: x\ndata: y\n\n", &[("x", "y", "9")], "9", Some(10)),
];

/// Feeds the pieces to the parser and returns all events.
fn parse<'a>(
    parser: &mut Parser,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> std::result::Result<Vec<ServerEvent>, Error> {
    let mut events = Vec::new();
    for mut piece in pieces {
        while let Some(event) = parser.next(&mut piece)? {
            events.push(event);
        }
        assert!(piece.is_empty(), "a piece is read to its end before the next is asked for");
    }
    Ok(events)
}

fn check((about, input, events, last_id, retry): &Golden, pieces: Vec<&[u8]>) {
    let mut parser = Parser::new();
    let found = parse(&mut parser, pieces.clone()).unwrap();
    let found: Vec<_> = found.iter().map(|event| (&*event.event, &*event.data, &*event.id)).collect();
    let told = format!("{about}: {:?} in pieces of {:?}", input.escape_ascii(), pieces.iter().map(|piece| piece.len()));
    assert_eq!(found, *events, "{told}");
    assert_eq!(parser.last_event_id(), *last_id, "{told}");
    assert_eq!(parser.retry(), retry.map(Duration::from_millis), "{told}");
}

#[test]
fn every_golden_input_is_read_whole() {
    GOLDEN.iter().for_each(|golden| check(golden, vec![golden.1]));
}

#[test]
fn every_golden_input_is_read_byte_by_byte() {
    GOLDEN.iter().for_each(|golden| check(golden, golden.1.chunks(1).collect()));
}

#[test]
fn every_golden_input_is_read_in_two_pieces_split_at_every_position() {
    for golden in GOLDEN {
        for position in 0..=golden.1.len() {
            let (first, second) = golden.1.split_at(position);
            // An empty piece between must not matter.
            check(golden, vec![first, b"", second]);
        }
    }
}

#[test]
fn event_beyond_the_limit_is_an_error_in_pieces_of_any_size() {
    let inputs: [&[u8]; 5] = [
        b"data: 0123456789012345678901234567890123456789\n\n",
        b"data: 0123456789012345678901234567890123456789",
        b"data: 0123456789\ndata: 0123456789\ndata: 0123456789\n\n",
        b"event: 012345678901234567890\ndata: 0123456789\n\n",
        b"unknown: 0123456789012345678901234567890123456789\n",
    ];
    for input in inputs {
        for size in [1, 7, input.len()] {
            let error = parse(&mut Parser::new().max_event_size(30), input.chunks(size)).unwrap_err();
            assert_eq!((error.kind(), error.phase()), (ErrorKind::LimitExceeded, Phase::Body));
            assert!(error.to_string().contains("30 bytes"), "{error}");
        }
    }
}

#[test]
fn the_limit_counts_each_event_and_no_comments() {
    let comment = [b": ".as_slice(), &[b'.'; 1000], b"\n"].concat();
    let mut parser = Parser::new().max_event_size(16);
    for _ in 0..100 {
        assert_eq!(parse(&mut parser, comment.chunks(7)).unwrap(), []);
        // Sixteen bytes in a single line, and in two lines.
        assert_eq!(parse(&mut parser, [b"data: 0123456789\n\n".as_slice()]).unwrap().len(), 1);
        assert_eq!(parse(&mut parser, [b"data:0\ndata: 4567\n\n".as_slice()]).unwrap().len(), 1);
    }
}

#[test]
fn limit_counts_the_bytes_of_lines_as_received() {
    // The decoded text does not count: each of these bytes becomes U+FFFD, which has three bytes.
    let exact = [b"data:".as_slice(), &[0xff; 11], b"\n\n"].concat();
    for size in [1, 5, exact.len()] {
        let events = parse(&mut Parser::new().max_event_size(16), exact.chunks(size)).unwrap();
        assert_eq!(events[0].data, "\u{fffd}".repeat(11));
    }
    // Field names count as well: four names of four bytes, and a fifth name.
    let names = |count| [b"data\n".repeat(count), b"\n".to_vec()].concat();
    assert_eq!(parse(&mut Parser::new().max_event_size(16), [&*names(4)]).unwrap()[0].data, "\n\n\n");
    let error = parse(&mut Parser::new().max_event_size(16), [&*names(5)]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    // A comment between the lines of an event does not count.
    let commented = b"data:01234\n: ............................\ndata:5\n\n";
    assert!(parse(&mut Parser::new().max_event_size(16), [commented.as_slice()]).is_ok());
    assert!(parse(&mut Parser::new().max_event_size(15), [commented.as_slice()]).is_err());
}

#[test]
fn restarted_parser_drops_the_partial_event_and_keeps_last_id_and_retry() {
    let mut parser = Parser::after("6");
    assert_eq!(parser.last_event_id(), "6");
    parse(&mut parser, [b"id: 7\nretry: 5\ndata: a\n\nid: 8\nevent: b\ndata: c\ndata: d\r".as_slice()]).unwrap();
    parser.restart();
    // A byte order mark at the new start is skipped, and the line feed ends an empty line.
    let events = parse(&mut parser, [b"\xEF\xBB\xBFdata: e\n\n".as_slice()]).unwrap();
    assert_eq!(events, [ServerEvent { event: "message".to_owned(), data: "e".to_owned(), id: "7".into() }]);
    assert_eq!((parser.last_event_id(), parser.retry()), ("7", Some(Duration::from_millis(5))));
}

#[test]
fn each_byte_is_parsed_once() {
    // A line of 16 MiB in small pieces. A parser that starts again at the line's beginning for each piece would read
    // about 10^12 bytes, and the test would not end.
    let size = 16 << 20;
    let mut parser = Parser::new().max_event_size(size + 100);
    let piece = [b'x'; 256];
    assert_eq!(parse(&mut parser, [b"data:".as_slice()]).unwrap(), []);
    assert_eq!(parse(&mut parser, std::iter::repeat_n(piece.as_slice(), size / 256)).unwrap(), []);
    assert_eq!(parse(&mut parser, [b"\n\n".as_slice()]).unwrap()[0].data.len(), size);
}

#[test]
fn events_share_the_memory_of_a_long_id() {
    let mut parser = Parser::new();
    let input = [b"id:".as_slice(), &vec![b'i'; 1 << 19], b"\n", &b"data\n\n".repeat(20_000)].concat();
    let events = parse(&mut parser, [&*input]).unwrap();
    assert_eq!(events.len(), 20_000);
    assert!(events.iter().all(|event| std::sync::Arc::ptr_eq(&event.id, &events[0].id)));
}
