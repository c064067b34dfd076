//! The tables of servers and checks.

/// Defines a test for each server and each check of `$each`, through the function `$run`. The entry of a server lists the
/// checks that it skips, each with its reason, which the test program shows. An entry that names an unknown check does
/// not compile.
macro_rules! table {
    ($dollar:tt $each:ident $run:ident $($name:ident = $kind:ident { $($check:ident: $reason:literal,)* })+) => {
        $(mod $name {
            #[deny(unused_macro_rules)]
            macro_rules! check {
                $(($check) => {
                    #[test]
                    #[ignore = $reason]
                    fn $check() {
                        panic!($reason);
                    }
                };)*
                ($dollar name:ident) => {
                    #[test]
                    fn $dollar name() {
                        crate::$run(&crate::sites::$kind, crate::listed::$dollar name);
                    }
                };
            }
            $each!(check);
        })+
    };
}

/// Calls a macro with each check of every server.
macro_rules! each_check {
    ($check:ident) => {
        $check!(a_plain_response_is_read);
        $check!(a_gzip_response_is_decoded);
        $check!(a_chunked_response_is_read);
        $check!(a_connection_is_reused);
        $check!(parallel_requests_share_connections);
        $check!(a_range_request_returns_the_range);
        $check!(redirects_are_followed);
        $check!(a_308_redirect_keeps_the_body);
        $check!(cookies_are_stored_and_sent);
        $check!(basic_credentials_are_accepted);
        $check!(a_digest_challenge_is_answered);
        $check!(a_stale_nonce_is_replaced);
        $check!(a_large_upload_arrives_whole);
        $check!(a_large_chunked_upload_arrives_whole);
        $check!(a_body_waits_for_100_continue);
        $check!(a_refused_body_is_not_sent);
        $check!(a_refusal_is_read_while_the_body_is_sent);
        $check!(a_response_to_head_has_no_body);
        $check!(a_404_is_a_response);
        $check!(a_large_download_arrives_whole);
    };
}

/// Calls a macro with each check of the servers that speak HTTP/2.
macro_rules! each_http2_check {
    ($check:ident) => {
        each_check!($check);
        $check!(the_protocol_is_known);
        $check!(sixty_four_requests_share_a_connection);
        $check!(a_thousand_requests_share_few_connections);
        $check!(a_cancelled_download_leaves_its_connection);
        $check!(bodies_of_each_size_arrive_whole);
        $check!(responses_without_a_body_are_read);
        $check!(many_fields_are_sent);
        $check!(many_fields_are_received);
        $check!(trailers_are_sent);
        $check!(trailers_are_received);
    };
}

/// Calls a macro with each check of a server with strict limits.
macro_rules! each_strict_check {
    ($check:ident) => {
        $check!(requests_beyond_the_limit_of_streams_are_answered);
        $check!(requests_before_the_limit_of_streams_is_known_are_answered);
        $check!(a_request_succeeds_when_the_server_closes_idle_connections);
        $check!(running_requests_finish_when_the_server_stops);
        $check!(no_request_is_lost_when_the_server_reloads);
    };
}
