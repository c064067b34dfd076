//! The options of a call: callbacks, and the handle of the priority.
//!
//! Only a builder that a client has made has them, because a [`Request`](crate::Request) cannot carry them.

use std::any::Any;
use std::sync::Arc;

use super::Client;
use super::queue::QueuedRequest;
use crate::message::progress::{ProgressCallback, TransferProgress};
use crate::message::request::{CallPriority, PriorityHandle, RequestBuilder};

impl RequestBuilder<Client> {
    /// Calls `tell` for each chunk of the response's body that is read.
    ///
    /// It gets the bytes so far, after decoding, and the length if the server sends it. The body waits while it runs, so
    /// it should be quick.
    ///
    /// # Platform
    /// A page does not see whether the body of another origin was compressed. The length is then the compressed length,
    /// until more bytes than that have arrived.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use waterspout::testing::MockBackend;
    /// # use waterspout::Client;
    ///
    /// # futures::executor::block_on(async {
    /// # let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let read = Arc::new(AtomicU64::new(0));
    /// let bytes = read.clone();
    /// let request = client.get("http://example.com/");
    /// let request = request.on_download(move |progress| bytes.store(progress.bytes, Ordering::Relaxed));
    /// assert_eq!(request.await?.text().await?, "hello");
    /// assert_eq!(read.load(Ordering::Relaxed), 5);
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn on_download(self, tell: impl Fn(TransferProgress) + Send + Sync + 'static) -> Self {
        self.with_call_options(|options| options.hooks_mut().on_download = Some(ProgressCallback::new(tell)))
    }

    /// Calls `tell` for each piece of the request's body that leaves.
    ///
    /// It gets the bytes so far, and the body's length if it is known. A redirect or another attempt that sends the body
    /// again begins at zero. The upload waits while it runs, so it should be quick.
    ///
    /// # Platform
    /// A browser does not show how far an upload is: there `tell` is called once, when the response's head has arrived.
    /// For a streamed body (`FetchInit::stream_upload`) it is called for each piece that the engine takes.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::MockBackend;
    /// # use waterspout::Client;
    ///
    /// # futures::executor::block_on(async {
    /// # let client = Client::builder().backend(MockBackend::text("saved")).build()?;
    /// let request = client.put("http://example.com/").body("hello");
    /// request.on_upload(|progress| println!("{} of {:?} bytes sent", progress.bytes, progress.total)).await?;
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn on_upload(self, tell: impl Fn(TransferProgress) + Send + Sync + 'static) -> Self {
        self.with_call_options(|options| options.hooks_mut().on_upload = Some(ProgressCallback::new(tell)))
    }

    /// Sets a handle that changes the request's priority while it waits for a slot. Its priority wins over the option
    /// `priority`.
    pub fn priority_handle(self, handle: &PriorityHandle) -> Self {
        self.with_call_options(|options| options.hooks_mut().priority = Some(Arc::new(handle.clone())))
    }
}

impl CallPriority for PriorityHandle {
    fn present(&self) -> Option<i16> {
        self.get()
    }

    fn follow(&self, queued: Box<dyn Any + Send + Sync>) {
        if let Ok(queued) = queued.downcast::<QueuedRequest>() {
            self.attach(Arc::new(move |priority| queued.prioritize(priority)));
        }
    }
}
