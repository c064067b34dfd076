//! A 408 on a reused connection: the server has given the idle connection up and has not received the request (RFC
//! 9110, section 15.5.9).

use std::io;

use futures::stream;
use waterspout::http::Method;
use waterspout::testing::Script;
use waterspout::{Body, RequestBuilder};

use crate::support::client::{HELLO, ScriptedClient, URL, answers, once, scripted, send, text};

/// Responses that say that the connection closes.
const TIMEOUTS: [&str; 7] = [
    "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 408 Request Timeout\r\nConnection: Close\r\ncontent-length: 4\r\n\r\nlate",
    "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n<html>late</html>",
    "HTTP/1.1 408 Late\r\nconnection: x, close\r\ntransfer-encoding: chunked\r\n\r\n4\r\nlate\r\n0\r\n\r\n",
    "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 400\r\n\r\ncut off",
    // HTTP/1.0 closes without saying so.
    "HTTP/1.0 408 Request Time-out\r\ncache-control: no-cache\r\ncontent-length: 0\r\n\r\n",
    ENDS_WITH_THE_CONNECTION,
];

/// A 408 whose body ends with the connection.
const ENDS_WITH_THE_CONNECTION: &str = "HTTP/1.1 408 Request Timeout\r\n\r\n";

/// A 408 after which the connection stays open.
const KEPT: &str = "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n";

const METHODS: [Method; 5] = [Method::GET, Method::HEAD, Method::DELETE, Method::PUT, Method::POST];

/// A body that can be read only once.
fn stream_body() -> Body {
    Body::stream(stream::iter(["on", "ce"].map(Ok::<_, io::Error>))).with_length(4)
}

fn request(wire: &ScriptedClient, method: &Method) -> RequestBuilder<waterspout::Client> {
    let request = wire.client.request(method.clone(), URL);
    if [Method::PUT, Method::POST].contains(method) { request.body("body") } else { request }
}

/// A client with an idle connection that answers the next request with `response`.
fn with_idle_connection(response: &str, then: impl IntoIterator<Item = Script>) -> ScriptedClient {
    let wire = scripted([answers([HELLO, response])].into_iter().chain(then));
    wire.text().unwrap();
    wire
}

#[test]
fn request_is_repeated_after_a_408_that_closes_a_reused_connection() {
    for answer in TIMEOUTS {
        for method in METHODS {
            // A response to HEAD has no body that could end with the connection, so it has to name the close.
            if method == Method::HEAD && answer == ENDS_WITH_THE_CONNECTION {
                continue;
            }
            let wire = with_idle_connection(answer, [once(HELLO)]);
            let response = send(request(&wire, &method)).unwrap();
            assert_eq!(response.status(), 200, "{method} {answer}");
            assert!(!response.connection_info().reused);
            let second = wire.sent(1);
            assert!(second.starts_with(method.as_str()), "{second}");
            assert_eq!(second.ends_with("\r\n\r\nbody"), [Method::PUT, Method::POST].contains(&method), "{second}");
            assert_eq!(wire.connector.connections(), 2);
        }
    }
}

#[test]
fn body_that_cannot_be_sent_again_gets_the_408_as_its_response() {
    for method in [Method::PUT, Method::POST] {
        let wire = with_idle_connection(TIMEOUTS[1], [once(HELLO)]);
        let response = send(wire.client.request(method.clone(), URL).body(stream_body())).unwrap();
        assert_eq!((response.status().as_u16(), response.connection_info().reused), (408, true), "{method}");
        assert_eq!(futures::executor::block_on(response.text()).unwrap(), "late");
        assert_eq!((wire.connector.connections(), wire.connector.open()), (1, 0));
    }
}

#[test]
fn a_408_on_a_new_connection_is_a_response() {
    for answer in TIMEOUTS {
        for method in METHODS {
            let wire = scripted([once(answer), once(HELLO)]);
            assert_eq!(send(request(&wire, &method)).unwrap().status(), 408, "{method} {answer}");
            assert_eq!(wire.connector.connections(), 1);
        }
    }
}

#[test]
fn a_second_408_on_the_new_connection_is_a_response() {
    let wire = with_idle_connection(TIMEOUTS[0], [once(TIMEOUTS[0]), once(HELLO)]);
    let response = send(wire.get()).unwrap();
    assert_eq!((response.status().as_u16(), response.connection_info().reused), (408, false));
    assert_eq!(wire.connector.connections(), 2);
}

#[test]
fn a_408_that_keeps_the_connection_is_a_response() {
    let wire = scripted([answers([HELLO, KEPT, HELLO]), once(HELLO)]);
    let statuses = [(); 3].map(|()| send(wire.get()).unwrap().status().as_u16());
    assert_eq!((statuses, wire.connector.connections()), ([200, 408, 200], 1));
}

#[test]
fn other_statuses_that_close_a_reused_connection_are_responses() {
    for status in [200, 400, 404, 409, 425, 429, 500, 503, 504] {
        let answer = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        let wire = with_idle_connection(&answer, [once(HELLO)]);
        assert_eq!((send(wire.get()).unwrap().status().as_u16(), wire.connector.connections()), (status, 1));
    }
}

#[test]
fn a_408_that_waits_on_an_idle_connection_is_never_read_as_a_response() {
    for answer in TIMEOUTS.into_iter().chain([KEPT]) {
        for method in METHODS {
            // The server sends it without a request.
            let wire = scripted([once(HELLO).send(answer), once(HELLO)]);
            wire.text().unwrap();
            assert_eq!(send(request(&wire, &method)).unwrap().status(), 200, "{method} {answer}");
            assert_eq!(wire.sent(0).matches(" HTTP/1.1\r\n").count(), 1, "{method} {answer}");
        }
    }
}

#[test]
fn request_that_waits_for_100_continue_is_repeated_after_a_408() {
    let goes_on = Script::new().expect_head().send("HTTP/1.1 100 Continue\r\n\r\n").pause().pause().send(HELLO);
    let wire = with_idle_connection(TIMEOUTS[0], [goes_on]);
    assert_eq!(text(wire.client.post(URL).body("body").expect_continue(true)).unwrap(), "hello");
    assert!(!wire.sent(0).ends_with("body") && wire.sent(1).ends_with("body"));
}
