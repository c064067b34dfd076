//! A middleware that requests a new token when the server refuses the current token. When the server refuses several
//! requests with the same token, the middleware requests a single new token for all of them.

use futures::lock::Mutex;
use waterspout::http::header::AUTHORIZATION;
use waterspout::http::{HeaderValue, StatusCode};
use waterspout::{BoxFuture, Error, ErrorKind, Middleware, Next, Phase, Request, Response, Result, Url};

/// Adds `authorization: Bearer …` to each request. A `POST` to the token URL returns the token as its body.
///
/// Use it for a client that talks to a single service: the token is sent to every server that the client talks to.
#[allow(unreachable_pub, reason = "each program that includes this module is its own crate")]
pub struct Refresh {
    token_url: Url,
    token: Mutex<Token>,
}

#[derive(Clone, Default)]
struct Token {
    /// The value of the `authorization` header, or `None` before the first token.
    value: Option<HeaderValue>,
    /// Counts the tokens. A request that was refused with an older token uses the current token instead of requesting a
    /// new token.
    generation: u64,
}

impl Refresh {
    #[allow(unreachable_pub, reason = "as above")]
    pub fn new(token_url: Url) -> Self {
        Self { token_url, token: Mutex::default() }
    }

    /// Returns a token that is newer than the generation `refused`, and requests it if there is none yet.
    ///
    /// # Cancellation
    /// If the request that fetches the token is dropped, the next waiting request fetches it.
    async fn newer_than(&self, refused: u64, next: &Next<'_>) -> Result<Token> {
        // The lock is held during the fetch, so that other refused requests wait here for its result.
        let mut token = self.token.lock().await;
        if token.generation == refused {
            let request = Request::post(self.token_url.clone()).build()?;
            let text = next.run(request).await?.error_for_status()?.text().await?;
            let value = HeaderValue::try_from(format!("Bearer {}", text.trim())).map_err(|error| {
                Error::new(ErrorKind::Decode, Phase::Body, "the token is not a valid header value").with_source(error)
            })?;
            *token = Token { value: Some(value), generation: refused + 1 };
        }
        Ok(token.clone())
    }
}

impl Middleware for Refresh {
    fn handle<'a>(&'a self, mut request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let token = self.token.lock().await.clone();
            authorize(&mut request, &token);
            // A body that can be sent only once has no copy. The response to such a request is returned unchanged.
            let copy = request.try_clone();
            let response = next.run(request).await?;
            if response.status() != StatusCode::UNAUTHORIZED {
                return Ok(response);
            }
            let Some(mut retry) = copy else { return Ok(response) };
            // The unread body would keep the connection and the slot in the queue.
            drop(response);
            authorize(&mut retry, &self.newer_than(token.generation, &next).await?);
            next.run(retry).await
        })
    }
}

fn authorize(request: &mut Request, token: &Token) {
    if let Some(mut value) = token.value.clone() {
        // A sensitive value does not appear in debug output.
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
}
