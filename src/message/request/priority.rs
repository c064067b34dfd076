//! A request's priority, to be changed from outside while it waits.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Moves a request that waits; told the new priority.
type Mover = Arc<dyn Fn(i16) + Send + Sync>;

/// A priority that can be changed while its request waits in the client's queue. A clone is another handle of the same.
///
/// It is for one request at a time: given to several that wait, it moves the last to come. See
/// [`RequestBuilder::priority_handle`](crate::RequestBuilder::priority_handle).
///
/// # Examples
///
/// ```
/// use waterspout::testing::MockBackend;
/// use waterspout::{Client, PriorityHandle};
///
/// # futures::executor::block_on(async {
/// let client = Client::builder().backend(MockBackend::text("")).build()?;
/// let priority = PriorityHandle::new(0);
/// let image = client.get("http://example.com/image").priority_handle(&priority);
/// // It scrolls into view.
/// priority.set(10);
/// image.await?;
/// # Ok::<(), waterspout::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct PriorityHandle(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    priority: Option<i16>,
    mover: Option<Mover>,
}

impl PriorityHandle {
    /// A handle that says `priority`; [`default`](Self::default) makes one that leaves it to the options.
    pub fn new(priority: i16) -> Self {
        let handle = Self::default();
        handle.lock().priority = Some(priority);
        handle
    }

    /// Sets the priority, higher first; a request that waits is moved at once, one that runs is not affected.
    pub fn set(&self, priority: i16) {
        self.lock().priority = Some(priority);
        self.tell();
    }

    /// The priority that was set.
    pub fn get(&self) -> Option<i16> {
        self.lock().priority
    }

    /// Ties the handle to a request that waits.
    pub(crate) fn attach(&self, mover: Mover) {
        let before = self.lock().mover.replace(mover);
        drop(before);
        self.tell();
    }

    /// Tells until nobody has set another one meanwhile, outside of the lock: who is told has a lock too.
    fn tell(&self) {
        let mut told = None;
        loop {
            let (priority, mover) = {
                let state = self.lock();
                (state.priority, state.mover.clone())
            };
            match (priority, mover) {
                (Some(priority), Some(mover)) if told != Some(priority) => mover(priority),
                _ => return,
            }
            told = priority;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for PriorityHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PriorityHandle").field(&self.get()).finish()
    }
}
