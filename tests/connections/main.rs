//! Kept connections: how many, how long, for whom, and what is told about them.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

mod waiting;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::executor::{LocalPool, block_on};
use futures::future::join_all;
use futures::task::LocalSpawnExt;
use futures::{FutureExt, StreamExt, stream};
use waterspout::agent::{Agent, Config, Cookies, OnInformational, RedirectAction, RedirectPolicy, Route};
use waterspout::testing::{ManualTimer, Reply, Script, ScriptedConnector, Server, handler};
use waterspout::{Body, BoxFuture, Client, ErrorKind, Executor, Extension, RequestBuilder};

const URL: &str = "http://example.com/";
const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

/// Tasks that run when the test says so.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl Executor for Tasks {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.lock().unwrap().push(task);
    }
}

struct Wire {
    client: Client,
    connector: ScriptedConnector,
    timer: ManualTimer,
    tasks: Tasks,
    pool: LocalPool,
}

fn wire(config: Config, scripts: impl IntoIterator<Item = Script>) -> Wire {
    let (connector, timer, tasks) = (ScriptedConnector::new(scripts), ManualTimer::new(), Tasks::default());
    let agent = Agent::new(connector.clone(), timer.clone()).with_config(config).with_executor(tasks.clone());
    let client = Client::builder().backend(agent).timer(timer.clone()).build().unwrap();
    Wire { client, connector, timer, tasks, pool: LocalPool::new() }
}

impl Wire {
    fn text(&self, request: RequestBuilder<Client>) -> waterspout::Result<String> {
        block_on(async { request.await?.text().await })
    }

    fn get(&self) -> String {
        self.text(self.client.get(URL)).unwrap()
    }

    /// Lets the tasks run until none can go on, at this time.
    fn run_tasks(&mut self) {
        for task in self.tasks.0.lock().unwrap().drain(..) {
            self.pool.spawner().spawn_local(task).unwrap();
        }
        self.pool.run_until_stalled();
    }

    fn pass(&mut self, time: Duration) {
        self.run_tasks();
        self.timer.advance(time);
        self.run_tasks();
    }
}

fn answers(count: usize) -> Script {
    (0..count).fold(Script::new(), |script, _| script.expect_head().send(HELLO))
}

#[test]
fn a_kept_connection_that_the_server_closes_is_closed_at_once() {
    let mut wire = wire(Config::new(), [answers(1).hold()]);
    wire.get();
    assert_eq!(wire.connector.open(), 1);
    wire.pass(Duration::from_secs(1));
    assert_eq!(wire.connector.open(), 1);
    wire.connector.release();
    wire.run_tasks();
    assert_eq!(wire.connector.open(), 0);
}

#[test]
fn a_kept_connection_that_says_something_unasked_is_closed_at_once() {
    let mut wire = wire(Config::new(), [answers(1).hold().send("HTTP/1.1 408 Request Timeout\r\n\r\n").silence()]);
    wire.get();
    wire.pass(Duration::from_secs(1));
    wire.connector.release();
    wire.run_tasks();
    assert_eq!(wire.connector.open(), 0);
}

#[test]
fn a_connection_is_closed_when_its_time_is_up_although_nobody_asks_for_one() {
    let config = Config::new().idle_connection_timeout(Duration::from_secs(5));
    let mut wire = wire(config, [answers(1).silence()]);
    wire.get();
    wire.pass(Duration::from_secs(1));
    wire.pass(Duration::from_millis(3_900));
    assert_eq!(wire.connector.open(), 1);
    wire.pass(Duration::from_millis(200));
    assert_eq!(wire.connector.open(), 0);
    assert_eq!(wire.timer.pending(), 0, "the watch ends with the last connection");
}

#[test]
fn the_watch_begins_again_with_the_next_connection() {
    let config = Config::new().idle_connection_timeout(Duration::from_secs(5));
    let mut wire = wire(config, [answers(1).silence(), answers(1).silence()]);
    for _ in 0..2 {
        wire.get();
        wire.pass(Duration::from_secs(1));
        wire.pass(Duration::from_secs(4));
        assert_eq!(wire.connector.open(), 0);
        assert_eq!(wire.timer.pending(), 0);
    }
}

