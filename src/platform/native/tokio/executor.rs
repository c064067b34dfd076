//! The executor of a tokio runtime.

use tokio::runtime::Handle;

use crate::platform::native::BackgroundThread;
use crate::runtime::{BoxFuture, Executor};

/// Runs tasks on the tokio runtime of the thread that spawns them. It exists with the feature `tokio`.
///
/// A task of a thread without a runtime runs on the [`BackgroundThread`]. A runtime that shuts down drops its tasks.
///
/// # Examples
///
/// ```
/// use waterspout::Executor;
/// use waterspout::platform::native::TokioExecutor;
///
/// let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// let name = runtime.block_on(async {
///     let (sender, receiver) = futures::channel::oneshot::channel();
///     TokioExecutor.spawn(Box::pin(async { sender.send(tokio::task::id()).unwrap() }));
///     receiver.await
/// });
/// assert!(name.is_ok());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioExecutor;

impl Executor for TokioExecutor {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(task)),
            // A request that is spawned here then fails with an error that says what to do.
            Err(_) => BackgroundThread.spawn(task),
        }
    }
}
