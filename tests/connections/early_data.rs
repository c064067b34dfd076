//! Bytes that a server sends without a request, on a connection that goes from a request to a waiting request.
//!
//! The waiting request must not take them for its response.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

use futures::FutureExt;
use futures::executor::block_on;
use waterspout::http::Method;
use waterspout::platform::native::Network;
use waterspout::proxy::Proxies;
use waterspout::testing::Script;

use crate::support::client::{HELLO, URL, answers};

use super::PooledClient;
use super::waiting::{Gate, Sending, gated, gated_client, gated_for, is_pending, send};

/// A response that a client must never see.
const EVIL: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";

const NO_BODY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// A request, and an answer that ends with its head.
const ANSWERS: [(Method, &str); 5] = [
    (Method::HEAD, "HTTP/1.1 200 OK\r\ncontent-length: 41\r\n\r\n"),
    (Method::HEAD, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
    (Method::GET, NO_BODY),
    (Method::GET, "HTTP/1.1 304 Not Modified\r\n\r\n"),
    (Method::DELETE, "HTTP/1.1 204 No Content\r\n\r\n"),
];

fn begin(wire: &PooledClient, method: &Method) -> Sending {
    wire.client.request(method.clone(), URL).send().boxed()
}

/// Returns the text of a response that must be ready.
fn text(request: Sending) -> String {
    let response = request.now_or_never().expect("the response is not ready").unwrap();
    block_on(response.text()).unwrap()
}

/// Starts the first request, which gets the first connection, and others that wait for a connection.
fn start(wire: &PooledClient, gate: &Gate, method: &Method, waiting: usize) -> (Sending, Vec<Sending>) {
    let mut first = begin(wire, method);
    assert!(is_pending(&mut first));
    let mut others: Vec<_> = (0..waiting).map(|_| send(wire)).collect();
    assert!(others.iter_mut().all(is_pending));
    gate.open();
    (first, others)
}

#[test]
fn connection_with_early_data_is_not_delivered_to_a_waiting_request() {
    for (method, answer) in ANSWERS {
        for early in [EVIL, "evil", "H", "\r\n", "0\r\n\r\n"] {
            let poisoned = Script::new().expect_head().send(answer).send(early).expect_head().send(EVIL).silence();
            let (wire, gate) = gated([poisoned, answers([HELLO]).silence()]);
            let (first, mut others) = start(&wire, &gate, &method, 1);
            text(first);
            // The poisoned connection is closed, and the request goes on with its own connect.
            assert!(is_pending(&mut others[0]), "{method} {answer:?} {early:?}");
            assert_eq!((wire.connector.connections(), wire.connector.open(), gate.begun()), (1, 0, 2));
            gate.open();
            assert_eq!(text(others.remove(0)), "hello", "{method} {answer:?} {early:?}");
            assert!(!wire.connector.written(0).contains("\r\n\r\nGET"), "{method} {answer:?} {early:?}");
        }
    }
}

#[test]
fn closed_connection_is_not_delivered_to_a_waiting_request() {
    for end in [Script::new().expect_head().send(NO_BODY), Script::new().expect_head().send(NO_BODY).reset()] {
        let (wire, gate) = gated([end, answers([HELLO]).silence()]);
        let (first, mut others) = start(&wire, &gate, &Method::GET, 1);
        text(first);
        assert!(is_pending(&mut others[0]));
        gate.open();
        let response = others.remove(0).now_or_never().unwrap().unwrap();
        assert!(!response.connection_info().reused);
    }
}

#[test]
fn request_that_was_denied_a_poisoned_connection_stays_first_in_line() {
    for (method, answer) in ANSWERS {
        // The bytes arrive before the poisoned connection is delivered, or between the delivery and its use.
        for late in [false, true] {
            let good = Script::new().expect_head().hold().send(HELLO).expect_head().send(HELLO).silence();
            let poisoned = Script::new().expect_head().send(answer);
            let poisoned = if late { poisoned.hold() } else { poisoned }.send(EVIL).silence();
            let (wire, gate) = gated_for(4, [good, poisoned]);
            let mut good = begin(&wire, &Method::GET);
            assert!(is_pending(&mut good));
            gate.open();
            assert!(is_pending(&mut good));
            let (poisoned, mut waiting) = start(&wire, &gate, &method, 2);
            text(poisoned);
            wire.connector.release();
            assert!(waiting.iter_mut().all(is_pending), "{method} {answer:?} {late}");
            // The good connection goes to the request that has waited longest.
            assert_eq!(text(good), "hello");
            assert!(is_pending(&mut waiting[1]), "{method} {answer:?} {late}");
            let response = waiting.remove(0).now_or_never().expect("the request lost its place").unwrap();
            assert!(response.connection_info().reused);
            assert_eq!(wire.connector.connections(), 2);
        }
    }
}

/// The request that waits opens no connection itself: a background connect will provide a connection.
#[test]
fn request_that_waits_for_a_background_connect_takes_no_early_data() {
    for late in [false, true] {
        let first = answers([HELLO]).expect_head().hold().send(NO_BODY);
        let first = if late { first.hold() } else { first }.send(EVIL).silence();
        let (wire, gate) = gated([first, answers([HELLO]).silence()]);
        let (first, mut others) = start(&wire, &gate, &Method::GET, 1);
        text(first);
        // The second request has the connection, and its own connect continues in the background.
        assert!(is_pending(&mut others[0]));
        let mut third = send(&wire);
        assert!(is_pending(&mut third));
        wire.connector.release();
        assert_eq!(text(others.remove(0)), "");
        if late {
            wire.connector.release();
        }
        assert!(is_pending(&mut third), "{late}");
        assert_eq!((wire.connector.connections(), wire.connector.open(), gate.begun()), (1, 0, 2), "{late}");
        gate.open();
        wire.run_tasks();
        assert_eq!(text(third), "hello", "{late}");
        assert_eq!((wire.connector.connections(), gate.begun()), (2, 2), "{late}");
    }
}

#[test]
fn early_data_that_arrives_after_the_delivery_is_not_the_response() {
    for (method, answer) in ANSWERS {
        for early in [EVIL, "evil", "H", "\r\n"] {
            let poisoned =
                Script::new().expect_head().send(answer).hold().send(early).expect_head().send(EVIL).silence();
            let (wire, gate) = gated([poisoned, answers([HELLO]).silence()]);
            let (first, mut others) = start(&wire, &gate, &method, 1);
            // The connection looks idle when it is delivered.
            text(first);
            wire.connector.release();
            assert!(is_pending(&mut others[0]), "{method} {answer:?} {early:?}");
            assert_eq!((wire.connector.connections(), wire.connector.open(), gate.begun()), (1, 0, 2));
            gate.open();
            assert_eq!(text(others.remove(0)), "hello", "{method} {answer:?} {early:?}");
        }
    }
}

/// The same attack over TCP: the body of an answer to HEAD arrives once the connection is on its way to a GET.
#[test]
fn body_of_an_answer_to_head_is_not_the_response_of_a_waiting_get() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let ((go, answered), (sent, arrived)) = (mpsc::channel(), mpsc::channel());
    let server = std::thread::spawn(move || {
        let read_head = |stream: &mut TcpStream| {
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") {
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            String::from_utf8(head).unwrap()
        };
        let mut first = listener.accept().unwrap().0;
        assert!(read_head(&mut first).starts_with("HEAD "));
        first.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 41\r\n\r\n").unwrap();
        answered.recv().unwrap();
        first.write_all(EVIL.as_bytes()).unwrap();
        sent.send(()).unwrap();
        let mut second = listener.accept().unwrap().0;
        assert!(read_head(&mut second).starts_with("GET "));
        second.write_all(HELLO.as_bytes()).unwrap();
        // The client closes a connection with unread bytes, so the read may fail.
        let mut rest = Vec::new();
        let _ = first.read_to_end(&mut rest);
        rest
    });
    let (client, gate) = gated_client(Network::new().proxies(Proxies::none()));
    let (mut head, mut get) = (client.head(&url).send().boxed(), client.get(&url).send().boxed());
    assert!(is_pending(&mut head) && is_pending(&mut get));
    gate.open();
    block_on(head).unwrap();
    go.send(()).unwrap();
    arrived.recv().unwrap();
    gate.open();
    let text = block_on(async { get.await.unwrap().text().await.unwrap() });
    assert_eq!(text, "hello");
    drop(client);
    assert_eq!(server.join().unwrap(), b"");
}
