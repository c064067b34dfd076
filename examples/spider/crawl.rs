//! The crawl: workers take links from a queue, fetch the pages, and add the links of these pages to the queue.
//!
//! `Spider::visit` handles a link: it fetches the page, queues the links of the page and records the result. A redirect
//! is treated as a page with a single link, so that no URL is requested twice, whether a link or a redirect leads to
//! it.

use std::cell::RefCell;
use std::collections::HashSet;
use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::FuturesUnordered;
use waterspout::http::header::{CONTENT_TYPE, LOCATION};
use waterspout::tornado::Queue;
use waterspout::{Client, Error, ErrorKind, Phase, Redirect, Response, Result, Url};

use crate::links::{Prefix, links};

/// The start and the limits of a crawl.
pub(crate) struct Plan {
    pub(crate) start: Url,
    /// The number of pages that are fetched at once; at least 1.
    pub(crate) workers: usize,
    /// The maximum number of requested pages, including pages that fail.
    pub(crate) max_pages: usize,
    /// The maximum size of a page in bytes. A larger page fails.
    pub(crate) max_page_size: usize,
    /// The maximum duration of the crawl.
    pub(crate) deadline: Duration,
}

/// The result of a crawl.
pub(crate) struct Findings {
    pub(crate) pages: Vec<Page>,
    pub(crate) failures: Vec<Failure>,
    pub(crate) redirects: RedirectCounts,
    pub(crate) ended: EndReason,
    /// The number of known links that were not visited before the crawl ended.
    pub(crate) unvisited: usize,
    pub(crate) elapsed: Duration,
}

/// A page that was fetched.
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) bytes: usize,
    /// The time from the request to the last byte of the body.
    pub(crate) latency: Duration,
}

/// A link that does not lead to a page.
pub(crate) struct Failure {
    pub(crate) url: Url,
    /// The page with the link; `None` for the start page.
    pub(crate) linked_from: Option<Url>,
    pub(crate) error: Error,
}

/// The number of redirects, by their targets.
#[derive(Default)]
pub(crate) struct RedirectCounts {
    /// To URLs that were not known before.
    pub(crate) to_new_pages: usize,
    /// To URLs that were queued already.
    pub(crate) to_seen_pages: usize,
    /// To URLs that the crawl does not follow.
    pub(crate) out_of_prefix: usize,
}

/// The reason why a crawl ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndReason {
    /// Every link was visited.
    Complete,
    /// The maximum number of pages was requested, and there are more links.
    PageLimit,
    Deadline,
    Interrupted,
}

/// The progress of a crawl, in numbers of links.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    /// Visited links, including links that failed.
    pub(crate) done: usize,
    /// Links that were ever queued.
    pub(crate) known: usize,
    /// Links that wait in the queue now.
    pub(crate) queued: usize,
    pub(crate) failed: usize,
}

impl Findings {
    /// Returns the error of the start page, if it could not be fetched.
    pub(crate) fn start_error(&self) -> Option<&Error> {
        self.failures.iter().find(|failure| failure.linked_from.is_none()).map(|failure| &failure.error)
    }
}

/// Crawls until every link is visited, a limit of `plan` is reached, or `stop` completes. Calls `on_progress` after
/// each page.
pub(crate) async fn crawl(
    client: &Client,
    plan: &Plan,
    stop: impl Future<Output = ()>,
    on_progress: impl Fn(Tally),
) -> Findings {
    let started = Instant::now();
    let spider = Spider {
        client,
        prefix: Prefix::of(&plan.start),
        max_pages: plan.max_pages,
        max_page_size: plan.max_page_size,
        queue: Queue::unbounded(),
        state: RefCell::default(),
        on_progress,
    };
    spider.enqueue(plan.start.clone().without_fragment(), None).await;
    let ended = {
        let workers: FuturesUnordered<_> = (0..plan.workers).map(|_| spider.run_worker()).collect();
        let end = pin!(spider.wait_for_end(plan.deadline, stop));
        // Leaving this block drops the workers, which cancels their requests.
        match select(end, pin!(workers.collect::<()>())).await {
            Either::Left((reason, _)) => reason,
            Either::Right(_) => EndReason::Complete,
        }
    };
    spider.into_findings(ended, started.elapsed())
}

/// A link in the queue.
struct Link {
    url: Url,
    /// The page with the link; `None` for the start page.
    from: Option<Url>,
}

/// The result of fetching a link.
enum Fetched {
    Page { page: Page, links: Vec<Url> },
    Redirect(Url),
}

/// The state that the workers share.
struct Spider<'a, P> {
    client: &'a Client,
    prefix: Prefix,
    max_pages: usize,
    max_page_size: usize,
    queue: Queue<Link>,
    state: RefCell<CrawlState>,
    on_progress: P,
}

#[derive(Default)]
struct CrawlState {
    /// Every URL that was ever queued.
    seen: HashSet<Url>,
    /// The number of links that were ever queued.
    queued: usize,
    /// The number of links that were visited.
    done: usize,
    /// Whether a link was not queued because of the maximum number of pages.
    limited: bool,
    pages: Vec<Page>,
    failures: Vec<Failure>,
    redirects: RedirectCounts,
}

