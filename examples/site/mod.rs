//! A demo site: about 300 linked pages with every obstacle that a spider meets. The pages are the same at each visit.
//!
//! The spider, the demo server and the tests include this module. It serves the paths under `/site/`, and a page under
//! `/elsewhere/` for links that lead out of the site.
//!
//! `plan` defines the pages, their links and how each page is sent. `html` writes the pages. This file replies to
//! requests.

#![allow(dead_code, unused_imports, reason = "each program that includes the site uses a part of it")]

mod html;
mod plan;

use std::convert::Infallible;
use std::time::Duration;

use async_io::Timer;
use futures::{StreamExt, stream};
use waterspout::testing::{Handler, Incoming, Reply};
use waterspout::{Body, BoxFuture, Bytes};

pub(crate) use self::plan::{ELSEWHERE, Expected, Fault, HIDDEN, PAGES, START, TRAPS, expected};
use self::plan::{Page, Route};

/// Returns the site with the full delays of its slow pages.
pub(crate) fn handler() -> impl Handler {
    Site::default()
}

/// The handler of the site.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    /// A factor for the delays of slow pages, 1 by default. With 0, no page is slow.
    pub(crate) pace: f32,
}

impl Default for Site {
    fn default() -> Self {
        Self { pace: 1.0 }
    }
}

impl Site {
    async fn reply(&self, request: &Incoming) -> Reply {
        let host = request.host();
        match plan::route(request.path()) {
            Route::Page(page) => self.page(page, host).await,
            Route::Redirect(status, location) => Reply::redirect(status, location),
            Route::Fault(fault) => faulty_reply(fault, host),
            Route::Elsewhere => Reply::html(html::elsewhere()),
            Route::NotFound => error_page(404, host),
        }
    }

    async fn page(&self, page: Page, host: &str) -> Reply {
        Timer::after(page.delay().mul_f32(self.pace)).await;
        let text = Bytes::from(html::page(page, host));
        let body = if page.is_chunked() {
            let pause = page.pause().mul_f32(self.pace);
            Body::stream(stream::iter(chunks(page, text)).then(move |chunk| delayed(chunk, pause)))
        } else {
            Body::from(text)
        };
        Reply::new(200, body).with_header("content-type", page.content_type())
    }
}

impl Handler for Site {
    fn handle<'a>(&'a self, request: &'a mut Incoming) -> BoxFuture<'a, Reply> {
        Box::pin(async move { self.reply(request).await.with_header("access-control-allow-origin", "*") })
    }
}

async fn delayed(chunk: Bytes, pause: Duration) -> Result<Bytes, Infallible> {
    if !pause.is_zero() {
        Timer::after(pause).await;
    }
    Ok(chunk)
}

/// Splits a page into the chunks in which it is sent.
fn chunks(page: Page, mut text: Bytes) -> Vec<Bytes> {
    let mut chunks = Vec::new();
    while !text.is_empty() {
        let length = page.chunk_length(chunks.len()).min(text.len());
        chunks.push(text.split_to(length));
    }
    chunks
}

fn faulty_reply(fault: Fault, host: &str) -> Reply {
    match fault {
        Fault::Status(status) => error_page(status, host),
        Fault::Short => {
            let text = html::error("this page ends too early", host);
            let declared = text.len() as u64 + 1000;
            let body = Body::stream(stream::iter([Ok::<_, Infallible>(text)])).with_length(declared);
            Reply::new(200, body).with_header("content-type", "text/html")
        }
        // The greeting of a mail server.
        Fault::Garbage => Reply::raw("220 mail.example ESMTP ready\r\n"),
        Fault::Loop => Reply::redirect(302, plan::LOOP),
    }
}

fn error_page(status: u16, host: &str) -> Reply {
    Reply::new(status, html::error(&format!("error {status}"), host)).with_header("content-type", "text/html")
}
