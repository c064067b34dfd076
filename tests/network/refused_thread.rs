//! A system that refuses threads. The test starts this program again, because a limit holds for a whole process.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use async_io::block_on;
use futures::FutureExt;
use waterspout::platform::native::{BackgroundThread, Network};
use waterspout::proxy::Proxies;
use waterspout::testing::{Reply, Server, handler};
use waterspout::{Client, Error, Executor, Request};

/// Returns the size of the address space in bytes.
fn address_space() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmSize:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Returns whether a background task runs.
fn task_runs() -> bool {
    let (sender, receiver) = mpsc::channel();
    BackgroundThread.spawn(Box::pin(async move {
        let _ = sender.send(std::thread::current().id());
    }));
    let thread = receiver.recv_timeout(Duration::from_secs(5));
    assert_ne!(thread, Ok(std::thread::current().id()), "a task runs on the caller's thread");
    thread.is_ok()
}

/// Tells the parent something, and waits for its line.
fn say(text: &str) -> String {
    println!("child: {text}");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    line
}

/// Runs in a process of its own.
#[test]
#[ignore = "is run by another test"]
fn child() {
    let url = std::env::var("CHILD_URL").unwrap();
    // These threads are not the subject: they are started before the limit. The second ends a request that blocks.
    block_on(async_io::Timer::after(Duration::from_millis(1)));
    std::thread::spawn(|| {
        std::thread::sleep(Duration::from_secs(60));
        println!("child: too slow");
        std::process::exit(1);
    });
    say("ready");
    say(&address_space().to_string());
    if std::thread::Builder::new().spawn(|| {}).is_ok() {
        say("no limit");
        return;
    }
    let client = Client::builder().backend(Network::new().proxies(Proxies::none()).agent()).build().unwrap();
    let get = || block_on(async { client.get(&*url).await?.text().await });
    let started = Instant::now();
    let texts: Result<Vec<String>, Error> = (0..3).map(|_| get()).collect();
    let is_fast = started.elapsed() < Duration::from_secs(5);
    let spawned = block_on(client.fetch_spawned(Request::get(&*url))).map_err(|error| error.kind());
    say(&format!("{texts:?} {is_fast} {:?} {}", spawned.map(drop), task_runs()));
    // The parent has removed the limit.
    say(&format!("{}", task_runs()));
}

struct LimitedChild {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl LimitedChild {
    fn start(url: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "refused_thread::child", "--ignored", "--nocapture", "--test-threads=1"])
            .env("CHILD_URL", url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    /// Returns what the child says next.
    fn hear(&mut self) -> String {
        let mut line = String::new();
        while !line.contains("child: ") {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the child has ended");
        }
        line.split("child: ").nth(1).unwrap().trim_end().to_owned()
    }

    fn go_on(&mut self) {
        self.input.write_all(b"\n").unwrap();
    }

    /// Limits the address space, so that the stack of a new thread finds no place. This holds for every user; a limit
    /// on the number of threads would not hold for the administrator. Returns false if the machine has no `prlimit`.
    fn limit(&self, bytes: &str) -> bool {
        let pid = self.child.id().to_string();
        let status = Command::new("prlimit").args(["--pid", &pid, &format!("--as={bytes}:")]).status();
        status.is_ok_and(|status| status.success())
    }
}

impl Drop for LimitedChild {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn refused_background_thread_delays_no_request() {
    let server = Server::start(handler(|_| async { Reply::text("hello") }.boxed())).unwrap();
    let mut child = LimitedChild::start(&server.url("/"));
    assert_eq!(child.hear(), "ready");
    child.go_on();
    // Less than the stack of a thread, and enough for a few requests.
    let limit = child.hear().parse::<u64>().unwrap() + (1 << 20);
    if !child.limit(&limit.to_string()) {
        return;
    }
    child.go_on();
    let outcome = child.hear();
    // A thread fits nevertheless: there is nothing to test.
    if outcome == "no limit" {
        return;
    }
    assert_eq!(outcome, r#"Ok(["hello", "hello", "hello"]) true Err(Cancelled) false"#);
    assert!(child.limit("unlimited"));
    child.go_on();
    assert_eq!(child.hear(), "true", "the thread is not started later");
}