impl<P: Fn(Tally)> Spider<'_, P> {
    /// Visits links until the crawl drops this future. The queue is never closed, so the loop does not end by itself.
    async fn run_worker(&self) {
        while let Ok(link) = self.queue.get().await {
            self.visit(link).await;
            // `task_done` fails only if it is called more often than `get` returned a link.
            let _ = self.queue.task_done();
        }
    }

    async fn visit(&self, link: Link) {
        let result = self.fetch(&link).await;
        match &result {
            Ok(Fetched::Page { page, links }) => {
                for found in links {
                    self.enqueue(found.clone(), Some(&page.url)).await;
                }
            }
            Ok(Fetched::Redirect(target)) => {
                self.count_redirect(target);
                self.enqueue(target.clone(), link.from.as_ref()).await;
            }
            Err(_) => {}
        }
        self.record(link, result);
        (self.on_progress)(self.tally());
    }

    async fn fetch(&self, link: &Link) -> Result<Fetched> {
        let started = Instant::now();
        // The spider follows redirects itself, so that it counts them and requests no URL twice.
        let request = self.client.get(&link.url).header("accept", "text/html, */*;q=0.5").redirect(Redirect::Manual);
        let response = request.await?;
        if let Some(target) = redirect_target(&response)? {
            return self.check_redirect(link, target);
        }
        response.error_for_status_ref()?;
        let url = link.url.clone();
        let is_html = is_html(&response);
        let body = self.read(response).await?;
        let page = Page { url, bytes: body.len(), latency: started.elapsed() };
        let links = if is_html { links(&body, &page.url) } else { Vec::new() };
        Ok(Fetched::Page { page, links })
    }

    /// Reads a page that is at most as large as the plan allows.
    async fn read(&self, mut response: Response) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if chunk.len() > self.max_page_size - body.len() {
                let message = format!("the page is larger than --max-page-size allows: {} bytes", self.max_page_size);
                return Err(Error::new(ErrorKind::LimitExceeded, Phase::Body, message).with_url(response.url()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Returns the redirect from `link` to `target`, or an error if the crawl cannot go on from there: a page redirects
    /// to itself, or the start page redirects out of the prefix. Any other redirect out of the prefix is only counted.
    fn check_redirect(&self, link: &Link, target: Url) -> Result<Fetched> {
        let refused = |message| Err(Error::new(ErrorKind::Redirect, Phase::Head, message).with_url(&link.url));
        if target == link.url {
            return refused("the page redirects to itself".to_owned());
        }
        if link.from.is_none() && !self.prefix.contains(&target) {
            let prefix = self.prefix.as_str();
            return refused(format!("the start page redirects out of {prefix}, to {target}: crawl that URL instead"));
        }
        Ok(Fetched::Redirect(target))
    }

    fn count_redirect(&self, target: &Url) {
        let CrawlState { redirects, seen, .. } = &mut *self.state.borrow_mut();
        let count = match (self.prefix.contains(target), seen.contains(target)) {
            (false, _) => &mut redirects.out_of_prefix,
            (true, true) => &mut redirects.to_seen_pages,
            (true, false) => &mut redirects.to_new_pages,
        };
        *count += 1;
    }

    /// Queues a link if it is new, under the prefix, and within the maximum number of pages.
    async fn enqueue(&self, url: Url, from: Option<&Url>) {
        if self.prefix.contains(&url) && self.state.borrow_mut().admit(&url, self.max_pages) {
            // `put` fails only if the queue is closed, and the crawl never closes it.
            let _ = self.queue.put(Link { url, from: from.cloned() }).await;
        }
    }

    fn record(&self, link: Link, result: Result<Fetched>) {
        let mut state = self.state.borrow_mut();
        state.done += 1;
        match result {
            Ok(Fetched::Page { page, .. }) => state.pages.push(page),
            Ok(Fetched::Redirect(_)) => {}
            Err(error) => state.failures.push(Failure { url: link.url, linked_from: link.from, error }),
        }
    }

    fn tally(&self) -> Tally {
        let state = self.state.borrow();
        Tally { done: state.done, known: state.queued, queued: self.queue.len(), failed: state.failures.len() }
    }

    /// Waits until every queued link is visited, the deadline passes or `stop` completes.
    async fn wait_for_end(&self, deadline: Duration, stop: impl Future<Output = ()>) -> EndReason {
        match select(pin!(self.queue.join_timeout(deadline)), pin!(stop)).await {
            Either::Left((Ok(()), _)) if self.state.borrow().limited => EndReason::PageLimit,
            Either::Left((Ok(()), _)) => EndReason::Complete,
            Either::Left((Err(_), _)) => EndReason::Deadline,
            Either::Right(_) => EndReason::Interrupted,
        }
    }

    fn into_findings(self, ended: EndReason, elapsed: Duration) -> Findings {
        let unvisited = self.queue.unfinished();
        let CrawlState { pages, failures, redirects, .. } = self.state.into_inner();
        Findings { pages, failures, redirects, ended, unvisited, elapsed }
    }
}

impl CrawlState {
    /// Marks the link as queued and returns whether it may be queued: it is new and within the maximum number of pages.
    fn admit(&mut self, url: &Url, max_pages: usize) -> bool {
        if self.seen.contains(url) {
            return false;
        }
        if self.queued >= max_pages {
            self.limited = true;
            return false;
        }
        self.queued += 1;
        self.seen.insert(url.clone())
    }
}

/// Returns the URL to which a response redirects, or `None` if it is not a redirect.
fn redirect_target(response: &Response) -> Result<Option<Url>> {
    let location = response.headers().get(LOCATION).filter(|_| response.status().is_redirection());
    let Some(location) = location else { return Ok(None) };
    let target = response.url().join(&String::from_utf8_lossy(location.as_bytes()));
    target.map(|target| Some(target.without_fragment()))
}

fn is_html(response: &Response) -> bool {
    let value = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/html")
}
