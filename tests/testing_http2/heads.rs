//! Methods, targets, statuses and headers over HTTP/2.

use std::future::poll_fn;

use futures::executor::block_on;
use futures::{FutureExt, future};
use waterspout::testing::{Fault, Http2Config, Incoming, ManualTimer, MemoryConnector, Reply, Resource, handler};

use super::peer::{Peer, get, on_each_transport, request};

struct Notes;

impl Resource for Notes {
    async fn get(&self, request: &mut Incoming) -> Reply {
        let head = (request.version(), request.stream(), request.host(), request.target(), request.header("x-key"));
        Reply::text(format!("{head:?}"))
    }

    async fn put(&self, request: &mut Incoming) -> Reply {
        Reply::new(201, request.body().await.unwrap())
            .with_header("connection", "close")
            .with_header("keep-alive", "timeout=5")
            .with_header("transfer-encoding", "chunked")
            .with_header("x-twice", "1")
            .with_header("x-twice", "2")
    }

    async fn delete(&self, _request: &mut Incoming) -> Reply {
        panic!("a mistake in the handler")
    }
}

#[test]
fn resource_answers_over_http2() {
    on_each_transport(Notes, async |mut peer| {
        let mut first = get("/a?b=c");
        first.headers_mut().insert("x-key", "1".parse().unwrap());
        let response = peer.begin(first);
        let page = peer.answer(response).await.unwrap();
        assert_eq!(page.text(), r#"(HTTP/2.0, Some(1), "example.com", "/a?b=c", Some("1"))"#);
        assert_eq!(page.head.headers()["content-length"].to_str().unwrap(), page.body.len().to_string());
        let refused = peer.begin(request("PATCH", "/"));
        let refused = peer.answer(refused).await.unwrap();
        assert_eq!((refused.status(), &refused.head.headers()["allow"]), (405, &"GET, PUT, DELETE".parse().unwrap()));
        let panicked = peer.begin(request("DELETE", "/"));
        assert_eq!(peer.answer(panicked).await.unwrap().status(), 500);
        assert!(peer.get("/on").await.unwrap().text().contains("Some(7)"), "the connection still answers");
    });
}

#[test]
fn headers_of_a_connection_are_left_out() {
    on_each_transport(Notes, async |mut peer| {
        let put = peer.begin(request("PUT", "/"));
        let answer = peer.answer(put).await.unwrap();
        assert_eq!(answer.status(), 201);
        for name in ["connection", "keep-alive", "transfer-encoding"] {
            assert!(!answer.head.headers().contains_key(name), "{name}");
        }
        assert_eq!(answer.head.headers().get_all("x-twice").iter().count(), 2);
    });
}

#[test]
fn responses_without_a_body_end_with_their_head() {
    let server = handler(|request| {
        let status = request.path()[1..].parse().unwrap();
        async move { Reply::text("hello").with_status(status).with_header("content-length", "5") }.boxed()
    });
    on_each_transport(server, async |mut peer| {
        for (method, status, length) in [("HEAD", 200, 0), ("GET", 304, 0), ("GET", 200, 5)] {
            let response = peer.begin(request(method, &format!("/{status}")));
            let answer = peer.answer(response).await.unwrap();
            assert_eq!((answer.status(), answer.body.len()), (status, length), "{method}");
        }
    });
}

#[test]
fn informational_responses_come_before_the_head() {
    let server = handler(|request| {
        async move {
            request.inform(103, &[("link", "</a.css>")]).await.unwrap();
            request.inform(102, &[]).await.unwrap();
            Reply::text("hello")
        }
        .boxed()
    });
    on_each_transport(server, async |mut peer| {
        let mut response = peer.begin(get("/"));
        let mut seen = Vec::new();
        let head = peer
            .run(poll_fn(|cx| {
                while let std::task::Poll::Ready(Some(Ok(interim))) = response.poll_informational(cx) {
                    seen.push((interim.status().as_u16(), interim.headers().contains_key("link")));
                }
                response.poll_unpin(cx)
            }))
            .await
            .unwrap();
        assert_eq!(seen, [(103, true), (102, false)]);
        assert_eq!(head.status(), 200);
    });
}

#[test]
fn requests_on_a_connection_are_answered_at_once() {
    // The first request is answered after the last request, so a server that answers in turn would hang.
    let gate = futures::lock::Mutex::new(());
    let gate: &'static _ = Box::leak(Box::new(gate));
    let held = gate.try_lock().unwrap();
    let server = handler(move |request| {
        let waits = request.path() == "/held";
        async move {
            if waits {
                gate.lock().await;
            }
            Reply::text("done")
        }
        .boxed()
    });
    let connector = MemoryConnector::new(server);
    block_on(async {
        let mut peer = Peer::in_memory(&connector).await;
        let slow = peer.begin(get("/held"));
        let others: Vec<_> = (0..40).map(|_| peer.begin(get("/"))).collect();
        let answers = peer.run(future::try_join_all(others)).await.unwrap();
        assert_eq!(answers.len(), 40);
        drop(held);
        assert_eq!(peer.answer(slow).await.unwrap().text(), "done");
    });
    assert_eq!(connector.connections(), 1);
}

#[test]
fn delay_follows_the_clock_of_the_test() {
    let timer = ManualTimer::new();
    let clock = timer.clone();
    let server = handler(move |_| {
        let late = Fault::delay(clock.clone(), std::time::Duration::from_secs(5)).after_body(2);
        async { Reply::text("hello").with_fault(late) }.boxed()
    });
    let connector = MemoryConnector::new(server);
    let mut peer = Peer::in_memory(&connector).now_or_never().unwrap();
    let response = peer.begin(get("/"));
    let mut answer = Box::pin(peer.answer(response));
    assert!((&mut answer).now_or_never().is_none());
    timer.advance(std::time::Duration::from_secs(4));
    assert!((&mut answer).now_or_never().is_none());
    timer.advance(std::time::Duration::from_secs(1));
    assert_eq!((&mut answer).now_or_never().unwrap().unwrap().text(), "hello");
}

#[test]
fn server_without_http2_refuses_the_preface() {
    use std::io::{Read, Write};
    let server = waterspout::testing::Server::start(Http2Config::disabled().wrap(Notes)).unwrap();
    let mut socket = std::net::TcpStream::connect(server.address()).unwrap();
    socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 505 "), "{answer}");
}

#[test]
fn both_versions_are_served_from_the_same_resource() {
    let server = waterspout::testing::Server::start(Notes).unwrap();
    block_on(async {
        let client = waterspout::Client::builder().build().unwrap();
        let text = client.get(server.url("/a")).await.unwrap().text().await.unwrap();
        assert!(text.starts_with("(HTTP/1.1, None, \"127.0.0.1:"), "{text}");
        let socket = async_io::Async::<std::net::TcpStream>::connect(server.address()).await.unwrap();
        let mut peer = Peer::over(socket).await;
        assert!(peer.get("/a").await.unwrap().text().starts_with("(HTTP/2.0, Some(1), "));
    });
}