#[test]
fn a_connection_put_back_while_others_rest_is_watched_too() {
    let mut wire = wire(Config::new(), [answers(1).silence(), answers(1).hold()]);
    wire.get();
    // At rest: it sleeps until the connection expires.
    wire.pass(Duration::from_secs(1));
    wire.pass(Duration::from_secs(1));
    wire.text(wire.client.get("http://other.example/")).unwrap();
    wire.pass(Duration::from_millis(150));
    wire.connector.release();
    wire.run_tasks();
    assert_eq!(wire.connector.open(), 1);
}

#[test]
fn a_watched_connection_is_still_used() {
    let mut wire = wire(Config::new(), [answers(3).silence()]);
    for _ in 0..3 {
        wire.get();
        wire.pass(Duration::from_secs(2));
    }
    assert_eq!((wire.connector.connections(), wire.connector.open()), (1, 1));
}

#[test]
fn the_watch_ends_with_the_client() {
    let mut wire = wire(Config::new(), [answers(1).silence()]);
    wire.get();
    wire.pass(Duration::from_secs(1));
    wire.client = Client::builder().backend(waterspout::testing::MockBackend::text("")).build().unwrap();
    wire.run_tasks();
    assert_eq!((wire.connector.open(), wire.timer.pending()), (0, 0));
}

#[test]
fn no_more_connections_are_kept_than_the_limits_say() {
    for (config, kept) in [
        (Config::new(), 4),
        (Config::new().idle_connections_per_origin(3), 3),
        (Config::new().idle_connections(2), 2),
        (Config::new().idle_connections(0), 0),
        (Config::new().idle_connections_per_origin(0), 0),
        (Config::new().idle_connection_timeout(Duration::ZERO), 0),
    ] {
        let scripts = (0..4).map(|_| Script::new().expect_head().hold().send(HELLO).silence());
        let mut wire = wire(config, scripts);
        let requests = join_all((0..4).map(|_| wire.client.get(URL).send()));
        let mut requests = Box::pin(requests);
        assert!((&mut requests).now_or_never().is_none());
        assert_eq!(wire.connector.open(), 4);
        wire.connector.release();
        assert!(block_on(requests).into_iter().all(|response| response.is_ok()));
        wire.pass(Duration::from_millis(200));
        assert_eq!(wire.connector.open(), kept);
    }
}

#[test]
fn connections_made_in_one_way_are_not_used_for_another() {
    let own = wire(Config::new(), [answers(3).silence()]);
    let other = ScriptedConnector::new([answers(2).silence()]);
    let via = Route::new(other.clone());
    for _ in 0..2 {
        own.get();
        own.text(own.client.get(URL).extension(via.clone())).unwrap();
    }
    assert_eq!((own.connector.connections(), other.connections()), (1, 1));
    let third = ScriptedConnector::new([]);
    let error = own.text(own.client.get(URL).extension(Route::new(third))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
}

#[test]
fn a_requests_own_configuration_stands_in_for_the_agents() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n", "y".repeat(2_000));
    let script = || Script::new().expect_head().send(long.clone());
    let wire = wire(Config::new().head_bytes(1_000), [script(), script(), script()]);
    assert_eq!(wire.text(wire.client.get(URL)).unwrap_err().kind(), ErrorKind::LimitExceeded);
    assert!(wire.text(wire.client.get(URL).extension(Config::new())).is_ok());
    assert_eq!(wire.text(wire.client.get(URL)).unwrap_err().kind(), ErrorKind::LimitExceeded);
}

#[test]
fn a_setting_for_another_backend_is_refused() {
    struct Depth;
    impl Extension for Depth {
        const NAME: &'static str = "depth";
        const BACKEND: &'static str = "diver";
    }
    let wire = wire(Config::new(), []);
    let error = wire.text(wire.client.get(URL).extension(Depth)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("`depth`"), "{error}");
}

