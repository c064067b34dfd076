//! The scenarios: a single list of behaviours that runs natively, in browsers and in Node. The tests of the npm package
//! run scenarios of the same names in further engines.
//!
//! The server is the lab of `examples/lab`. `engines` lists where engines deviate.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, dead_code, unreachable_pub)]

pub mod bodies;
pub mod cancel;
pub mod codings;
pub mod credentials;
pub mod deadlines;
pub mod engines;
pub mod errors;
pub mod events;
pub mod forms;
pub mod heads;
pub mod queue;
pub mod redirects;
pub mod requests;
pub mod retry;
pub mod sdk;
pub mod spawned;
pub mod uploads;

use std::time::Duration;

use waterspout::tornado::EventLoop;
use waterspout::{Client, Error, Phase, Timeout};

/// Calls the macro `$run` with the list of all scenarios.
#[allow(unused_macros)]
macro_rules! for_each_scenario {
    ($run:ident) => {
        $run! {
            heads::get_returns_status_headers_and_text,
            heads::every_method_reaches_the_server,
            heads::a_head_response_has_headers_and_no_body,
            heads::a_status_of_400_or_above_is_a_response,
            heads::error_for_status_keeps_good_responses_and_names_bad_statuses,
            heads::the_query_reaches_the_server_as_written,
            heads::the_fragment_stays_here,
            heads::request_headers_reach_the_server,
            heads::default_headers_yield_to_the_headers_of_the_request,
            heads::repeated_response_headers_are_all_there,
            heads::header_bytes_beyond_ascii_survive,
            heads::header_bytes_beyond_ascii_are_sent_as_they_are,
            heads::a_date_is_sent_as_http_writes_it,
            heads::interim_responses_are_skipped,
            heads::no_content_has_no_body,
            bodies::an_empty_body_is_empty,
            bodies::a_body_of_declared_length_arrives_whole,
            bodies::a_chunked_body_arrives_whole,
            bodies::a_large_body_arrives_whole,
            bodies::many_small_chunks_arrive_in_order,
            bodies::a_body_may_end_with_the_connection,
            bodies::a_body_is_streamed_as_it_comes,
            bodies::chunk_extensions_and_trailers_are_read_over,
            bodies::json_goes_both_ways,
            bodies::a_body_beyond_the_limit_is_an_error,
            bodies::reading_on_after_the_end_gives_nothing,
            codings::a_gzip_body_is_decoded,
            codings::a_deflate_body_is_decoded_with_and_without_a_header,
            codings::a_brotli_body_is_decoded,
            codings::stacked_codings_are_undone_from_the_last,
            codings::an_unknown_coding_is_left_as_it_is,
            codings::a_body_that_is_not_in_its_coding_is_an_error,
            codings::a_head_response_describes_the_encoded_body,
            codings::decoding_is_switched_off_or_that_is_refused,
            codings::a_stream_limit_counts_what_is_decoded,
            codings::a_text_is_read_in_the_charset_that_the_server_names,
            uploads::a_text_is_sent_as_it_is,
            uploads::a_large_body_is_sent_whole,
            uploads::a_post_without_a_body_is_sent,
            uploads::a_stream_is_sent_whole,
            uploads::a_stream_of_known_length_is_sent_whole,
            uploads::a_failing_stream_fails_the_request,
            uploads::a_stream_shorter_than_it_says_fails_the_request,
            requests::a_text_body_has_the_type_of_fetch,
            requests::a_body_of_bytes_has_no_type,
            requests::the_type_of_the_caller_wins,
            requests::a_method_that_expects_a_body_declares_a_length_of_zero,
            requests::every_method_but_head_may_have_a_body_and_fetch_refuses_get_too,
            requests::a_method_that_the_standard_forbids_is_refused,
            requests::a_header_of_text_is_sent_as_utf_8,
            requests::all_header_bytes_beyond_ascii_are_sent_and_received,
            redirects::a_redirect_is_followed,
            redirects::a_chain_of_redirects_is_followed,
            redirects::endless_redirects_are_an_error,
            redirects::a_post_becomes_a_get_after_302_and_303,
            redirects::method_and_body_survive_307_and_308,
            redirects::a_redirect_can_be_made_an_error,
            redirects::a_redirect_can_be_left_to_the_caller,
            redirects::a_response_knows_its_last_request,
            credentials::credentials_in_the_url_become_basic_authorization,
            credentials::credentials_in_the_url_appear_in_no_error,
            credentials::basic_and_bearer_credentials_reach_the_server,
            credentials::an_authorization_header_wins_over_the_url,
            credentials::credentials_do_not_follow_to_another_origin,
            credentials::a_challenge_is_answered_where_it_can_be,
            forms::a_form_is_posted,
            forms::pairs_are_added_to_the_query,
            forms::a_multipart_form_is_posted,
            forms::a_multipart_form_may_have_a_stream,
            errors::an_unparsable_url_is_named,
            errors::a_relative_url_resolves_against_the_page_or_is_an_error,
            errors::an_unsupported_scheme_is_named,
            errors::a_header_with_a_line_break_is_refused,
            errors::a_length_of_the_callers_own_is_refused,
            errors::a_body_on_a_get_is_refused_by_fetch,
            errors::a_refused_connection_is_an_error,
            errors::closing_without_an_answer_is_an_error,
            errors::closing_within_the_head_is_an_error,
            errors::closing_within_a_body_is_an_error,
            errors::closing_within_a_chunked_body_is_an_error,
            errors::garbage_is_an_error,
            errors::a_signed_chunk_size_is_an_error,
            errors::two_different_lengths_are_an_error,
            errors::a_huge_head_is_an_error,
            events::events_arrive_as_they_are_sent,
            events::a_stream_of_events_that_ends_goes_on_after_the_last,
            events::events_that_are_asked_for_by_post_are_asked_for_again,
            events::what_is_no_stream_of_events_is_an_error,
            events::dropping_the_events_frees_their_slot,
            deadlines::the_total_limit_covers_the_wait_for_the_head,
            deadlines::the_request_limit_covers_the_wait_for_the_head,
            deadlines::the_total_limit_covers_the_body,
            deadlines::the_request_limit_covers_the_body,
            deadlines::the_head_limit_covers_the_wait_for_the_head,
            deadlines::the_idle_limit_covers_a_stalled_body,
            deadlines::a_slow_but_steady_body_is_not_idle,
            deadlines::a_limit_of_zero_is_none,
            deadlines::a_request_overrides_its_client,
            deadlines::the_queue_limit_covers_the_wait_for_a_slot,
            deadlines::the_total_limit_covers_the_queue,
            deadlines::the_request_limit_begins_when_the_request_leaves_the_queue,
            queue::at_most_max_active_run,
            queue::the_first_to_come_is_the_first_served,
            queue::a_slot_is_held_until_the_body_has_been_read,
            queue::a_failure_frees_its_slot,
            queue::a_timeout_frees_its_slot,
            queue::stats_count_the_active_and_the_queued,
            queue::fifty_requests_share_ten_slots,
            retry::nothing_is_tried_again_unless_asked,
            retry::a_passing_failure_is_tried_again,
            retry::the_last_answer_is_returned_as_it_is,
            retry::a_body_is_sent_again_whole,
            retry::a_post_is_not_tried_again,
            retry::the_server_says_how_long_to_wait,
            retry::each_attempt_has_its_own_limit,
            retry::a_request_that_backs_off_holds_no_slot,
            retry::an_origin_that_fails_is_left_alone,
            retry::hooks_see_each_attempt,
            queue::at_most_max_active_per_origin_run,
            queue::the_higher_priority_goes_first,
            queue::a_full_queue_turns_away,
            queue::a_paused_client_starts_nothing,
            queue::a_cleared_queue_goes_on,
            queue::a_closed_client_finishes_what_it_has,
            queue::a_client_closed_at_once_ends_what_runs,
            queue::a_rate_limit_keeps_requests_apart,
            cancel::a_request_dropped_in_the_queue_is_never_sent,
            cancel::a_request_dropped_before_its_head_frees_its_slot,
            cancel::dropping_the_body_ends_the_download,
            cancel::a_request_that_is_not_awaited_is_not_sent,
            spawned::a_spawned_request_is_send_and_gives_the_response,
            spawned::a_spawned_request_runs_without_being_polled,
            spawned::a_spawned_request_that_is_dropped_is_stopped,
            spawned::a_spawned_body_is_streamed_and_stops_when_dropped,
            spawned::a_spawned_request_fails_as_any_other,
            sdk::a_typed_client_asks_and_tells,
            sdk::a_typed_client_streams_both_ways,
            sdk::a_typed_client_has_errors_of_its_own,
            sdk::a_typed_client_can_be_replaced,
        }
    };
}
#[allow(unused_imports)]
pub(crate) use for_each_scenario;

