//! Gets tokens with the crate `oauth2`. Its trait is `AsyncHttpClient`:
//! `cargo run -p waterspout-example-oauth2 -- http://127.0.0.1:8080/token ID SECRET`.

#[cfg(test)]
mod tests;

use std::error::Error;

use oauth2::basic::BasicClient;
use oauth2::{AsyncHttpClient, ClientId, ClientSecret, HttpRequest, HttpResponse, Scope, TokenResponse, TokenUrl};
use waterspout::{Body, BoxFuture, Client, Redirect, Request, http};

/// The largest answer that is read: 1 MiB. A token is far smaller.
const MAX_ANSWER: u64 = 1024 * 1024;

/// A client for `oauth2`.
struct TokenClient(Client);

impl TokenClient {
    /// Returns a client that follows no redirect, because a redirect would take the secrets of the request elsewhere.
    fn new() -> waterspout::Result<Self> {
        Ok(Self(Client::builder().redirect(Redirect::Manual).build()?))
    }
}

impl<'c> AsyncHttpClient<'c> for TokenClient {
    type Error = waterspout::Error;
    type Future = BoxFuture<'c, waterspout::Result<HttpResponse>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let response: http::Response<Body> = self.0.fetch(Request::try_from(request)?).await?.into();
            let (head, body) = response.into_parts();
            Ok(HttpResponse::from_parts(head, body.collect(MAX_ANSWER).await?.into()))
        })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [url, id, secret] = arguments.as_slice() else {
        return Err("usage: waterspout-example-oauth2 TOKEN_URL ID SECRET".into());
    };
    let client = BasicClient::new(ClientId::new(id.clone()))
        .set_client_secret(ClientSecret::new(secret.clone()))
        .set_token_uri(TokenUrl::new(url.clone())?);
    let http = TokenClient::new()?;
    waterspout::tornado::EventLoop::new().run_sync(async {
        let token = client.exchange_client_credentials().add_scope(Scope::new("read".to_owned())).request_async(&http);
        println!("a token that lasts {:?}", token.await?.expires_in());
        Ok(())
    })
}
