/**
 * Lists the scenarios in which an engine differs from the standards. WebKit is Debian's, with the HTTP of libsoup.
 */

const undecoded = /^Error: assertion failed: the body's length is \d+, not 100000\n/;
const accepted = /^Error: assertion failed: it should have been rejected\n/;
const lostConnection = [/the error is "Error", not "TypeError"\n/, "a lost connection is an Error with `retryable`, not a TypeError"];
const stacked = [undecoded, "it decodes a single coding, and passes on a body with several codings unchanged"];
const limitless = [accepted, "its fetch accepts a head of any size"];
const withCredentials = [accepted, "its Request accepts a URL with credentials"];
const withoutPolicy = "its Request has no referrer policy";
const withoutType = [/,true,false\], not \[.*,true,true\]\n/, "the type of its own responses is `default`, as for responses that a program makes"];

/**
 * The scenarios that fail on an engine, with the expected error and the reason.
 *
 * Each is run all the same. It counts as a failure if it passes, or fails with another error.
 */
const differs = {
  firefox: {
    a_signed_chunk_size_is_an_error: [accepted, "it accepts the size of a chunk with a sign"],
    a_huge_head_is_an_error: [accepted, "its limit for a head is larger"],
    a_request_that_is_aborted_before_tells_its_body: [/value is \{\}, not "never mind"\n/, "its Request accepts no stream, which the client reports first"],
  },
  webkit: {
    header_bytes_beyond_ascii_survive: [/value is "caf\u00ef\u00bf\u00bd", not/, "it reads headers as UTF-8, and invalid bytes as the bytes of U+FFFD"],
    header_bytes_beyond_ascii_are_sent_as_they_are: [/value is "99 97 102 195 169", not/, "it writes headers as UTF-8"],
    a_body_that_is_not_in_its_coding_is_an_error: [accepted, "it passes on a body that it cannot decode unchanged"],
    a_stream_is_sent_whole: [/value is "NotSupportedError", not "TypeError"\n/, "it has a separate error for unsupported features"],
    an_unparsable_url_is_named: [/: TypeError: URL is not valid or contains user credentials\.\n/, "its message does not contain the URL"],
    closing_within_a_chunked_body_is_an_error: [accepted, "it accepts the end of the connection as the end of a chunked body"],
    a_signed_chunk_size_is_an_error: [accepted, "it accepts the size of a chunk with a sign"],
    two_different_lengths_are_an_error: [accepted, "it uses the last length"],
  },
  node22: { a_body_that_is_not_in_its_coding_is_an_error: [/^Error: took over 20 s\n/, "the body of such a response never ends, not even with its own fetch"] },
  node24: {},
  node26: Object.fromEntries(
    ["a_stream_is_taken_at_once", "a_stream_is_taken_at_once, with a time limit"].map((name) => [
      name,
      [/^the engine's: false \nthe client's: true $/, "its fetch locks a stream in a later turn, but locks the stream of a Request at once"],
    ]),
  ),
  deno: {
    no_turn_of_the_loop_is_waited_for: [/ is \[(?:1,"turn",2|"turn",1,2),"turn"\], not /, "once a module of Node was loaded, a message between ports arrives within the turn in which it was sent"],
    a_deflate_body_is_decoded_with_and_without_a_header: [undecoded, "its fetch asks for gzip and br, and decodes only these"],
    stacked_codings_are_undone_from_the_last: stacked,
    a_huge_head_is_an_error: limitless,
    credentials_in_the_url_are_refused: withCredentials,
  },
  bun: {
    an_unparsable_url_is_named: [/: TypeError \[ERR_INVALID_URL\]: fetch\(\) URL is invalid\n/, "its message does not contain the URL"],
    an_own_fetch_gets_a_request_taken_apart: [/: the body is taken, as by the platform\n/, "its Request does not take the body of the Request that it is made from"],
    stacked_codings_are_undone_from_the_last: stacked,
    endless_redirects_are_an_error: [accepted, "its fetch follows more than the 20 redirects of the standard"],
    credentials_do_not_follow_to_another_origin: [/UnsupportedRedirectProtocol/, "it reads a relative Location with :// in its query as an absolute URL"],
    a_huge_head_is_an_error: limitless,
    a_download_tells_how_far_it_is: withoutType,
    credentials_in_the_url_are_refused: withCredentials,
    a_request_keeps_its_referrer_with_limits_set: [/value is "", not "no-referrer"\n/, withoutPolicy],
  },
  workerd: {
    no_turn_of_the_loop_is_waited_for: [/ is \[(?:1,"turn",2|"turn",1,2),"turn"\], not /, "a message between ports arrives within the turn in which it was sent"],
    header_bytes_beyond_ascii_survive: [/value is "caf\ufffd", not/, "it reads headers as UTF-8"],
    header_bytes_beyond_ascii_are_sent_as_they_are: [/value is "99 97 102 195 169", not/, "it writes headers as UTF-8"],
    a_deflate_body_is_decoded_with_and_without_a_header: [undecoded, "its fetch asks for gzip and br, and decodes only these"],
    stacked_codings_are_undone_from_the_last: stacked,
    a_failing_stream_fails_the_request: [accepted, "its fetch sends the pieces before the stream's error as the whole body"],
    a_header_with_a_line_break_is_refused: [accepted, "its Headers accept an empty name; they refuse line breaks"],
    a_refused_connection_is_an_error: [/assertion failed: Error: Network connection lost\.\n/, lostConnection[1]],
    closing_without_an_answer_is_an_error: lostConnection,
    closing_within_the_head_is_an_error: lostConnection,
    closing_within_a_body_is_an_error: lostConnection,
    closing_within_a_chunked_body_is_an_error: lostConnection,
    garbage_is_an_error: lostConnection,
    a_signed_chunk_size_is_an_error: lostConnection,
    two_different_lengths_are_an_error: lostConnection,
    a_huge_head_is_an_error: limitless,
    dropping_the_body_ends_the_download: [/value is "false", not "true"\n/, "an abort after the head rejects the body and keeps the connection; cancelling the body closes it"],
    an_abort_reaches_the_platform_with_limits_set_too: [/value is "false", not "true"\n/, "an abort after the head rejects the body and keeps the connection"],
    // The three attempts show that the client retries after such an error.
    the_last_error_is_the_platforms_own: [/value is \["Error",false,3\], not \["TypeError",false,3\]\n/, lostConnection[1]],
    an_error_hook_is_told_and_cannot_do_harm: [/value is \["Error",.*"Error",1\]\]\], not/, lostConnection[1]],
    a_download_tells_how_far_it_is: withoutType,
    credentials_in_the_url_are_refused: withCredentials,
    a_request_keeps_its_referrer_with_limits_set: [/value is undefined, not "no-referrer"\n/, withoutPolicy],
  },
};

// An older worker has no ports.
const { no_turn_of_the_loop_is_waited_for: _, ...olderWorkerd } = differs.workerd;
differs["older workerd"] = {
  ...olderWorkerd,
  credentials_do_not_follow_to_another_origin: [/\nauthorization: Basic c2VjcmV0\n/, "its fetch sends the header to the other origin, as before the standard's change of 2022"],
};

/** Returns the results, in which a failure with the error of the table counts as passed. */
export function judged(engine, results) {
  const known = differs[engine];
  const missing = Object.keys(known).filter((name) => !results.some((result) => result.name === name));
  const judge = ({ name, error }) => {
    if (!known[name]) return { name, error };
    const [failure, reason] = known[name];
    if (!error) return { name, error: `passes on ${engine} now, but the table says: ${reason}` };
    if (!failure.test(error)) return { name, error: `fails on ${engine} with another error than ${failure}: ${error}` };
    console.log(`differs on ${engine}: ${name}: ${reason}`);
    return { name };
  };
  return [...results.map(judge), ...missing.map((name) => ({ name, error: `is in the table for ${engine} but is not a scenario` }))];
}
