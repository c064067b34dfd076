//! An axum application that fetches from an upstream server and streams the bodies through:
//! `cargo run -- http://example.com 127.0.0.1:3000`.

use std::error::Error;
use std::future::Future;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use waterspout::Client;

#[derive(Clone)]
struct App {
    client: Client,
    upstream: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let upstream = arguments.next().unwrap_or_else(|| "http://example.com".to_owned());
    let listener = TcpListener::bind(arguments.next().as_deref().unwrap_or("127.0.0.1:3000")).await?;
    println!("http://{} shows {upstream}", listener.local_addr()?);
    let app = App { client: Client::builder().tokio().max_active(100).build()?, upstream };
    Ok(serve(listener, app, async { drop(tokio::signal::ctrl_c().await) }).await?)
}

/// Serves until `stop` completes. Then accepts no more connections, and finishes the requests that run.
async fn serve(listener: TcpListener, app: App, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    let router = Router::new().fallback(get(page)).with_state(app);
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

/// If the browser leaves, axum drops this future or the body, and the client stops the request to the upstream server.
async fn page(State(app): State<App>, uri: Uri) -> Result<Response, BadGateway> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let response = app.client.get(format!("{}{path}", app.upstream)).timeout(Duration::from_secs(10)).await?;
    let kind = response.headers().get(CONTENT_TYPE).map(|kind| [(CONTENT_TYPE, kind.clone())]);
    Ok((response.status(), kind, Body::from_stream(response.bytes_stream())).into_response())
}

struct BadGateway(waterspout::Error);

impl From<waterspout::Error> for BadGateway {
    fn from(error: waterspout::Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for BadGateway {
    fn into_response(self) -> Response {
        eprintln!("{}", self.0);
        let status = if self.0.is_timeout() { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY };
        status.into_response()
    }
}

#[cfg(test)]
mod tests;
