//! A typed client of the lab's HTTP interface, as an example of a portable library: the same source, without a `cfg`,
//! runs in native programs, browsers and Node.
//!
//! It adds what a `Client` cannot know: the paths, the types, and the meaning of each failure.

use std::fmt;

use serde::{Deserialize, Serialize};
use waterspout::http::StatusCode;
use waterspout::{Body, Client, MaybeSend, PortableFuture, Response, Url};

/// An item in the server's store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The name of the item.
    pub name: String,
    /// The available sizes.
    pub sizes: Vec<u32>,
}

/// The length and the checksum of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// The number of bytes.
    pub count: u64,
    /// The sum of the bytes' values.
    pub sum: u64,
}

/// The error of a call to the server.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The server does not know the item (status 404).
    NotFound,
    /// The server's response has an unexpected body, which is included here.
    Unexpected(String),
    /// The request failed for another reason.
    Http(waterspout::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("the server does not know the item"),
            Self::Unexpected(body) => write!(f, "the server sent an unexpected body: {body:?}"),
            Self::Http(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // The text is that of the inner error, so its cause is the cause.
            Self::Http(error) => error.source(),
            _ => None,
        }
    }
}

impl From<waterspout::Error> for Error {
    fn from(error: waterspout::Error) -> Self {
        if error.status() == Some(StatusCode::NOT_FOUND) { Self::NotFound } else { Self::Http(error) }
    }
}

/// A [`Result`](std::result::Result) with [`Error`] as its error type.
pub type Result<T> = std::result::Result<T, Error>;

/// The calls that the server supports. The tests of a program can implement this trait without a server.
///
/// # Platform
/// The futures are `Send` on platforms with threads. In a browser and in Node they need not be.
pub trait Store {
    /// Returns the item of the day.
    fn item(&self) -> impl PortableFuture<Output = Result<Item>>;

    /// Stores an item and returns the stored item.
    fn save(&self, item: &Item) -> impl PortableFuture<Output = Result<Item>>;

    /// Sends `body`, and returns its length and checksum as the server counted them.
    fn upload(&self, body: impl Into<Body> + MaybeSend) -> impl PortableFuture<Output = Result<Sum>>;

    /// Downloads `count` bytes in chunks and returns their length and checksum. Only a chunk is in memory at a time.
    /// Calls `on_progress` after each chunk with the number of bytes received so far.
    fn download(
        &self,
        count: u64,
        on_progress: impl FnMut(u64) + MaybeSend,
    ) -> impl PortableFuture<Output = Result<Sum>>;

    /// Requests an item that does not exist, and always fails with [`Error::NotFound`].
    fn missing(&self) -> impl PortableFuture<Output = Result<Item>>;
}

/// A [`Store`] that calls the server over HTTP.
#[derive(Clone, Debug)]
pub struct Remote {
    client: Client,
    base: Url,
}

impl Remote {
    /// Returns a store that calls the server at `base` through `client`. The limits and the queue of `client` apply.
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
        parse_sum(&text).ok_or(Error::Unexpected(text))
    }

    async fn download(&self, count: u64, on_progress: impl FnMut(u64) + MaybeSend) -> Result<Sum> {
        let response = self.client.get(self.url(&format!("/lab/bytes/{count}"))?).await?;
        checksum(response.error_for_status()?, on_progress).await
    }

    async fn missing(&self) -> Result<Item> {
        let response = self.client.get(self.url("/lab/status/404")?).await?;
        Ok(response.error_for_status()?.json().await?)
    }
}

/// Parses the reply to an upload: two numbers with a space between them.
fn parse_sum(text: &str) -> Option<Sum> {
    let (count, sum) = text.split_once(' ')?;
    Some(Sum { count: count.parse().ok()?, sum: sum.parse().ok()? })
}

async fn checksum(mut response: Response, mut on_progress: impl FnMut(u64)) -> Result<Sum> {
    let mut total = Sum::default();
    while let Some(chunk) = response.chunk().await? {
        total.count += chunk.len() as u64;
        total.sum += chunk.iter().map(|byte| u64::from(*byte)).sum::<u64>();
        on_progress(total.count);
    }
    Ok(total)
}
