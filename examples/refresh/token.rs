//! A middleware that fetches a new token when the server refuses the old one: once, however many requests were refused.

use futures::lock::Mutex;
use waterspout::http::header::AUTHORIZATION;
use waterspout::http::{HeaderValue, StatusCode};
use waterspout::{BoxFuture, Error, ErrorKind, Middleware, Next, Phase, Request, Response, Result, Url};

/// Adds `authorization: Bearer …`, with a token that a `POST` to `source` answers with.
///
/// It is meant for a client that talks to one service: the token goes wherever the client's requests go.
#[allow(unreachable_pub, reason = "each program that includes this module is its own crate")]
pub struct Refresh {
    source: Url,
    token: Mutex<Token>,
}

#[derive(Clone, Default)]
struct Token {
    value: Option<HeaderValue>,
    /// Which token it is: whoever was refused with an older one need not fetch another.
    number: u64,
}

impl Refresh {
    #[allow(unreachable_pub, reason = "as above")]
    pub fn new(source: Url) -> Self {
        Self { source, token: Mutex::default() }
    }

    /// The token after number `refused`. While one request fetches it, the others wait here; if that one is dropped,
    /// the next fetches it.
    async fn after(&self, refused: u64, next: &Next<'_>) -> Result<Token> {
        let mut token = self.token.lock().await;
        if token.number == refused {
            let request = Request::post(self.source.clone()).build()?;
            let text = next.run(request).await?.error_for_status()?.text().await?;
            let value = HeaderValue::try_from(format!("Bearer {}", text.trim())).map_err(|error| {
                Error::new(ErrorKind::Decode, Phase::Body, "the token cannot be a header").with_source(error)
            })?;
            *token = Token { value: Some(value), number: refused + 1 };
        }
        Ok(token.clone())
    }
}

impl Middleware for Refresh {
    fn handle<'a>(&'a self, mut request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let token = self.token.lock().await.clone();
            authorize(&mut request, &token);
            let again = request.try_clone();
            let response = next.run(request).await?;
            let Some(mut again) = again.filter(|_| response.status() == StatusCode::UNAUTHORIZED) else {
                return Ok(response);
            };
            drop(response);
            authorize(&mut again, &self.after(token.number, &next).await?);
            next.run(again).await
        })
    }
}

fn authorize(request: &mut Request, token: &Token) {
    if let Some(mut value) = token.value.clone() {
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
}
