//! Golden responses: bytes that a server may send, and the result that the client must make of them.
//!
//! Each case of the files in `tests/http1/corpus` is fed whole, byte by byte, and in two pieces split at every
//! position. A second request follows on the same connection. If the client read too many or too few bytes of the first
//! response, the second response is not the sentinel.
//!
//! A file is a list of cases:
//!
//! ```text
//! # name_that_states_a_fact [HEAD]
//! HTTP/1.1 200 OK\r\n
//! content-length: 5\r\n
//! \r\n
//! hello
//! <extra>                   the bytes below do not belong to the response and arrive together with its last byte
//! <eof>                     the server closes here; without this line it waits for the next request
//! => 200 "hello" kept       status, body, and whether the connection is `kept` or `closed`
//! => header name "value"    also `trailer`, `trailers` (a count), `reason`, `version`; a missing header is `none`
//! ```
//!
//! Line breaks of the file are ignored. `\r \n \t \0 \\ \xNN` have the meaning of Rust, and `\s` is a space at the end
//! of a line. `{text}*n` repeats the text. An error is `=> Kind Phase`.

use waterspout::http::Method;
use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
use waterspout::{Agent, Client, Error, Response};

use crate::support::polling::run_until_stalled;

/// The responses to the second request: on the connection of the first request, and on a new connection.
const SENTINELS: [&str; 2] =
    ["HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nkept", "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nclosed"];

struct Case {
    name: String,
    method: Method,
    bytes: Vec<u8>,
    /// The number of `bytes` that belong to the response; `None` means all.
    length: Option<usize>,
    eof: bool,
    expected: Vec<String>,
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if let Some(title) = line.strip_prefix("# ") {
            let (name, method) = title.split_once(' ').unwrap_or((title, "GET"));
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            cases.push(Case {
                name: name.to_owned(),
                method,
                bytes: Vec::new(),
                length: None,
                eof: false,
                expected: Vec::new(),
            });
            continue;
        }
        let case = cases.last_mut().unwrap();
        match line.strip_prefix("=> ") {
            Some(expected) => case.expected.push(expected.to_owned()),
            None if line == "<eof>" => case.eof = true,
            None if line == "<extra>" => case.length = Some(case.bytes.len()),
            None => case.bytes.extend(unescape(line)),
        }
    }
    cases
}

fn unescape(line: &str) -> Vec<u8> {
    if let Some((text, count)) = line.strip_prefix('{').and_then(|line| line.rsplit_once("}*")) {
        return unescape(text).repeat(count.parse().unwrap());
    }
    let mut bytes = line.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next().unwrap() {
                b'r' => b'\r',
                b'n' => b'\n',
                b't' => b'\t',
                b's' => b' ',
                b'0' => 0,
                b'\\' => b'\\',
                b'x' => {
                    let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => panic!("unknown escape {:?} in {line:?}", char::from(other)),
            },
            byte => byte,
        });
    }
    out
}

/// The result of a response, in the notation of the files.
struct Outcome {
    line: String,
    response: Option<Response>,
}

async fn first(client: &Client, method: Method) -> Outcome {
    match read(client, method).await {
        Ok((response, body)) => {
            let line = format!("{} {}", response.status().as_u16(), quoted(&body));
            Outcome { line, response: Some(response) }
        }
        Err(error) => Outcome { line: format!("{:?} {:?}", error.kind(), error.phase()), response: None },
    }
}

async fn read(client: &Client, method: Method) -> std::result::Result<(Response, Vec<u8>), Error> {
    let mut response = client.request(method, "http://example.com/").send().await?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
    }
    Ok((response, body))
}

fn quoted(bytes: &[u8]) -> String {
    match bytes.len() {
        length if length > 200 => format!("{length} bytes"),
        _ => format!("\"{}\"", bytes.escape_ascii()),
    }
}

/// Returns the line that the response gives for `question`, which is the expected line.
fn detail(response: &Response, question: &str) -> String {
    let values = |map: Option<&waterspout::http::HeaderMap>, name: &str| {
        let values: Vec<_> = map.into_iter().flat_map(|map| map.get_all(name)).map(|v| quoted(v.as_bytes())).collect();
        if values.is_empty() { "none".to_owned() } else { values.join(" ") }
    };
    let mut words = question.split(' ');
    let (kind, name) = (words.next().unwrap(), words.next().unwrap());
    match kind {
        "header" => format!("header {name} {}", values(Some(response.headers()), name)),
        "trailer" => format!("trailer {name} {}", values(response.trailers(), name)),
        "trailers" => format!("trailers {}", response.trailers().map_or(0, waterspout::http::HeaderMap::len)),
        "reason" => format!("reason {}", quoted(response.reason().unwrap_or_default().as_bytes())),
        "version" => format!("version {:?}", response.version()),
        _ => panic!("unknown expectation {question:?}"),
    }
}

