//! Tests the public client against independent servers in their usual configurations: `make test-servers`.
//!
//! The table lists the checks of each server, and the reason for each check that a server skips. A server that is not
//! installed is reported on standard error. With `WATERSPOUT_SERVERS=required`, it is a failure.
#![allow(missing_docs, clippy::unwrap_used, unreachable_pub)]
#![cfg(not(target_family = "wasm"))]

mod checks;
mod contents;
mod http2;
mod process;
mod programs;
mod retiring;
mod sites;
mod streams;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;

use self::process::Running;
use self::sites::Kind;

/// The checks that the tables name.
mod listed {
    pub use crate::checks::*;
    pub use crate::streams::*;
}

/// Defines a test for each server and each check. A check with a reason is ignored, and the reason is shown.
macro_rules! table {
    ($($name:ident = $kind:ident { $($check:ident $(: $reason:literal)?,)+ })+) => {
        const TABLE: &[(&str, &[&str])] = &[$((stringify!($name), &[$(stringify!($check)),+])),+];
        $(mod $name { $(crate::table!(@test $kind $check $($reason)?);)+ })+
    };
    (@test $kind:ident $check:ident) => {
        #[test]
        fn $check() {
            crate::run(&crate::sites::$kind, crate::listed::$check);
        }
    };
    (@test $kind:ident $check:ident $reason:literal) => {
        #[test]
        #[ignore = $reason]
        fn $check() {
            panic!($reason);
        }
    };
}
pub(crate) use table;

