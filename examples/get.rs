//! Fetches a URL and prints the head and the body of the response:
//! `cargo run --example get -- http://example.com/`.

use std::time::Duration;

use waterspout::tornado::EventLoop;
use waterspout::{Client, Result};

fn main() -> Result<()> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://example.com/".to_owned());
    EventLoop::new().run_sync(async {
        let client = Client::builder().max_active(10).timeout(Duration::from_secs(20)).build()?;
        let page = client.get(url).header("accept", "text/html").await?;
        println!("{} {}\n{:#?}", page.status(), page.url(), page.headers());
        println!("{}", page.text().await?);
        Ok(())
    })
}
