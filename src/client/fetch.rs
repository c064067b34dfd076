//! The methods of a client and of its request builders that send requests.

use std::future::IntoFuture;

use http::Method;

use super::Client;
use crate::error::{Error, Result};
use crate::message::request::{Request, RequestBuilder};
use crate::message::response::Response;
use crate::message::url::Url;
use crate::runtime::BoxFuture;

impl Client {
    /// Returns a builder of a `GET` request; `await` sends the request.
    ///
    /// # Examples
    ///
    /// ```
    /// # use waterspout::testing::MockBackend;
    /// # use waterspout::Client;
    /// # futures::executor::block_on(async {
    /// # let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let response = client.get("http://example.com/").await?;
    /// assert_eq!(response.status(), 200);
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn get(&self, url: impl TryInto<Url, Error: Into<Error>>) -> RequestBuilder<Self> {
        self.request(Method::GET, url)
    }

    /// Returns a builder of a `HEAD` request; `await` sends the request.
    ///
    /// # Examples
    ///
    /// ```
    /// # use waterspout::testing::MockBackend;
    /// # use waterspout::Client;
    /// # futures::executor::block_on(async {
    /// # let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let response = client.head("http://example.com/").await?;
    /// assert_eq!(response.status(), 200);
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn head(&self, url: impl TryInto<Url, Error: Into<Error>>) -> RequestBuilder<Self> {
        self.request(Method::HEAD, url)
    }

    /// Returns a builder of a `POST` request; `await` sends the request.
    ///
    /// # Examples
    ///
    /// ```
    /// # use waterspout::testing::MockBackend;
    /// # use waterspout::Client;
    /// # futures::executor::block_on(async {
    /// # let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let response = client.post("http://example.com/").body("hello").await?;
    /// assert_eq!(response.status(), 200);
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn post(&self, url: impl TryInto<Url, Error: Into<Error>>) -> RequestBuilder<Self> {
        self.request(Method::POST, url)
    }

    /// Returns a builder of a `PUT` request; `await` sends the request.
    ///
    /// # Examples
    ///
    /// ```
    /// # use waterspout::testing::MockBackend;
    /// # use waterspout::Client;
    /// # futures::executor::block_on(async {
    /// # let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let response = client.put("http://example.com/").body("hello").await?;
    /// assert_eq!(response.status(), 200);
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn put(&self, url: impl TryInto<Url, Error: Into<Error>>) -> RequestBuilder<Self> {
        self.request(Method::PUT, url)
    }

    /// Returns a builder of a `PATCH` request; `await` sends the request.
    ///
    /// # Examples
    ///
    /// ```
    /// # use waterspout::testing::MockBackend;
    /// # use waterspout::Client;
    /// # futures::executor::block_on(async {
    /// # let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let response = client.patch("http://example.com/").body("hello").await?;
    /// assert_eq!(response.status(), 200);
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn patch(&self, url: impl TryInto<Url, Error: Into<Error>>) -> RequestBuilder<Self> {
        self.request(Method::PATCH, url)
    }

    /// Returns a builder of a `DELETE` request; `await` sends the request.
    ///
    /// # Examples
    ///
    /// ```
    /// # use waterspout::testing::MockBackend;
    /// # use waterspout::Client;
    /// # futures::executor::block_on(async {
    /// # let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let response = client.delete("http://example.com/").await?;
    /// assert_eq!(response.status(), 200);
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn delete(&self, url: impl TryInto<Url, Error: Into<Error>>) -> RequestBuilder<Self> {
        self.request(Method::DELETE, url)
    }

    /// Returns a builder of a request with any method; `await` sends the request.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::http::Method;
    /// # use waterspout::testing::MockBackend;
    /// # use waterspout::Client;
    ///
    /// # futures::executor::block_on(async {
    /// # let client = Client::builder().backend(MockBackend::text("")).build()?;
    /// let response = client.request(Method::OPTIONS, "http://example.com/").await?;
    /// assert_eq!(response.status(), 200);
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn request(&self, method: Method, url: impl TryInto<Url, Error: Into<Error>>) -> RequestBuilder<Self> {
        RequestBuilder::new(self.clone(), method, url)
    }

    /// Sends a request and returns its response as soon as the head has arrived. A builder of a request may be given
    /// instead.
    ///
    /// A status of 400 or above is a response; see [`Response::error_for_status`].
    ///
    /// A user name and password in the URL are percent-decoded and sent as Basic credentials (RFC 7617). They appear
    /// nowhere else: neither in [`Response::url`] nor in an error. The request's own `authorization` header wins over
    /// them, and they win over an `authorization` header among the client's defaults.
    ///
    /// # Errors
    /// If the request is not valid, a time limit passes, or no response can be obtained.
    ///
    /// # Cancellation
    /// Dropping the future takes a waiting request out of the queue, and stops a running request.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, Request};
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let request = Request::get("http://example.com/").build()?;
    /// assert_eq!(client.fetch(request).await?.text().await?, "hello");
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn fetch(&self, request: impl TryInto<Request, Error: Into<Error>>) -> Result<Response> {
        let request = request.try_into().map_err(Into::into)?;
        self.run(request).await
    }
}

impl RequestBuilder<Client> {
    /// Sends the request; `await` on the builder does the same.
    ///
    /// # Errors
    /// As [`Client::fetch`].
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::MockBackend;
    /// use waterspout::Client;
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let response = client.get("http://example.com/").send().await?;
    /// assert_eq!(response.text().await?, "hello");
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn send(self) -> Result<Response> {
        let (client, request) = self.into_parts();
        client.run(request?).await
    }
}

impl IntoFuture for RequestBuilder<Client> {
    type Output = Result<Response>;
    type IntoFuture = BoxFuture<'static, Result<Response>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
