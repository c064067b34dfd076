//! The interface for bytes: connections to an origin, and what opens them.

mod connect_trace;
pub(crate) mod read_buffer;

use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Wake, Waker};

use futures::io::{AsyncRead, AsyncWrite};
use http::{HeaderMap, HeaderValue, Version};

pub use self::connect_trace::ConnectTrace;
use crate::error::Result;
use crate::message::connection_info::ConnectionInfo;
use crate::message::url::Origin;
use crate::runtime::BoxFuture;

/// An open, ordered byte stream to a server.
///
/// It is `Send` on every platform, so that a pool of transports, and the client that owns the pool, are `Send` and
/// `Sync`.
///
/// [`AsyncWrite::poll_close`] closes the writing half. Dropping a transport closes it at once.
///
/// # Examples
///
/// Any stream can be a transport. This transport reports how long opening it took:
///
/// ```
/// use std::io;
/// use std::pin::Pin;
/// use std::task::{Context, Poll};
/// use std::time::Duration;
///
/// use futures::io::{AsyncRead, AsyncWrite, Cursor};
/// use waterspout::{ConnectionInfo, Transport};
///
/// struct Recorded(Cursor<Vec<u8>>);
///
/// impl AsyncRead for Recorded {
///     // ...
/// #     fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
/// #         Pin::new(&mut self.0).poll_read(cx, buffer)
/// #     }
/// }
///
/// impl AsyncWrite for Recorded {
///     // ...
/// #     fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
/// #         Pin::new(&mut self.0).poll_write(cx, bytes)
/// #     }
/// #     fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
/// #         Pin::new(&mut self.0).poll_flush(cx)
/// #     }
/// #     fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
/// #         Pin::new(&mut self.0).poll_close(cx)
/// #     }
/// }
///
/// impl Transport for Recorded {
///     fn connection_info(&self) -> ConnectionInfo {
///         let mut info = ConnectionInfo::default();
///         info.connect = Some(Duration::from_millis(3));
///         info
///     }
/// }
///
/// let transport = Recorded(Cursor::new(Vec::new()));
/// assert_eq!(transport.connection_info().connect, Some(Duration::from_millis(3)));
/// assert!(transport.forwarding().is_none());
/// ```
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Returns whether an idle connection can carry a request: the peer has neither closed it nor sent anything.
    ///
    /// A byte that arrives without a request would be read as the beginning of the next response. The connection
    /// therefore counts as closed.
    fn is_idle(&mut self) -> bool {
        let mut byte = [0];
        let mut context = Context::from_waker(&LOOK);
        matches!(std::pin::Pin::new(self).poll_read(&mut context, &mut byte), Poll::Pending)
    }

    /// Waits until an idle connection can no longer carry a request; see [`is_idle`](Self::is_idle).
    fn poll_unfit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        std::pin::Pin::new(self).poll_read(cx, &mut [0]).map(|_| ())
    }

    /// Frees the memory that only large transfers need. The agent calls it when the connection becomes idle. Default:
    /// does nothing.
    fn shrink(&mut self) {}

    /// Returns the version of HTTP that the connection speaks: `HTTP_2` after ALPN (RFC 7301) has selected `h2`, or if
    /// the server is known to speak HTTP/2. Default: `HTTP_11`.
    ///
    /// The agent asks once, before the first request. A connector that can return a transport with `HTTP_2` says so in
    /// [`Connector::may_speak_http2`]. A transport that wraps another transport returns the version of that transport.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::executor::block_on;
    /// use waterspout::http::Version;
    /// use waterspout::testing::{Script, ScriptedConnector};
    /// use waterspout::{Connector, Url};
    ///
    /// let connector = ScriptedConnector::new([Script::new()]);
    /// let transport = block_on(connector.connect(&Url::parse("http://example.com/")?.origin()))?;
    /// assert_eq!(transport.version(), Version::HTTP_11);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    fn version(&self) -> Version {
        Version::HTTP_11
    }

    /// Returns the addresses of the connection, its TLS session, and how long opening it took. Default: nothing is
    /// known. The agent asks once, when the first response arrives.
    fn connection_info(&self) -> ConnectionInfo {
        ConnectionInfo::default()
    }

    /// Returns how requests are written, if the connection ends at a proxy that forwards them. Default: `None`, for a
    /// connection that ends at the origin or a tunnel to it.
    fn forwarding(&self) -> Option<&Forwarding> {
        None
    }
}

/// The waker of a poll that looks at the present state of a connection: nothing has to be woken.
///
/// A transport over a socket recognizes it, and asks the socket instead of what the reactor has reported so far.
pub(crate) static LOOK: LazyLock<Waker> = LazyLock::new(|| Waker::from(Arc::new(LookWaker(0))));

