//! The crawl: workers take links from a queue, fetch the pages, and put in the links that these have.
//!
//! A page's life is `Spider::visit`: fetched, read, its links queued, its result noted. A redirect is a page with one
//! link, so that no URL is ever asked for twice, whichever way it was found.

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

/// What to crawl, and how much of it.
pub(crate) struct Plan {
    pub(crate) start: Url,
    /// How many pages are worked on at once; 1 at least.
    pub(crate) workers: usize,
    /// How many pages are asked for at most, failing ones included.
    pub(crate) max_pages: usize,
    /// How long the crawl may take.
    pub(crate) deadline: Duration,
}

/// What a crawl has found.
pub(crate) struct Findings {
    pub(crate) pages: Vec<Page>,
    pub(crate) failures: Vec<Failure>,
    pub(crate) redirects: RedirectPolicy,
    pub(crate) ended: Ended,
    /// How many known links were not visited, because the crawl ended before.
    pub(crate) unvisited: usize,
    pub(crate) wall: Duration,
}

/// A page that was fetched.
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) bytes: usize,
    /// The time from asking for it to its last byte.
    pub(crate) latency: Duration,
}

/// A link that leads to no page.
pub(crate) struct Failure {
    pub(crate) url: Url,
    /// The page with the link; the start has none.
    pub(crate) linked_from: Option<Url>,
    pub(crate) error: Error,
}

/// How many redirects there were, by where they lead.
#[derive(Default)]
pub(crate) struct RedirectPolicy {
    pub(crate) to_new_pages: usize,
    /// To pages that are visited anyway.
    pub(crate) to_seen_pages: usize,
    pub(crate) out_of_prefix: usize,
}

/// Why a crawl is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// All there is was visited.
    Complete,
    /// There are more links, but as many pages as wanted have been asked for.
    PageLimit,
    Deadline,
    Interrupted,
}

/// How far a crawl is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    pub(crate) done: usize,
    pub(crate) known: usize,
    pub(crate) queued: usize,
    pub(crate) failed: usize,
}

impl Findings {
    /// Why there was nothing to crawl, if it is the start page that could not be fetched.
    pub(crate) fn start_error(&self) -> Option<&Error> {
        self.failures.iter().find(|failure| failure.linked_from.is_none()).map(|failure| &failure.error)
    }
}

/// Crawls until everything is visited, the plan's limits are reached, or `stop` completes.
///
/// `watch` is called after each page.
pub(crate) async fn crawl(
    client: &Client,
    plan: &Plan,
    stop: impl Future<Output = ()>,
    watch: impl Fn(Tally),
) -> Findings {
    let started = Instant::now();
    let spider = Spider {
        client,
        prefix: Prefix::of(&plan.start),
        max_pages: plan.max_pages,
        queue: Queue::unbounded(),
        notes: RefCell::default(),
        watch,
    };
    spider.enqueue(plan.start.clone().without_fragment(), None).await;
    let ended = {
        let workers: FuturesUnordered<_> = (0..plan.workers).map(|_| spider.work()).collect();
        let over = pin!(spider.over(plan.deadline, stop));
        match select(over, pin!(workers.collect::<()>())).await {
            Either::Left((ended, _)) => ended,
            Either::Right(_) => Ended::Complete,
        }
    };
    spider.into_findings(ended, started.elapsed())
}

/// A link on its way through the queue.
struct Link {
    url: Url,
    from: Option<Url>,
}

/// What a link turned out to be.
enum Arrival {
    Page { page: Page, links: Vec<Url> },
    Redirect(Url),
}

/// What the workers share.
struct Spider<'a, W> {
    client: &'a Client,
    prefix: Prefix,
    max_pages: usize,
    queue: Queue<Link>,
    notes: RefCell<Notes>,
    watch: W,
}

#[derive(Default)]
struct Notes {
    /// Every URL that was queued.
    seen: HashSet<Url>,
    queued: usize,
    done: usize,
    /// Whether a link was left out for the limit of pages.
    limited: bool,
    pages: Vec<Page>,
    failures: Vec<Failure>,
    redirects: RedirectPolicy,
}

