//! The record of a connect that is under way: its step, and the addresses that it tries.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{ConnectStep, Error, Phase, Timeout};

/// Maximum number of addresses in the text of an error.
const MAX_ADDRESSES: usize = 8;

/// Where a connect stands. A [`Connector`](crate::Connector) records its steps in it, so that the error of a connect
/// limit can name the step. A clone is another handle of the same record.
///
/// # Examples
///
/// A connector without a network, whose TLS handshake never ends:
///
/// ```
/// use std::time::Duration;
/// use futures::FutureExt;
/// use waterspout::testing::ManualTimer;
/// use waterspout::{Agent, BoxFuture, Client, ConnectStep, ConnectTrace, Connector, Origin, Result, Transport};
///
/// struct Stuck;
///
/// impl Connector for Stuck {
///     fn connect<'a>(&'a self, _origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
///         Box::pin(std::future::pending())
///     }
///
///     fn connect_traced<'a>(
///         &'a self,
///         origin: &'a Origin,
///         trace: &'a ConnectTrace,
///     ) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
///         trace.enter(ConnectStep::Tls, format!("{}:{}", origin.host(), origin.port()));
///         self.connect(origin)
///     }
/// }
///
/// let timer = ManualTimer::new();
/// let client = Client::builder().backend(Agent::new(Stuck, timer.clone())).timer(timer.clone()).build()?;
/// let mut request = client.get("https://example.com/").connect_timeout(Duration::from_secs(5)).send().boxed();
/// assert!((&mut request).now_or_never().is_none());
/// timer.advance(Duration::from_secs(5));
/// let error = request.now_or_never().unwrap().unwrap_err();
/// assert_eq!(error.connect_step(), Some(ConnectStep::Tls));
/// assert!(error.to_string().starts_with("the TLS handshake with example.com:443 timed out"));
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ConnectTrace(Arc<Mutex<TraceState>>);

#[derive(Debug, Default)]
struct TraceState {
    step: Option<ConnectStep>,
    /// What the step is about, as a text.
    target: String,
    /// The addresses that the step has tried.
    addresses: Vec<SocketAddr>,
    /// Whether the connect ends because its limit has passed.
    has_timed_out: bool,
}

impl ConnectTrace {
    /// Makes an empty record.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records the beginning of a step. `target` is its host and port, and may name a proxy. It must not contain
    /// credentials. The addresses of the previous step are forgotten.
    pub fn enter(&self, step: ConnectStep, target: impl Into<String>) {
        let target = target.into();
        let mut state = self.lock();
        state.step = Some(step);
        state.target = target;
        state.addresses.clear();
    }

    /// Records that the present step tries or uses this address.
    pub fn add_address(&self, address: SocketAddr) {
        self.lock().addresses.push(address);
    }

    /// Returns the present step, if a step has begun.
    pub fn step(&self) -> Option<ConnectStep> {
        self.lock().step
    }

    /// Returns whether the connect ends because its limit has passed. If it is dropped otherwise, its caller gave it up.
    #[allow(dead_code, reason = "only the native cache of names asks")]
    pub(crate) fn has_timed_out(&self) -> bool {
        self.lock().has_timed_out
    }

    /// Records that the limit of the connect has passed. A connect is dropped afterwards.
    pub(crate) fn set_timed_out(&self) {
        self.lock().has_timed_out = true;
    }

    /// Records that the limit of a connect to `target` has passed, and makes the error for it.
    pub(crate) fn timed_out(&self, target: &str, limit: Duration, elapsed: Duration) -> Error {
        self.set_timed_out();
        let error = Error::timed_out(Phase::Connect, Timeout::Connect, limit, elapsed);
        let state = self.lock();
        let subject = match state.step {
            None => format!("the connection to {target}"),
            Some(ConnectStep::Dns) => format!("the look-up of the address of {}", state.target),
            Some(ConnectStep::Connect) => format!("the connection to {}", state.target),
            Some(ConnectStep::Proxy) => format!("the tunnel to {}", state.target),
            Some(ConnectStep::Tls) => format!("the TLS handshake with {}", state.target),
        };
        error.with_connect_step(state.step, format!("{subject}{} timed out", addresses(&state.addresses)))
    }

    fn lock(&self) -> MutexGuard<'_, TraceState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a list of addresses as the end of a text. A resolver may return any number of addresses, so the list is cut.
fn addresses(all: &[SocketAddr]) -> String {
    let shown: Vec<_> = all.iter().take(MAX_ADDRESSES).map(SocketAddr::to_string).collect();
    match all.len() - shown.len() {
        0 if shown.is_empty() => String::new(),
        0 => format!(" at {}", shown.join(", ")),
        rest => format!(" at {} and {rest} more addresses", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(trace: &ConnectTrace) -> String {
        trace.timed_out("a.test:80", Duration::from_secs(20), Duration::from_secs(20)).to_string()
    }

    #[test]
    fn error_lists_at_most_eight_addresses() {
        let trace = ConnectTrace::new();
        trace.enter(ConnectStep::Connect, "a.test:80");
        assert!(text(&trace).starts_with("the connection to a.test:80 timed out (limit `connect`: 20s)"));
        for last in 1..=1000u16 {
            trace.add_address(SocketAddr::from(([10, 0, 0, 1], last)));
            assert_eq!(text(&trace).matches("10.0.0.1:").count(), usize::from(last.min(8)));
        }
        assert!(text(&trace).contains(" at 10.0.0.1:1, 10.0.0.1:2, "), "{}", text(&trace));
        assert!(text(&trace).contains("10.0.0.1:8 and 992 more addresses timed out"), "{}", text(&trace));
    }

    #[test]
    fn step_forgets_the_addresses_of_the_step_before() {
        let trace = ConnectTrace::new();
        assert_eq!(trace.step(), None);
        assert!(text(&trace).starts_with("the connection to a.test:80 timed out"));
        for (step, expected) in [
            (ConnectStep::Dns, "the look-up of the address of b.test:1 timed out (limit `connect`: 20s)"),
            (ConnectStep::Connect, "the connection to b.test:1 timed out (limit `connect`: 20s)"),
            (ConnectStep::Proxy, "the tunnel to b.test:1 timed out (limit `connect`: 20s)"),
            (ConnectStep::Tls, "the TLS handshake with b.test:1 timed out (limit `connect`: 20s)"),
        ] {
            trace.enter(step, "b.test:1");
            assert_eq!(trace.clone().step(), Some(step));
            assert!(text(&trace).starts_with(expected), "{}", text(&trace));
            trace.add_address(SocketAddr::from(([10, 0, 0, 1], 9)));
        }
    }
}
