//! Reads and writes a bucket of S3 with the crate `object_store`. Its traits are `HttpConnector` and `HttpService`:
//! `cargo run -p waterspout-example-s3 -- http://127.0.0.1:9000 BUCKET KEY`, with the credentials in the environment.

#[cfg(test)]
mod tests;

use std::error::Error;

use async_trait::async_trait;
use http_body_util::BodyExt;
use object_store::aws::AmazonS3Builder;
use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService,
};
use object_store::{ObjectStoreExt, path::Path};
use waterspout::{Client, ErrorKind, Request};

/// A client for `object_store`.
#[derive(Clone, Debug)]
struct StoreClient(Client);

impl HttpConnector for StoreClient {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for StoreClient {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let request = Request::try_from(request.map(waterspout::Body::http_body)).map_err(http_error)?;
        let response = self.0.fetch(request).await.map_err(http_error)?;
        let response = waterspout::http::Response::from(response);
        Ok(response.map(|body| HttpResponseBody::new(body.map_err(http_error))))
    }
}

/// Tells `object_store` what went wrong. It retries by the kind.
fn http_error(error: waterspout::Error) -> HttpError {
    let kind = match error.kind() {
        ErrorKind::Connect | ErrorKind::Dns | ErrorKind::Proxy => HttpErrorKind::Connect,
        ErrorKind::Timeout => HttpErrorKind::Timeout,
        ErrorKind::ConnectionClosed | ErrorKind::Io => HttpErrorKind::Interrupted,
        ErrorKind::Decode | ErrorKind::Protocol => HttpErrorKind::Decode,
        _ => HttpErrorKind::Unknown,
    };
    // `object_store` names the URL itself, without the parts that are secret.
    HttpError::new(kind, error.without_url())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [endpoint, bucket, key] = arguments.as_slice() else {
        return Err("usage: waterspout-example-s3 ENDPOINT BUCKET KEY".into());
    };
    let client = Client::builder().tokio().decompress(false).build()?;
    let builder = AmazonS3Builder::from_env().with_endpoint(endpoint).with_allow_http(true).with_bucket_name(bucket);
    let store = builder.with_http_connector(StoreClient(client)).build()?;
    let object = store.get(&Path::from(key.as_str())).await?;
    println!("{} bytes", object.bytes().await?.len());
    Ok(())
}
