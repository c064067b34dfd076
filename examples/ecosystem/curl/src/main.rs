//! Fetches a URL, as curl does: `cargo run -p waterspout-example-curl -- --output page.html --resume http://example.com/`.

mod arguments;
#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use indicatif::ProgressBar;
use waterspout::http::header::{CONTENT_RANGE, HeaderValue, RANGE};
use waterspout::http::{Method, StatusCode};
use waterspout::platform::native;
use waterspout::tornado::EventLoop;
use waterspout::{Body, Error, ErrorKind, Phase, Response};

use self::arguments::{Arguments, client};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Writes the body, and shows a progress bar if it goes to a file.
async fn save(mut response: Response, mut to: impl Write, start: u64, bar: &ProgressBar) -> Result<(), Failure> {
    bar.set_position(start);
    if let Some(length) = response.content_length() {
        bar.set_length(start + length);
    }
    while let Some(chunk) = response.chunk().await? {
        to.write_all(&chunk)?;
        bar.inc(chunk.len() as u64);
    }
    to.flush()?;
    Ok(())
}

async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let body = match arguments.data.as_deref().map(|data| (data, data.strip_prefix('@'))) {
        None => Body::empty(),
        Some((_, Some(path))) => native::file(path).await.map_err(|error| {
            Error::new(ErrorKind::RequestBody, Phase::Request, format!("cannot read {path:?}")).with_source(error)
        })?,
        Some((text, None)) => Body::from(text.to_owned()),
    };
    let default = if body.is_none() { Method::GET } else { Method::POST };
    let method = arguments.request.clone().unwrap_or(default);
    let mut request = client(arguments)?.request(method, &arguments.url).body(body);
    for (name, value) in &arguments.header {
        request = request.header(name, value);
    }
    let Some(path) = &arguments.output else {
        let response = request.await?;
        let response = if arguments.fail { response.error_for_status()? } else { response };
        return save(response, io::stdout().lock(), 0, &ProgressBar::hidden()).await;
    };
    let length = if arguments.resume { path.metadata().map_or(0, |file| file.len()) } else { 0 };
    if length > 0 {
        request = request.header(RANGE, format!("bytes={length}-"));
    }
    let response = request.await?;
    if length > 0 && response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
        return Ok(());
    }
    let response = if arguments.fail { response.error_for_status()? } else { response };
    let range = response.headers().get(CONTENT_RANGE).map_or(&b""[..], HeaderValue::as_bytes);
    let continues = length > 0 && range.starts_with(format!("bytes {length}-").as_bytes());
    let file = if continues { OpenOptions::new().append(true).open(path)? } else { File::create(path)? };
    save(response, file, if continues { length } else { 0 }, &ProgressBar::new_spinner()).await
}

/// Returns the exit code that curl has for the same failure.
fn exit_code(failure: &Failure) -> u8 {
    let Some(error) = failure.downcast_ref::<waterspout::Error>() else { return 23 };
    match error.kind() {
        ErrorKind::UnsupportedScheme => 1,
        ErrorKind::InvalidUrl | ErrorKind::InvalidRequest => 3,
        ErrorKind::Dns => 6,
        ErrorKind::Connect | ErrorKind::Proxy => 7,
        ErrorKind::ConnectionClosed => 18,
        ErrorKind::Status => 22,
        ErrorKind::RequestBody => 26,
        ErrorKind::Timeout => 28,
        ErrorKind::Redirect => 47,
        ErrorKind::Tls => 60,
        _ => 56,
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match EventLoop::new().run_sync(run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(exit_code(&failure))
        }
    }
}
