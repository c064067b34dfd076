//! Calls each method of the typed client. Run `cargo run --example serve` in the root of the repository, then in this
//! folder `cargo run --example tour -- http://127.0.0.1:8737`.

use waterspout::tornado::EventLoop;
use waterspout::{Client, Url};
use waterspout_example_sdk::{Error, Item, Remote, Result, Store};

fn main() -> Result<()> {
    let base = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8737".to_owned());
    let base = Url::parse(&base)?.join("/lab/")?;
    EventLoop::new().run_sync(tour(Remote { client: Client::new(), base }))
}

/// Accepts any implementation of [`Store`], such as a mock in a test.
async fn tour(store: impl Store) -> Result<()> {
    println!("item: {:?}", store.item("json").await?);
    println!("saved: {:?}", store.save(&Item { name: "teapot".to_owned(), sizes: vec![418] }).await?);
    println!("sent, with the sum of its bytes: {}", store.upload("short and stout").await?);
    let mut count = 0;
    store.download(1_000_000, |chunk| count += chunk.len()).await?;
    println!("received: {count} bytes");
    match store.item("status/404").await {
        Err(Error::NotFound) => println!("missing: not found, as expected"),
        other => println!("missing: {other:?}"),
    }
    Ok(())
}