table! {
    nginx = NGINX {
        a_plain_response_is_read,
        a_gzip_response_is_decoded,
        a_chunked_response_is_read,
        a_connection_is_reused,
        parallel_requests_share_connections,
        a_range_request_returns_the_range,
        redirects_are_followed,
        a_308_redirect_keeps_the_body,
        cookies_are_stored_and_sent,
        basic_credentials_are_accepted,
        a_digest_challenge_is_answered: "nginx supports only Basic",
        a_stale_nonce_is_replaced: "nginx supports only Basic",
        a_large_upload_arrives_whole,
        a_large_chunked_upload_arrives_whole,
        a_body_waits_for_100_continue,
        a_refused_body_is_not_sent,
        a_refusal_is_read_while_the_body_is_sent,
        a_response_to_head_has_no_body,
        a_404_is_a_response,
        a_large_download_arrives_whole,
    }
    apache = APACHE {
        a_plain_response_is_read,
        a_gzip_response_is_decoded,
        a_chunked_response_is_read,
        a_connection_is_reused,
        parallel_requests_share_connections,
        a_range_request_returns_the_range,
        redirects_are_followed,
        a_308_redirect_keeps_the_body,
        cookies_are_stored_and_sent,
        basic_credentials_are_accepted,
        a_digest_challenge_is_answered,
        a_stale_nonce_is_replaced,
        a_large_upload_arrives_whole,
        a_large_chunked_upload_arrives_whole,
        a_body_waits_for_100_continue,
        a_refused_body_is_not_sent,
        a_refusal_is_read_while_the_body_is_sent,
        a_response_to_head_has_no_body,
        a_404_is_a_response,
        a_large_download_arrives_whole,
    }
    node = NODE {
        a_plain_response_is_read,
        a_gzip_response_is_decoded,
        a_chunked_response_is_read,
        a_connection_is_reused,
        parallel_requests_share_connections,
        a_range_request_returns_the_range: "Node's server has no ranges: the test would check its own code",
        redirects_are_followed,
        a_308_redirect_keeps_the_body,
        cookies_are_stored_and_sent,
        basic_credentials_are_accepted: "Node's server has no authentication: the test would check its own code",
        a_digest_challenge_is_answered: "Node's server has no authentication: the test would check its own code",
        a_stale_nonce_is_replaced: "Node's server has no authentication: the test would check its own code",
        a_large_upload_arrives_whole,
        a_large_chunked_upload_arrives_whole,
        a_body_waits_for_100_continue,
        a_refused_body_is_not_sent,
        a_refusal_is_read_while_the_body_is_sent,
        a_response_to_head_has_no_body,
        a_404_is_a_response,
        a_large_download_arrives_whole,
    }
    httpbin = HTTPBIN {
        a_plain_response_is_read,
        a_gzip_response_is_decoded,
        a_chunked_response_is_read,
        a_connection_is_reused,
        parallel_requests_share_connections,
        a_range_request_returns_the_range,
        redirects_are_followed,
        a_308_redirect_keeps_the_body,
        cookies_are_stored_and_sent,
        basic_credentials_are_accepted,
        a_digest_challenge_is_answered,
        a_stale_nonce_is_replaced,
        a_large_upload_arrives_whole,
        a_large_chunked_upload_arrives_whole,
        a_body_waits_for_100_continue,
        a_refused_body_is_not_sent: "gunicorn sends 100 before it calls the application",
        a_refusal_is_read_while_the_body_is_sent,
        a_response_to_head_has_no_body,
        a_404_is_a_response,
        a_large_download_arrives_whole: "httpbin sends at most 10 MiB, of a single character",
    }
    tornado = TORNADO {
        a_plain_response_is_read,
        a_gzip_response_is_decoded,
        a_chunked_response_is_read,
        a_connection_is_reused,
        parallel_requests_share_connections,
        a_range_request_returns_the_range,
        redirects_are_followed,
        a_308_redirect_keeps_the_body,
        cookies_are_stored_and_sent,
        basic_credentials_are_accepted: "Tornado supports only logins through third parties",
        a_digest_challenge_is_answered: "Tornado supports only logins through third parties",
        a_stale_nonce_is_replaced: "Tornado supports only logins through third parties",
        a_large_upload_arrives_whole,
        a_large_chunked_upload_arrives_whole,
        a_body_waits_for_100_continue,
        a_refused_body_is_not_sent,
        a_refusal_is_read_while_the_body_is_sent,
        a_response_to_head_has_no_body,
        a_404_is_a_response,
        a_large_download_arrives_whole,
    }
    http_server = HTTP_SERVER {
        a_plain_response_is_read,
        a_gzip_response_is_decoded: "http.server sends files as they are",
        a_chunked_response_is_read: "http.server speaks HTTP/1.0",
        a_connection_is_reused: "http.server speaks HTTP/1.0 and closes the connection",
        parallel_requests_share_connections: "http.server speaks HTTP/1.0 and closes the connection",
        a_range_request_returns_the_range: "http.server sends only whole files",
        redirects_are_followed,
        a_308_redirect_keeps_the_body: "http.server accepts no bodies",
        cookies_are_stored_and_sent: "http.server has no cookies",
        basic_credentials_are_accepted: "http.server has no authentication",
        a_digest_challenge_is_answered: "http.server has no authentication",
        a_stale_nonce_is_replaced: "http.server has no authentication",
        a_large_upload_arrives_whole: "http.server accepts no bodies",
        a_large_chunked_upload_arrives_whole: "http.server accepts no bodies",
        a_body_waits_for_100_continue: "http.server accepts no bodies",
        a_refused_body_is_not_sent,
        a_refusal_is_read_while_the_body_is_sent,
        a_response_to_head_has_no_body,
        a_404_is_a_response,
        a_large_download_arrives_whole,
    }
}

/// Runs a check against a server. Skips the check if the server is not installed and not required.
fn run(kind: &'static Kind, check: impl AsyncFn(&Running)) {
    match kind.running() {
        Some(running) => async_io::block_on(check(&running)),
        None if std::env::var_os("WATERSPOUT_SERVERS").is_some_and(|value| value == "required") => {
            panic!("{} is not installed; install it with make test-servers", kind.name)
        }
        None => eprintln!("{} is not installed; install it with make test-servers", kind.name),
    }
}

/// Checks that each server of a table has all checks of the table.
fn assert_complete(table: &[(&str, &[&'static str])]) {
    let checks = |(_, checks): &(&str, &[&'static str])| checks.iter().copied().collect::<BTreeSet<_>>();
    let all: BTreeSet<_> = table.iter().flat_map(checks).collect();
    for row in table {
        let missing: Vec<_> = all.difference(&checks(row)).copied().collect();
        assert!(missing.is_empty(), "{}: {missing:?}", row.0);
    }
}

#[test]
fn every_server_lists_every_check() {
    assert_complete(TABLE);
}
