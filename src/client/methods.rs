//! Request builders of a client, a method for each HTTP method.

use http::Method;

use super::Client;
use crate::error::Error;
use crate::message::request::RequestBuilder;
use crate::message::url::Url;

impl Client {
    /// Returns a builder of a `GET` request; `await` sends the request.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let text = client.get("http://example.com/").header("accept", "text/plain").await?.text().await?;
    /// assert_eq!(text, "hello");
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
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let response = client.head("http://example.com/file").await?;
    /// println!("{:?} bytes", response.content_length());
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
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let response = client.post("http://example.com/items").header("content-type", "text/plain").body("an item").await?;
    /// response.error_for_status()?;
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
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// # futures::executor::block_on(async {
    /// let backend = MockBackend::text("");
    /// let client = Client::builder().backend(backend.clone()).build()?;
    /// client.put("http://example.com/items/1").body("the new text").await?.error_for_status()?;
    /// assert_eq!(backend.seen(), ["PUT http://example.com/items/1"]);
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
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let change = r#"{ "done": true }"#;
    /// let request = client.patch("http://example.com/items/1").header("content-type", "application/merge-patch+json");
    /// request.body(change).await?.error_for_status()?;
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
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// client.delete("http://example.com/items/1").await?.error_for_status()?;
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
    /// use waterspout::Client;
    /// use waterspout::http::Method;
    /// use waterspout::testing::MockBackend;
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let response = client.request(Method::OPTIONS, "http://example.com/").await?;
    /// println!("{:?}", response.headers().get("allow"));
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn request(&self, method: Method, url: impl TryInto<Url, Error: Into<Error>>) -> RequestBuilder<Self> {
        RequestBuilder::new(self.clone(), method, url)
    }
}
