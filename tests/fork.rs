//! A process that forks. A child has no thread of its parent, so it gets an error instead of a wait without end.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(unix)]

use std::future::Future;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use fork::{Fork, WEXITSTATUS, WIFEXITED, waitpid_nohang};
use futures::FutureExt;
use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::{Either, select};
use waterspout::platform::native::{BackgroundThread, Resolver, SystemResolver, TcpClient, file};
use waterspout::platform::unix::UnixSocket;
use waterspout::testing::{Reply, Server, handler};
use waterspout::tornado::{EventLoop, IoStream, promise};
use waterspout::{Client, Executor, Request};

/// How long a child may take before the test fails.
const LIMIT: Duration = Duration::from_secs(20);

/// The beginning of the error in a child.
const FORKED: &str = "the process has forked since it first used waterspout";

/// Runs `program` in a child of this process, and fails unless it returns `expected` within the limit.
fn in_child(name: &str, expected: &str, program: impl FnOnce() -> String) {
    match fork::fork().unwrap() {
        Fork::Child => {
            let outcome = catch_unwind(AssertUnwindSafe(program)).unwrap_or_else(|_| "a panic".to_owned());
            let is_expected = outcome.contains(expected);
            if !is_expected {
                let _ = writeln!(std::io::stderr(), "{name}: {outcome:?} is not {expected:?}");
            }
            // Without destructors and handlers, which belong to the parent.
            std::process::exit(i32::from(!is_expected));
        }
        Fork::Parent(child) => {
            let started = Instant::now();
            let status = loop {
                match waitpid_nohang(child).unwrap() {
                    Some(status) => break status,
                    None if started.elapsed() > LIMIT => {
                        std::process::Command::new("kill").args(["-9", &child.to_string()]).status().unwrap();
                        panic!("{name}: the child hangs");
                    }
                    None => std::thread::sleep(Duration::from_millis(1)),
                }
            };
            assert!(WIFEXITED(status) && WEXITSTATUS(status) == 0, "{name}: see the child's message");
        }
    }
}

/// Returns the output of a future, or its error as text.
fn text<T: std::fmt::Debug, E: std::fmt::Display>(future: impl Future<Output = Result<T, E>>) -> String {
    block_on(future).map_or_else(|error| error.to_string(), |output| format!("{output:?}"))
}

/// Returns whether a task that `spawn` gets runs.
fn task_runs(spawn: impl FnOnce(Box<dyn FnOnce() + Send>)) -> String {
    let (sender, receiver) = mpsc::channel();
    spawn(Box::new(move || sender.send(()).unwrap()));
    format!("{:?}", receiver.recv_timeout(LIMIT / 2))
}

fn get(client: &Client, url: &str) -> String {
    text(async { client.get(url).await?.text().await })
}

