//! GOAWAY at each point of an exchange, with each last stream and code: a table whose outcomes follow from a rule.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use waterspout::testing::{Http2ErrorCode, Http2Frame};
use waterspout::{ErrorKind, Result};

use crate::common::{get, post, post_once};
use crate::raw::{RawNet, RawServer};
use crate::served::HandPolled;

/// How far the exchange is when the server sends GOAWAY.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Point {
    BeforeSettings,
    AfterRequest,
    /// The body fills the first window.
    Upload,
    AfterHead,
    Body,
    BeforeTrailers,
    /// The exchange is over, and the next begins.
    Idle,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Method {
    Get,
    Post,
    /// A body that can be sent once.
    PostOnce,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Last {
    Below,
    Own,
    Above,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    point: Point,
    method: Method,
    /// Whether the connection has answered a request before.
    is_warm: bool,
    last: Last,
    code: Http2ErrorCode,
    /// Whether the server closes the connection after GOAWAY.
    closes: bool,
}

#[derive(Debug, PartialEq)]
enum Outcome {
    /// The response arrives on the same connection.
    Finishes,
    /// The response arrives on another connection.
    Moves,
    Fails(ErrorKind),
}

/// Returns the right outcome (RFC 9113, sections 6.8 and 8.7; RFC 9110, section 9.2.2).
fn expected(cell: Cell) -> Outcome {
    let is_calm = cell.code == Http2ErrorCode::ENHANCE_YOUR_CALM;
    // A request whose body can be sent once waits for the settings of a new connection.
    let is_sent = cell.method != Method::PostOnce || cell.point != Point::BeforeSettings;
    let is_unprocessed = !is_sent || cell.last == Last::Below;
    let can_be_sent = cell.method != Method::PostOnce || !is_sent;
    let has_head = cell.point >= Point::AfterHead;
    let of_code = match cell.code {
        Http2ErrorCode::PROTOCOL_ERROR => Outcome::Fails(ErrorKind::Protocol),
        _ => Outcome::Fails(ErrorKind::ConnectionClosed),
    };
    if cell.point == Point::Idle {
        Outcome::Moves
    } else if is_unprocessed && (has_head || is_calm || !can_be_sent) {
        of_code
    } else if is_unprocessed {
        Outcome::Moves
    } else if !cell.closes {
        Outcome::Finishes
    } else if cell.method == Method::Get && cell.is_warm && !has_head && !is_calm {
        // The server may have processed it, which does no harm.
        Outcome::Moves
    } else {
        Outcome::Fails(ErrorKind::ConnectionClosed)
    }
}

fn cells() -> impl Iterator<Item = Cell> {
    use Point::*;
    let points = [BeforeSettings, AfterRequest, Upload, AfterHead, Body, BeforeTrailers, Idle];
    let codes = [
        Http2ErrorCode::NO_ERROR,
        Http2ErrorCode::PROTOCOL_ERROR,
        Http2ErrorCode::ENHANCE_YOUR_CALM,
        Http2ErrorCode::INTERNAL_ERROR,
    ];
    let mut cells = Vec::new();
    for point in points {
        for method in [Method::Get, Method::Post, Method::PostOnce] {
            for is_warm in [false, true] {
                let is_possible = match point {
                    BeforeSettings => !is_warm,
                    Upload => method != Method::Get,
                    _ => true,
                };
                for last in [Last::Below, Last::Own, Last::Above] {
                    for (code, closes) in codes.into_iter().flat_map(|code| [(code, false), (code, true)]) {
                        let cell = Cell { point, method, is_warm, last, code, closes };
                        cells.extend(is_possible.then_some(cell));
                    }
                }
            }
        }
    }
    cells.into_iter()
}

type Request = HandPolled<Result<String>>;

fn request(net: &RawNet, cell: Cell) -> Request {
    let size = if cell.point == Point::Upload { 100_000 } else { 5 };
    let request: Pin<Box<dyn Future<Output = Result<String>>>> = match cell.method {
        Method::Get => Box::pin(get(&net.client, "/")),
        Method::Post => Box::pin(post(&net.client, "/", size)),
        Method::PostOnce => Box::pin(post_once(&net.client, "/", size)),
    };
    HandPolled::new(request)
}

/// The frames of the response with trailers, in the parts between the points.
fn response(stream: u32) -> [Vec<Http2Frame>; 4] {
    [
        vec![Http2Frame::headers(stream, &[(":status", "200")], false)],
        vec![Http2Frame::data(stream, "hel", false)],
        vec![Http2Frame::data(stream, "lo", false)],
        vec![Http2Frame::headers(stream, &[("x-end", "reached")], true)],
    ]
}

/// Polls a request a few times.
fn turn(request: &mut Request) -> Option<Result<String>> {
    for _ in 0..4 {
        if let Poll::Ready(outcome) = request.poll() {
            return Some(outcome);
        }
    }
    None
}

/// Sends the rest of the response, and answers on each further connection, until the request is ready.
fn finish(net: &RawNet, request: &mut Request, mut first: Option<(RawServer, Vec<Http2Frame>)>) -> Outcome {
    if let Some((server, rest)) = &mut first {
        server.send(rest);
    }
    let mut others: Vec<RawServer> = Vec::new();
    for _ in 0..20 {
        match turn(request) {
            Some(Ok(text)) => {
                assert_eq!(text, "hello");
                return if others.is_empty() { Outcome::Finishes } else { Outcome::Moves };
            }
            Some(Err(error)) => return Outcome::Fails(error.kind()),
            None => {}
        }
        others.extend(net.accept());
        for server in &mut others {
            let windows = [0, 1].map(|stream| Http2Frame::window_update(stream, 1_000_000));
            let answers = match server.streams()[..] {
                [stream] => [&windows[..], &response(stream).concat()].concat(),
                _ => Vec::new(),
            };
            server.send(&[&[Http2Frame::settings(&[])], &answers[..]].concat());
        }
        net.timer.advance(Duration::from_millis(1));
    }
    panic!("the request hangs");
}

/// Runs an exchange up to the cell's point, sends GOAWAY, and returns the outcome.
fn run(cell: Cell) -> Outcome {
    let net = RawNet::new();
    let settings = Http2Frame::settings(&[]);
    let mut warm = None;
    if cell.is_warm {
        let mut first = HandPolled::new(get(&net.client, "/warm"));
        assert!(turn(&mut first).is_none());
        let mut server = net.accept().unwrap();
        server.send(&[std::slice::from_ref(&settings), &response(1).concat()].concat());
        assert!(turn(&mut first).unwrap().is_ok());
        warm = Some(server);
    }
    let stream = if cell.is_warm { 3 } else { 1 };
    let mut request = request(&net, cell);
    assert!(turn(&mut request).is_none());
    let mut server = warm.or_else(|| net.accept()).unwrap();
    if cell.point > Point::BeforeSettings && !cell.is_warm {
        server.send(&[settings]);
        assert!(turn(&mut request).is_none());
    }
    let waits = cell.point == Point::BeforeSettings && cell.method == Method::PostOnce;
    assert_eq!(server.streams().contains(&stream), !waits);
    let sent = match cell.point {
        Point::AfterHead => 1,
        Point::Body => 2,
        Point::BeforeTrailers => 3,
        Point::Idle => 4,
        _ => 0,
    };
    let parts = response(stream);
    server.send(&parts[..sent].concat());
    if cell.point == Point::Idle {
        assert!(turn(&mut request).unwrap().is_ok());
    } else if sent > 0 {
        assert!(turn(&mut request).is_none());
    }
    let last = match cell.last {
        Last::Below => stream.saturating_sub(2),
        Last::Own => stream,
        Last::Above => stream + 2,
    };
    server.send(&[Http2Frame::go_away(if stream == 1 && cell.last == Last::Below { 0 } else { last }, cell.code)]);
    if cell.point == Point::Idle {
        request = self::request(&net, cell);
    }
    if cell.closes {
        drop(server);
        return finish(&net, &mut request, None);
    }
    let rest = [vec![Http2Frame::window_update(stream, 1_000_000), Http2Frame::window_update(0, 1_000_000)]];
    let rest = if cell.point == Point::Idle { Vec::new() } else { [&rest[..], &parts[sent..]].concat().concat() };
    finish(&net, &mut request, Some((server, rest)))
}

#[test]
fn each_request_finishes_or_moves_or_fails_as_the_rule_says() {
    let mut wrong = Vec::new();
    for cell in cells() {
        let outcome = std::panic::catch_unwind(|| run(cell));
        if !outcome.as_ref().is_ok_and(|outcome| *outcome == expected(cell)) {
            wrong.push(format!("{cell:?}: {outcome:?}, expected {:?}", expected(cell)));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), cells().count(), wrong.join("\n"));
}