/// Calls the macro `$run` with the scenarios that may behave differently in a worker than in a page: a scenario for
/// each feature of the engine that the client uses.
#[allow(unused_macros)]
macro_rules! for_each_worker_scenario {
    ($run:ident) => {
        $run! {
            heads::get_returns_status_headers_and_text,
            heads::request_headers_reach_the_server,
            heads::no_content_has_no_body,
            bodies::a_large_body_arrives_whole,
            bodies::a_body_is_streamed_as_it_comes,
            bodies::json_goes_both_ways,
            codings::a_gzip_body_is_decoded,
            uploads::a_large_body_is_sent_whole,
            uploads::a_stream_is_sent_whole,
            redirects::a_redirect_is_followed,
            redirects::a_redirect_can_be_left_to_the_caller,
            errors::a_relative_url_resolves_against_the_page_or_is_an_error,
            errors::a_refused_connection_is_an_error,
            errors::closing_within_a_body_is_an_error,
            deadlines::the_total_limit_covers_the_wait_for_the_head,
            deadlines::the_idle_limit_covers_a_stalled_body,
            queue::at_most_max_active_run,
            queue::a_rate_limit_keeps_requests_apart,
            retry::a_passing_failure_is_tried_again,
            cancel::a_request_dropped_before_its_head_frees_its_slot,
            cancel::dropping_the_body_ends_the_download,
            spawned::a_spawned_request_is_send_and_gives_the_response,
            spawned::a_spawned_request_that_is_dropped_is_stopped,
            sdk::a_typed_client_streams_both_ways,
        }
    };
}
#[allow(unused_imports)]
pub(crate) use for_each_worker_scenario;

