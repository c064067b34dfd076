//! A client over scripted connections on a manual clock, and the scripts that most tests need.

use std::time::Duration;

use futures::executor::block_on;
use waterspout::http::{HeaderMap, HeaderValue};
use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
use waterspout::{Agent, Builder, Client, ErrorKind, Phase, RequestBuilder, Response, Result};

/// The URL that tests request when the URL does not matter.
pub const URL: &str = "http://example.com/";

/// A response with the body `hello`.
pub const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

/// A client whose connections follow scripts and whose clock the test moves.
pub struct ScriptedClient {
    pub client: Client,
    pub connector: ScriptedConnector,
    pub timer: ManualTimer,
}

/// Builds a client with default settings over these connections.
pub fn scripted(scripts: impl IntoIterator<Item = Script>) -> ScriptedClient {
    build(Client::builder(), |agent| agent, scripts)
}

/// Builds a client with the settings of `builder` over these connections.
pub fn scripted_client(builder: Builder, scripts: impl IntoIterator<Item = Script>) -> ScriptedClient {
    build(builder, |agent| agent, scripts)
}

/// Builds a client whose agent `settings` has configured.
pub fn scripted_agent(
    settings: impl FnOnce(Agent) -> Agent,
    scripts: impl IntoIterator<Item = Script>,
) -> ScriptedClient {
    build(Client::builder(), settings, scripts)
}

fn build(
    builder: Builder,
    settings: impl FnOnce(Agent) -> Agent,
    scripts: impl IntoIterator<Item = Script>,
) -> ScriptedClient {
    let connector = ScriptedConnector::new(scripts);
    let timer = ManualTimer::new();
    let agent = settings(Agent::new(connector.clone(), timer.clone()));
    let client = builder.backend(agent).timer(timer.clone()).build().unwrap();
    ScriptedClient { client, connector, timer }
}

impl ScriptedClient {
    /// Begins a GET request to [`URL`].
    pub fn get(&self) -> RequestBuilder<Client> {
        self.client.get(URL)
    }

    /// Fetches [`URL`] and reads the body as text.
    pub fn text(&self) -> Result<String> {
        text(self.get())
    }

    /// Fetches [`URL`], which must fail, and returns the error's kind and phase.
    pub fn failure(&self) -> (ErrorKind, Phase) {
        let error = self.text().unwrap_err();
        (error.kind(), error.phase())
    }

    /// Returns everything that the client has sent on a connection.
    pub fn sent(&self, connection: usize) -> String {
        self.connector.written(connection)
    }

    /// Returns the values of a header in each head that was sent on a connection, `-` where the header is missing.
    pub fn sent_headers(&self, connection: usize, name: &str) -> Vec<String> {
        let written = self.connector.written(connection);
        let heads = written.split("\r\n\r\n").filter(|head| head.contains(" HTTP/1.1\r\n"));
        let value = |head: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(key, _)| *key == name).map_or("-".to_owned(), |(_, value)| value.to_owned())
        };
        heads.map(value).collect()
    }

    /// Returns the head of the first request and all bytes that were sent after it on the first connection.
    pub fn sent_head_and_rest(&self) -> (String, String) {
        let written = self.connector.written(0);
        let (head, rest) = written.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), rest.to_owned())
    }
}

/// Sends a request and waits for the response.
pub fn send(request: RequestBuilder<Client>) -> Result<Response> {
    block_on(request.send())
}

/// Sends a request and reads the response's body as text.
pub fn text(request: RequestBuilder<Client>) -> Result<String> {
    block_on(async { request.await?.text().await })
}

/// A connection that answers a request and then closes.
pub fn once(answer: impl AsRef<[u8]>) -> Script {
    answers([answer])
}

/// A connection that answers these requests in turn and then closes.
pub fn answers<A: AsRef<[u8]>>(answers: impl IntoIterator<Item = A>) -> Script {
    answers.into_iter().fold(Script::new(), |script, answer| script.expect_head().send(answer.as_ref()))
}

/// A redirect without a body.
pub fn redirect(status: u16, to: &str) -> String {
    format!("HTTP/1.1 {status} Moved\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
}

/// Makes a header map of these names and values.
pub fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
