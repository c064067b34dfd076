//! Downloads 50 files, eight at a time, with a progress bar. A download that breaks off continues where it stopped.
//! `cargo run --example downloads -- FOLDER` starts a server that cuts the connection of each download in its middle.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::PathBuf;

use futures::future::{FutureExt, try_join_all};
use indicatif::ProgressBar;
use waterspout::http::header::{CONTENT_RANGE, ETAG, HeaderValue, IF_RANGE, RANGE};
use waterspout::testing::{Fault, Reply, Server, handler};
use waterspout::{Bytes, Client, Retry, tornado::EventLoop};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Downloads `url`, and returns how often the download was resumed (RFC 9110, sections 13.1.5 and 14.2).
async fn download(client: &Client, url: String, path: PathBuf, bar: &ProgressBar) -> Result<u32> {
    let mut file = File::create(path)?;
    let mut written = 0;
    let mut etag: Option<HeaderValue> = None;
    let mut resumed = 0;
    loop {
        let mut request = client.get(&url);
        if let Some(etag) = &etag {
            request = request.header(RANGE, format!("bytes={written}-")).header(IF_RANGE, etag);
        }
        let mut response = request.await?.error_for_status()?;
        let range = response.headers().get(CONTENT_RANGE).map_or(&b""[..], HeaderValue::as_bytes);
        match response.status().as_u16() {
            206 if range.starts_with(format!("bytes {written}-").as_bytes()) => {}
            206 => return Err(format!("{url} sent another range than the requested range").into()),
            _ => {
                // The whole file: this is the first response, the file has changed, or the server has no ranges.
                file.rewind()?;
                file.set_len(0)?;
                bar.dec(std::mem::take(&mut written));
            }
        }
        let length = response.content_length().map(|rest| written + rest);
        // A weak tag, `W/"…"`, does not promise the same bytes.
        etag = response.headers().get(ETAG).filter(|tag| tag.as_bytes().starts_with(b"\"")).cloned();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    file.write_all(&chunk)?;
                    written += chunk.len() as u64;
                    bar.inc(chunk.len() as u64);
                }
                Ok(None) if length.is_none_or(|length| length == written) => return Ok(resumed),
                Ok(None) => return Err(format!("{url} ended after {written} bytes").into()),
                Err(error) if error.is_retryable() && resumed < 5 => break,
                Err(error) => return Err(error.into()),
            }
        }
        resumed += 1;
    }
}

fn main() -> Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: downloads FOLDER")?);
    let page: Bytes = (0..300_000).map(|n| (n % 251) as u8).collect::<Vec<_>>().into();
    let server = Server::start(handler(move |request| {
        let start: Option<usize> =
            request.header("range").and_then(|text| text.get(6..)?.trim_end_matches('-').parse().ok());
        let reply = match (start, request.header("if-range")) {
            (Some(start), Some("\"v1\"")) => Reply::new(206, page.slice(start..))
                .with_header("content-range", &format!("bytes {start}-299999/300000")),
            _ => Reply::new(200, page.clone()).with_fault(Fault::close().after_body(150_000)),
        };
        async { reply.with_header("etag", "\"v1\"") }.boxed()
    }))?;
    // Ranges count the bytes on the wire, so the client must not decompress them.
    let client = Client::builder().max_active(8).decompress(false).retry(Retry::new()).build()?;
    let bar = ProgressBar::new(50 * 300_000);
    let downloads = (0..50).map(|n| download(&client, server.url(&format!("/{n}")), folder.join(n.to_string()), &bar));
    let resumed: u32 = EventLoop::new().run_sync(try_join_all(downloads))?.into_iter().sum();
    println!("50 files, {} bytes, resumed {resumed} times", bar.position());
    Ok(())
}