/// Feeds a case in these pieces and compares the result. Returns the difference as an error.
fn check(case: &Case, response: Script) -> std::result::Result<(), String> {
    let response = if case.eof { response } else { response.expect_head().send(SENTINELS[0]).silence() };
    let connector = ScriptedConnector::new([response, Script::new().expect_head().send(SENTINELS[1])]);
    let timer = ManualTimer::new();
    let agent = Agent::new(connector.clone(), timer.clone());
    let client = Client::builder().backend(agent).timer(timer).build().unwrap();

    let outcome = run_until_stalled(first(&client, case.method.clone()));
    let Some(Outcome { mut line, response }) = outcome else { return Err("it waits forever".to_owned()) };
    let sentinel = run_until_stalled(async { client.get("http://example.com/").await?.text().await });
    let sentinel = sentinel.map(|text| text.unwrap_or_else(|error| error.to_string()));
    let sentinel = sentinel.unwrap_or_else(|| "a connection on which nothing answers".to_owned());
    match &response {
        // After an error the connection must not be reused.
        None if sentinel != "closed" => line = format!("{line} {sentinel}"),
        None => {}
        Some(_) => line = format!("{line} {sentinel}"),
    }
    let mut found = vec![line];
    if let Some(response) = &response {
        found.extend(case.expected[1..].iter().map(|question| detail(response, question)));
    }
    if found == case.expected { Ok(()) } else { Err(format!("it is {found:#?}")) }
}

fn check_all(text: &str) {
    let cases = cases(text);
    let mut wrong = Vec::new();
    for case in &cases {
        assert!(!case.expected.is_empty(), "{} expects nothing", case.name);
        let start = || Script::new().expect_head();
        let bytes = &case.bytes;
        let length = case.length.unwrap_or(bytes.len());
        let mut feed = |how: String, response: Script| {
            if let Err(difference) = check(case, response) {
                wrong.push(format!("{} {how}: {difference}", case.name));
            }
        };
        feed("whole".to_owned(), start().send(bytes.clone()));
        feed("byte by byte".to_owned(), start().drip(&bytes[..length - 1]).send(&bytes[length - 1..]));
        // A long case tests a limit. Splitting it matters only near its ends.
        let near_an_end = |at: &usize| bytes.len() < 2000 || *at < 40 || *at + 20 > bytes.len();
        for at in (1..length).filter(near_an_end) {
            let (one, two) = bytes.split_at(at);
            feed(format!("split at {at}"), start().send(one).pause().send(two));
        }
    }
    let shown: Vec<_> = wrong.iter().take(10).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), shown.join("\n"));
}

/// Checks that a fuzz target has a seed of the case's name, whose bytes are the case's or a part of them. Long cases test
/// limits, which a fuzzer reaches by itself.
fn check_seed(case: &Case) {
    if case.bytes.len() > 1000 {
        return;
    }
    let seeds = ["exchange", "chunked", "response_head"].map(|target| {
        let path = format!("{}/fuzz/seeds/{target}/{}", env!("CARGO_MANIFEST_DIR"), case.name);
        std::fs::read(path).unwrap_or_default()
    });
    let is_part = |seed: &[u8]| !seed.is_empty() && case.bytes.windows(seed.len()).any(|part| part == seed);
    assert!(seeds.iter().any(|seed| is_part(seed)), "{}: no seed in fuzz/seeds has these bytes", case.name);
}

/// Makes a test for each file, with the name of the file.
macro_rules! corpus {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            check_all(include_str!(concat!("corpus/", stringify!($name), ".txt")));
        })*

        #[test]
        fn at_least_150_golden_responses_have_distinct_names() {
            let all = [$(include_str!(concat!("corpus/", stringify!($name), ".txt"))),*];
            let names: Vec<_> = all.iter().flat_map(|text| cases(text)).map(|case| case.name).collect();
            let distinct: std::collections::BTreeSet<_> = names.iter().collect();
            assert_eq!(names.len(), distinct.len());
            assert!(names.len() >= 150, "there are {}", names.len());
        }

        #[test]
        fn golden_responses_are_seeds_of_the_fuzz_targets() {
            let all = [$(include_str!(concat!("corpus/", stringify!($name), ".txt"))),*];
            all.iter().flat_map(|text| cases(text)).for_each(|case| check_seed(&case));
        }
    };
}

corpus! {
    bodies_end_where_their_framing_says,
    chunks_are_read_as_strictly_as_they_can_be,
    heads_are_found_and_parsed,
    lengths_are_digits_and_nothing_else,
    malformed_heads_fail_at_once,
    only_a_clean_end_keeps_the_connection,
    some_responses_never_have_a_body,
    trailers_are_exposed_and_bounded,
}
