//! Prints a server's events as they arrive, and reconnects when the connection is lost.
//!
//! Run `cargo run --example serve` in another terminal, then
//! `cargo run --example events -- 'http://127.0.0.1:8737/lab/events?total=5&burst=2'`.

use futures::StreamExt;
use waterspout::tornado::EventLoop;
use waterspout::{Client, Request, Result};

fn main() -> Result<()> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8737/lab/events".to_owned());
    EventLoop::new().run_sync(async {
        let mut events = Client::new().events(Request::get(url));
        while let Some(event) = events.next().await {
            let event = event?;
            println!("{} {}: {}", event.id, event.event, event.data);
        }
        Ok(())
    })
}
