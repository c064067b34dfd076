//! Tests the public client against independent servers in their usual configurations: `make test-servers`.
//!
//! The table lists the checks of each server, and the reason for each check that a server skips. A server that is not
//! installed is reported on standard error. With `WATERSPOUT_SERVERS=required`, it is a failure.
#![allow(missing_docs, clippy::unwrap_used, unreachable_pub)]
#![cfg(not(target_family = "wasm"))]

#[macro_use]
mod table;

mod checks;
mod contents;
mod goaway_proxy;
mod http2;
mod kind;
mod limits;
mod process;
mod programs;
mod retiring;
mod sites;
mod streams;
mod strict;
#[path = "../support/mod.rs"]
mod support;

use self::kind::Kind;
use self::process::{PrintOnPanic, Running};

/// The checks that the tables name.
mod listed {
    pub use crate::checks::*;
    pub use crate::limits::*;
    pub use crate::streams::*;
}

table! {
    $ each_check run
    nginx = NGINX {
        a_digest_challenge_is_answered: "nginx supports only Basic",
        a_stale_nonce_is_replaced: "nginx supports only Basic",
    }
    apache = APACHE {}
    node = NODE {
        a_range_request_returns_the_range: "Node's server has no ranges: the test would check its own code",
        basic_credentials_are_accepted: "Node's server has no authentication: the test would check its own code",
        a_digest_challenge_is_answered: "Node's server has no authentication: the test would check its own code",
        a_stale_nonce_is_replaced: "Node's server has no authentication: the test would check its own code",
    }
    httpbin = HTTPBIN {
        a_refused_body_is_not_sent: "gunicorn sends 100 before it calls the application",
        a_large_download_arrives_whole: "httpbin sends at most 10 MiB, of a single character",
    }
    tornado = TORNADO {
        basic_credentials_are_accepted: "Tornado supports only logins through third parties",
        a_digest_challenge_is_answered: "Tornado supports only logins through third parties",
        a_stale_nonce_is_replaced: "Tornado supports only logins through third parties",
    }
    http_server = HTTP_SERVER {
        a_gzip_response_is_decoded: "http.server sends files as they are",
        a_chunked_response_is_read: "http.server speaks HTTP/1.0",
        a_connection_is_reused: "http.server speaks HTTP/1.0 and closes the connection",
        parallel_requests_share_connections: "http.server speaks HTTP/1.0 and closes the connection",
        a_range_request_returns_the_range: "http.server sends only whole files",
        a_308_redirect_keeps_the_body: "http.server accepts no bodies",
        cookies_are_stored_and_sent: "http.server has no cookies",
        basic_credentials_are_accepted: "http.server has no authentication",
        a_digest_challenge_is_answered: "http.server has no authentication",
        a_stale_nonce_is_replaced: "http.server has no authentication",
        a_large_upload_arrives_whole: "http.server accepts no bodies",
        a_large_chunked_upload_arrives_whole: "http.server accepts no bodies",
        a_body_waits_for_100_continue: "http.server accepts no bodies",
    }
}

/// Runs a check against a server. Skips the check if the server is not installed and not required.
fn run(kind: &'static Kind, check: impl AsyncFn(&Running)) {
    with(kind, kind.running().as_deref(), check);
}

/// Runs a check against a server that no other check uses.
fn run_alone(kind: &'static Kind, check: impl AsyncFn(&Running)) {
    with(kind, Running::start(kind).as_ref(), check);
}

fn with(kind: &Kind, running: Option<&Running>, check: impl AsyncFn(&Running)) {
    let Some(running) = running else {
        let is_required = std::env::var_os("WATERSPOUT_SERVERS").is_some_and(|value| value == "required");
        assert!(!is_required, "{} is not installed; install it with make test-servers", kind.name);
        eprintln!("{} is not installed; install it with make test-servers", kind.name);
        return;
    };
    let _print_on_panic = PrintOnPanic(running);
    async_io::block_on(check(running));
}
