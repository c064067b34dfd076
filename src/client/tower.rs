//! A client as a service of `tower`. Behind the feature `tower`.

use std::task::{Context, Poll};

use tower_service::Service;

use super::Client;
use crate::error::{Error, Result};
use crate::message::request::Request;
use crate::message::response::Response;
use crate::runtime::BoxFuture;

/// A client is always ready, because requests wait in its own queue. [`Client::stats`] tells how many wait.
///
/// # Examples
///
/// ```
/// use tower_service::Service;
/// use waterspout::testing::MockBackend;
/// use waterspout::{Client, Request};
///
/// let mut client = Client::builder().backend(MockBackend::text("hello")).build()?;
/// let response = futures::executor::block_on(client.call(Request::get("http://example.com/").build()?))?;
/// assert_eq!(response.status(), 200);
/// # Ok::<(), waterspout::Error>(())
/// ```
impl Service<Request> for Client {
    type Response = Response;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Response>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let client = self.clone();
        Box::pin(async move { client.run(request, None).await })
    }
}
