//! What a wire writes and reads over a transport that accepts and returns parts.

use std::future::Future;
use std::pin::pin;
use std::task::Waker;

use futures::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::http1::Http1Limits;
use crate::runtime::sync::Mutex;
use crate::runtime::{BoxFuture, Instant};

/// Polls a future to its end. The transport of these tests is ready in the next poll, so nothing has to be waited for.
fn finish<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

/// A transport that accepts and returns a few bytes at a time, and is pending in between.
#[derive(Clone)]
struct Slow {
    step: usize,
    is_pending: bool,
    written: Arc<Mutex<Vec<u8>>>,
    calls: Arc<Mutex<usize>>,
    input: Vec<u8>,
}

impl Slow {
    fn new(step: usize, input: Vec<u8>) -> Self {
        Self { step, is_pending: false, written: Arc::default(), calls: Arc::default(), input }
    }

    /// Is pending in each second call.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.is_pending = !self.is_pending;
        if self.is_pending {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Slow {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        ready!(self.wait(cx));
        *self.calls.lock().unwrap() += 1;
        let count = self.step.min(buffer.len()).min(self.input.len());
        let rest = self.input.split_off(count);
        buffer[..count].copy_from_slice(&self.input);
        self.input = rest;
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Slow {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.wait(cx));
        *self.calls.lock().unwrap() += 1;
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).take(self.step).collect();
        self.written.lock().unwrap().extend(&bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Transport for Slow {}

/// A timer whose time never passes.
struct StoppedTimer;

impl Timer for StoppedTimer {
    fn now(&self) -> Instant {
        Instant::from_nanos(0)
    }

    fn sleep_until(&self, _: Instant) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

fn wire(transport: impl Transport + 'static) -> Wire {
    let timer: Arc<dyn Timer> = Arc::new(StoppedTimer);
    let meter = FrameMeter::new(&Http1Limits::default(), timer.now());
    let seen = Arc::<Seen>::default();
    Wire::new(Box::new(transport), meter, timer, seen, ReadSignal::new(Waker::noop().clone()))
}

/// Returns a DATA frame of stream 1 in its parts.
fn data_frame(length: usize) -> (Vec<u8>, Vec<u8>) {
    let header = [&(length as u32).to_be_bytes()[1..], &[0, 0, 0, 0, 0, 1]].concat();
    (header, (0..length).map(|index| index as u8).collect())
}

#[test]
fn written_bytes_keep_their_order_at_each_step_of_the_transport() {
    for step in [1, 8, 9, 10, 1_000, 100_000] {
        let transport = Slow::new(step, Vec::new());
        let written = transport.written.clone();
        let mut wire = wire(transport);
        let mut expected = Vec::new();
        finish(async {
            for length in [3_000, 1, 0, 1_015, 1_016, 5_000] {
                let (header, payload) = data_frame(length);
                wire.write_all(&header).await.unwrap();
                wire.write_all(&payload).await.unwrap();
                expected.extend([header, payload].concat());
            }
            wire.flush().await.unwrap();
        });
        assert!(*written.lock().unwrap() == expected, "step {step}");
    }
}

/// A transport that accepts no bytes. What has arrived is read after `waits` pending reads.
struct Failing {
    waits: usize,
    input: Vec<u8>,
    is_closed: bool,
}

impl AsyncRead for Failing {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.waits > 0 || self.input.is_empty() && !self.is_closed {
            self.waits = self.waits.saturating_sub(1);
            return Poll::Pending;
        }
        let input = std::mem::take(&mut self.input);
        buffer[..input.len()].copy_from_slice(&input);
        Poll::Ready(Ok(input.len()))
    }
}

impl AsyncWrite for Failing {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Transport for Failing {}

#[test]
fn bytes_that_arrived_before_a_failed_write_are_read() {
    for is_closed in [true, false] {
        let (header, payload) = data_frame(5);
        let input = [header.clone(), payload].concat();
        let mut wire = wire(Failing { waits: 1, input: input.clone(), is_closed });
        let mut cx = Context::from_waker(Waker::noop());
        let mut buffer = [0; 100];
        assert!(Pin::new(&mut wire).poll_read(&mut cx, &mut buffer).is_pending());
        finish(async {
            wire.write_all(&header).await.unwrap();
            wire.flush().await.unwrap();
            wire.write_all(&[0; 5_000]).await.unwrap();
            let count = wire.read(&mut buffer).await.unwrap();
            assert_eq!(buffer[..count], input);
            let end = wire.read(&mut buffer).await.map_err(|error| error.kind());
            assert_eq!(end, if is_closed { Ok(0) } else { Err(io::ErrorKind::BrokenPipe) });
        });
    }
}

#[test]
fn head_of_a_failed_write_is_unsent_unless_a_part_may_have_left() {
    for (bytes, last_sent) in [(100, 0), (RECORD, 0), (RECORD + 1, 1)] {
        let mut wire = wire(Failing { waits: 0, input: Vec::new(), is_closed: false });
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        let head = [0, 0, 1, 1, 4, 0, 0, 0, 1, 0x82];
        let mut sent = [&preface[..], &head].concat();
        let rest = bytes - sent.len() - 9;
        sent.extend([&(rest as u32).to_be_bytes()[1..], &[0, 0, 0, 0, 0, 1]].concat());
        sent.resize(bytes, 0);
        finish(async {
            wire.write_all(&sent).await.unwrap();
            wire.flush().await.unwrap();
        });
        assert_eq!(wire.meter.last_sent(), last_sent, "{bytes} bytes");
    }
}

#[test]
fn header_and_payload_are_written_in_a_single_call() {
    let transport = Slow::new(usize::MAX, Vec::new());
    let calls = transport.calls.clone();
    let mut wire = wire(transport);
    let (header, payload) = data_frame(16_384);
    finish(async {
        wire.write_all(&header).await.unwrap();
        wire.write_all(&payload).await.unwrap();
        wire.flush().await.unwrap();
    });
    assert_eq!(*calls.lock().unwrap(), 1);
}

#[test]
fn read_bytes_keep_their_order_at_each_step_of_the_transport() {
    let frames: Vec<u8> = (0..40)
        .flat_map(|_| {
            let (header, payload) = data_frame(16_384);
            [header, payload].concat()
        })
        .collect();
    for (step, size) in [(1_000, 8_192), (8_192, 8_192), (100_000, 8_192), (100_000, 9), (64 * 1024, 64 * 1024)] {
        let mut wire = wire(Slow::new(step, frames.clone()));
        let mut received = Vec::<u8>::new();
        let mut buffer = vec![0; size];
        finish(async {
            loop {
                match wire.read(&mut buffer).await.unwrap() {
                    0 => break,
                    count => received.extend(&buffer[..count]),
                }
            }
        });
        assert!(received == frames, "step {step}, size {size}");
    }
}

#[test]
fn large_body_is_read_in_large_pieces() {
    let frames: Vec<u8> = (0..40)
        .flat_map(|_| {
            let (header, payload) = data_frame(16_384);
            [header, payload].concat()
        })
        .collect();
    let transport = Slow::new(usize::MAX, frames.clone());
    let calls = transport.calls.clone();
    let mut wire = wire(transport);
    let mut buffer = vec![0; 8_192];
    finish(async { while wire.read(&mut buffer).await.unwrap() > 0 {} });
    let calls = *calls.lock().unwrap();
    assert!(calls <= 2 + frames.len() / READ_AHEAD + 1, "{calls} reads");
}
