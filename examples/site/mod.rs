//! A demo site: some 300 linked pages with all that a spider stumbles over, the same at each visit.
//!
//! It is a module for other programs to include: the spider, the demo server, the tests. It answers paths under
//! `/site/`, and a little under `/elsewhere/`, where links lead out of the site.
//!
//! `plan` says what there is, what it links to and how it is sent; `html` writes the pages; this file answers.

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

/// The site at its natural pace.
pub(crate) fn handler() -> impl Handler {
    Site::default()
}

/// The site, as something that answers requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    /// What the delays of slow pages are multiplied by; with 0 no page is slow.
    pub(crate) pace: f32,
}

impl Default for Site {
    fn default() -> Self {
        Self { pace: 1.0 }
    }
}

impl Site {
    async fn answer(&self, request: &Incoming) -> Reply {
        let host = request.host();
        match plan::route(request.path()) {
            Route::Page(page) => self.page(page, host).await,
            Route::Redirect(status, location) => Reply::redirect(status, location),
            Route::Fault(fault) => broken(fault, host),
            Route::Elsewhere => Reply::html(html::elsewhere()),
            Route::Nothing => error_page(404, host),
        }
    }

    async fn page(&self, page: Page, host: &str) -> Reply {
        Timer::after(page.delay().mul_f32(self.pace)).await;
        let text = Bytes::from(html::page(page, host));
        let body = if page.is_chunked() {
            let pause = page.pause().mul_f32(self.pace);
            Body::stream(stream::iter(chunks(page, text)).then(move |chunk| late(chunk, pause)))
        } else {
            Body::from(text)
        };
        Reply::new(200, body).with_header("content-type", page.content_type())
    }
}

impl Handler for Site {
    fn handle<'a>(&'a self, request: &'a mut Incoming) -> BoxFuture<'a, Reply> {
        Box::pin(async move { self.answer(request).await.with_header("access-control-allow-origin", "*") })
    }
}

async fn late(chunk: Bytes, pause: Duration) -> Result<Bytes, Infallible> {
    if !pause.is_zero() {
        Timer::after(pause).await;
    }
    Ok(chunk)
}

/// Cuts a page into the pieces that it is sent in.
fn chunks(page: Page, mut text: Bytes) -> Vec<Bytes> {
    let mut chunks = Vec::new();
    while !text.is_empty() {
        let length = page.chunk_length(chunks.len()).min(text.len());
        chunks.push(text.split_to(length));
    }
    chunks
}

fn broken(fault: Fault, host: &str) -> Reply {
    match fault {
        Fault::Status(status) => error_page(status, host),
        Fault::Short => {
            let text = html::error("this page ends too early", host);
            let declared = text.len() as u64 + 1000;
            let body = Body::stream(stream::iter([Ok::<_, Infallible>(text)])).with_length(declared);
            Reply::new(200, body).with_header("content-type", "text/html")
        }
        // As if a mail server listened here.
        Fault::Garbage => Reply::raw("220 mail.example ESMTP ready\r\n"),
        Fault::Loop => Reply::redirect(302, plan::LOOP),
    }
}

fn error_page(status: u16, host: &str) -> Reply {
    Reply::new(status, html::error(&format!("error {status}"), host)).with_header("content-type", "text/html")
}
