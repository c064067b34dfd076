//! A client as a service of `tower`, for requests of this crate and of the crate `http`. Behind the feature `tower`.

use std::task::{Context, Poll};

use tower_service::Service;

use super::Client;
use crate::error::{Error, Result, Source};
use crate::message::body::Body;
use crate::message::request::{CallOptions, Request};
use crate::message::response::Response;
use crate::runtime::{BoxFuture, MaybeSend};

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
        Box::pin(async move { client.run(request, CallOptions::default()).await })
    }
}

/// The types that the layers of `tower-http` and crates such as `tonic` use: any body of the crate `http_body` goes in, and a
/// [`Body`], which is such a body, comes out. The client itself follows redirects, decodes bodies and retries as its options say.
///
/// A body that is ready, such as bytes in memory, can be sent again, for example on another connection. Any other body is read
/// once.
///
/// # Errors
/// The call fails as [`Client::fetch`] does, and with the errors of the conversion from `http::Request` into [`Request`].
///
/// # Examples
///
/// ```
/// use tower_service::Service;
/// use waterspout::testing::MockBackend;
/// use waterspout::{Client, http};
///
/// let mut client = Client::builder().backend(MockBackend::text("hello")).build()?;
/// let request = http::Request::put("http://example.com/").body("a body of `http_body`".to_owned()).unwrap();
/// let response: http::Response<_> = futures::executor::block_on(client.call(request))?;
/// assert_eq!(response.status(), 200);
/// # Ok::<(), waterspout::Error>(())
/// ```
impl<B> Service<http::Request<B>> for Client
where
    B: http_body::Body<Error: Into<Source>> + MaybeSend + 'static,
{
    type Response = http::Response<Body>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<http::Response<Body>>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let client = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = Body::ready_http_body(body).await;
            let request = Request::try_from(http::Request::from_parts(head, body))?;
            client.run(request, CallOptions::default()).await.map(Into::into)
        })
    }
}
