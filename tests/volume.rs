//! Bodies that are far larger than the memory limit. Each goes through a client in a process of its own, whose peak
//! memory is measured.
//!
//! `WATERSPOUT_GIB=10 cargo test --release --all-features --test volume -- --nocapture --test-threads=1`; 1 GiB by default.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Instant;
use std::{env, fs, thread};

use futures::stream;
use waterspout::{Body, Bytes, Client};

/// The highest peak of memory that the client's process may have, in KiB.
const MOST_RESIDENT: u64 = 32 * 1024;

/// The size of each write.
const PIECE: usize = 256 * 1024;

/// The bytes that bodies repeat. Their number is prime and divisible by no buffer length, so the check notices a lost
/// piece.
static PATTERN: LazyLock<Bytes> =
    LazyLock::new(|| (0..1_000_003_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect());

/// The environment variable that makes the process a client. It holds the URL of the server.
const PEER: &str = "WATERSPOUT_VOLUME_PEER";

fn total() -> u64 {
    let gib: f64 = env::var("WATERSPOUT_GIB").map_or(1.0, |gib| gib.parse().unwrap());
    (gib * (1u64 << 30) as f64) as u64
}

/// Returns the bytes that follow after `at` bytes, at most `most`.
fn pattern(at: u64, most: u64) -> &'static [u8] {
    let rest = &PATTERN[(at % PATTERN.len() as u64) as usize..];
    &rest[..rest.len().min(most as usize)]
}

/// Checks that these bytes follow after `at` bytes, and returns the new count.
fn check(mut at: u64, mut bytes: &[u8]) -> u64 {
    while !bytes.is_empty() {
        let expected = pattern(at, bytes.len() as u64);
        let (found, rest) = bytes.split_at(expected.len());
        assert!(found == expected, "something else after {at} bytes");
        (at, bytes) = (at + found.len() as u64, rest);
    }
    at
}

/// Serves a single request: checks the body of a `PUT`, and answers a `GET` with a body.
fn serve(listener: &TcpListener) -> Result<()> {
    let mut input = BufReader::with_capacity(PIECE, listener.accept()?.0);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        input.read_line(&mut head)?;
    }
    let chunked = head.contains("chunked");
    if !head.starts_with("PUT") {
        return send(input.get_mut(), chunked);
    }
    let received = receive(input.by_ref(), chunked)?;
    let told = received.to_string();
    write!(input.get_mut(), "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{told}", told.len())
}

fn send(output: &mut TcpStream, chunked: bool) -> Result<()> {
    let total = total();
    match chunked {
        true => output.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?,
        false => write!(output, "HTTP/1.1 200 OK\r\ncontent-length: {total}\r\n\r\n")?,
    }
    let mut at = 0;
    while at < total {
        let piece = pattern(at, (total - at).min(PIECE as u64));
        if chunked {
            write!(output, "{:x}\r\n", piece.len())?;
        }
        output.write_all(piece)?;
        if chunked {
            output.write_all(b"\r\n")?;
        }
        at += piece.len() as u64;
    }
    if chunked { output.write_all(b"0\r\n\r\n") } else { Ok(()) }
}

fn receive(input: &mut BufReader<TcpStream>, chunked: bool) -> Result<u64> {
    if !chunked {
        return take(input, 0, total());
    }
    let mut at = 0;
    loop {
        let mut line = String::new();
        input.read_line(&mut line)?;
        let length = u64::from_str_radix(line.trim_end(), 16).unwrap();
        at = take(input, at, length)?;
        assert_eq!(input.read_line(&mut line)?, 2);
        if length == 0 {
            return Ok(at);
        }
    }
}

/// Reads and checks the next `length` bytes, which follow after `at` bytes.
fn take(input: &mut impl BufRead, mut at: u64, length: u64) -> Result<u64> {
    let end = at + length;
    while at < end {
        let bytes = input.fill_buf()?;
        let count = bytes.len().min((end - at) as usize);
        assert!(count > 0, "closed after {at} bytes");
        at = check(at, &bytes[..count]);
        input.consume(count);
    }
    Ok(at)
}

async fn download(url: String, chunked: bool) {
    let form = if chunked { "chunked" } else { "length" };
    let mut response = Client::new().get(url).header("x-form", form).await.unwrap();
    assert_eq!(response.content_length(), (!chunked).then(total));
    let mut at = 0;
    while let Some(chunk) = response.chunk().await.unwrap() {
        at = check(at, &chunk);
    }
    assert_eq!(at, total());
}

async fn upload(url: String, chunked: bool) {
    let total = total();
    // Each piece is memory of its own, so that memory that is not freed is noticed.
    let pieces = stream::unfold(0, move |at| async move {
        let piece = pattern(at, (total - at).min(PIECE as u64));
        (at < total).then(|| (Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)), at + piece.len() as u64))
    });
    let body = Body::stream(pieces);
    let body = if chunked { body } else { body.with_length(total) };
    let told = Client::new().put(url).body(body).await.unwrap().text().await.unwrap();
    assert_eq!(told, total.to_string());
}

/// Runs a transfer in another process, which runs this test again, and checks its peak memory.
fn peak<F: Future<Output = ()>>(name: &str, chunked: bool, transfer: impl FnOnce(String, bool) -> F) {
    if let Ok(url) = env::var(PEER) {
        async_io::block_on(transfer(url, chunked));
        return println!("{}", status("VmHWM:"));
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || serve(&listener));
    let started = Instant::now();
    let resident = client(name, address);
    server.join().unwrap().unwrap();
    println!("{name}: {} bytes in {:.1?}, {resident} KiB resident at most", total(), started.elapsed());
    assert!(resident < MOST_RESIDENT, "{resident} KiB");
}

/// Runs this test in a process of its own and returns its peak memory in KiB.
fn client(name: &str, server: SocketAddr) -> u64 {
    let program = env::current_exe().unwrap();
    let mut command = Command::new(program);
    command.args(["--exact", name, "--nocapture"]).env(PEER, format!("http://{server}/"));
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let (_, rest) = text.split_once("VmHWM:").unwrap();
    rest.split_whitespace().next().unwrap().parse().unwrap()
}

/// Returns the line of `/proc/self/status` that begins with `begins`.
fn status(begins: &str) -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find(|line| line.starts_with(begins)).unwrap().to_owned()
}

#[test]
fn a_download_with_a_length_takes_little_memory() {
    peak("a_download_with_a_length_takes_little_memory", false, download);
}

#[test]
fn a_chunked_download_takes_little_memory() {
    peak("a_chunked_download_takes_little_memory", true, download);
}

#[test]
fn an_upload_with_a_length_takes_little_memory() {
    peak("an_upload_with_a_length_takes_little_memory", false, upload);
}

#[test]
fn a_chunked_upload_takes_little_memory() {
    peak("a_chunked_upload_takes_little_memory", true, upload);
}
