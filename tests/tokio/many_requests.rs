//! Many requests in a single task: tokio gives a task 128 operations for each poll, and the task has more requests.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::pin::pin;
use std::sync::mpsc;

use futures::StreamExt;
use futures::channel::oneshot;
use futures::future::join;
use futures::stream::FuturesUnordered;
use tokio::runtime::Runtime;
use waterspout::Client;

use super::{current_thread, text, within_limit};

/// A server that answers many requests at the same moment.
struct Server {
    url: String,
    /// Completes when each connection has sent a request.
    first_requests: oneshot::Receiver<()>,
    /// Lets the server answer the first requests, and then the second requests.
    answer: mpsc::Sender<()>,
    /// Receives a message when the first answers are written.
    answered: mpsc::Receiver<()>,
    /// Completes when each connection has sent another request.
    second_requests: oneshot::Receiver<()>,
}

fn read_request(mut stream: &TcpStream) {
    let mut received = Vec::new();
    let mut buffer = [0; 1024];
    while !received.ends_with(b"\r\n\r\n") {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "the client closed the connection");
        received.extend_from_slice(&buffer[..count]);
    }
}

fn start_server(connections: usize) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (first_sender, first_requests) = oneshot::channel();
    let (second_sender, second_requests) = oneshot::channel();
    let (answer, answer_signal) = mpsc::channel();
    let (answered_sender, answered) = mpsc::channel();
    std::thread::spawn(move || {
        let streams: Vec<TcpStream> = (0..connections).map(|_| listener.accept().unwrap().0).collect();
        let read_all = || streams.iter().for_each(read_request);
        let write_all = || {
            let response = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
            streams.iter().for_each(|mut stream| stream.write_all(response).unwrap());
        };
        read_all();
        first_sender.send(()).unwrap();
        answer_signal.recv().unwrap();
        write_all();
        answered_sender.send(()).unwrap();
        read_all();
        second_sender.send(()).unwrap();
        answer_signal.recv().unwrap();
        write_all();
    });
    Server { url, first_requests, answer, answered, second_requests }
}

/// Sends two requests on each connection, all in a single task. Returns the number of polls of their futures from the
/// first response to the second request.
fn polls(runtime: &Runtime, connections: usize) -> usize {
    let server = start_server(connections);
    let client = Client::builder().tokio().max_active(connections).build().unwrap();
    let polls = Cell::new(0);
    let requests = (0..connections).map(|_| async {
        for _ in 0..2 {
            assert_eq!(text(&client, &server.url).await.unwrap(), "hello");
        }
    });
    // Unlike `join_all` of a few futures, it polls only the futures that are woken.
    let counted: FuturesUnordered<_> = requests
        .map(|request| async {
            let mut request = pin!(request);
            poll_fn(|cx| {
                polls.set(polls.get() + 1);
                request.as_mut().poll(cx)
            })
            .await;
        })
        .collect();
    let control = async {
        server.first_requests.await.unwrap();
        server.answer.send(()).unwrap();
        // The task is blocked until all responses are there, so the reactor reports them together.
        server.answered.recv().unwrap();
        polls.set(0);
        server.second_requests.await.unwrap();
        let counted = polls.get();
        server.answer.send(()).unwrap();
        counted
    };
    within_limit(runtime, join(counted.collect::<()>(), control)).1
}

#[test]
fn request_is_polled_once_for_its_response_however_many_the_task_has() {
    // With threads, the reactor can report a byte again that is read at the same moment, and that is another poll.
    let runtime = current_thread();
    for connections in [10, 50, 100] {
        assert_eq!(polls(&runtime, connections), connections, "{connections} connections");
    }
}
