//! Servers that others have written, each as people run it, before the public client: `make test-servers`.
//!
//! The table says which server is asked what, and why one is not asked everything. One that is not installed is named on
//! standard error; with `WATERSPOUT_SERVERS=required` it is a failure.
#![allow(missing_docs, clippy::unwrap_used, unreachable_pub)]
#![cfg(not(target_family = "wasm"))]

mod checks;
mod contents;
mod process;
mod programs;
mod sites;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;

use self::process::Running;
use self::sites::Kind;

/// A test for each server and each check; one with a reason against it is shown as ignored, with the reason.
macro_rules! table {
    ($($name:ident = $kind:ident { $($check:ident $(: $reason:literal)?,)+ })+) => {
        const TABLE: &[(&str, &[&str])] = &[$((stringify!($name), &[$(stringify!($check)),+])),+];
        $(mod $name { $(table!(@test $kind $check $($reason)?);)+ })+
    };
    (@test $kind:ident $check:ident) => {
        #[test]
        fn $check() {
            crate::run(&crate::sites::$kind, crate::checks::$check);
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

table! {
    nginx = NGINX {
        a_plain_answer_is_read,
        a_gzipped_answer_is_decoded,
        a_chunked_answer_is_read,
        a_connection_is_used_again,
        requests_side_by_side_share_connections,
        a_part_is_had_by_its_range,
        redirects_are_followed,
        a_308_takes_the_body_along,
        cookies_are_kept_and_sent,
        basic_credentials_open_the_door,
        a_digest_challenge_is_answered: "nginx knows Basic only",
        a_stale_nonce_is_replaced: "nginx knows Basic only",
        a_large_upload_arrives_whole,
        a_large_chunked_upload_arrives_whole,
        a_body_waits_to_be_asked_for,
        a_refused_body_is_never_read,
        a_refusal_is_heard_while_the_body_is_sent,
        an_answer_to_head_has_no_body,
        a_404_is_a_response,
        a_large_download_arrives_whole,
    }
    apache = APACHE {
        a_plain_answer_is_read,
        a_gzipped_answer_is_decoded,
        a_chunked_answer_is_read,
        a_connection_is_used_again,
        requests_side_by_side_share_connections,
        a_part_is_had_by_its_range,
        redirects_are_followed,
        a_308_takes_the_body_along,
        cookies_are_kept_and_sent,
        basic_credentials_open_the_door,
        a_digest_challenge_is_answered,
        a_stale_nonce_is_replaced,
        a_large_upload_arrives_whole,
        a_large_chunked_upload_arrives_whole,
        a_body_waits_to_be_asked_for,
        a_refused_body_is_never_read,
        a_refusal_is_heard_while_the_body_is_sent,
        an_answer_to_head_has_no_body,
        a_404_is_a_response,
        a_large_download_arrives_whole,
    }
    node = NODE {
        a_plain_answer_is_read,
        a_gzipped_answer_is_decoded,
        a_chunked_answer_is_read,
        a_connection_is_used_again,
        requests_side_by_side_share_connections,
        a_part_is_had_by_its_range: "Node's server has no ranges: they would be ours",
        redirects_are_followed,
        a_308_takes_the_body_along,
        cookies_are_kept_and_sent,
        basic_credentials_open_the_door: "Node's server has no authentication: it would be ours",
        a_digest_challenge_is_answered: "Node's server has no authentication: it would be ours",
        a_stale_nonce_is_replaced: "Node's server has no authentication: it would be ours",
        a_large_upload_arrives_whole,
        a_large_chunked_upload_arrives_whole,
        a_body_waits_to_be_asked_for,
        a_refused_body_is_never_read,
        a_refusal_is_heard_while_the_body_is_sent,
        an_answer_to_head_has_no_body,
        a_404_is_a_response,
        a_large_download_arrives_whole,
    }
    httpbin = HTTPBIN {
        a_plain_answer_is_read,
        a_gzipped_answer_is_decoded,
        a_chunked_answer_is_read,
        a_connection_is_used_again,
        requests_side_by_side_share_connections,
        a_part_is_had_by_its_range,
        redirects_are_followed,
        a_308_takes_the_body_along,
        cookies_are_kept_and_sent,
        basic_credentials_open_the_door,
        a_digest_challenge_is_answered,
        a_stale_nonce_is_replaced,
        a_large_upload_arrives_whole,
        a_large_chunked_upload_arrives_whole,
        a_body_waits_to_be_asked_for,
        a_refused_body_is_never_read: "gunicorn says 100 before it asks the application",
        a_refusal_is_heard_while_the_body_is_sent,
        an_answer_to_head_has_no_body,
        a_404_is_a_response,
        a_large_download_arrives_whole: "httpbin makes 10 MiB at most, of one character",
    }
    tornado = TORNADO {
        a_plain_answer_is_read,
        a_gzipped_answer_is_decoded,
        a_chunked_answer_is_read,
        a_connection_is_used_again,
        requests_side_by_side_share_connections,
        a_part_is_had_by_its_range,
        redirects_are_followed,
        a_308_takes_the_body_along,
        cookies_are_kept_and_sent,
        basic_credentials_open_the_door: "Tornado logs users in by third parties only",
        a_digest_challenge_is_answered: "Tornado logs users in by third parties only",
        a_stale_nonce_is_replaced: "Tornado logs users in by third parties only",
        a_large_upload_arrives_whole,
        a_large_chunked_upload_arrives_whole,
        a_body_waits_to_be_asked_for,
        a_refused_body_is_never_read,
        a_refusal_is_heard_while_the_body_is_sent,
        an_answer_to_head_has_no_body,
        a_404_is_a_response,
        a_large_download_arrives_whole,
    }
    http_server = HTTP_SERVER {
        a_plain_answer_is_read,
        a_gzipped_answer_is_decoded: "http.server sends files as they are",
        a_chunked_answer_is_read: "http.server speaks HTTP/1.0",
        a_connection_is_used_again: "http.server speaks HTTP/1.0, and closes",
        requests_side_by_side_share_connections: "http.server speaks HTTP/1.0, and closes",
        a_part_is_had_by_its_range: "http.server sends whole files only",
        redirects_are_followed,
        a_308_takes_the_body_along: "http.server takes no bodies",
        cookies_are_kept_and_sent: "http.server has no cookies",
        basic_credentials_open_the_door: "http.server is open to all",
        a_digest_challenge_is_answered: "http.server is open to all",
        a_stale_nonce_is_replaced: "http.server is open to all",
        a_large_upload_arrives_whole: "http.server takes no bodies",
        a_large_chunked_upload_arrives_whole: "http.server takes no bodies",
        a_body_waits_to_be_asked_for: "http.server takes no bodies",
        a_refused_body_is_never_read,
        a_refusal_is_heard_while_the_body_is_sent,
        an_answer_to_head_has_no_body,
        a_404_is_a_response,
        a_large_download_arrives_whole,
    }
}

/// Runs a check before a server, unless the server is not installed and need not be.
fn run(kind: &'static Kind, check: impl AsyncFn(&Running)) {
    match kind.running() {
        Some(running) => async_io::block_on(check(&running)),
        None if std::env::var_os("WATERSPOUT_SERVERS").is_some_and(|value| value == "required") => {
            panic!("{} is not installed: make test-servers", kind.name)
        }
        None => eprintln!("{} is not installed: make test-servers", kind.name),
    }
}

#[test]
fn every_server_has_a_word_on_every_check() {
    let checks = |(_, checks): &(&str, &[&'static str])| checks.iter().copied().collect::<BTreeSet<_>>();
    let all: BTreeSet<_> = TABLE.iter().flat_map(checks).collect();
    for row in TABLE {
        let missing: Vec<_> = all.difference(&checks(row)).copied().collect();
        assert!(missing.is_empty(), "{}: {missing:?}", row.0);
    }
}
