//! The service is a local server of HTTP/2 that checks each request and answers with trailers.

use futures::executor::block_on;
use prost::Message;
use tonic::Code;
use waterspout::http::Version;
use waterspout::testing::{Incoming, Reply, Server, handler};

use super::*;

/// Returns a message with its prefix: not compressed, and its length (gRPC over HTTP/2, "Length-Prefixed-Message").
fn frame(message: &str) -> Vec<u8> {
    let message = HelloReply { message: message.to_owned() }.encode_to_vec();
    [&[0][..], &(message.len() as u32).to_be_bytes(), &message].concat()
}

/// Returns the name in a request, which must be a call of gRPC.
async fn name(request: &mut Incoming) -> String {
    assert_eq!((request.version(), request.method().as_str()), (Version::HTTP_2, "POST"));
    assert_eq!((request.header("content-type"), request.header("te")), (Some("application/grpc"), Some("trailers")));
    let body = request.body().await.unwrap();
    let (prefix, message) = body.split_at(5);
    assert_eq!(prefix, [&[0][..], &(message.len() as u32).to_be_bytes()].concat());
    HelloRequest::decode(message).unwrap().name
}

fn greeter() -> (Server, Greeter) {
    let server = Server::start(handler(|request| {
        Box::pin(async {
            let name = name(request).await;
            let reply = |body| Reply::new(200, body).with_header("content-type", "application/grpc");
            let ok = |body| reply(body).with_trailer("grpc-status", "0");
            match (request.path(), name.as_str()) {
                // An error before the first message has no body: its status is in the head.
                (_, "") => reply(Vec::new()).with_header("grpc-status", "3").with_header("grpc-message", "no name"),
                ("/helloworld.Greeter/SayHello", name) => ok(frame(&format!("Hello {name}!"))),
                ("/helloworld.Greeter/SayHellos", "broken") => {
                    reply(frame("first")).with_trailer("grpc-status", "15").with_trailer("grpc-message", "disk%20full")
                }
                ("/helloworld.Greeter/SayHellos", _) => ok([frame("first"), frame("second")].concat()),
                _ => reply(Vec::new()).with_header("grpc-status", "12"),
            }
        })
    }))
    .unwrap();
    let greeter = Greeter::new(server.url("").parse().unwrap()).unwrap();
    (server, greeter)
}

#[test]
fn call_returns_the_message_and_the_status_of_the_trailers() {
    let (_server, mut greeter) = greeter();
    assert_eq!(block_on(greeter.say_hello("world")).unwrap().message, "Hello world!");
}

#[test]
fn stream_ends_with_the_status_of_the_trailers() {
    let (_server, mut greeter) = greeter();
    block_on(async {
        let mut replies = greeter.say_hellos("world").await.unwrap();
        assert_eq!(replies.message().await.unwrap().unwrap().message, "first");
        assert_eq!(replies.message().await.unwrap().unwrap().message, "second");
        assert!(replies.message().await.unwrap().is_none());

        let mut replies = greeter.say_hellos("broken").await.unwrap();
        assert_eq!(replies.message().await.unwrap().unwrap().message, "first");
        let status = replies.message().await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::DataLoss, "disk full"));
    });
}

#[test]
fn failure_is_a_status() {
    let (server, mut greeter) = greeter();
    let status = block_on(greeter.say_hello("")).unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "no name"));

    drop(server);
    let mut unreachable = Greeter::new("http://127.0.0.1:1".parse().unwrap()).unwrap();
    let status = block_on(unreachable.say_hello("world")).unwrap_err();
    let source = status.source().unwrap().downcast_ref::<waterspout::Error>().unwrap();
    assert_eq!(source.kind(), waterspout::ErrorKind::Connect);
}
