//! Digest access authentication (RFC 7616), which proves knowledge of the password without sending it.
//!
//! Supported are MD5, SHA-256 and SHA-512-256, each also in its session variant (`-sess`), with `qop=auth` or, as in
//! RFC 2069, without `qop`.

mod challenge;
mod response;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, HeaderValue};

use self::challenge::DigestChallenge;
use self::response::{DigestCredentials, authorization};
use super::Authenticate;
use crate::error::{Error, ErrorKind, Result};
use crate::message::request::{Request, RequestBuilder};
use crate::message::url::Origin;
use crate::platform;

/// A user name and password, and the challenge that was answered last. A clone is another handle of the same state.
///
/// Requests that share a handle are challenged once. From then on they send the answer at once, each with the next
/// nonce count, and only to the origin of the challenge. If the server says that its nonce is stale, the new challenge
/// is answered.
///
/// Of several challenges, the first with a hash stronger than MD5 is answered, or else the first with MD5.
///
/// A 401 is left to the caller if none of its challenges is supported, because of the algorithm for instance, and if
/// the server refuses the answer.
///
/// # Examples
///
/// ```
/// use waterspout::auth::digest::DigestAuth;
/// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
/// use waterspout::{Agent, Client};
///
/// # let challenge = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\
/// #     www-authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n\r\n";
/// # let page = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
/// # let script = Script::new().expect_head().send(challenge);
/// # let script = script.expect_head().send(page).expect_head().send(page);
/// # let connector = ScriptedConnector::new([script]);
/// # let client = Client::builder().backend(Agent::new(connector, ManualTimer::new())).build()?;
/// # futures::executor::block_on(async {
/// // Only the first request is challenged.
/// let credentials = DigestAuth::new("Mufasa", "Circle of Life")?;
/// for page in ["http://example.com/1", "http://example.com/2"] {
///     let response = client.get(page).authenticator(credentials.clone()).await?;
///     assert_eq!(response.status(), 200);
/// }
/// # Ok::<(), waterspout::Error>(())
/// # })?;
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone)]
pub struct DigestAuth {
    credentials: Arc<DigestCredentials>,
    session: Arc<Mutex<Option<DigestSession>>>,
}

/// The state of a server's last challenge.
struct DigestSession {
    origin: Origin,
    challenge: DigestChallenge,
    /// The client's nonce. All requests of a session share it, as the algorithms with `-sess` require.
    cnonce: String,
    /// The number of requests sent with the server's nonce.
    count: u32,
}

impl DigestAuth {
    /// Returns credentials, in Unicode's normal form C.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if the user name has a colon, which would end it, or a control
    /// character, which is not allowed in a header.
    pub fn new(user: &str, password: &str) -> Result<Self> {
        if user.contains(|character: char| character == ':' || character.is_control()) {
            let message = "a user name with a colon or a control character cannot be sent as Digest credentials";
            return Err(Error::request(ErrorKind::InvalidRequest, message));
        }
        let (user, password) = (platform::normalize(user), platform::normalize(password));
        Ok(Self { credentials: Arc::new(DigestCredentials { user, password }), session: Arc::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Option<DigestSession>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DigestSession {
    /// Returns the answer for the next request of the session.
    fn next(&mut self, credentials: &DigestCredentials, request: &Request) -> Result<HeaderValue> {
        self.count = self.count.saturating_add(1);
        let (method, target) = (request.method().as_str(), request.url().target());
        authorization(credentials, &self.challenge, method, target, &self.cnonce, self.count)
    }
}

impl Authenticate for DigestAuth {
    fn prepare(&self, request: &Request) -> Option<HeaderValue> {
        let mut session = self.lock();
        let session = session.as_mut().filter(|session| session.origin == request.url().origin())?;
        // After a failure the request is sent without an answer, and `answer` reports the error.
        session.next(&self.credentials, request).ok()
    }

    fn answer(&self, request: &Request, headers: &HeaderMap, answers: usize) -> Result<Option<HeaderValue>> {
        let Some(challenge) = challenge::select(headers) else { return Ok(None) };
        // A second answer is sent only if the nonce had expired. There is no third: a server that refuses a fresh nonce
        // would refuse the next as well.
        if answers > 1 || (answers == 1 && !challenge.stale) {
            return Ok(None);
        }
        let cnonce = format!("{:016x}{:016x}", platform::random(), platform::random());
        let mut session = DigestSession { origin: request.url().origin(), challenge, cnonce, count: 0 };
        let authorization = session.next(&self.credentials, request)?;
        // The lock is taken only to store the session: hashing needs no lock.
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
    /// The request is sent twice if the server challenges it. To be challenged once for many requests, share a
    /// [`DigestAuth`] through [`authenticator`](Self::authenticator).
    ///
    /// # Errors
    /// On sending: as [`DigestAuth::new`], and [`BodyNotReplayable`](ErrorKind::BodyNotReplayable) if the server
    /// challenges the request and its body can be read only once.
    ///
    /// # Platform
    /// Natively only. In a browser sending fails with [`Unsupported`](ErrorKind::Unsupported).
    pub fn digest_auth(self, user: &str, password: &str) -> Self {
        self.edit(|request| {
            let credentials = DigestAuth::new(user, password)?;
            request.set_authenticator(Some(Arc::new(credentials)));
            Ok(())
        })
    }
}
