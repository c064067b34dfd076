//! The spider of the examples against the demo site: the pages it finds, the URLs it requests, and how it ends.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]
#![cfg(not(target_family = "wasm"))]

#[path = "../examples/spider/arguments.rs"]
#[allow(dead_code, reason = "the arguments have tests of their own")]
mod arguments;
#[path = "../examples/spider/crawl.rs"]
mod crawl;
#[path = "../examples/spider/links.rs"]
mod links;
#[path = "../examples/spider/report.rs"]
#[allow(dead_code, reason = "the report has tests of its own")]
mod report;
#[path = "../examples/site/mod.rs"]
mod site;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::{pending, ready};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use waterspout::testing::{Handler, Incoming, Reply, Server};
use waterspout::tornado::EventLoop;
use waterspout::{BoxFuture, Client, ErrorKind, Url};

use crate::crawl::{EndReason, Findings, Plan, crawl};

/// A handler that remembers the targets of the requests.
struct Recorder<H> {
    handler: H,
    paths: Arc<Mutex<Vec<String>>>,
}

impl<H: Handler> Handler for Recorder<H> {
    fn handle<'a>(&'a self, request: &'a mut Incoming) -> BoxFuture<'a, Reply> {
        self.paths.lock().unwrap().push(request.target().to_owned());
        self.handler.handle(request)
    }
}

struct Recorded {
    server: Server,
    paths: Arc<Mutex<Vec<String>>>,
}

impl Recorded {
    fn start(handler: impl Handler) -> Self {
        let paths = Arc::default();
        let server = Server::start(Recorder { handler, paths: Arc::clone(&paths) }).unwrap();
        Self { server, paths }
    }

    /// The demo site with nearly no delay.
    fn site() -> Self {
        Self::start(site::Site { pace: 0.02 })
    }

    fn plan(&self, path: &str) -> Plan {
        Plan {
            start: Url::parse(&self.server.url(path)).unwrap(),
            workers: 10,
            max_pages: usize::MAX,
            max_page_size: usize::MAX,
            deadline: Duration::from_secs(30),
        }
    }

    fn requests(&self) -> BTreeMap<String, usize> {
        count(self.paths.lock().unwrap().iter().cloned())
    }
}

fn count(paths: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    paths.into_iter().for_each(|path| *counts.entry(path).or_default() += 1);
    counts
}

/// Crawls to the end.
fn run(plan: &Plan) -> Findings {
    let client = Client::builder().max_active(plan.workers).timeout(Duration::from_secs(10)).build().unwrap();
    EventLoop::new().run_sync(crawl(&client, plan, pending(), |_| {}))
}

fn paths(findings: &Findings) -> Vec<String> {
    let mut paths: Vec<_> = findings.pages.iter().map(|page| page.url.target().to_owned()).collect();
    paths.sort();
    paths
}

fn kinds(findings: &Findings) -> BTreeMap<String, ErrorKind> {
    findings.failures.iter().map(|failure| (failure.url.path().to_owned(), failure.error.kind())).collect()
}

/// A site of pages made by a function.
struct Pages<F>(F);

impl<F: Fn(&str) -> Reply + Send + Sync + 'static> Handler for Pages<F> {
    fn handle<'a>(&'a self, request: &'a mut Incoming) -> BoxFuture<'a, Reply> {
        Box::pin(ready((self.0)(request.path())))
    }
}

#[test]
fn spider_finds_the_whole_site_with_any_number_of_workers() {
    let expected = site::expected();
    assert_eq!(expected.pages.len(), site::PAGES);
    for workers in [1, 10] {
        let site = Recorded::site();
        let findings = run(&Plan { workers, ..site.plan(site::START) });

        assert_eq!(findings.ended, EndReason::Complete);
        assert_eq!(findings.unvisited, 0);
        // A list and not a set, so that a page found twice is noticed.
        assert_eq!(paths(&findings), expected.pages.iter().cloned().collect::<Vec<_>>(), "{workers} workers");
        let failures: BTreeMap<_, _> = expected.failures.iter().map(|(path, why)| (path.clone(), why.kind())).collect();
        assert_eq!(kinds(&findings), failures, "{workers} workers");
        assert_eq!(findings.failures.len(), failures.len());

        let redirects = &findings.redirects;
        let out = expected.redirects.values().filter(|to| to.starts_with(site::ELSEWHERE)).count();
        assert_eq!(redirects.out_of_prefix, out);
        assert_eq!(redirects.to_new_pages + redirects.to_seen_pages + out, expected.redirects.len());
    }
}

