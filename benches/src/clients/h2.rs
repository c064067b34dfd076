//! The crate h2 alone, on a connection over tokio-rustls. waterspout, hyper-util and reqwest use the same crate, so this
//! is the limit for them.

use std::net::SocketAddr;
use std::sync::Arc;

use ::h2::RecvStream;
use ::h2::client::{Builder, SendRequest};
use bytes::Bytes;
use http::{Request, Uri};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Requests;
use crate::job::Job;
use crate::server;

pub struct H2Requests {
    requests: SendRequest<Bytes>,
    uri: Uri,
}

impl H2Requests {
    /// Connects, with the windows that waterspout has by default.
    pub async fn connect(job: &Job) -> Self {
        let uri: Uri = job.url.parse().expect("a URI");
        let address: SocketAddr = uri.authority().expect("an authority").as_str().parse().expect("an address");
        let socket = TcpStream::connect(address).await.expect("a connection");
        socket.set_nodelay(true).expect("an option of the socket");
        let mut config = server::tls_config();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = ServerName::from(address.ip());
        let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await.expect("a handshake of TLS");
        let mut builder = Builder::new();
        builder.initial_window_size(2 << 20).initial_connection_window_size(5 << 20);
        let (requests, connection) = builder.handshake(stream).await.expect("a handshake of HTTP/2");
        tokio::spawn(connection);
        Self { requests, uri }
    }

    async fn send(&self) -> RecvStream {
        let request = Request::get(self.uri.clone()).header("user-agent", "h2").header("accept", "*/*");
        let mut requests = self.requests.clone().ready().await.expect("a free stream");
        let (response, _) =
            requests.send_request(request.body(()).expect("a request"), true).expect("an open connection");
        response.await.expect("a response").into_body()
    }
}

impl Requests for H2Requests {
    async fn get(&self) -> usize {
        self.download().await
    }

    async fn download(&self) -> usize {
        let mut body = self.send().await;
        let mut count = 0;
        while let Some(piece) = body.data().await {
            let length = piece.expect("a piece").len();
            count += length;
            body.flow_control().release_capacity(length).expect("bytes that have arrived");
        }
        count
    }

    async fn upload(&self) -> usize {
        unimplemented!("no upload over HTTP/2 is measured")
    }
}
