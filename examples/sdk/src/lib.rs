//! A typed client of the lab's HTTP interface, as an example of a portable library: the same source, without a `cfg`,
//! runs in native programs, browsers and Node. It adds the paths, the types, and the meaning of each failure.

use serde::{Deserialize, Serialize};
use waterspout::http::StatusCode;
use waterspout::{Body, Client, MaybeSend, PortableFuture, Url};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    pub name: String,
    pub sizes: Vec<u32>,
}

#[derive(Debug)]
pub enum Error {
    /// The server does not know the item (status 404).
    NotFound,
    Http(waterspout::Error),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Self::Http(error) = self { error.fmt(f) } else { f.write_str("the server does not know the item") }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The text is that of the inner error, so its cause is the cause.
        if let Self::Http(error) = self { error.source() } else { None }
    }
}

impl From<waterspout::Error> for Error {
    fn from(error: waterspout::Error) -> Self {
        if error.status() == Some(StatusCode::NOT_FOUND) { Self::NotFound } else { Self::Http(error) }
    }
}

pub type Result<T> = std::result::Result<T, Error>;

/// The calls that the server supports. A test can implement them without a server. The futures are `Send` natively.
pub trait Store {
    fn item(&self, id: &str) -> impl PortableFuture<Output = Result<Item>>;
    fn save(&self, item: &Item) -> impl PortableFuture<Output = Result<Item>>;
    /// Sends `body`, and returns its length and the sum of its bytes as the server counted them.
    fn upload(&self, body: impl Into<Body> + MaybeSend) -> impl PortableFuture<Output = Result<String>>;
    /// Downloads `count` bytes, and calls `each` with each chunk. Only a chunk is in memory at a time.
    fn download(&self, count: u64, each: impl FnMut(&[u8]) + MaybeSend) -> impl PortableFuture<Output = Result<()>>;
}

/// A store that calls the lab at `base`. The limits and the queue of `client` apply.
#[derive(Clone, Debug)]
pub struct Remote {
    pub client: Client,
    pub base: Url,
}

impl Store for Remote {
    async fn item(&self, id: &str) -> Result<Item> {
        Ok(self.client.get(format!("{}{id}", self.base)).await?.error_for_status()?.json().await?)
    }

    async fn save(&self, item: &Item) -> Result<Item> {
        Ok(self.client.post(format!("{}echo", self.base)).json(item).await?.error_for_status()?.json().await?)
    }

    async fn upload(&self, body: impl Into<Body> + MaybeSend) -> Result<String> {
        Ok(self.client.post(format!("{}upload", self.base)).body(body).await?.error_for_status()?.text().await?)
    }

    async fn download(&self, count: u64, mut each: impl FnMut(&[u8]) + MaybeSend) -> Result<()> {
        let mut response = self.client.get(format!("{}bytes/{count}", self.base)).await?.error_for_status()?;
        while let Some(chunk) = response.chunk().await? {
            each(&chunk);
        }
        Ok(())
    }
}