fn redirect(status: u16, to: &str) -> Script {
    let head = format!("HTTP/1.1 {status} Moved\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
    Script::new().expect_head().send(head)
}

#[test]
fn a_response_tells_the_redirects_that_led_to_it() {
    let wire = wire(Config::new(), [redirect(302, "/b"), redirect(307, "http://other.example/c"), answers(1)]);
    let response = block_on(wire.client.get(URL).send()).unwrap();
    let history: Vec<_> = response.history().iter().map(|hop| (hop.url.as_str(), hop.status.as_u16())).collect();
    assert_eq!(history, [("http://example.com/", 302), ("http://example.com/b", 307)]);
    assert_eq!(response.url().as_str(), "http://other.example/c");
    assert!(response.redirected());
}

#[test]
fn more_redirects_than_the_limit_fail_and_as_many_do_not() {
    let run = |limit: usize| {
        let wire = wire(Config::new(), [redirect(302, "/b"), redirect(302, "/c"), answers(1)]);
        let result = wire.text(wire.client.get(URL).extension(RedirectPolicy::new().limit(limit)));
        (result.map_err(|error| error.kind()), wire.connector.connections())
    };
    assert_eq!(run(2), (Ok("hello".to_owned()), 3));
    assert_eq!(run(1), (Err(ErrorKind::Redirect), 2));
    assert_eq!(run(0), (Err(ErrorKind::Redirect), 1));
}

#[test]
fn a_function_decides_about_each_redirect() {
    for (choice, expected) in [
        (RedirectAction::Follow, Ok((200, 2))),
        (RedirectAction::Stop, Ok((302, 1))),
        (RedirectAction::Refuse, Err(ErrorKind::Redirect)),
    ] {
        let wire = wire(Config::new(), [redirect(302, "/a"), redirect(302, "http://b.example/"), answers(1)]);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let redirects = RedirectPolicy::new().decide(move |step| {
            seen.lock().unwrap().push((step.from.to_string(), step.to.to_string(), step.followed));
            if step.to.host() == "b.example" { choice } else { RedirectAction::Follow }
        });
        let response = block_on(wire.client.get(URL).extension(redirects).send());
        let got = response.map(|response| (response.status().as_u16(), response.history().len()));
        assert_eq!(got.map_err(|error| error.kind()), expected);
        assert_eq!(
            *asked.lock().unwrap(),
            [(URL.to_owned(), format!("{URL}a"), 0), (format!("{URL}a"), "http://b.example/".to_owned(), 1)]
        );
    }
}

#[test]
fn a_downgrade_is_followed_only_if_it_is_allowed() {
    let run = |redirects: RedirectPolicy| {
        let wire = wire(Config::new(), [redirect(302, URL), answers(1)]);
        wire.text(wire.client.get("https://example.com/").extension(redirects)).map_err(|error| error.kind())
    };
    assert_eq!(run(RedirectPolicy::new()), Err(ErrorKind::Redirect));
    assert_eq!(run(RedirectPolicy::new().allow_downgrade(true)), Ok("hello".to_owned()));
}

#[cfg(feature = "cookies")]
#[test]
fn a_request_can_do_without_its_agents_cookie_jar_or_bring_its_own() {
    use waterspout::cookies::CookieJar;

    let answer = "HTTP/1.1 200 OK\r\nset-cookie: a=1\r\ncontent-length: 0\r\n\r\n";
    let script = (0..5).fold(Script::new(), |script, _| script.expect_head().send(answer));
    let connector = ScriptedConnector::new([script]);
    let agent = Agent::new(connector.clone(), ManualTimer::new()).with_cookies(CookieJar::new());
    let client = Client::builder().backend(agent).timer(ManualTimer::new()).build().unwrap();
    let own = Cookies::new(CookieJar::new());
    for cookies in [None, Some(Cookies::none()), Some(own.clone()), None, Some(own)] {
        let request = client.get(URL);
        let request = match cookies {
            Some(cookies) => request.extension(cookies),
            None => request,
        };
        block_on(async { request.await.unwrap() });
    }
    let written = connector.written(0);
    let sent: Vec<_> = written.split("\r\n\r\n").take(5).map(|head| head.contains("cookie: a=1")).collect();
    assert_eq!(sent, [false, false, false, true, true]);
}

#[test]
fn a_response_tells_how_long_its_parts_took_and_over_what_connection() {
    let server = Server::start(handler(|_| async { Reply::text("hello") }.boxed())).unwrap();
    let client = Client::new();
    let url = server.url("/").replace("127.0.0.1", "localhost");
    let run = || {
        block_on(async {
            let mut response = client.get(url.as_str()).await.unwrap();
            while response.chunk().await.unwrap().is_some() {}
            (response.exchange(), response.timings())
        })
    };
    let (first, timings) = run();
    assert!(!first.reused);
    assert_eq!(first.remote_address, Some(server.address()));
    assert!(first.local_address.unwrap().ip().is_loopback());
    assert_eq!((timings.dns, timings.connect), (first.dns, first.connect));
    let parts = [timings.queue, timings.dns, timings.connect, timings.first_byte].map(Option::unwrap);
    assert!(parts.iter().sum::<Duration>() <= timings.total.unwrap(), "{timings:?}");
    assert!(timings.tls.is_none());
    let (second, timings) = run();
    assert!(second.reused);
    assert_eq!((second.dns, second.connect, second.remote_address), (None, None, first.remote_address));
    assert!(timings.total.unwrap() >= timings.first_byte.unwrap());
}

#[test]
fn timings_follow_the_clients_clock() {
    let wire = wire(Config::new(), [Script::new().expect_head().hold().send("H").hold().send(&HELLO[1..])]);
    let mut sending = wire.client.get(URL).send().boxed();
    for _ in 0..2 {
        assert!((&mut sending).now_or_never().is_none());
        wire.timer.advance(Duration::from_secs(3));
        wire.connector.release();
    }
    let response = block_on(sending).unwrap();
    let timings = response.timings();
    assert_eq!(timings.first_byte, Some(Duration::from_secs(3)));
    assert_eq!((timings.queue, timings.total), (Some(Duration::ZERO), Some(Duration::from_secs(6))));
}

#[test]
fn an_upload_and_a_download_tell_how_far_they_are() {
    let server =
        Server::start(handler(|request| async move { Reply::new(200, request.body().await.unwrap()) }.boxed()))
            .unwrap();
    let told = || {
        let told = Arc::new(Mutex::new(Vec::new()));
        let seen = told.clone();
        (told, move |transferred: waterspout::TransferProgress| {
            seen.lock().unwrap().push((transferred.bytes, transferred.total));
        })
    };
    let size = 300_000u64;
    let pieces = || stream::iter((0..10).map(|_| Ok::<_, std::io::Error>(vec![7; 30_000])));
    for (body, total) in [
        (Body::from(vec![7; 300_000]), Some(size)),
        (Body::stream(pieces()), None),
        (Body::stream(pieces()).with_length(size), Some(size)),
    ] {
        let ((uploaded, up), (downloaded, down)) = (told(), told());
        let client = Client::new();
        let request = client.post(server.url("/")).body(body).on_upload(up).on_download(down);
        let bytes = block_on(async { request.await.unwrap().bytes().await.unwrap() });
        assert_eq!(bytes.len() as u64, size);
        for (what, told, total) in [("up", uploaded, total), ("down", downloaded, Some(size))] {
            let told = told.lock().unwrap();
            assert!(told.windows(2).all(|pair| pair[0].0 < pair[1].0), "{what} {told:?}");
            assert!(told.iter().all(|(_, of)| *of == total), "{what} {told:?}");
            assert_eq!(told.last().unwrap().0, size, "{what}");
        }
    }
}

#[test]
fn interim_responses_are_told_before_the_real_one() {
    let hints = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n";
    let script = || Script::new().expect_head().send(hints).send("HTTP/1.1 102 Processing\r\n\r\n").send(HELLO);
    let wire = wire(Config::new(), [script(), script()]);
    let told = Arc::new(Mutex::new(Vec::new()));
    let seen = told.clone();
    let on_informational = OnInformational::new(move |status, headers| {
        seen.lock().unwrap().push((status.as_u16(), headers.get("link").cloned()));
    });
    assert_eq!(wire.text(wire.client.get(URL).extension(on_informational)).unwrap(), "hello");
    let link = http::HeaderValue::from_static("</a.css>");
    assert_eq!(*told.lock().unwrap(), [(103, Some(link)), (102, None)]);
}

#[cfg(unix)]
#[test]
fn a_unix_socket_is_spoken_to_like_a_server() {
    use std::io::{Read, Write};
    use waterspout::platform::unix::UnixSocket;

    let path = std::env::temp_dir().join(format!("waterspout-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        (0..2).for_each(|_| {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            assert!(head.starts_with(b"GET /version HTTP/1.1\r\nhost: daemon\r\n"));
            stream.write_all(HELLO.as_bytes()).unwrap();
        });
    });
    let client = Client::builder().backend(UnixSocket::new(&path).agent()).build().unwrap();
    for reused in [false, true] {
        let response = block_on(client.get("http://daemon/version").send()).unwrap();
        assert_eq!(response.exchange().reused, reused);
        assert_eq!(block_on(response.text()).unwrap(), "hello");
    }
    server.join().unwrap();
    std::fs::remove_file(&path).unwrap();
    let gone = block_on(client.get("http://other/").send()).unwrap_err();
    assert!(gone.is_connect() && gone.to_string().contains("waterspout-"), "{gone}");
    let tls = block_on(client.get("https://daemon/").send()).unwrap_err();
    assert_eq!(tls.kind(), ErrorKind::UnsupportedScheme);
}
