//! A backend without a network.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;

use crate::backend::Backend;
use crate::error::Result;
use crate::message::request::Request;
use crate::message::response::Response;
use crate::runtime::BoxFuture;

type Answer = dyn Fn(Request) -> BoxFuture<'static, Result<Response>> + Send + Sync;

/// A [`Backend`] that answers by a function and remembers what it was asked. A clone is another handle of it.
///
/// # Examples
///
/// ```
/// use waterspout::Client;
/// use waterspout::testing::MockBackend;
///
/// let backend = MockBackend::text("hello");
/// let client = Client::builder().backend(backend.clone()).build()?;
/// let text = futures::executor::block_on(async { client.get("http://example.com/a").await?.text().await })?;
/// assert_eq!(text, "hello");
/// assert_eq!(backend.seen(), ["GET http://example.com/a"]);
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone)]
pub struct MockBackend {
    answer: Arc<Answer>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl MockBackend {
    /// A backend that answers each request by `answer`.
    pub fn new(answer: impl Fn(Request) -> BoxFuture<'static, Result<Response>> + Send + Sync + 'static) -> Self {
        Self { answer: Arc::new(answer), seen: Arc::default() }
    }

    /// A backend that answers each request with status 200 and `text`.
    pub fn text(text: &'static str) -> Self {
        Self::new(move |request| {
            let response = Response::new(StatusCode::OK, request.url().clone(), text);
            Box::pin(async move { Ok(response) })
        })
    }

    /// A backend that never answers.
    pub fn pending() -> Self {
        Self::new(|_| Box::pin(std::future::pending()))
    }

    /// Method and URL of each request so far.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Backend for MockBackend {
    fn fetch(&self, request: Request) -> BoxFuture<'_, Result<Response>> {
        let line = format!("{} {}", request.method(), request.url());
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        (self.answer)(request)
    }
}

impl fmt::Debug for MockBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockBackend").field("seen", &self.seen()).finish_non_exhaustive()
    }
}
