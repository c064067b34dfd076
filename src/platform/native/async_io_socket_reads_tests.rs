//! How often a socket on the reactor of `async-io` is read.

use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use super::tests::Wakes;
use super::*;

/// A socket that counts its reads.
struct CountedStream {
    stream: TcpStream,
    reads: AtomicUsize,
}

impl AsFd for CountedStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Read for &CountedStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        (&self.stream).read(buffer)
    }
}

impl Write for &CountedStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&self.stream).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&self.stream).flush()
    }
}

#[test]
fn connection_that_always_reads_on_wastes_few_reads() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let stream = Async::new_nonblocking(CountedStream { stream, reads: AtomicUsize::new(0) }).unwrap();
    stream.get_ref().stream.set_nonblocking(true).unwrap();
    let mut socket = AsyncIoSocket::new(stream);
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let mut cx = Context::from_waker(&waker);
    let mut buffer = [0; 8];
    assert!(socket.poll_read(&mut cx, &mut buffer).is_pending());
    // As HTTP/2 does: a request is written while a read waits for the server.
    for _ in 0..100 {
        let woken = *wakes.0.lock().unwrap();
        assert!(matches!(socket.poll_write(&mut cx, b"request"), Poll::Ready(Ok(7))));
        server.write_all(b"x").unwrap();
        drop(wakes.1.wait_while(wakes.0.lock().unwrap(), |wakes| *wakes == woken).unwrap());
        assert!(matches!(socket.poll_read(&mut cx, &mut buffer), Poll::Ready(Ok(1))));
        assert!(socket.poll_read(&mut cx, &mut buffer).is_pending());
    }
    let reads = socket.stream.get_ref().reads.load(Ordering::Relaxed);
    // Each answer takes a read. A read that finds nothing follows the first three answers, and then each 17th.
    assert!((101..=115).contains(&reads), "{reads} reads of 100 answers");
    assert_eq!(*wakes.0.lock().unwrap(), 100);
}
