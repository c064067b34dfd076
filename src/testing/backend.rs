//! A backend that answers requests by a function, without a network.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;

use crate::backend::Backend;
use crate::error::Result;
use crate::message::call_context::CallContext;
use crate::message::request::Request;
use crate::message::response::Response;
use crate::runtime::BoxFuture;

type MockAnswer = dyn Fn(Request, CallContext) -> BoxFuture<'static, Result<Response>> + Send + Sync;

/// A [`Backend`] that answers by a function and records the requests. A clone is another handle of the same backend.
///
/// Its responses know the method and the headers of the requests that they answer, unless the function sets others.
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
    answer: Arc<MockAnswer>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl MockBackend {
    /// Makes a backend that answers each request by `answer`.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::http::StatusCode;
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, Response};
    ///
    /// let backend = MockBackend::new(|request| {
    ///     let status = if request.url().path() == "/" { StatusCode::OK } else { StatusCode::NOT_FOUND };
    ///     let response = Response::new(status, request.url().clone(), "");
    ///     Box::pin(async move { Ok(response) })
    /// });
    /// let client = Client::builder().backend(backend).build()?;
    /// let response = futures::executor::block_on(client.get("http://example.com/missing").send())?;
    /// assert_eq!(response.status(), StatusCode::NOT_FOUND);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn new(answer: impl Fn(Request) -> BoxFuture<'static, Result<Response>> + Send + Sync + 'static) -> Self {
        Self::with_context(move |request, _| answer(request))
    }

    /// Makes a backend that answers each request by `answer`, which also gets the attempt's context.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::http::StatusCode;
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, Response, Retry};
    ///
    /// let backend = MockBackend::with_context(|request, context| {
    ///     let status = if context.attempts().is_empty() { StatusCode::BAD_GATEWAY } else { StatusCode::OK };
    ///     let response = Response::new(status, request.url().clone(), "");
    ///     Box::pin(async move { Ok(response) })
    /// });
    /// let retry = Retry::new().base_delay(Duration::ZERO);
    /// let client = Client::builder().backend(backend).retry(retry).build()?;
    /// assert_eq!(futures::executor::block_on(client.get("http://example.com/").send())?.status(), 200);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn with_context(
        answer: impl Fn(Request, CallContext) -> BoxFuture<'static, Result<Response>> + Send + Sync + 'static,
    ) -> Self {
        Self { answer: Arc::new(answer), seen: Arc::default() }
    }

    /// Makes a backend that answers each request with status 200 and `text`.
    pub fn text(text: &'static str) -> Self {
        Self::new(move |request| {
            let response = Response::new(StatusCode::OK, request.url().clone(), text);
            Box::pin(async move { Ok(response) })
        })
    }

    /// Makes a backend that never answers.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::FutureExt;
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// let client = Client::builder().backend(MockBackend::pending()).build()?;
    /// let mut page = client.get("http://example.com/").send().boxed();
    /// assert!((&mut page).now_or_never().is_none());
    /// assert_eq!(client.stats().active, 1);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn pending() -> Self {
        Self::new(|_| Box::pin(std::future::pending()))
    }

    /// Returns the method and URL of each request so far.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Backend for MockBackend {
    fn fetch(&self, request: Request, context: CallContext) -> BoxFuture<'_, Result<Response>> {
        // Recorded before the answer is made, so a request that is dropped or never answered is recorded too.
        let line = format!("{} {}", request.method(), request.url());
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        let (method, headers) = (request.method().clone(), request.headers().clone());
        let answer = (self.answer)(request, context);
        Box::pin(async move {
            let response = answer.await?;
            // An answer that says what it answers, or that it was redirected, knows better.
            if response.method().is_some() || response.request_headers().is_some() || response.redirected() {
                return Ok(response);
            }
            let (builder, body) = response.into_builder();
            builder.method(method).request_headers(headers).body(body)
        })
    }
}

impl fmt::Debug for MockBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockBackend").field("seen", &self.seen()).finish_non_exhaustive()
    }
}
