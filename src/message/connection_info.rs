//! Facts about the connection of an exchange, the redirects before it, and how long the parts of a request took.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{StatusCode, Version};

use crate::message::tls_info::TlsInfo;
use crate::message::url::Url;

/// Facts about a connection, and about an exchange of a request and a response on it.
///
/// A [`Transport`](crate::Transport) reports its addresses, its TLS session, and how long opening it took. The agent
/// adds `version`, and `reused` and `first_byte` for each exchange. `None` means that a fact is not known.
///
/// # Examples
///
/// ```
/// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
/// use waterspout::{Agent, Client};
///
/// let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
/// let script = Script::new().expect_head().send(answer).expect_head().send(answer);
/// let agent = Agent::new(ScriptedConnector::new([script]), ManualTimer::new());
/// let client = Client::builder().backend(agent).build()?;
/// futures::executor::block_on(async {
///     let first = client.get("http://example.com/").await?;
///     let second = client.get("http://example.com/").await?;
///     assert!(!first.connection_info().reused);
///     assert!(second.connection_info().reused);
///     Ok::<(), waterspout::Error>(())
/// })?;
/// # Ok::<(), waterspout::Error>(())
/// ```
///
/// # Platform
/// A browser shows none of these facts: `reused` is `false` and everything else is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// Whether the connection had carried an exchange before. A transport leaves it `false`.
    pub reused: bool,
    /// The version of HTTP that the connection speaks: `HTTP_11` or `HTTP_2`. A response of a server of HTTP/1.0 is on
    /// a connection of `HTTP_11`. A transport may leave it `None`: the agent takes it from
    /// [`Transport::version`](crate::Transport::version).
    pub version: Option<Version>,
    /// The address of the other end: the server, or the proxy in between.
    pub remote_address: Option<SocketAddr>,
    /// The address of this end.
    pub local_address: Option<SocketAddr>,
    /// How long the DNS look-up took. In a response, `None` if the connection was reused.
    pub dns: Option<Duration>,
    /// How long connecting took, without TLS and including a proxy's part. In a response, `None` if the connection was
    /// reused.
    pub connect: Option<Duration>,
    /// How long the TLS handshake took; `None` without TLS. In a response, `None` if the connection was reused.
    pub tls: Option<Duration>,
    /// The TLS session with the server, also through a tunnel of a proxy; `None` without TLS. A reused connection has
    /// the session of its handshake.
    pub tls_info: Option<Arc<TlsInfo>>,
    /// The time from the beginning of the request to the first byte of the response. A transport leaves it `None`.
    pub first_byte: Option<Duration>,
}

/// What a response knows of its connection and its exchange.
#[derive(Clone, Debug, Default)]
pub(crate) enum ExchangeInfo {
    #[default]
    Unknown,
    /// The facts that a backend of the program gives.
    Given(Box<ConnectionInfo>),
    /// An exchange of the agent. All responses of a connection share its facts.
    OnConnection { connection: Arc<ConnectionInfo>, first_byte: Duration, reused: bool },
}

impl ExchangeInfo {
    /// Returns the facts about the connection and the exchange.
    pub(crate) fn facts(&self) -> ConnectionInfo {
        match self {
            Self::Unknown => ConnectionInfo::default(),
            Self::Given(facts) => (**facts).clone(),
            Self::OnConnection { connection, first_byte, reused } => {
                let mut facts = ConnectionInfo::clone(connection);
                // On a reused connection, the time that opening it took is no part of the exchange.
                if *reused {
                    facts.dns = None;
                    facts.connect = None;
                    facts.tls = None;
                }
                facts.reused = *reused;
                facts.first_byte = Some(*first_byte);
                facts
            }
        }
    }
}

/// A redirect that was followed on the way to a response.
///
/// # Examples
///
/// ```
/// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
/// use waterspout::{Agent, Client};
///
/// let redirect = "HTTP/1.1 302 Found\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n";
/// let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
/// let script = Script::new().expect_head().send(redirect).expect_head().send(answer);
/// let agent = Agent::new(ScriptedConnector::new([script]), ManualTimer::new());
/// let client = Client::builder().backend(agent).build()?;
/// let response = futures::executor::block_on(async { client.get("http://example.com/a").await })?;
/// assert_eq!(response.url().as_str(), "http://example.com/b");
/// let entry = &response.history()[0];
/// assert_eq!((entry.url.as_str(), entry.status.as_u16()), ("http://example.com/a", 302));
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedirectEntry {
    /// The URL that answered with the redirect.
    pub url: Url,
    /// The status of the redirect.
    pub status: StatusCode,
    /// The connection that the redirect came over.
    pub connection_info: ConnectionInfo,
}

/// How long the parts of a request took. A part that is not known, or not known yet, is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timings {
    /// The wait for a slot of the client.
    pub queue: Option<Duration>,
    /// The DNS look-up of the last exchange, after redirects.
    pub dns: Option<Duration>,
    /// Connecting for the last exchange, without TLS.
    pub connect: Option<Duration>,
    /// The TLS handshake of the last exchange.
    pub tls: Option<Duration>,
    /// From the beginning of the last exchange to the first byte of its response.
    pub first_byte: Option<Duration>,
    /// From the call to the end of the body; known once the body has been read.
    pub total: Option<Duration>,
}
