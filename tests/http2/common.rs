//! What the tables of tests have in common.

use std::future::Future;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use waterspout::testing::{Handler, Http2Frame, Incoming, Reply, handler};
use waterspout::{Body, Bytes, Client, Response, Result};

use crate::served::{Controls, Gates};

/// The requests that reached the handler, by method and path.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub fn add(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Answers `/held/NAME` once the gate `NAME` is open, and everything else at once, with the path.
pub fn gated(gates: &Gates, log: &Log) -> impl Handler + use<> {
    let (gates, log) = (gates.clone(), log.clone());
    handler(move |request: &mut Incoming| {
        log.add(format!("{} {}", request.method(), request.path()));
        let gates = gates.clone();
        async move {
            let _ = request.body().await;
            if let Some(name) = request.path().strip_prefix("/held/") {
                gates.pass(name).await;
            }
            Reply::text(request.path())
        }
        .boxed()
    })
}

pub fn url(path: &str) -> String {
    format!("http://server.test{path}")
}

/// Gets the text of a path.
pub fn get(client: &Client, path: &str) -> impl Future<Output = Result<String>> + use<> {
    let (client, url) = (client.clone(), url(path));
    async move { client.get(&url).await?.text().await }
}

/// Posts a body of this many bytes that can be sent again, and receives the text.
pub fn post(client: &Client, path: &str, size: usize) -> impl Future<Output = Result<String>> + use<> {
    let (client, url) = (client.clone(), url(path));
    async move { client.post(&url).body(vec![b'x'; size]).await?.text().await }
}

/// Posts a body that can be sent once, and receives the text.
pub fn post_once(client: &Client, path: &str, size: usize) -> impl Future<Output = Result<String>> + use<> {
    let (client, url) = (client.clone(), url(path));
    async move { client.post(&url).body(one_shot(size)).await?.text().await }
}

/// A body that can be sent once.
pub fn one_shot(size: usize) -> Body {
    let piece = Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; size]));
    Body::stream(futures::stream::iter([piece]))
}

/// Receives the head of a response.
pub fn head(client: &Client, path: &str) -> impl Future<Output = Result<Response>> + use<> {
    let (client, url) = (client.clone(), url(path));
    async move { client.get(&url).await }
}

/// Removes the frames that the clients have sent, and returns the frames of a kind.
pub fn frames(control: &Controls, kind: u8) -> Vec<Http2Frame> {
    control.take_received().into_iter().filter(|frame| frame.kind == kind).collect()
}
