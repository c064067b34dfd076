//! What a client is known by: the bytes that leave by default, redirects one by one, what one request leaves for the
//! next, and limits at their edges.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::executor::block_on;
use futures::future::join3;
use futures::{FutureExt, stream};
use waterspout::agent::Config;
use waterspout::http::{HeaderMap, HeaderValue, Method};
use waterspout::testing::{ManualTimer, MockBackend, Script, ScriptedConnector};
use waterspout::{
    Agent, Body, Bytes, Client, Error, ErrorKind, Phase, Request, RequestBuilder, RequestOptions, Response, Trailers,
    Url,
};

const URL: &str = "http://example.com/";
const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

struct Wire {
    client: Client,
    connector: ScriptedConnector,
    timer: ManualTimer,
}

fn wire(scripts: impl IntoIterator<Item = Script>) -> Wire {
    with(Client::builder(), scripts)
}

fn with(builder: waterspout::Builder, scripts: impl IntoIterator<Item = Script>) -> Wire {
    let (connector, timer) = (ScriptedConnector::new(scripts), ManualTimer::new());
    let agent = Agent::new(connector.clone(), timer.clone());
    let client = builder.backend(agent).timer(timer.clone()).build().unwrap();
    Wire { client, connector, timer }
}

impl Wire {
    /// The heads that were sent on a connection, with the bodies after them.
    fn sent(&self, connection: usize) -> String {
        self.connector.written(connection)
    }

    fn method(&self, method: &str, url: &str) -> RequestBuilder<Client> {
        self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), url)
    }
}

fn send(builder: RequestBuilder<Client>) -> Result<Response, Error> {
    block_on(builder.send())
}

fn answers<S: AsRef<str>>(answers: impl IntoIterator<Item = S>) -> Script {
    answers.into_iter().fold(Script::new(), |script, answer| script.expect_head().send(answer.as_ref()))
}

