//! Calls a gRPC service with tonic. The trait is `GrpcService`, which a client is because it is a `Service` of tower:
//! `cargo run -p waterspout-example-grpc -- http://127.0.0.1:50051 world`.

#[cfg(test)]
mod tests;

use std::error::Error;

use tonic::client::Grpc;
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;
use waterspout::Client;
use waterspout::http::Uri;
use waterspout::http::uri::PathAndQuery;
use waterspout::platform::native::Network;

#[derive(Clone, PartialEq, prost::Message)]
struct HelloRequest {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct HelloReply {
    #[prost(string, tag = "1")]
    message: String,
}

/// The client of the service `helloworld.Greeter`, as tonic's code generator would write it.
struct Greeter(Grpc<Client>);

impl Greeter {
    /// Returns a client of the service at `origin`. Without TLS it speaks HTTP/2 by prior knowledge.
    fn new(origin: Uri) -> waterspout::Result<Self> {
        let client = Client::builder().network(Network::new().http2_only()).build()?;
        Ok(Self(Grpc::with_origin(client, origin)))
    }

    async fn say_hello(&mut self, name: &str) -> Result<HelloReply, Status> {
        let path = PathAndQuery::from_static("/helloworld.Greeter/SayHello");
        let request = Request::new(HelloRequest { name: name.to_owned() });
        Ok(self.0.unary(request, path, ProstCodec::default()).await?.into_inner())
    }

    async fn say_hellos(&mut self, name: &str) -> Result<Streaming<HelloReply>, Status> {
        let path = PathAndQuery::from_static("/helloworld.Greeter/SayHellos");
        let request = Request::new(HelloRequest { name: name.to_owned() });
        Ok(self.0.server_streaming(request, path, ProstCodec::default()).await?.into_inner())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(origin), Some(name)) = (arguments.next(), arguments.next()) else {
        return Err("usage: waterspout-example-grpc ORIGIN NAME".into());
    };
    waterspout::tornado::EventLoop::new().run_sync(async {
        let mut greeter = Greeter::new(origin.parse()?)?;
        println!("{}", greeter.say_hello(&name).await?.message);
        let mut replies = greeter.say_hellos(&name).await?;
        while let Some(reply) = replies.message().await? {
            println!("{}", reply.message);
        }
        Ok(())
    })
}
