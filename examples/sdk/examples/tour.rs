//! Calls each method of the typed client. Run `cargo run --example serve` in the root of the repository, then in this
//! folder `cargo run --example tour -- http://127.0.0.1:8737`.

use waterspout::Client;
use waterspout::tornado::EventLoop;
use waterspout_example_sdk::{Error, Item, Remote, Result, Store};

fn main() -> Result<()> {
    let base = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8737".to_owned());
    EventLoop::new().run_sync(tour(Remote::new(Client::new(), base.parse()?)))
}

/// Accepts any implementation of [`Store`], such as a mock in a test.
async fn tour(store: impl Store) -> Result<()> {
    println!("item: {:?}", store.item().await?);
    println!("saved: {:?}", store.save(&Item { name: "teapot".to_owned(), sizes: vec![418] }).await?);
    println!("sent: {:?}", store.upload("short and stout").await?);
    println!("received: {:?}", store.download(1_000_000, |count| eprintln!("{count} bytes")).await?);
    match store.missing().await {
        Err(Error::NotFound) => println!("missing: not found, as expected"),
        other => println!("missing: {other:?}"),
    }
    Ok(())
}