fn redirect(status: u16, to: &str) -> String {
    format!("HTTP/1.1 {status} Moved\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

mod what_leaves {
    use super::*;

    #[test]
    fn a_default_get_is_these_bytes() {
        let wire = wire([answers([HELLO, HELLO])]);
        send(wire.client.get("http://Example.com?q=1#part").decompress(false)).unwrap();
        let version = env!("CARGO_PKG_VERSION");
        let fields = format!("accept: */*\r\nuser-agent: waterspout/{version}\r\n\r\n");
        assert_eq!(wire.sent(0), format!("GET /?q=1 HTTP/1.1\r\nhost: example.com\r\n{fields}"));
    }

    #[test]
    fn a_user_agent_of_the_request_wins_over_the_clients_and_that_over_the_default() {
        let client = Client::builder().default_headers(headers(&[("user-agent", "client")]));
        let wire = with(client, [answers([HELLO, HELLO])]);
        send(wire.client.get(URL)).unwrap();
        send(wire.client.get(URL).header("user-agent", "request")).unwrap();
        let sent = wire.sent(0);
        let agents: Vec<_> = sent.lines().filter_map(|line| line.strip_prefix("user-agent: ")).collect();
        assert_eq!(agents, ["client", "request"]);
    }

    #[test]
    fn host_has_the_port_unless_it_is_the_schemes_own() {
        for (url, host) in [
            ("http://example.com:80/", "example.com"),
            ("http://example.com:443/", "example.com:443"),
            ("https://example.com:443/", "example.com"),
            ("https://example.com:80/", "example.com:80"),
            ("http://user:secret@example.com:8080/", "example.com:8080"),
            ("http://[0:0::1]:8080/", "[::1]:8080"),
        ] {
            let wire = wire([answers([HELLO])]);
            send(wire.client.get(url)).unwrap();
            assert!(wire.sent(0).contains(&format!("\r\nhost: {host}\r\n")), "{url}: {}", wire.sent(0));
            assert!(!wire.sent(0).contains("secret"));
        }
    }

    #[test]
    fn text_and_bytes_make_the_same_header() {
        let wire = wire([answers([HELLO; 4])]);
        send(wire.client.get(URL).header("x-a", "1")).unwrap();
        send(wire.client.get(URL).header(&b"X-A"[..], &b"1"[..])).unwrap();
        send(wire.client.get(URL).header("X-a".to_owned(), "1".to_owned())).unwrap();
        send(wire.client.get(URL).headers(headers(&[("x-a", "1")]))).unwrap();
        let sent = wire.sent(0);
        let heads: Vec<_> = sent.split_terminator("\r\n\r\n").collect();
        assert_eq!(heads.len(), 4);
        assert!(heads.iter().all(|head| *head == heads[0] && head.contains("\r\nx-a: 1\r\n")), "{sent}");
    }

    #[test]
    fn a_text_is_as_long_as_its_utf_8_bytes() {
        for body in [Body::from("\u{e9}"), Body::from("\u{e9}".as_bytes().to_vec())] {
            let wire = wire([answers([HELLO])]);
            send(wire.client.post(URL).header("x-a", "\u{e9}").body(body)).unwrap();
            let sent = wire.sent(0);
            assert!(sent.contains("\r\ncontent-length: 2\r\n") && sent.ends_with("\r\n\r\n\u{e9}"), "{sent}");
        }
    }

    #[test]
    fn a_body_goes_unchanged_with_every_method_that_has_one() {
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "X-CUSTOM"] {
            let wire = wire([answers([HELLO])]);
            send(wire.method(method, URL).body("a=b\r\n\0c")).unwrap();
            let sent = wire.sent(0);
            assert!(sent.starts_with(&format!("{method} / HTTP/1.1\r\n")), "{sent}");
            assert!(sent.contains("\r\ncontent-length: 7\r\n") && sent.ends_with("\r\n\r\na=b\r\n\0c"), "{sent}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_request_is_told_before_a_connection_is_made() {
        let wire = wire([answers([HELLO])]);
        for (request, words) in [
            (wire.client.get(URL).body("x"), "GET"),
            (wire.client.head(URL).body("x"), "HEAD"),
            (wire.client.post(URL).header("content-length", "1").body("x"), "content-length"),
            (wire.client.post(URL).header("expect", "100-continue").body("x"), "expect"),
            (wire.method("TRACE", URL), "TRACE"),
            (wire.client.post(URL).trailers(Trailers::new()), "trailers"),
        ] {
            let error = send(request).unwrap_err();
            assert_eq!((error.kind(), error.phase()), (ErrorKind::InvalidRequest, Phase::Request), "{error}");
            assert!(error.to_string().contains(words), "{error}");
        }
        assert_eq!((wire.connector.connections(), wire.client.stats().active), (0, 0));
    }
}

mod redirects {
    use super::*;

    #[test]
    fn the_method_after_each_redirect_is_that_of_the_standard() {
        for status in [301, 302, 303, 307, 308] {
            for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
                let wire = wire([answers([&*redirect(status, "/next"), "HTTP/1.1 204 No Content\r\n\r\n"])]);
                let has_body = !["GET", "HEAD"].contains(&method);
                let request = wire.method(method, URL);
                send(if has_body { request.body("payload") } else { request }).unwrap();
                let becomes_get = match status {
                    301 | 302 => method == "POST",
                    303 => method != "HEAD",
                    _ => false,
                };
                let sent = wire.sent(0);
                let (_, next) = sent.split_once(" / HTTP/1.1").unwrap();
                let expected = if becomes_get { "GET" } else { method };
                assert!(next.contains(&format!("{expected} /next HTTP/1.1\r\n")), "{status} {method}: {sent}");
                let again = has_body && !becomes_get;
                assert_eq!(sent.ends_with("\r\n\r\npayload"), again, "{status} {method}: {sent}");
                let lengths = sent.matches("content-length: 7").count();
                assert_eq!(lengths, usize::from(has_body) + usize::from(again), "{status} {method}: {sent}");
            }
        }
    }

    #[test]
    fn a_put_without_a_body_is_repeated_without_one() {
        let wire = wire([answers([&*redirect(307, "/next"), HELLO])]);
        assert_eq!(send(wire.client.put(URL)).unwrap().url().path(), "/next");
        assert_eq!(wire.sent(0).matches("\r\ncontent-length: 0\r\n").count(), 2, "{}", wire.sent(0));
    }

    #[test]
    fn a_redirect_without_a_location_is_a_response() {
        for status in [301, 302, 303, 307, 308] {
            let wire = wire([answers([format!("HTTP/1.1 {status} Moved\r\ncontent-length: 4\r\n\r\ngone")])]);
            let response = send(wire.client.get(URL)).unwrap();
            assert_eq!((response.status().as_u16(), response.redirected()), (status, false));
            assert_eq!(block_on(response.text()).unwrap(), "gone");
        }
    }

    #[test]
    fn no_other_status_is_followed() {
        for status in [200, 201, 300, 304, 305, 306, 309, 399, 400] {
            let wire = wire([answers([redirect(status, "/next"), HELLO.to_owned()])]);
            let response = send(wire.client.get(URL)).unwrap();
            assert_eq!((response.status().as_u16(), response.redirected()), (status, false));
            assert_eq!(response.headers()["location"], "/next");
        }
    }

    #[test]
    fn an_empty_location_is_the_same_url_again() {
        let wire = wire([answers([&*redirect(302, ""), HELLO])]);
        let response = send(wire.client.get("http://example.com/a?b")).unwrap();
        assert_eq!((response.url().as_str(), response.redirected()), ("http://example.com/a?b", true));
        assert_eq!(wire.sent(0).matches("GET /a?b HTTP/1.1").count(), 2);
    }

    #[test]
    fn a_redirect_to_what_is_not_http_is_an_error_at_once() {
        for to in ["ftp://example.com/", "file:///etc/passwd", "data:,x", "javascript:alert(1)", "ws://example.com/"] {
            let wire = wire([answers([redirect(302, to)]).silence(), answers([HELLO])]);
            let error = send(wire.client.get(URL)).unwrap_err();
            assert_eq!((error.kind(), error.phase()), (ErrorKind::Redirect, Phase::Head), "{to}: {error}");
            assert!(error.to_string().contains(to.split(':').next().unwrap()), "{error}");
            assert_eq!((wire.connector.connections(), wire.client.stats().active), (1, 0), "{to}");
        }
    }

    #[test]
    fn what_the_hops_before_said_is_not_told_with_the_last() {
        let hop = "HTTP/1.1 302 Found\r\nlocation: /next\r\nx-hop: 1\r\ncontent-length: 4\r\n\r\ngone";
        let wire = wire([answers([hop, HELLO])]);
        let told = Arc::new(Mutex::new(Vec::new()));
        let seen = told.clone();
        let request = wire.client.get(URL).on_download(move |so_far| seen.lock().unwrap().push(so_far.bytes));
        let response = send(request).unwrap();
        assert!(!response.headers().contains_key("x-hop"));
        assert_eq!(block_on(response.text()).unwrap(), "hello");
        assert_eq!(*told.lock().unwrap(), [5]);
    }

    #[test]
    fn credentials_of_the_clients_defaults_stay_within_their_origin_too() {
        let mut defaults = headers(&[("authorization", "Bearer secret"), ("cookie", "secret"), ("x-plain", "1")]);
        let mut key = HeaderValue::from_static("secret");
        key.set_sensitive(true);
        defaults.insert("x-api-key", key);
        let there = redirect(302, "http://example.com:81/");
        let wire = with(Client::builder().default_headers(defaults), [answers([there]), answers([HELLO])]);
        send(wire.client.get(URL).header("proxy-authorization", "Basic secret")).unwrap();
        assert_eq!(wire.sent(0).matches("secret").count(), 4);
        assert!(wire.sent(1).contains("x-plain: 1") && !wire.sent(1).contains("secret"), "{}", wire.sent(1));
    }

    #[test]
    fn credentials_left_behind_do_not_come_back() {
        let away = redirect(302, "http://other.example/");
        let wire = wire([answers([&*away, HELLO]), answers([redirect(302, "http://example.com/back")])]);
        let response = send(wire.client.get(URL).basic_auth("user", "secret").header("cookie", "a=b")).unwrap();
        assert_eq!(response.url().path(), "/back");
        assert_eq!(wire.sent(0).matches("authorization:").count(), 1, "{}", wire.sent(0));
        assert_eq!(wire.sent(0).matches("cookie:").count(), 1);
        assert!(!wire.sent(1).contains("authorization:"));
    }

    #[test]
    fn one_slot_is_enough_for_redirects_and_nobody_gets_between_them() {
        let hops = ["/1", "/2", "/z"].map(|to| redirect(302, to));
        let all = hops.into_iter().chain([HELLO; 3].map(str::to_owned));
        // Each answer keeps its request waiting, so that the others could go on if there were a slot.
        let script = all.fold(Script::new(), |script, answer| script.expect_head().pause().send(answer));
        let wire = with(Client::builder().max_active(1), [script]);
        let get = |path: &str| wire.client.get(format!("http://example.com{path}")).send();
        let (first, second, third) = block_on(join3(get("/a"), get("/b"), get("/c")));
        assert_eq!(first.unwrap().url().path(), "/z");
        assert!(second.is_ok() && third.is_ok());
        let sent = wire.sent(0);
        let paths: Vec<_> = sent.lines().filter_map(|line| line.strip_suffix(" HTTP/1.1")).collect();
        assert_eq!(paths, ["GET /a", "GET /1", "GET /2", "GET /z", "GET /b", "GET /c"]);
        assert_eq!((wire.client.stats().active, wire.client.stats().queued), (0, 0));
    }
}

mod one_request_and_the_next {
    use super::*;

    #[test]
    fn a_clone_of_a_request_is_sent_as_it_was_written() {
        let wire = wire([answers([&*redirect(303, "http://other.example/"), HELLO]), answers([HELLO])]);
        let request = Request::post(URL).basic_auth("user", "secret").header("x-a", "1").body("body").build().unwrap();
        let before = request.headers().clone();
        let response = block_on(wire.client.fetch(request.try_clone().unwrap())).unwrap();
        assert_eq!(response.url().as_str(), "http://other.example/");
        assert_eq!((request.headers(), request.method(), request.url().as_str()), (&before, &Method::POST, URL));
        block_on(wire.client.fetch(request)).unwrap();
        let sent = wire.sent(0);
        let (first, second) = sent.split_at(sent.len() / 2);
        assert_eq!(first, second);
        assert!(first.ends_with("\r\n\r\nbody") && first.contains("authorization: "), "{first}");
    }

    #[test]
    fn a_request_whose_url_was_changed_goes_to_the_new_host() {
        let wire = wire([answers([HELLO]), answers([HELLO])]);
        let mut request = Request::get(URL).build().unwrap();
        block_on(wire.client.fetch(request.try_clone().unwrap())).unwrap();
        *request.url_mut() = Url::parse("http://other.example:81/").unwrap();
        block_on(wire.client.fetch(request)).unwrap();
        assert!(wire.sent(1).contains("\r\nhost: other.example:81\r\n"), "{}", wire.sent(1));
    }

    #[test]
    fn credentials_of_one_request_do_not_go_with_the_next_on_its_connection() {
        let wire = wire([answers([HELLO, HELLO])]);
        let first = wire.client.get(URL).basic_auth("user", "secret").header("proxy-authorization", "Basic x");
        send(first.header("cookie", "a=b")).unwrap();
        send(wire.client.get(URL)).unwrap();
        assert_eq!(wire.connector.connections(), 1);
        for name in ["authorization: Basic", "cookie: a=b"] {
            let (first, second) =
                wire.sent(0).split_once("\r\n\r\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
            assert!(first.contains(name) && !second.contains(name), "{name}");
        }
    }

    #[test]
    fn two_clients_share_neither_slots_nor_defaults() {
        let one = Client::builder().max_active(1).backend(MockBackend::pending()).build().unwrap();
        let other = Client::builder().max_active(1).backend(MockBackend::text("other")).build().unwrap();
        let mut waiting = one.get(URL).send().boxed();
        assert!((&mut waiting).now_or_never().is_none());
        assert_eq!((one.stats().active, other.stats().active), (1, 0));
        assert!(other.get(URL).send().now_or_never().unwrap().is_ok());
    }

    #[test]
    fn a_request_that_would_keep_connections_for_less_time_still_uses_a_kept_one() {
        let wire = wire([answers([HELLO; 3])]);
        let hurried = || Config::new().idle_connection_timeout(seconds(1));
        send(wire.client.get(URL)).unwrap();
        wire.timer.advance(seconds(5));
        assert!(send(wire.client.get(URL).extension(hurried())).unwrap().exchange().reused);
        // It goes back for as long as the last to use it would have it.
        wire.timer.advance(seconds(1));
        assert!(send(wire.client.get(URL)).is_err());
    }
}

mod limits {
    use super::*;

    fn all(limit: Duration) -> RequestOptions {
        let mut options = RequestOptions::default();
        for slot in [
            &mut options.queue_timeout,
            &mut options.connect_timeout,
            &mut options.head_timeout,
            &mut options.idle_timeout,
            &mut options.timeout,
        ] {
            *slot = Some(limit);
        }
        options
    }

    #[test]
    fn limits_of_zero_and_of_all_time_never_pass() {
        for limit in [Duration::ZERO, Duration::MAX] {
            let held = Script::new().expect_head().hold().send(&HELLO[..HELLO.len() - 2]).hold().send("lo");
            let wire = with(Client::builder().max_active(1), [held, answers([HELLO])]);
            let century = || wire.timer.advance(seconds(100 * 365 * 86_400));
            let first = async { wire.client.get(URL).options(all(limit)).await?.text().await };
            let second = wire.client.get(URL).options(all(limit)).send();
            let (mut first, mut second) = (first.boxed(), second.boxed());
            for _ in 0..2 {
                assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
                century();
                assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
                wire.connector.release();
            }
            assert_eq!(block_on(first).unwrap(), "hello", "{limit:?}");
            assert!(block_on(second).is_ok(), "{limit:?}");
        }
    }

    #[test]
    fn the_systems_clock_takes_the_longest_limit_too() {
        let server = waterspout::testing::handler(|_| async { waterspout::testing::Reply::text("hello") }.boxed());
        let server = waterspout::testing::Server::start(server).unwrap();
        let get = Client::new().get(server.url("/")).options(all(Duration::MAX));
        assert_eq!(block_on(async { get.await?.text().await }).unwrap(), "hello");
    }

    #[test]
    fn the_total_limit_covers_all_hops_of_a_redirect() {
        // Those released before a connection was made count for it too.
        let hop = |number: usize| {
            let held = (0..=number).fold(Script::new().expect_head(), |script, _| script.hold());
            held.send(redirect(302, &format!("http://{number}.example/")))
        };
        let wire = wire((0..4).map(hop));
        let mut request = wire.client.get(URL).timeout(seconds(12)).send().boxed();
        for _ in 0..2 {
            assert!((&mut request).now_or_never().is_none());
            wire.timer.advance(seconds(5));
            wire.connector.release();
        }
        assert!((&mut request).now_or_never().is_none());
        wire.timer.advance(seconds(2));
        let error = request.now_or_never().unwrap().unwrap_err();
        assert_eq!((error.limit().unwrap().name, error.elapsed()), ("total", Some(seconds(12))));
        assert_eq!((wire.connector.connections(), wire.client.stats().active), (3, 0));
        // Those of the hops before are kept.
        assert_eq!(wire.connector.open(), 2);
    }

    #[test]
    fn a_wait_in_the_queue_that_took_too_long_says_so() {
        let timer = ManualTimer::new();
        let client = Client::builder().max_active(1).timer(timer.clone()).backend(MockBackend::pending());
        let client = client.queue_timeout(Duration::from_millis(100)).build().unwrap();
        let mut first = client.get(URL).send().boxed();
        let mut second = client.get(URL).send().boxed();
        assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
        timer.advance(Duration::from_millis(100));
        let error = second.now_or_never().unwrap().unwrap_err();
        assert_eq!(
            error.to_string(),
            "timed out while waiting for a free slot (limit `queue`: 100ms), for http://example.com/"
        );
        assert_eq!(client.stats().queued, 0);
    }

    #[test]
    fn a_body_that_ends_with_the_connection_is_streamed_and_limited() {
        let script = || Script::new().expect_head().send("HTTP/1.1 200 OK\r\n\r\nhel").pause().send("lo");
        let wire = wire([script(), script(), script()]);
        let mut response = send(wire.client.get(URL)).unwrap();
        assert_eq!(block_on(response.chunk()).unwrap().unwrap(), "hel");
        let limited = |bytes| block_on(async { wire.client.get(URL).body_limit(bytes).await?.text().await });
        assert_eq!(limited(5).unwrap(), "hello");
        assert_eq!(limited(4).unwrap_err().kind(), ErrorKind::LimitExceeded);
    }

    #[test]
    fn a_chunk_is_handed_on_in_pieces_however_large_it_is() {
        let size = 8 << 20;
        let head = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{size:x}\r\n");
        let body = [head.as_bytes(), &vec![b'x'; size], b"\r\n0\r\n\r\n"].concat();
        let mut response = send(wire([Script::new().expect_head().send(body)]).client.get(URL)).unwrap();
        let (mut read, mut largest) = (0, 0);
        while let Some(piece) = block_on(response.chunk()).unwrap() {
            (read, largest) = (read + piece.len(), largest.max(piece.len()));
        }
        assert_eq!(read, size);
        assert!(largest <= 512 * 1024, "{largest}");
    }
}

mod what_is_told {
    use super::*;

    #[test]
    fn an_error_about_a_status_has_the_servers_own_words() {
        let answer = |phrase: &str| format!("HTTP/1.1 404 {phrase}\r\ncontent-length: 0\r\n\r\n");
        let wire = wire([answers([answer("No Such Page"), answer(""), answer(&"x".repeat(60_000))])]);
        let told = || send(wire.client.get(URL)).unwrap().error_for_status().unwrap_err().to_string();
        assert!(told().contains(": 404 No Such Page, for http://example.com/"));
        assert!(told().contains(": 404 Not Found, for http://example.com/"));
        assert!(told().len() < 1_000, "words without end are cut");
    }

    #[test]
    fn debug_text_of_a_response_tells_status_and_url() {
        let wire = wire([answers(["HTTP/1.1 403 Forbidden\r\nx-a: b\r\ncontent-length: 0\r\n\r\n"])]);
        let text = format!("{:?}", send(wire.client.get("http://example.com/secret")).unwrap());
        for part in ["Response", "403", "http://example.com/secret", "x-a"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_failing_stream_is_the_cause_of_its_requests_error() {
        let wire = wire([Script::new().expect_head().silence()]);
        let broken = stream::iter([Err::<Bytes, _>(std::io::Error::other("the disk is on fire"))]);
        let error = send(wire.client.post(URL).body(Body::stream(broken))).unwrap_err();
        let mut cause: &dyn std::error::Error = &error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        assert_eq!((error.kind(), cause.to_string()), (ErrorKind::RequestBody, "the disk is on fire".to_owned()));
    }
}
