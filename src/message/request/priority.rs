//! A request's priority, which the caller can change while the request waits.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Moves a waiting request to its new priority.
type Mover = Arc<dyn Fn(i16) + Send + Sync>;

/// A priority that can be changed while its request waits in the client's queue. A clone is another handle of the same
/// priority.
///
/// It is for a single request at a time: given to several waiting requests, it moves the request that came last. See
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
pub struct PriorityHandle(Arc<Mutex<PriorityState>>);

#[derive(Default)]
struct PriorityState {
    priority: Option<i16>,
    /// Present once a request has waited with this handle.
    mover: Option<Mover>,
}

impl PriorityHandle {
    /// Makes a handle with this priority. A handle made by [`default`](Self::default) has none: the option `priority`
    /// counts until [`set`](Self::set) is called.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::PriorityHandle;
    ///
    /// assert_eq!(PriorityHandle::new(5).get(), Some(5));
    /// assert_eq!(PriorityHandle::default().get(), None);
    /// ```
    pub fn new(priority: i16) -> Self {
        let handle = Self::default();
        handle.lock().priority = Some(priority);
        handle
    }

    /// Sets the priority, higher first. A waiting request is moved at once, a running request is not affected.
    pub fn set(&self, priority: i16) {
        self.lock().priority = Some(priority);
        self.move_request();
    }

    /// Returns the priority, if it was set.
    pub fn get(&self) -> Option<i16> {
        self.lock().priority
    }

    /// Ties the handle to a waiting request.
    pub(crate) fn attach(&self, mover: Mover) {
        let before = self.lock().mover.replace(mover);
        // Dropped after the lock: the mover holds a part of a queue.
        drop(before);
        self.move_request();
    }

    /// Moves the request to the present priority.
    ///
    /// The mover is called without the lock, because it takes the lock of the queue. Meanwhile another thread may set
    /// another priority, so this repeats until the priority has not changed.
    fn move_request(&self) {
        let mut moved_to = None;
        loop {
            let (priority, mover) = {
                let state = self.lock();
                (state.priority, state.mover.clone())
            };
            match (priority, mover) {
                (Some(priority), Some(mover)) if moved_to != Some(priority) => mover(priority),
                _ => return,
            }
            moved_to = priority;
        }
    }

    fn lock(&self) -> MutexGuard<'_, PriorityState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The priority of a call that its caller can change: what the client asks of a [`PriorityHandle`].
///
/// A trait object that only the setter of the handle creates, so that a program without a handle does not link the
/// change of a priority. `RetryPolicy` says what the idiom saves in all.
pub(crate) trait CallPriority: fmt::Debug + Send + Sync {
    /// Returns the priority, if the handle has set it.
    fn present(&self) -> Option<i16>;

    /// Lets the handle move a request that waits. `queued` is the client's handle of that request, of a type that this
    /// module does not know.
    fn follow(&self, queued: Box<dyn Any + Send + Sync>);
}

impl fmt::Debug for PriorityHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PriorityHandle").field(&self.get()).finish()
    }
}
