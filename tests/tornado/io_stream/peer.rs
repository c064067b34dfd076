//! A connection in memory whose other end the test controls, and tasks that run until they wait.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use futures::{AsyncRead, AsyncWrite};
use waterspout::Transport;
use waterspout::tornado::IoStream;

/// The test's end of a connection. It keeps the bytes that the stream writes and sends the pieces that the stream
/// reads.
#[derive(Clone, Default)]
pub(crate) struct Wire(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    incoming: VecDeque<Vec<u8>>,
    ended: Option<Option<io::ErrorKind>>,
    reader: Option<Waker>,
    /// The number of bytes that the stream can still write.
    window: usize,
    broken: Option<io::ErrorKind>,
    holds_flush: bool,
    written: Vec<u8>,
    writer: Option<Waker>,
    reads: Vec<usize>,
    dropped: bool,
}

impl Wire {
    /// A connection that accepts all writes.
    pub(crate) fn new() -> Self {
        Self::narrow(usize::MAX)
    }

    /// A connection that accepts `window` bytes and then no more.
    pub(crate) fn narrow(window: usize) -> Self {
        let wire = Self::default();
        wire.lock().window = window;
        wire
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Changes the state and wakes the tasks that read or write.
    fn peer(&self, act: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        act(&mut state);
        let wakers = [state.reader.take(), state.writer.take()];
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    pub(crate) fn send(&self, bytes: impl Into<Vec<u8>>) {
        self.peer(|state| state.incoming.push_back(bytes.into()));
    }

    /// Sends bytes without waking a task, as if the reactor had not noticed them yet.
    pub(crate) fn send_unnoticed(&self, bytes: impl Into<Vec<u8>>) {
        self.lock().incoming.push_back(bytes.into());
    }

    pub(crate) fn end(&self) {
        self.peer(|state| state.ended = Some(None));
    }

    pub(crate) fn reset(&self) {
        self.peer(|state| state.ended = Some(Some(io::ErrorKind::ConnectionReset)));
    }

    /// Makes writes fail from now on. Reads still work.
    pub(crate) fn break_writing(&self) {
        self.peer(|state| state.broken = Some(io::ErrorKind::BrokenPipe));
    }

    /// Accepts `count` more bytes.
    pub(crate) fn widen(&self, count: usize) {
        self.peer(|state| state.window += count);
    }

    pub(crate) fn hold_flush(&self, hold: bool) {
        self.peer(|state| state.holds_flush = hold);
    }

    pub(crate) fn written(&self) -> String {
        String::from_utf8(self.lock().written.clone()).unwrap()
    }

    /// Returns the buffer size of each read.
    pub(crate) fn reads(&self) -> Vec<usize> {
        self.lock().reads.clone()
    }

    pub(crate) fn is_dropped(&self) -> bool {
        self.lock().dropped
    }

    /// Returns the stream's end of the connection.
    pub(crate) fn transport(&self) -> WireEnd {
        WireEnd(self.clone())
    }

    pub(crate) fn stream(&self) -> IoStream {
        IoStream::new(self.transport())
    }
}

pub(crate) struct WireEnd(Wire);

impl Transport for WireEnd {}

impl AsyncRead for WireEnd {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        state.reads.push(buffer.len());
        if let Some(mut piece) = state.incoming.pop_front() {
            let count = piece.len().min(buffer.len());
            buffer[..count].copy_from_slice(&piece[..count]);
            if count < piece.len() {
                state.incoming.push_front(piece.split_off(count));
            }
            return Poll::Ready(Ok(count));
        }
        match state.ended {
            Some(None) => Poll::Ready(Ok(0)),
            Some(Some(kind)) => Poll::Ready(Err(kind.into())),
            None => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for WireEnd {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        if let Some(kind) = state.broken {
            return Poll::Ready(Err(kind.into()));
        }
        let count = bytes.len().min(state.window);
        if count == 0 {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        state.window -= count;
        state.written.extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        if state.holds_flush {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().written.extend_from_slice(b"<end>");
        Poll::Ready(Ok(()))
    }
}

impl Drop for WireEnd {
    fn drop(&mut self) {
        self.0.lock().dropped = true;
    }
}

/// Tasks that run only when they are woken, so that a missing wake fails the test.
#[derive(Default)]
pub(crate) struct Tasks(LocalPool);

/// The output of a task, once the task has ended.
pub(crate) struct Task<T>(Rc<RefCell<Option<T>>>);

impl Tasks {
    pub(crate) fn spawn<T: 'static>(&mut self, future: impl Future<Output = T> + 'static) -> Task<T> {
        let outcome = Rc::new(RefCell::new(None));
        let place = outcome.clone();
        let task = async move {
            let output = future.await;
            *place.borrow_mut() = Some(output);
        };
        self.0.spawner().spawn_local(task).unwrap();
        self.run();
        Task(outcome)
    }

    /// Runs all tasks until they wait.
    pub(crate) fn run(&mut self) {
        self.0.run_until_stalled();
    }
}

impl<T> Task<T> {
    pub(crate) fn is_done(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Takes the output, if the task has ended.
    pub(crate) fn take(&self) -> Option<T> {
        self.0.borrow_mut().take()
    }
}
