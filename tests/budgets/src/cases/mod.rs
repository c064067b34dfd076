//! The measured operations, through the public API of the library.

mod bodies;
mod cookies;
mod events;
mod http2;
mod queue;
mod requests;

/// An operation that is measured.
pub struct Case {
    pub name: &'static str,
    /// What an operation is.
    pub operation: &'static str,
    /// How many operations a run makes. A second run makes twice as many, and the difference excludes the start-up.
    pub count: usize,
    /// Makes this number of operations.
    pub run: fn(usize),
}

/// All cases, in the order of the table.
pub const CASES: &[Case] = &[
    Case { name: "get-1", operation: "a GET, one at a time, the response late", count: 200, run: requests::get_1 },
    Case { name: "get-64", operation: "a GET, 64 at once", count: 256, run: requests::get_64 },
    Case { name: "h2-get-1", operation: "a GET over HTTP/2, one at a time", count: 200, run: http2::get_1 },
    Case { name: "h2-get-64", operation: "a GET over HTTP/2, 64 at once", count: 640, run: http2::get_64 },
    Case { name: "post", operation: "a POST of 1 KiB", count: 200, run: requests::post },
    Case { name: "headers", operation: "a GET whose response has 50 headers", count: 100, run: requests::headers },
    Case { name: "queue-free", operation: "a request with a free slot, no network", count: 300, run: queue::free },
    Case {
        name: "queue-1000",
        operation: "a request of 1,000 that wait, no network",
        count: 1000,
        run: queue::waiting,
    },
    Case { name: "chunked", operation: "a chunked body of 1 MiB", count: 2, run: bodies::chunked },
    Case { name: "gzip", operation: "a gzip body of 256 KiB", count: 2, run: bodies::gzip },
    Case { name: "events", operation: "1 MiB of server-sent events", count: 1, run: events::parse },
    Case { name: "cookie-store", operation: "a set-cookie into 1,000 cookies", count: 100, run: cookies::store },
    Case { name: "cookie-match", operation: "a cookie header from 1,000 cookies", count: 100, run: cookies::find },
];
