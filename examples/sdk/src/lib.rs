//! A typed client of the lab's HTTP interface, as the author of a library would write it: one source, without a `cfg`,
//! for native programs, browsers and Node. What a `Client` cannot know is here: paths, types, and which failure means what.

use std::fmt;

use serde::{Deserialize, Serialize};
use waterspout::http::StatusCode;
use waterspout::{Body, Client, MaybeSend, PortableFuture, Response, Url};

/// A thing that the server knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What it is called.
    pub name: String,
    /// The sizes it comes in.
    pub sizes: Vec<u32>,
}

/// How many bytes something had, and their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// The bytes.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
}

/// What can go wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// There is no such thing.
    NotFound,
    /// The server's answer is not what it should be.
    Unexpected(String),
    /// The request failed.
    Http(waterspout::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("there is no such thing"),
            Self::Unexpected(answer) => write!(f, "the server's answer makes no sense: {answer:?}"),
            Self::Http(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<waterspout::Error> for Error {
    fn from(error: waterspout::Error) -> Self {
        if error.status() == Some(StatusCode::NOT_FOUND) { Self::NotFound } else { Self::Http(error) }
    }
}

/// A `Result` whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What can be asked of the server; a program's tests may implement it themselves.
///
/// The futures are `Send` where there are threads and need not be where there are none.
pub trait Store {
    /// The item of the day.
    fn item(&self) -> impl PortableFuture<Output = Result<Item>>;

    /// Stores an item and returns it as the server has it.
    fn save(&self, item: &Item) -> impl PortableFuture<Output = Result<Item>>;

    /// Sends `body`.
    fn upload(&self, body: impl Into<Body> + MaybeSend) -> impl PortableFuture<Output = Result<Sum>>;

    /// Receives `count` bytes, of which only a piece is in memory at a time, and calls `seen` for each with the count so far.
    fn download(&self, count: u64, seen: impl FnMut(u64) + MaybeSend) -> impl PortableFuture<Output = Result<Sum>>;

    /// Always [`Error::NotFound`].
    fn missing(&self) -> impl PortableFuture<Output = Result<Item>>;
}

/// The server, over HTTP.
#[derive(Clone, Debug)]
pub struct Remote {
    client: Client,
    base: Url,
}

impl Remote {
    /// A server at `base`, asked through `client`, whose limits and queue hold.
    pub fn new(client: Client, base: Url) -> Self {
        Self { client, base }
    }

    fn url(&self, path: &str) -> waterspout::Result<Url> {
        self.base.join(path)
    }
}

impl Store for Remote {
    async fn item(&self) -> Result<Item> {
        let response = self.client.get(self.url("/lab/json")?).await?;
        Ok(response.error_for_status()?.json().await?)
    }

    async fn save(&self, item: &Item) -> Result<Item> {
        let response = self.client.post(self.url("/lab/echo")?).json(item).await?;
        Ok(response.error_for_status()?.json().await?)
    }

    async fn upload(&self, body: impl Into<Body> + MaybeSend) -> Result<Sum> {
        let response = self.client.post(self.url("/lab/upload")?).body(body).await?;
        let text = response.error_for_status()?.text().await?;
        let sum = text.split_once(' ').and_then(|(count, sum)| Some((count.parse().ok()?, sum.parse().ok()?)));
        let (count, sum) = sum.ok_or(Error::Unexpected(text))?;
        Ok(Sum { count, sum })
    }

    async fn download(&self, count: u64, seen: impl FnMut(u64) + MaybeSend) -> Result<Sum> {
        let response = self.client.get(self.url(&format!("/lab/bytes/{count}"))?).await?;
        add_up(response.error_for_status()?, seen).await
    }

    async fn missing(&self) -> Result<Item> {
        let response = self.client.get(self.url("/lab/status/404")?).await?;
        Ok(response.error_for_status()?.json().await?)
    }
}

async fn add_up(mut response: Response, mut seen: impl FnMut(u64)) -> Result<Sum> {
    let mut all = Sum::default();
    while let Some(chunk) = response.chunk().await? {
        all.count += chunk.len() as u64;
        all.sum += chunk.iter().map(|byte| u64::from(*byte)).sum::<u64>();
        seen(all.count);
    }
    Ok(all)
}
