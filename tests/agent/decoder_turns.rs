//! A decoder with bytes at hand leaves time for other tasks. Turns of another task are counted, not time.

use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use waterspout::agent::Config;
use waterspout::testing::Script;

use crate::support::client::{once, scripted_agent, send};
use crate::support::polling::yield_once;

const MIB: usize = 1 << 20;

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// Builds a response whose length is declared.
fn answer(coding: &str, body: &[u8]) -> (String, Vec<u8>) {
    let length = body.len();
    (format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {length}\r\n\r\n"), body.to_vec())
}

/// Reads the whole body while another task counts its own polls. Returns the body's length and the number of polls.
fn polls_of_another_task(script: Script) -> (usize, usize) {
    let wire = scripted_agent(|agent| agent.with_config(Config::new().max_expansion(0)), [script]);
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
fn body_that_expands_yields_to_other_tasks() {
    let body = gzip(&vec![0; 8 * MIB]);
    let (head, body) = answer("gzip", &body);
    let at_once = once([head.as_bytes(), &body].concat());
    let later = Script::new().expect_head().send(head).pause().send(body);
    for script in [at_once, later] {
        let (length, polls) = polls_of_another_task(script);
        assert_eq!(length, 8 * MIB);
        assert!(polls >= 8, "{polls} polls");
    }
}

#[test]
fn body_that_expands_to_nothing_yields_to_other_tasks() {
    // 8 MiB of empty members.
    let members = gzip(b"").repeat(8 * MIB / gzip(b"").len());
    let (head, body) = answer("gzip, gzip", &gzip(&members));
    let at_once = once([head.as_bytes(), &body].concat());
    let later = Script::new().expect_head().send(head).pause().send(body);
    for script in [at_once, later] {
        let (length, polls) = polls_of_another_task(script);
        assert_eq!(length, 0);
        assert!(polls >= 8, "{polls} polls");
    }
}
