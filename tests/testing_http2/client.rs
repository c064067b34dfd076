//! The server over HTTP/2 with the client of this crate.

use futures::executor::block_on;
use futures::{FutureExt, StreamExt, stream};
use http::Version;
use waterspout::platform::native::Network;
use waterspout::proxy::Proxies;
use waterspout::testing::{
    Fault, Handler, Http2ErrorCode, Http2Frame, ManualTimer, MemoryConnector, Recorder, Reply, Script,
    ScriptedConnector, Server, handler,
};
use waterspout::{Agent, Body, Client, Connector, ErrorKind};

const URL: &str = "http://example.com/";

fn client(connector: impl Connector) -> Client {
    Client::builder().backend(Agent::new(connector, ManualTimer::new())).build().unwrap()
}

fn http2(handler: impl Handler) -> (Client, MemoryConnector) {
    let connector = MemoryConnector::new(handler).version(Version::HTTP_2);
    (client(connector.clone()), connector)
}

#[test]
fn requests_share_a_connection() {
    let recorder = Recorder::new();
    let echo = handler(|request| async move { Reply::new(200, request.body().await.unwrap()) }.boxed());
    let (client, connector) = http2(recorder.record(echo));
    let answers: Vec<_> = block_on(
        stream::iter((0..20).map(|number| client.post(URL).body("x".repeat(number * 5000)).send()))
            .buffer_unordered(20)
            .then(async |response| response.unwrap().bytes().await.unwrap().len())
            .collect(),
    );
    assert_eq!(answers.iter().sum::<usize>(), (0..20).map(|number| number * 5000).sum::<usize>());
    assert_eq!(connector.connections(), 1);
    assert!(recorder.requests().iter().all(|request| (request.version, request.connection) == (Version::HTTP_2, 0)));
}

#[test]
fn trailers_and_informational_responses_reach_the_client() {
    let (client, _) = http2(handler(|request| {
        async move {
            request.inform(103, &[("link", "</a.css>")]).await.unwrap();
            Reply::new(200, Body::stream(stream::iter([Ok::<_, std::io::Error>("hello")]))).with_trailer("sum", "1")
        }
        .boxed()
    }));
    let mut response = block_on(client.get(URL).send()).unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    let text = block_on(async {
        let mut text = Vec::new();
        while let Some(chunk) = response.chunk().await.unwrap() {
            text.extend_from_slice(&chunk);
        }
        text
    });
    assert_eq!((&text[..], &response.trailers().unwrap()["sum"]), (&b"hello"[..], &"1".parse().unwrap()));
}

#[test]
fn reset_in_a_body_fails_the_body() {
    let (client, connector) = http2(handler(|request| {
        let reply = Reply::text("hello, world");
        let fault = Fault::stream_reset(Http2ErrorCode::INTERNAL_ERROR).after_body(5);
        let reply = if request.path() == "/reset" { reply.with_fault(fault) } else { reply };
        async { reply }.boxed()
    }));
    block_on(async {
        let error = client.get("http://example.com/reset").await.unwrap().text().await.unwrap_err();
        assert_ne!(error.kind(), ErrorKind::Timeout);
        assert_eq!(client.get(URL).await.unwrap().text().await.unwrap(), "hello, world");
    });
    assert_eq!(connector.connections(), 1, "the connection stays");
}

#[test]
fn scripted_frames_answer_the_client() {
    let script = Script::new()
        .send(Http2Frame::settings(&[]))
        .send(Http2Frame::settings_ack())
        .expect_frame(Http2Frame::HEADERS)
        .send(Http2Frame::headers(1, &[(":status", "200")], false))
        .send(Http2Frame::data(1, "hello", true))
        .silence();
    let connector = ScriptedConnector::new([script]).version(Version::HTTP_2);
    let text = block_on(async { client(connector.clone()).get(URL).await.unwrap().text().await.unwrap() });
    assert_eq!(text, "hello");
    assert_eq!(connector.frames(0).iter().filter(|frame| frame.kind == Http2Frame::HEADERS).count(), 1);
}

#[test]
fn client_with_prior_knowledge_speaks_http2_over_a_socket() {
    let recorder = Recorder::new();
    let echo = handler(|request| async move { Reply::new(200, request.body().await.unwrap()) }.boxed());
    let server = Server::start(recorder.record(echo)).unwrap();
    for (network, version) in
        [(Network::new().http2_prior_knowledge(), Version::HTTP_2), (Network::new().http1_only(), Version::HTTP_11)]
    {
        let client = Client::builder().network(network.proxies(Proxies::none())).build().unwrap();
        let body = "x".repeat(200_000);
        let answer = block_on(async { client.post(server.url("/")).body(body.clone()).await?.text().await });
        assert_eq!(answer.unwrap(), body);
        assert_eq!(recorder.take()[0].version, version);
    }
}
