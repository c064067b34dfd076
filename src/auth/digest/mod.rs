//! Digest access authentication (RFC 7616), which proves that the password is known without sending it.
//!
//! MD5, SHA-256 and SHA-512-256, each also as a session's (`-sess`), with `qop=auth` and without any, as in RFC 2069.

mod challenge;
mod response;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, HeaderValue};

use self::challenge::Challenge;
use self::response::{Account, authorization};
use super::Authenticate;
use crate::error::{Error, ErrorKind, Result};
use crate::message::request::{Request, RequestBuilder};
use crate::message::url::Origin;
use crate::platform;

/// A user name and password, and the challenge that was answered last. A clone is another handle of the same.
///
/// Requests that share a handle ask once and send the answer at once from then on, each with the next nonce count;
/// only to the origin that has challenged. Where the server says that its nonce is stale, a new one is answered.
///
/// A 401 whose challenges cannot be answered, for their algorithm say, is left to the caller; so is a 401 that refuses
/// the answer.
///
/// # Examples
///
/// ```
/// use waterspout::Client;
/// use waterspout::auth::digest::DigestAuth;
///
/// # async fn run() -> waterspout::Result<()> {
/// let client = Client::new();
/// let account = DigestAuth::new("Mufasa", "Circle of Life")?;
/// for page in ["http://example.com/1", "http://example.com/2"] {
///     let response = client.get(page).authenticator(account.clone()).await?;
///     println!("{}", response.status());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct DigestAuth {
    account: Arc<Account>,
    session: Arc<Mutex<Option<Session>>>,
}

/// What is known of a server from its last challenge.
struct Session {
    origin: Origin,
    challenge: Challenge,
    /// One for all requests of a session, as the algorithms with `-sess` need it.
    cnonce: String,
    count: u32,
}

impl DigestAuth {
    /// Credentials in Unicode's normal form C.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if the user's name has a colon, which ends it, or a control
    /// character, which no header may have.
    pub fn new(user: &str, password: &str) -> Result<Self> {
        if user.contains(|character: char| character == ':' || character.is_control()) {
            let message = "a user name with a colon or a control character cannot be sent as Digest credentials";
            return Err(Error::request(ErrorKind::InvalidRequest, message));
        }
        let account = Account { user: platform::normalize(user), password: platform::normalize(password) };
        Ok(Self { account: Arc::new(account), session: Arc::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn next(&mut self, account: &Account, request: &Request) -> Result<HeaderValue> {
        self.count = self.count.saturating_add(1);
        let (method, target) = (request.method().as_str(), request.url().target());
        authorization(account, &self.challenge, method, target, &self.cnonce, self.count)
    }
}

impl Authenticate for DigestAuth {
    fn prepare(&self, request: &Request) -> Option<HeaderValue> {
        let mut session = self.lock();
        let session = session.as_mut().filter(|session| session.origin == request.url().origin())?;
        session.next(&self.account, request).ok()
    }

    fn answer(&self, request: &Request, headers: &HeaderMap, answers: usize) -> Result<Option<HeaderValue>> {
        let Some(challenge) = challenge::select(headers) else { return Ok(None) };
        // The second answer is for a nonce that had expired; a third would be for a server that cannot be pleased.
        if answers > 1 || (answers == 1 && !challenge.stale) {
            return Ok(None);
        }
        let cnonce = format!("{:016x}{:016x}", platform::random(), platform::random());
        let mut session = Session { origin: request.url().origin(), challenge, cnonce, count: 0 };
        let authorization = session.next(&self.account, request)?;
        *self.lock() = Some(session);
        Ok(Some(authorization))
    }
}

impl fmt::Debug for DigestAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestAuth").finish_non_exhaustive()
    }
}

impl<C> RequestBuilder<C> {
    /// Answers the server's Digest challenge with these credentials.
    ///
    /// The request is sent twice unless the server asks for nothing. To be asked once for many requests, share a
    /// [`DigestAuth`] by [`authenticator`](Self::authenticator).
    ///
    /// # Errors
    /// On sending: as [`DigestAuth::new`], and [`BodyNotReplayable`](ErrorKind::BodyNotReplayable) if the server asks
    /// and the body is a one-shot stream.
    ///
    /// # Platform
    /// Natively only: in a browser sending is an error of kind [`Unsupported`](ErrorKind::Unsupported).
    pub fn digest_auth(self, user: &str, password: &str) -> Self {
        self.edit(|request| {
            let account = DigestAuth::new(user, password)?;
            request.set_authenticator(Some(Arc::new(account)));
            Ok(())
        })
    }
}
