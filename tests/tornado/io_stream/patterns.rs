//! Reads until a regular expression matches.

use std::rc::Rc;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::future::FutureExt;
use waterspout::testing::{Script, ScriptedConnector};
use waterspout::tornado::{IoStream, Regex, StreamLimit};
use waterspout::{Bytes, Connector, Result, Url};

use super::{Tasks, Wire, assert_closed_at, receiving};

fn end_of_head() -> Regex {
    Regex::new(r"\r?\n\r?\n").unwrap()
}

#[test]
fn a_read_until_a_pattern_ends_with_its_match_and_leaves_the_rest() {
    let (_wire, stream) = receiving(&["a: b\r", "\n\r", "\nc: d\n\nrest"]);
    for expected in ["a: b\r\n\r\n", "c: d\n\n"] {
        assert_eq!(block_on(stream.read_until_regex(&end_of_head(), 100)).unwrap(), expected);
    }
    assert_eq!(block_on(stream.read_partial(100)).unwrap(), "rest");
}

#[test]
fn a_match_that_ends_at_max_bytes_is_found() {
    let (_wire, stream) = receiving(&["abc", "\n\nmore"]);
    assert_eq!(block_on(stream.read_until_regex(&end_of_head(), 5)).unwrap(), "abc\n\n");
}

#[test]
fn a_match_that_does_not_come_within_max_bytes_closes_the_stream() {
    let (wire, stream) = receiving(&["abc", "def"]);
    let outcome = block_on(stream.read_until_regex(&end_of_head(), 6));
    assert_closed_at(outcome, StreamLimit::Match(6), &wire, &stream);
}

#[test]
fn a_match_beyond_max_bytes_is_not_found_although_it_is_there() {
    let (wire, stream) = receiving(&["abcd\n\n"]);
    let outcome = block_on(stream.read_until_regex(&end_of_head(), 5));
    assert_closed_at(outcome, StreamLimit::Match(5), &wire, &stream);
}

#[test]
fn max_bytes_also_bounds_a_match_in_buffered_bytes() {
    let (wire, stream) = receiving(&["a\n\nbcdef\n\n"]);
    assert_eq!(block_on(stream.read_until_regex(&end_of_head(), 9)).unwrap(), "a\n\n");
    let outcome = block_on(stream.read_until_regex(&end_of_head(), 5));
    assert_closed_at(outcome, StreamLimit::Match(5), &wire, &stream);
}

#[test]
fn four_mebibytes_before_a_match_take_linear_time() {
    const SIZE: usize = 4 * 1024 * 1024;
    let wire = Wire::new();
    let stream = Rc::new(wire.stream());
    let mut tasks = Tasks::default();
    let reading = stream.clone();
    let read = tasks.spawn(async move { reading.read_until_regex(&end_of_head(), SIZE + 3).await });
    let started = Instant::now();
    for _ in 0..SIZE / 256 {
        wire.send([b'\r'; 256]);
        tasks.run();
    }
    wire.send("\n\r\n");
    tasks.run();
    assert_eq!(read.take().unwrap().unwrap().len(), SIZE + 3);
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn a_dropped_read_until_a_pattern_loses_no_byte() {
    for polls in 0..30 {
        let connector = ScriptedConnector::new([Script::new().drip(b"0123456\r\n\r\nmore")]);
        let stream = IoStream::connecting(async move {
            connector.connect(&Url::parse("http://example.com").unwrap().origin()).await
        });
        let regex = end_of_head();
        let mut read = stream.read_until_regex(&regex, 99).boxed();
        let taken = (0..polls).find_map(|_| (&mut read).now_or_never());
        drop(read);
        let rest = block_on(stream.read_until_close()).unwrap();
        let whole = [&taken.map_or(Bytes::new(), Result::unwrap)[..], &rest].concat();
        assert_eq!(whole, b"0123456\r\n\r\nmore", "after {polls} polls");
    }
}
