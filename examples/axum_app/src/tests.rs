//! Requests to the application: a body that streams through a shutdown, and upstream servers that fail.

use std::future::ready;
use std::sync::Arc;

use futures::{FutureExt, StreamExt, stream};
use tokio::sync::Notify;
use waterspout::testing::{ManualTimer, MockBackend, Reply, Server, handler};
use waterspout::tornado::with_timeout;

use super::*;

type Outcome = Result<(), Box<dyn Error>>;

/// Sends the target of the request, and the rest of the body when the test says so.
fn upstream(gate: Arc<Notify>) -> io::Result<Server> {
    Server::start(handler(move |request| {
        let first = stream::once(ready(request.target().to_owned()));
        let gate = gate.clone();
        let rest = stream::once(async move {
            gate.notified().await;
            " and the rest".to_owned()
        });
        let body = waterspout::Body::stream(first.chain(rest).map(Ok::<_, io::Error>));
        let reply = Reply::new(404, body).with_header("content-type", "text/plain");
        Box::pin(async { reply })
    }))
}

#[tokio::test]
async fn body_streams_through_and_shutdown_waits_for_its_end() -> Outcome {
    let gate = Arc::new(Notify::new());
    let stop = Arc::new(Notify::new());
    let upstream = upstream(gate.clone())?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/a?b=c", listener.local_addr()?);
    let app = App { client: Client::builder().tokio().build()?, upstream: upstream.url("") };
    let stopped = stop.clone();
    let server = tokio::spawn(serve(listener, app, async move { stopped.notified().await }));

    let client = Client::new();
    let mut response = client.get(&url).await?;
    assert_eq!((response.status().as_u16(), &response.headers()[CONTENT_TYPE]), (404, &"text/plain".parse()?));
    assert_eq!(response.chunk().await?.as_deref(), Some(&b"/a?b=c"[..]));
    stop.notify_one();
    gate.notify_one();
    assert_eq!(response.text().await?, " and the rest");
    with_timeout(Duration::from_secs(20), server).await???;
    assert!(client.get(&url).await.is_err());
    Ok(())
}

#[tokio::test]
async fn silent_upstream_is_status_504_after_10_s() -> Outcome {
    let timer = ManualTimer::new();
    let client = Client::builder().backend(MockBackend::pending()).timer(timer.clone()).build()?;
    let app = App { client, upstream: "http://example.com".to_owned() };
    let mut answer = Box::pin(page(State(app), Uri::from_static("/")));
    for seconds in [9, 1] {
        assert!((&mut answer).now_or_never().is_none());
        timer.advance(Duration::from_secs(seconds));
    }
    assert_eq!(answer.now_or_never().unwrap().into_response().status(), 504);
    Ok(())
}

#[tokio::test]
async fn unreachable_upstream_is_status_502() -> Outcome {
    let closed = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let app = App { client: Client::builder().tokio().build()?, upstream: format!("http://{closed}") };
    let answer = page(State(app), Uri::from_static("/")).await;
    assert_eq!(answer.into_response().status(), 502);
    Ok(())
}