/// The address of the lab, and a key that is unique to this run of the scenario: parallel runs in several browsers use
/// the same lab.
pub struct Lab {
    base: String,
    key: String,
}

impl Lab {
    pub fn new(base: &str, platform: &str, scenario: &str) -> Self {
        Self { base: base.trim_end_matches('/').to_owned(), key: format!("{platform}-{scenario}-{:x}", run()) }
    }

    /// Returns the URL of an experiment.
    pub fn url(&self, experiment: &str) -> String {
        format!("{}/lab/{experiment}", self.base)
    }

    /// Returns the URL of an experiment that keeps state under this run's key. `query` is empty or begins with `?`.
    pub fn keyed(&self, experiment: &str, query: &str) -> String {
        format!("{}/lab/{experiment}/{}{query}", self.base, self.key)
    }

    /// Returns the text of an experiment that reads the state under this run's key.
    pub async fn recall(&self, experiment: &str, query: &str) -> String {
        Client::new().get(self.keyed(experiment, query)).await.unwrap().text().await.unwrap()
    }
}

/// Returns the number of this run. A native test process starts its own lab, so it needs no unique number.
#[cfg(not(target_family = "wasm"))]
fn run() -> u64 {
    0
}

/// Returns the number of this run, at random: several browsers use the same lab at once.
#[cfg(target_family = "wasm")]
fn run() -> u64 {
    (js_sys::Math::random() * 1e15) as u64
}

/// Whether requests use the `fetch` of a browser or of Node, which reports less about failures.
pub const FETCH: bool = cfg!(target_family = "wasm");

pub fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub async fn sleep(milliseconds: u64) {
    EventLoop::new().sleep(ms(milliseconds)).await;
}

/// Returns the byte at `index` of the lab's generated bodies.
pub fn byte(index: usize) -> u8 {
    (index % 251) as u8
}

/// Checks the phase and the limit of a timeout error, and that the limit has passed.
pub fn assert_timeout(error: &Error, phase: Phase, timeout: Timeout) {
    assert!(error.is_timeout(), "{error}");
    assert_eq!((error.phase(), error.timeout()), (phase, Some(timeout)), "{error}");
    assert!(error.elapsed().unwrap() >= error.limit().unwrap(), "{error:?}");
}