// A single test: a fork copies only the thread that calls it, and the locks of all threads.
#[test]
fn child_gets_an_error_and_its_parent_goes_on() {
    let server = Server::start(handler(|_| async { Reply::text("hello") }.boxed())).unwrap();
    let other = Server::start(handler(|_| async { Reply::text("hello") }.boxed())).unwrap();
    let (url, other_url) = (&*server.url("/"), &*other.url("/"));
    let client = Client::new();
    let event_loop = EventLoop::new();
    // The connection stays in the pool, and the loop has a thread.
    assert_eq!(get(&client, url), r#""hello""#);
    assert_eq!(get(&client, url), r#""hello""#);
    assert_eq!(task_runs(|task| event_loop.add_callback(task)), "Ok(())");
    assert_eq!(task_runs(|task| BackgroundThread.spawn(Box::pin(async { task() }))), "Ok(())");

    in_child("another origin", FORKED, || get(&client, other_url));
    in_child("another client", FORKED, || get(&Client::new(), url));
    in_child("a request that runs on a loop", FORKED, || {
        EventLoop::new().run_sync(async { client.get(other_url).await.unwrap_err().to_string() })
    });
    in_child("a spawned request", FORKED, || text(client.fetch_spawned(Request::get(url))));
    in_child("a name", FORKED, || text(SystemResolver.resolve("name.invalid", 80)));
    in_child("a request to a name", FORKED, || get(&client, "http://name.invalid/"));
    in_child("a TCP client", FORKED, || text(TcpClient::new().connect("127.0.0.1", server.address().port())));
    in_child("a TCP client that connects later", FORKED, || {
        text(async { TcpClient::new().connecting("127.0.0.1", server.address().port()).connected().await })
    });
    in_child("a Unix socket", FORKED, || {
        let client = Client::builder().backend(UnixSocket::new("/nowhere").agent()).build().unwrap();
        get(&client, "http://localhost/")
    });
    in_child("an accepted socket", FORKED, || {
        let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        IoStream::try_from(socket).map_or_else(|error| error.to_string(), |_| "a stream".to_owned())
    });
    in_child("a file", FORKED, || text(file("Cargo.toml")));
    in_child("a server", FORKED, || {
        let server = Server::start(handler(|_| async { Reply::text("") }.boxed()));
        server.map_or_else(|error| error.to_string(), |_| "a server".to_owned())
    });
    in_child("blocking work", "a panic", || block_on(event_loop.spawn_blocking(|| "done".to_owned())));
    in_child("a task of the parent's loop", "Err(Disconnected)", || {
        task_runs(|task| event_loop.spawn(async { task() }))
    });
    in_child("a background task", "Err(Disconnected)", || {
        task_runs(|task| BackgroundThread.spawn(Box::pin(async { task() })))
    });
    in_child("a loop of the child's own", "Ok(())", || task_runs(|task| EventLoop::new().add_callback(task)));
    in_child("a request without a network", r#""mock""#, || {
        let backend = waterspout::testing::MockBackend::text("mock");
        get(&Client::builder().backend(backend).build().unwrap(), url)
    });
    in_child("an idle connection", FORKED, || get(&client, url));
    // The parent has just used the connection, and looked at its process.
    for _ in 0..20 {
        assert_eq!(get(&client, url), r#""hello""#);
        in_child("a connection that was idle for a moment", FORKED, || get(&client, url));
    }

    assert_eq!(get(&client, url), r#""hello""#);
    assert_eq!(block_on(event_loop.spawn_blocking(|| 42)), 42);
}

#[test]
#[ignore = "is run alone, because another test may use the library first"]
fn child_of_a_process_that_did_not_use_the_library_makes_requests() {
    // The server runs in a process that is not forked.
    let url = std::env::var("FORK_TEST_URL").unwrap();
    for _ in 0..2 {
        in_child("first use in a child", r#""hello""#, || get(&Client::new(), &url));
    }
}

/// Answers a single request 100 ms after it has arrived. Returns the URL, and a future that completes when it arrives.
fn slow_server() -> (String, oneshot::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (arrive, arrived) = oneshot::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        arrive.send(()).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        // The connection stays open until the process ends.
        std::mem::forget(stream);
    });
    (url, arrived)
}

#[test]
#[ignore = "is run alone, because the other tests have threads that poll sockets"]
fn wait_of_a_child_takes_no_event_of_its_parent() {
    let (url, arrived) = slow_server();
    let event_loop = EventLoop::new();
    event_loop.run_sync(async {
        // After some events this thread polls the sockets, and the thread of the reactor rests.
        for _ in 0..20 {
            event_loop.sleep(Duration::from_millis(2)).await;
        }
        let request = Box::pin(Client::new().get(url).send());
        let Either::Right((Ok(()), request)) = select(request, arrived).await else { panic!("no request arrives") };
        in_child("a wait", "done", || {
            let (promise, pending) = promise();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(300));
                promise.resolve("done");
            });
            EventLoop::new().run_sync(pending).unwrap().to_owned()
        });
        let response = event_loop.with_timeout(LIMIT / 2, request).await;
        assert_eq!(response.expect("the child took the event").unwrap().status(), 200);
    });
}

/// Runs an ignored test in a process of its own.
fn run_alone(name: &str, url: &str) {
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored"])
        .env("FORK_TEST_URL", url)
        .status()
        .unwrap();
    assert!(status.success(), "{name}");
}

#[test]
fn child_leaves_the_events_of_its_parent() {
    run_alone("wait_of_a_child_takes_no_event_of_its_parent", "");
}

#[test]
fn first_use_in_a_child_works() {
    let server = Server::start(handler(|_| async { Reply::text("hello") }.boxed())).unwrap();
    run_alone("child_of_a_process_that_did_not_use_the_library_makes_requests", &server.url("/"));
}
