//! Responses and errors that end a stream for good.

use waterspout::sse::ReadyState;
use waterspout::{Client, ErrorKind, Phase, Request};

use super::{Answer, End, Fail, SECOND, STREAM, Stage, Status, URL, data, error, now, waits};

#[test]
fn a_204_ends_the_stream() {
    let stage = Stage::new([Answer(STREAM, "data: a\n\n", End::Close), Status(204)]);
    let mut events = stage.events();
    assert_eq!(data(&mut events), "a");
    waits(&mut events);
    stage.timer.advance(5 * SECOND);
    assert!(now(&mut events).expect("it has ended").is_none());
    assert_eq!((events.ready_state(), stage.client.stats().active), (ReadyState::Closed, 0));
    assert!(now(&mut events).expect("it stays so").is_none());
}

#[test]
fn a_status_other_than_200_is_a_final_error() {
    for code in [201, 206, 301, 404, 500, 503] {
        let stage = Stage::new([Status(code)]);
        let error = error(&mut stage.events());
        assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::Status, code));
        assert_eq!(error.url(), Some(URL));
    }
}

#[test]
fn another_content_type_is_a_final_error_that_names_it() {
    for kind in ["text/html", "", "text/event-streams", "application/json; a=text/event-stream"] {
        let stage = Stage::new([Answer(kind, "data: a\n\n", End::Stay)]);
        let error = error(&mut stage.events());
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Decode, Phase::Head));
        assert!(error.to_string().contains(&format!("{kind:?}")), "{error}");
        assert_eq!(stage.client.stats().active, 0);
    }
}

#[test]
fn errors_that_do_not_pass_are_final() {
    for kind in [ErrorKind::Tls, ErrorKind::Redirect, ErrorKind::Unsupported, ErrorKind::LimitExceeded] {
        let stage = Stage::new([Fail(kind, Phase::Connect)]);
        assert_eq!(error(&mut stage.events()).kind(), kind);
    }
}

#[test]
fn an_event_beyond_the_limit_is_a_final_error() {
    let stage = Stage::new([Answer(STREAM, "data: 0123456789\n\n", End::Stay)]);
    let mut events = stage.events().max_event_size(15);
    assert_eq!(error(&mut events).kind(), ErrorKind::LimitExceeded);
    assert_eq!(stage.client.stats().active, 0);
}

#[test]
fn a_bad_request_is_the_first_item() {
    assert_eq!(error(&mut Client::new().events(Request::get("nonsense"))).kind(), ErrorKind::InvalidUrl);
}

#[test]
fn only_the_stream_of_a_get_reconnects_after_an_orderly_end_by_default() {
    let table = [
        // method, setting, end, requests
        ("GET", None, End::Close, 2),
        ("GET", None, End::Stay, 2),
        ("GET", Some(true), End::Close, 2),
        ("GET", Some(false), End::Close, 1),
        ("GET", Some(false), End::Stay, 1),
        ("HEAD", None, End::Close, 1),
        ("POST", None, End::Close, 1),
        ("POST", None, End::Stay, 2),
        ("POST", Some(true), End::Close, 2),
        ("POST", Some(true), End::Stay, 2),
        ("POST", Some(false), End::Close, 1),
        ("POST", Some(false), End::Stay, 1),
        ("PUT", None, End::Close, 1),
        ("QUERY", None, End::Close, 1),
    ];
    for (method, setting, end, requests) in table {
        let case = format!("{method} {setting:?} {end:?}");
        let stage = Stage::new([Answer(STREAM, "data: [DONE]\n\n", end), Status(204)]);
        let mut events = stage.client.request(method.parse().unwrap(), URL).events();
        if let Some(reconnect) = setting {
            events = events.reconnect(reconnect);
        }
        assert_eq!(data(&mut events), "[DONE]", "{case}");
        if matches!(end, End::Stay) {
            // The connection is lost after a silence of 20 seconds.
            waits(&mut events);
            stage.timer.advance(20 * SECOND);
        }
        if requests == 2 {
            assert!(now(&mut events).is_none(), "{case}");
            stage.timer.advance(5 * SECOND);
        } else if matches!(end, End::Stay) {
            assert_eq!(error(&mut events).kind(), ErrorKind::Timeout, "{case}");
        }
        assert!(now(&mut events).expect("the stream has ended").is_none(), "{case}");
        assert_eq!((events.ready_state(), stage.asked().len()), (ReadyState::Closed, requests), "{case}");
    }
}

#[test]
fn stream_that_must_not_reconnect_makes_a_single_attempt() {
    let stage = Stage::new([Fail(ErrorKind::Connect, Phase::Connect)]);
    let mut events = stage.events().reconnect(false);
    assert_eq!(error(&mut events).kind(), ErrorKind::Connect);
    assert_eq!(stage.asked().len(), 1);
}
