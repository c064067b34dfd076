//! Requests outside of a tokio runtime, and in runtimes without a driver: typed errors, and no panic.

use futures::executor::block_on;
use waterspout::platform::native::{Network, TcpClient, TokioExecutor, TokioTimer};
use waterspout::{Client, Error, ErrorKind, Executor, Phase, Request};

use super::{client, current_thread, multi_thread, numbering, silent, text, within_limit};

fn assert_outside(error: &Error) {
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Unsupported, Phase::Connect), "{error}");
    let words = "is polled outside of a tokio runtime: poll it in a runtime, such as a function with `#[tokio::main]`";
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn request_outside_of_a_runtime_says_what_to_do() {
    let server = numbering();
    let by_network = Client::builder().network(Network::new().tokio()).build().unwrap();
    let by_backend = Client::builder().backend(Network::new().tokio().agent()).build().unwrap();
    for client in [client(), by_network, by_backend] {
        assert_outside(&block_on(text(&client, server.url("/"))).unwrap_err());
        // A slot is free again.
        assert_eq!(client.stats().active, 0);
    }
}

#[test]
fn spawned_request_outside_of_a_runtime_says_what_to_do() {
    let server = numbering();
    assert_outside(&block_on(client().fetch_spawned(Request::get(server.url("/")))).unwrap_err());
}

#[test]
fn stream_outside_of_a_runtime_says_what_to_do() {
    let port = numbering().address().port();
    assert_outside(&block_on(TcpClient::new().tokio().connect("127.0.0.1", port)).unwrap_err());
}

#[test]
fn idle_connection_is_not_used_outside_of_a_runtime() {
    let server = numbering();
    for runtime in [current_thread(), multi_thread()] {
        let client = client();
        within_limit(&runtime, text(&client, server.url("/"))).unwrap();
        assert_outside(&block_on(text(&client, server.url("/"))).unwrap_err());
        within_limit(&runtime, text(&client, server.url("/"))).unwrap();
    }
}

#[test]
fn runtime_without_an_io_driver_is_an_error_that_names_the_driver() {
    let server = numbering();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let error = within_limit(&runtime, text(&client(), server.url("/"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    let report = error.report().to_string();
    assert!(report.contains("the tokio runtime has no I/O driver: build it with `enable_io`"), "{report}");
}

#[test]
fn runtime_without_a_timer_keeps_the_time_limits() {
    let listener = silent();
    let silent = listener.local_addr().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let request = client().get(format!("http://{silent}/")).timeout(std::time::Duration::from_millis(50)).send();
    assert!(runtime.block_on(request).unwrap_err().is_timeout());
}

#[test]
fn timer_works_without_a_runtime() {
    use waterspout::Timer;
    let timer = TokioTimer::new();
    let deadline = timer.now() + std::time::Duration::from_millis(5);
    block_on(timer.sleep_until(deadline));
    assert!(timer.now() >= deadline);
}

#[test]
fn task_without_a_runtime_runs_in_the_background() {
    let (sender, receiver) = std::sync::mpsc::channel();
    TokioExecutor.spawn(Box::pin(async move { sender.send(tokio::runtime::Handle::try_current().is_err()).unwrap() }));
    assert_eq!(receiver.recv_timeout(super::LIMIT), Ok(true));
}