#[test]
fn spider_requests_each_url_once() {
    let site = Recorded::site();
    run(&site.plan(site::START));

    let expected = site::expected();
    let all = expected.pages.iter().chain(expected.failures.keys()).chain(expected.redirects.keys());
    let requests = site.requests();
    assert_eq!(requests, count(all.cloned()));
    assert!(!requests.keys().any(|path| path.starts_with(site::TRAPS)));
}

#[test]
fn each_failed_link_has_a_reason_and_a_page() {
    let site = Recorded::site();
    let findings = run(&site.plan(site::START));
    let known: BTreeSet<_> = findings.pages.iter().map(|page| &page.url).collect();
    for failure in &findings.failures {
        assert!(failure.linked_from.as_ref().is_some_and(|page| known.contains(page)), "{}", failure.url);
        assert!(failure.error.to_string().contains("http://"), "{}", failure.error);
    }
    let status = |path: &str| {
        let failure = findings.failures.iter().find(|failure| failure.url.path() == path).unwrap();
        failure.error.status().map(|status| status.as_u16())
    };
    assert_eq!(status("/site/missing/ferry"), Some(404));
    assert_eq!(status("/site/broken/error"), Some(500));
    assert_eq!(status("/site/broken/short"), None);
}

#[test]
fn spider_stays_in_the_folder_of_its_start() {
    let site = Recorded::site();
    let findings = run(&site.plan("/site/fog/"));
    assert!(findings.pages.len() > 1);
    assert!(findings.pages.iter().all(|page| page.url.path().starts_with("/site/fog/")));
    // Only redirects could lead out of the folder, and this section has no redirects in its folder.
    assert!(site.requests().keys().all(|path| path.starts_with("/site/fog/")));
}

#[test]
fn spider_ends_at_the_page_limit() {
    for workers in [1, 10] {
        let site = Recorded::site();
        let findings = run(&Plan { max_pages: 5, workers, ..site.plan(site::START) });
        assert_eq!(findings.ended, EndReason::PageLimit);
        assert_eq!(findings.pages.len() + findings.failures.len(), 5);
        assert_eq!(site.requests().values().sum::<usize>(), 5);
    }
    let enough = Recorded::start(Pages(|_: &str| Reply::html("<a href=/x>x</a>")));
    assert_eq!(run(&Plan { max_pages: 2, ..enough.plan("/") }).ended, EndReason::Complete);
}

#[test]
fn page_behind_a_redirect_is_not_requested_again() {
    let site = Recorded::start(Pages(|path: &str| match path {
        "/" => Reply::html("<a href=/go>go</a>"),
        "/go" => Reply::redirect(302, "/landing#part"),
        _ => Reply::html("<a href=/landing>itself</a> <a href=/go>the redirect</a> <a href=/next>next</a>"),
    }));
    let findings = run(&site.plan("/"));
    assert_eq!(paths(&findings), ["/", "/landing", "/next"]);
    assert_eq!(findings.redirects.to_new_pages, 1);
    assert_eq!(site.requests(), count(["/", "/go", "/landing", "/next"].map(str::to_owned)));
}

#[test]
fn a_page_that_redirects_to_itself_fails() {
    let site = Recorded::start(Pages(|path: &str| match path {
        "/" => Reply::html("<a href=/again>again</a>"),
        _ => Reply::redirect(302, "/again#top"),
    }));
    let findings = run(&site.plan("/"));
    assert_eq!(kinds(&findings), BTreeMap::from([("/again".to_owned(), ErrorKind::Redirect)]));
    assert_eq!(site.requests(), count(["/", "/again"].map(str::to_owned)));
}

#[test]
fn a_start_that_cannot_be_fetched_is_an_error() {
    let site = Recorded::site();
    let findings = run(&site.plan("/site/missing/ferry"));
    assert_eq!(findings.start_error().unwrap().kind(), ErrorKind::Status);

    let findings = run(&site.plan("/site/go/away"));
    let error = findings.start_error().unwrap();
    assert!(error.to_string().contains("/elsewhere/: crawl that URL instead"), "{error}");

    assert!(run(&site.plan(site::START)).start_error().is_none());
}

