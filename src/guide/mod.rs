//! The guide: how to do each task, with snippets that the tests run.
//!
//! The module exists only in the documentation. Its pages are the Markdown files in `docs/` of the repository.
#![doc = include_str!("links.md")]
#![doc = include_str!("../../docs/README.md")]

/// Makes a module of each file. The links come first: of several definitions of a link, Markdown takes the first.
macro_rules! chapters {
    ($($chapter:ident: $file:literal,)+) => {$(
        #[doc = include_str!("links.md")]
        #[doc = include_str!(concat!("../../docs/", $file))]
        pub mod $chapter {}
    )+};
}

chapters! {
    getting_started: "getting-started.md",
    queue: "queue.md",
    timeouts: "timeouts.md",
    retry: "retry.md",
    streaming: "streaming.md",
    events: "events.md",
    browser: "browser.md",
    javascript: "javascript.md",
    observability: "observability.md",
    testing: "testing.md",
    proxies_and_tls: "proxies-and-tls.md",
    http2: "http2.md",
    runtimes: "runtimes.md",
    ecosystem: "ecosystem.md",
    from_reqwest: "from-reqwest.md",
    from_tornado: "from-tornado.md",
    from_javascript_clients: "from-javascript-clients.md",
    troubleshooting: "troubleshooting.md",
}
