//! Chunked bodies in small chunks: chunks that have arrived together are joined, and reading them leaves time for other
//! tasks.

use std::cell::Cell;
use std::rc::Rc;

use futures::executor::{LocalPool, block_on};
use futures::task::LocalSpawnExt;
use waterspout::testing::Script;
use waterspout::{ErrorKind, Phase, Response};

use crate::support::client::{HELLO, ScriptedClient, once, scripted, send};
use crate::support::polling::yield_once;

const HEAD: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// Maximum size of a piece that is joined of several chunks.
const MAX_JOINED: usize = 64 * 1024;

/// Returns `data` in chunks of `size` bytes, without the last chunk.
fn chunks(data: &[u8], size: usize) -> Vec<u8> {
    let chunks = data.chunks(size).map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    chunks.collect::<Vec<_>>().concat()
}

fn data(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

/// A connection that sends the head first, and then the rest of the response at once.
fn after_the_head(rest: Vec<u8>) -> ScriptedClient {
    scripted([Script::new().expect_head().send(HEAD).pause().send(rest).expect_head().send(HELLO)])
}

/// Reads all pieces, and the kind and phase of the error if reading fails.
fn pieces(response: &mut Response) -> (Vec<Vec<u8>>, Option<(ErrorKind, Phase)>) {
    let mut pieces = Vec::new();
    loop {
        match block_on(response.chunk()) {
            Ok(Some(piece)) => pieces.push(piece.to_vec()),
            Ok(None) => return (pieces, None),
            Err(error) => return (pieces, Some((error.kind(), error.phase()))),
        }
    }
}

#[test]
fn buffered_chunks_are_joined() {
    for (length, size, max_pieces) in
        [(5_000, 1, 9), (5_000, 2, 9), (5_000, 17, 5), (100_000, 100, 30), (100_000, 1_000, 30), (200_000, 5_000, 200)]
    {
        let data = data(length);
        let wire = after_the_head([chunks(&data, size), b"0\r\n\r\n".to_vec()].concat());
        let (pieces, error) = pieces(&mut send(wire.get()).unwrap());
        assert!(pieces.concat() == data && error.is_none(), "{length} by {size}");
        assert!(pieces.len() <= max_pieces, "{length} by {size}: {} pieces", pieces.len());
        assert!(pieces.iter().all(|piece| !piece.is_empty() && (size > 1_000 || piece.len() <= MAX_JOINED)));
        // The next response follows on the same connection.
        assert_eq!(wire.text().unwrap(), "hello");
        assert_eq!(wire.connector.connections(), 1);
    }
}

#[test]
fn chunk_that_has_not_arrived_delays_no_chunk_before_it() {
    let script = Script::new().expect_head().send(HEAD).pause().send("1\r\na\r\n1\r\nb\r\n2\r\nc").hold().send("d\r\n");
    let wire = scripted([script.send("0\r\n\r\n")]);
    let mut response = send(wire.get()).unwrap();
    let mut early = Vec::new();
    while early.len() < 3 {
        early.extend_from_slice(&block_on(response.chunk()).unwrap().unwrap());
    }
    assert_eq!(early, b"abc");
    wire.connector.release();
    assert_eq!(pieces(&mut response), (vec![b"d".to_vec()], None));
}

#[test]
fn chunks_before_an_error_arrive() {
    let protocol = Some((ErrorKind::Protocol, Phase::Body));
    let limit = Some((ErrorKind::LimitExceeded, Phase::Body));
    let closed = Some((ErrorKind::ConnectionClosed, Phase::Body));
    for (bad, expected) in [
        ("zz\r\n".to_owned(), protocol),
        ("1\r\nxx\r\n".to_owned(), protocol),
        ("1\n".to_owned(), protocol),
        ("0\r\nno colon\r\n\r\n".to_owned(), protocol),
        (format!("1;{}\r\n", "x".repeat(5_000)), limit),
        (format!("0\r\na: {}\r\n\r\n", "x".repeat(20_000)), limit),
        ("1\r".to_owned(), closed),
        ("0\r\n".to_owned(), closed),
    ] {
        let data = data(300);
        let rest = [chunks(&data, 1), bad.clone().into_bytes()].concat();
        for wire in [scripted([once([HEAD.as_bytes(), &rest].concat())]), {
            scripted([Script::new().expect_head().send(HEAD).pause().send(rest.clone())])
        }] {
            let mut response = send(wire.get()).unwrap();
            let (pieces, error) = pieces(&mut response);
            let read = pieces.concat();
            assert!(read.starts_with(&data), "{bad}: {} bytes", read.len());
            assert_eq!(error, expected, "{bad}");
            assert!(wire.connector.open() == 0, "{bad}");
            // The error is reported once, and the body has ended.
            assert!(block_on(response.chunk()).unwrap().is_none(), "{bad}");
        }
    }
}

#[test]
fn trailers_follow_joined_chunks() {
    let wire = after_the_head([chunks(&data(1_000), 3), b"0\r\nx-sum: 7\r\n\r\n".to_vec()].concat());
    let mut response = send(wire.get()).unwrap();
    assert!(response.trailers().is_none());
    assert_eq!(pieces(&mut response).0.concat(), data(1_000));
    assert_eq!(response.trailers().unwrap()["x-sum"], "7");
}

/// Reads the whole body while another task counts its own polls. Returns the body's length and the number of polls.
fn polls_of_another_task(wire: &ScriptedClient) -> (usize, usize) {
    let mut pool = LocalPool::new();
    let (polls, is_done) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
    let (counted, done) = (polls.clone(), is_done.clone());
    let other = async move {
        while !done.get() {
            counted.set(counted.get() + 1);
            yield_once().await;
        }
    };
    pool.spawner().spawn_local(other).unwrap();
    let mut response = send(wire.get()).unwrap();
    let length = pool.run_until(async {
        let mut length = 0;
        while let Some(piece) = response.chunk().await.unwrap() {
            length += piece.len();
        }
        is_done.set(true);
        length
    });
    (length, polls.get())
}

#[test]
fn body_of_tiny_chunks_yields_to_other_tasks() {
    const LENGTH: usize = 4 << 20;
    let wire = after_the_head([chunks(&data(LENGTH), 1), b"0\r\n\r\n".to_vec()].concat());
    let (length, polls) = polls_of_another_task(&wire);
    assert_eq!(length, LENGTH);
    // Six bytes arrive for each byte of the body.
    assert!(polls >= LENGTH * 6 / (1 << 20), "{polls} polls");
}

#[test]
fn body_with_a_length_yields_to_other_tasks() {
    const LENGTH: usize = 16 << 20;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n\r\n");
    for head in [head, "HTTP/1.1 200 OK\r\n\r\n".to_owned()] {
        let wire = scripted([Script::new().expect_head().send(head).pause().send(data(LENGTH))]);
        let (length, polls) = polls_of_another_task(&wire);
        assert_eq!(length, LENGTH);
        assert!(polls >= LENGTH / (1 << 20), "{polls} polls");
        // Each time costs system calls.
        assert!(polls <= LENGTH / (768 << 10) + 8, "{polls} polls");
    }
}