#[test]
fn only_html_is_searched_for_links() {
    let site = Recorded::start(Pages(|path: &str| {
        let (kind, page) = match path {
            "/" => ("Text/HTML ;charset=utf-8", "<a href=/json>x</a><a href=/other>x</a>"),
            "/json" => ("application/json", "<a href=/never>x</a>"),
            _ => ("text/html-sandboxed", "<a href=/never>x</a>"),
        };
        Reply::new(200, page).with_header("content-type", kind)
    }));
    assert_eq!(paths(&run(&site.plan("/"))), ["/", "/json", "/other"]);
}

#[test]
fn page_over_the_size_limit_fails_and_names_the_argument() {
    let site = Recorded::start(Pages(|path: &str| match path {
        "/" => Reply::html("<a href=/large>x</a><a href=/small>x</a>"),
        "/large" => Reply::html("x".repeat(2000)),
        _ => Reply::html("x"),
    }));
    let findings = run(&Plan { max_page_size: 1000, ..site.plan("/") });
    assert_eq!(paths(&findings), ["/", "/small"]);
    assert_eq!(kinds(&findings), BTreeMap::from([("/large".to_owned(), ErrorKind::LimitExceeded)]));
    let message = findings.failures[0].error.to_string();
    assert!(message.contains("--max-page-size allows: 1000 bytes") && !message.contains('`'), "{message}");
}

#[test]
fn an_early_end_keeps_what_was_found() {
    let site = Recorded::start(Pages(|path: &str| match path {
        "/" => Reply::html("<a href=/silent>x</a>"),
        _ => Reply::silence(),
    }));
    let late = run(&Plan { deadline: Duration::from_millis(100), ..site.plan("/") });
    assert_eq!((late.ended, late.unvisited, paths(&late)), (EndReason::Deadline, 1, vec!["/".to_owned()]));

    let client = Client::new();
    let stopped = EventLoop::new().run_sync(crawl(&client, &site.plan("/"), ready(()), |_| {}));
    assert_eq!((stopped.ended, stopped.unvisited, stopped.pages.len()), (EndReason::Interrupted, 1, 0));
    assert_eq!(client.stats().active, 0);
}

/// A handler that records the highest number of requests that it handled at once.
#[derive(Default)]
struct Busy {
    now: AtomicUsize,
    most: Arc<AtomicUsize>,
}

impl Handler for Busy {
    fn handle<'a>(&'a self, _: &'a mut Incoming) -> BoxFuture<'a, Reply> {
        Box::pin(async {
            self.most.fetch_max(self.now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            EventLoop::new().sleep(Duration::from_millis(5)).await;
            self.now.fetch_sub(1, Ordering::Relaxed);
            Reply::html((0..20).map(|n| format!("<a href=/{n}>x</a>")).collect::<String>())
        })
    }
}

#[test]
fn as_many_requests_run_at_once_as_there_are_workers() {
    let most = Arc::<AtomicUsize>::default();
    let site = Recorded::start(Busy { most: Arc::clone(&most), ..Busy::default() });
    assert_eq!(run(&Plan { workers: 3, ..site.plan("/") }).pages.len(), 21);
    assert_eq!(most.load(Ordering::Relaxed), 3);
}

#[test]
fn the_tally_adds_up_after_each_page() {
    let site = Recorded::site();
    let tallies = RefCell::new(Vec::new());
    let plan = site.plan(site::START);
    let findings =
        EventLoop::new().run_sync(crawl(&Client::new(), &plan, pending(), |tally| tallies.borrow_mut().push(tally)));
    let tallies = tallies.into_inner();
    let done: Vec<_> = tallies.iter().map(|tally| tally.done).collect();
    assert_eq!(done, (1..=tallies.len()).collect::<Vec<_>>());
    assert!(tallies.iter().all(|tally| tally.done + tally.queued <= tally.known));
    let last = tallies.last().unwrap();
    assert_eq!((last.done, last.queued, last.failed), (last.known, 0, findings.failures.len()));
}
