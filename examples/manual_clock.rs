//! Tests with a clock that the test moves: they do not wait, and do not depend on the speed of the machine.
//! `cargo test --example manual_clock` runs them, `cargo run --example manual_clock` the program with a real clock.
#![cfg(not(target_family = "wasm"))]

use std::time::Duration;

use waterspout::testing::{Reply, Server, handler};
use waterspout::tornado::EventLoop;
use waterspout::{Builder, Client, Result, Retry};

/// Sets what the program and its tests share.
fn configure(builder: Builder) -> Builder {
    let retry = Retry::new().attempts(2).base_delay(Duration::from_secs(1));
    builder.head_timeout(Duration::from_secs(10)).retry(retry)
}

async fn weather(client: &Client, url: &str) -> Result<String> {
    client.get(url).await?.error_for_status()?.text().await
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let server = Server::start(handler(|_| Box::pin(async { Reply::text("sunny") })))?;
    let client = configure(Client::builder()).build()?;
    println!("the weather: {}", EventLoop::new().run_sync(weather(&client, &server.url("/weather")))?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use waterspout::testing::{Handler, ManualTimer, MemoryConnector, Recorder};
    use waterspout::{Agent, Timeout};

    use super::*;

    const URL: &str = "http://weather.example/";
    const SECOND: Duration = Duration::from_secs(1);

    /// Returns a client with `timer` as its clock. The server is in memory, so no thread and no socket is involved.
    fn client(timer: &ManualTimer, server: impl Handler) -> Client {
        let agent = Agent::new(MemoryConnector::new(server), timer.clone());
        configure(Client::builder()).backend(agent).timer(timer.clone()).build().unwrap()
    }

    #[test]
    fn silent_server_is_asked_twice() {
        let timer = ManualTimer::new();
        let recorder = Recorder::new();
        let client = client(&timer, recorder.record(handler(|_| Box::pin(async { Reply::silence() }))));
        let mut weather = weather(&client, URL).boxed();
        // The head timeout, the delay before the second attempt, and the head timeout again.
        for wait in [10 * SECOND, SECOND, 10 * SECOND] {
            assert!((&mut weather).now_or_never().is_none());
            timer.advance(wait);
        }
        let error = weather.now_or_never().unwrap().unwrap_err();
        assert_eq!((error.timeout(), recorder.requests().len()), (Some(Timeout::Head), 2));
    }

    #[test]
    fn busy_server_is_asked_again_after_the_delay_that_it_names() {
        let timer = ManualTimer::new();
        let recorder = Recorder::new();
        let seen = recorder.clone();
        let server = recorder.record(handler(move |_| {
            let busy = Reply::new(503, "").with_header("retry-after", "30");
            let reply = if seen.requests().len() == 1 { busy } else { Reply::text("sunny") };
            Box::pin(async { reply })
        }));
        let client = client(&timer, server);
        let mut weather = weather(&client, URL).boxed();
        for wait in [29 * SECOND, SECOND] {
            assert!((&mut weather).now_or_never().is_none());
            timer.advance(wait);
        }
        assert_eq!(weather.now_or_never().unwrap().unwrap(), "sunny");
    }
}