impl<W: Fn(Tally)> Spider<'_, W> {
    /// A worker's life. It has no end: the crawl drops it.
    async fn work(&self) {
        while let Ok(link) = self.queue.get().await {
            self.visit(link).await;
            // The error, more of these than of links, cannot be.
            let _ = self.queue.task_done();
        }
    }

    async fn visit(&self, link: Link) {
        let arrival = self.fetch(&link).await;
        match &arrival {
            Ok(Arrival::Page { page, links }) => {
                for found in links {
                    self.enqueue(found.clone(), Some(&page.url)).await;
                }
            }
            Ok(Arrival::Redirect(target)) => {
                self.count_redirect(target);
                self.enqueue(target.clone(), link.from.as_ref()).await;
            }
            Err(_) => {}
        }
        self.note(link, arrival);
        (self.watch)(self.tally());
    }

    async fn fetch(&self, link: &Link) -> Result<Arrival> {
        let asked = Instant::now();
        let request = self.client.get(&link.url).header("accept", "text/html, */*;q=0.5").redirect(Redirect::Manual);
        let response = request.await?;
        if let Some(target) = target(&response)? {
            return self.redirect(link, target);
        }
        response.error_for_status_ref()?;
        let url = link.url.clone();
        let is_html = is_html(&response);
        let body = response.bytes().await?;
        let page = Page { url, bytes: body.len(), latency: asked.elapsed() };
        let links = if is_html { links(&String::from_utf8_lossy(&body), &page.url) } else { Vec::new() };
        Ok(Arrival::Page { page, links })
    }

    /// A redirect out of the prefix is an answer like others, unless the start itself is not where it should be.
    fn redirect(&self, link: &Link, target: Url) -> Result<Arrival> {
        let refused = |message| Err(Error::new(ErrorKind::Redirect, Phase::Head, message).with_url(&link.url));
        if target == link.url {
            return refused("the page redirects to itself".to_owned());
        }
        if link.from.is_none() && !self.prefix.contains(&target) {
            let prefix = self.prefix.as_str();
            return refused(format!("the start page redirects out of {prefix}, to {target}: crawl that instead"));
        }
        Ok(Arrival::Redirect(target))
    }

    fn count_redirect(&self, target: &Url) {
        let Notes { redirects, seen, .. } = &mut *self.notes.borrow_mut();
        *match (self.prefix.contains(target), seen.contains(target)) {
            (false, _) => &mut redirects.out_of_prefix,
            (true, true) => &mut redirects.to_seen_pages,
            (true, false) => &mut redirects.to_new_pages,
        } += 1;
    }

    /// Queues a link, unless it is known, not under the prefix or one too many.
    async fn enqueue(&self, url: Url, from: Option<&Url>) {
        if self.prefix.contains(&url) && self.notes.borrow_mut().admit(&url, self.max_pages) {
            // The error, a closed queue, cannot be.
            let _ = self.queue.put(Link { url, from: from.cloned() }).await;
        }
    }

    fn note(&self, link: Link, arrival: Result<Arrival>) {
        let mut notes = self.notes.borrow_mut();
        notes.done += 1;
        match arrival {
            Ok(Arrival::Page { page, .. }) => notes.pages.push(page),
            Ok(Arrival::Redirect(_)) => {}
            Err(error) => notes.failures.push(Failure { url: link.url, linked_from: link.from, error }),
        }
    }

    fn tally(&self) -> Tally {
        let notes = self.notes.borrow();
        Tally { done: notes.done, known: notes.queued, queued: self.queue.len(), failed: notes.failures.len() }
    }

    /// Waits until there is a reason to end.
    async fn over(&self, deadline: Duration, stop: impl Future<Output = ()>) -> Ended {
        match select(pin!(self.queue.join_timeout(deadline)), pin!(stop)).await {
            Either::Left((Ok(()), _)) if self.notes.borrow().limited => Ended::PageLimit,
            Either::Left((Ok(()), _)) => Ended::Complete,
            Either::Left((Err(_), _)) => Ended::Deadline,
            Either::Right(_) => Ended::Interrupted,
        }
    }

    fn into_findings(self, ended: Ended, wall: Duration) -> Findings {
        let unvisited = self.queue.unfinished();
        let Notes { pages, failures, redirects, .. } = self.notes.into_inner();
        Findings { pages, failures, redirects, ended, unvisited, wall }
    }
}

impl Notes {
    /// Whether the link is to be queued: it is new, and there is room for it.
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

/// Where a response redirects to, if it does.
fn target(response: &Response) -> Result<Option<Url>> {
    let location = response.headers().get(LOCATION).filter(|_| response.status().is_redirection());
    let Some(location) = location else { return Ok(None) };
    let target = response.url().join(&String::from_utf8_lossy(location.as_bytes()));
    target.map(|target| Some(target.without_fragment()))
}

fn is_html(response: &Response) -> bool {
    let value = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/html")
}