/// Wakes nothing. It has a size, so that no other value has its address.
struct LookWaker(#[allow(dead_code, reason = "only its size matters")] u8);

impl Wake for LookWaker {
    fn wake(self: Arc<Self>) {}
}

/// How requests are written for a proxy that forwards them: with the whole URL as their target (RFC 9112, section
/// 3.2.2).
///
/// # Examples
///
/// ```
/// use waterspout::Forwarding;
/// use waterspout::http::HeaderValue;
///
/// let forwarding = Forwarding::new(Some(HeaderValue::from_static("Basic dXNlcjpzZWNyZXQ=")));
/// assert!(!format!("{forwarding:?}").contains("dXNlcjpzZWNyZXQ="));
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Forwarding {
    /// The value of `proxy-authorization`, for a proxy that requires it.
    pub authorization: Option<HeaderValue>,
    /// More headers for the proxy. A header that the request has itself is sent instead of the header of that name
    /// here. `host`, `content-length`, `transfer-encoding` and `expect` are ignored. Debug output shows the values that
    /// are not marked as sensitive. Default: none.
    pub headers: HeaderMap,
}

impl Forwarding {
    /// Forwards requests with these credentials for the proxy. Debug output does not show the credentials.
    pub fn new(mut authorization: Option<HeaderValue>) -> Self {
        if let Some(value) = &mut authorization {
            value.set_sensitive(true);
        }
        Self { authorization, headers: HeaderMap::new() }
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn is_idle(&mut self) -> bool {
        (**self).is_idle()
    }

    fn poll_unfit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        (**self).poll_unfit(cx)
    }

    fn shrink(&mut self) {
        (**self).shrink();
    }

    fn version(&self) -> Version {
        (**self).version()
    }

    fn connection_info(&self) -> ConnectionInfo {
        (**self).connection_info()
    }

    fn forwarding(&self) -> Option<&Forwarding> {
        (**self).forwarding()
    }
}

/// Opens connections to origins, for example over TCP, TLS, a Unix socket, a proxy or memory.
///
/// # Cancellation
/// Dropping the future must stop opening the connection.
///
/// # Examples
///
/// A connector that refuses some origins and lets another connector open the rest:
///
/// ```
/// use waterspout::testing::{ManualTimer, ScriptedConnector};
/// use waterspout::{Agent, BoxFuture, Client, Connector, Error, ErrorKind, Origin, Phase, Result, Transport};
///
/// struct OnlyExample(ScriptedConnector);
///
/// impl Connector for OnlyExample {
///     fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
///         Box::pin(async move {
///             if origin.host() != "example.com" {
///                 let message = format!("connections to {} are not allowed", origin.host());
///                 return Err(Error::new(ErrorKind::Connect, Phase::Connect, message));
///             }
///             self.0.connect(origin).await
///         })
///     }
///
///     fn may_speak_http2(&self, origin: &Origin) -> bool {
///         self.0.may_speak_http2(origin)
///     }
/// }
///
/// let agent = Agent::new(OnlyExample(ScriptedConnector::default()), ManualTimer::new());
/// let client = Client::builder().backend(agent).build()?;
/// let error = futures::executor::block_on(async { client.get("http://other.example/").await }).unwrap_err();
/// assert!(error.to_string().contains("connections to other.example are not allowed"));
/// # Ok::<(), waterspout::Error>(())
/// ```
pub trait Connector: Send + Sync + 'static {
    /// Opens a connection that can carry requests to `origin`.
    ///
    /// # Errors
    /// Of kind [`Dns`](crate::ErrorKind::Dns), [`Connect`](crate::ErrorKind::Connect), [`Tls`](crate::ErrorKind::Tls)
    /// or [`Proxy`](crate::ErrorKind::Proxy). Of kind [`UnsupportedScheme`](crate::ErrorKind::UnsupportedScheme) if
    /// this connector does not support the origin's scheme.
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>>;

    /// Opens a connection as [`connect`](Self::connect) does, and records its steps in `trace`. An agent calls this
    /// method, and names the present step in the error of its connect limit. The default records nothing.
    ///
    /// A connector that wraps another connector passes `trace` on.
    ///
    /// # Errors
    /// The errors of [`connect`](Self::connect).
    fn connect_traced<'a>(
        &'a self,
        origin: &'a Origin,
        trace: &'a ConnectTrace,
    ) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        let _ = trace;
        self.connect(origin)
    }

    /// Returns whether [`connect`](Self::connect) may return a transport that speaks HTTP/2 to `origin`, as
    /// [`Transport::version`] tells then. Default: `false`.
    ///
    /// The agent asks before it connects. If the answer is `true`, requests to the same origin wait for the first
    /// connection, because a connection of HTTP/2 carries all of them. The method is called often, so it does no I/O. A
    /// connector that wraps another connector passes the question on.
    ///
    /// # Examples
    ///
    /// A connector whose connections all speak HTTP/2:
    ///
    /// ```
    /// use waterspout::{BoxFuture, Connector, Origin, Result, Transport, Url};
    ///
    /// struct Http2Tunnel;
    ///
    /// impl Connector for Http2Tunnel {
    ///     fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
    ///         // ...
    /// #       let _ = origin;
    /// #       Box::pin(std::future::pending())
    ///     }
    ///
    ///     fn may_speak_http2(&self, _origin: &Origin) -> bool {
    ///         true
    ///     }
    /// }
    ///
    /// assert!(Http2Tunnel.may_speak_http2(&Url::parse("https://example.com/")?.origin()));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    fn may_speak_http2(&self, origin: &Origin) -> bool {
        let _ = origin;
        false
    }
}
