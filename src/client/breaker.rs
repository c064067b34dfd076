//! Circuit breakers: after repeated failures a client sends an origin no requests for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;

use super::policies::{MAKE_POLICIES, MakePolicies};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::response::Response;
use crate::message::url::Origin;
use crate::platform::ClientClock;
use crate::runtime::{Instant, Timer};

/// The maximum number of origins with a circuit.
///
/// At the maximum, circuits that refuse nothing any more are forgotten. If all refuse, a new origin gets no circuit.
const MAX_ORIGINS: usize = 1024;

/// Says when a client stops sending requests to an origin; an option of a client. By default it never stops.
///
/// A circuit is closed at first: all requests go through. After a number of failures in a row, without a success between
/// them, it opens. While it is open, every attempt at the origin fails at once with
/// [`CircuitOpen`](ErrorKind::CircuitOpen), without a connection. Then it is half-open: a single probe is let through, and
/// its outcome closes the circuit or opens it again.
///
/// A failure is an error of the network, a time limit of the attempt, or a status of 500, 502, 503 or 504. The origin is
/// that of the request's own URL, even if redirects follow. Attempts that are dropped do not count. A request with a
/// [`Retry`](crate::Retry) is not tried again once the circuit has opened: it returns its last response or error.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use waterspout::{CircuitBreaker, Client};
///
/// let breaker = CircuitBreaker::new().failures(3).open_for(Duration::from_secs(10));
/// let client = Client::builder().circuit_breaker(breaker).build()?;
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a circuit breaker does nothing until it is given to a client"]
pub struct CircuitBreaker {
    /// How many failures in a row open a circuit.
    failures: u32,
    /// How long a circuit stays open.
    open_for: Duration,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self::new()
    }
}

impl CircuitBreaker {
    /// Makes a circuit breaker that opens after 5 failures in a row, for 30 s.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{CircuitBreaker, Client, Error, ErrorKind, Phase, Request};
    ///
    /// # futures::executor::block_on(async {
    /// let backend = MockBackend::new(|_: Request| {
    ///     Box::pin(async { Err(Error::new(ErrorKind::Connect, Phase::Connect, "connection refused")) })
    /// });
    /// let client = Client::builder().backend(backend).circuit_breaker(CircuitBreaker::new()).build()?;
    /// for _ in 0..5 {
    ///     let error = client.get("http://example.com/").await.unwrap_err();
    ///     assert_eq!(error.kind(), ErrorKind::Connect);
    /// }
    /// let refused = client.get("http://example.com/").await.unwrap_err();
    /// assert_eq!(refused.kind(), ErrorKind::CircuitOpen);
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub const fn new() -> Self {
        Self { failures: 5, open_for: Duration::from_secs(30) }
    }

    /// Sets how many failures in a row open a circuit. Default: 5. Zero counts as 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{CircuitBreaker, Client, ErrorKind, Response};
    /// use waterspout::http::StatusCode;
    ///
    /// # futures::executor::block_on(async {
    /// let backend = MockBackend::new(|request| {
    ///     Box::pin(async move { Ok(Response::new(StatusCode::BAD_GATEWAY, request.url().clone(), "")) })
    /// });
    /// let breaker = CircuitBreaker::new().failures(1);
    /// let client = Client::builder().backend(backend).circuit_breaker(breaker).build()?;
    /// assert_eq!(client.get("http://example.com/").await?.status(), StatusCode::BAD_GATEWAY);
    /// let refused = client.get("http://example.com/").await.unwrap_err();
    /// assert_eq!(refused.kind(), ErrorKind::CircuitOpen);
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub const fn failures(mut self, failures: u32) -> Self {
        self.failures = failures;
        self
    }

    /// Sets how long a circuit stays open before a probe is let through. Default: 30 s.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::{CircuitBreaker, Client};
    ///
    /// let breaker = CircuitBreaker::new().open_for(Duration::from_secs(5));
    /// let client = Client::builder().circuit_breaker(breaker).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub const fn open_for(mut self, time: Duration) -> Self {
        self.open_for = time;
        self
    }
}

/// Refuses attempts at origins that fail.
///
/// It is a trait object that only [`Builder::circuit_breaker`](super::Builder::circuit_breaker) makes: a browser program
/// without a circuit breaker links neither the circuits nor their errors. `RetryPolicy` says what the idiom saves in all.
pub(super) trait BreakerPolicy: Send + Sync {
    /// Checks whether attempts at `origin` would be refused now.
    ///
    /// # Errors
    /// [`CircuitOpen`](ErrorKind::CircuitOpen) if they would be; its message has the time until an attempt is let through.
    fn check(&self, origin: &Origin) -> Result<()>;

    /// Lets an attempt at `origin` through.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    fn admit(self: Arc<Self>, origin: &Origin) -> Result<Box<dyn Permit>>;

    /// Returns what makes the policies of a request.
    fn make_policies(&self) -> MakePolicies {
        MAKE_POLICIES
    }
}

/// An attempt that was let through. If it is dropped without an outcome, the attempt does not count.
pub(super) trait Permit: Send + Sync {
    /// Records the outcome of the attempt.
    fn end(self: Box<Self>, outcome: std::result::Result<&Response, &Error>);
}

/// The circuits of a client.
pub(super) struct Circuits {
    settings: CircuitBreaker,
    clock: ClientClock,
    /// The origins that have failed since their last success.
    circuits: Mutex<HashMap<Origin, Circuit>>,
}

struct Circuit {
    /// How many attempts in a row have failed.
    failures: u32,
    /// When the circuit opened, if it is open or half-open.
    opened: Option<Instant>,
    /// Whether the probe of a half-open circuit is under way.
    probing: bool,
}

impl Circuits {
    pub(super) fn new(settings: CircuitBreaker, clock: ClientClock) -> Self {
        Self { settings, clock, circuits: Mutex::default() }
    }

    /// Returns how long the circuit still refuses attempts, or `None` if it refuses none.
    ///
    /// It is zero if only the probe of a half-open circuit is in the way.
    fn refusal(&self, circuit: &Circuit, now: Instant) -> Option<Duration> {
        let left = self.settings.open_for.saturating_sub(now.since(circuit.opened?));
        (circuit.probing || !left.is_zero()).then_some(left)
    }

    /// Counts a failure; `probe` says whether it is that of a half-open circuit's probe.
    fn failed(&self, origin: &Origin, probe: bool) {
        let now = self.clock.now();
        let mut circuits = self.lock();
        // Without a bound, a crawler that meets many failing origins would fill the memory.
        if circuits.len() >= MAX_ORIGINS && !circuits.contains_key(origin) {
            circuits.retain(|_, circuit| self.refusal(circuit, now).is_some());
            if circuits.len() >= MAX_ORIGINS {
                return;
            }
        }
        let closed = Circuit { failures: 0, opened: None, probing: false };
        let circuit = circuits.entry(origin.clone()).or_insert(closed);
        circuit.failures = circuit.failures.saturating_add(1);
        // An attempt from before the circuit opened does not open it for longer.
        if probe || (circuit.opened.is_none() && circuit.failures >= self.settings.failures) {
            circuit.opened = Some(now);
            circuit.probing = false;
        }
    }

    /// Closes the circuit. A success that began before the circuit opened leaves it open.
    fn succeeded(&self, origin: &Origin, probe: bool) {
        let mut circuits = self.lock();
        if probe || circuits.get(origin).is_some_and(|circuit| circuit.opened.is_none()) {
            // A circuit without failures needs no entry: the map holds failing origins alone.
            circuits.remove(origin);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Origin, Circuit>> {
        self.circuits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BreakerPolicy for Circuits {
    fn check(&self, origin: &Origin) -> Result<()> {
        let now = self.clock.now();
        match self.lock().get(origin) {
            Some(circuit) => self.refusal(circuit, now).map_or(Ok(()), |left| Err(open(origin, left))),
            None => Ok(()),
        }
    }

    fn admit(self: Arc<Self>, origin: &Origin) -> Result<Box<dyn Permit>> {
        let now = self.clock.now();
        let mut probe = false;
        if let Some(circuit) = self.lock().get_mut(origin) {
            if let Some(left) = self.refusal(circuit, now) {
                return Err(open(origin, left));
            }
            probe = circuit.opened.is_some();
            circuit.probing = probe;
        }
        Ok(Box::new(Admitted { circuits: self, origin: origin.clone(), probe }))
    }
}

fn open(origin: &Origin, left: Duration) -> Error {
    let message = if left.is_zero() {
        format!("the circuit of {origin} is open, and an attempt is being tried: the last attempts failed")
    } else {
        format!("the circuit of {origin} is open for another {left:?}: the last attempts failed")
    };
    Error::new(ErrorKind::CircuitOpen, Phase::Request, message)
}

struct Admitted {
    circuits: Arc<Circuits>,
    origin: Origin,
    /// Whether this is the probe of a half-open circuit, and has no outcome yet.
    probe: bool,
}

impl Permit for Admitted {
    fn end(mut self: Box<Self>, outcome: std::result::Result<&Response, &Error>) {
        let probe = std::mem::take(&mut self.probe);
        match outcome {
            Ok(response) if is_failure(response.status()) => self.circuits.failed(&self.origin, probe),
            Ok(_) => self.circuits.succeeded(&self.origin, probe),
            Err(error) if error.is_network() || error.is_attempt_timeout() => self.circuits.failed(&self.origin, probe),
            // The error says nothing about the server: dropping the permit lets another attempt try.
            Err(_) => self.probe = probe,
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if !self.probe {
            return;
        }
        if let Some(circuit) = self.circuits.lock().get_mut(&self.origin) {
            circuit.probing = false;
        }
    }
}

fn is_failure(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::message::url::Url;
    use crate::runtime::BoxFuture;

    /// A clock that shows this number of seconds.
    struct Seconds(Arc<AtomicU64>);

    impl Timer for Seconds {
        fn now(&self) -> Instant {
            Instant::from_origin(Duration::from_secs(self.0.load(Ordering::Relaxed)))
        }

        fn sleep_until(&self, _: Instant) -> BoxFuture<'static, ()> {
            Box::pin(std::future::pending())
        }
    }

    #[test]
    fn number_of_circuits_is_bounded() {
        let seconds = Arc::new(AtomicU64::new(0));
        let settings = CircuitBreaker::new().failures(1).open_for(Duration::from_secs(10));
        let clock: Arc<dyn Timer> = Arc::new(Seconds(seconds.clone()));
        let breaker = Arc::new(Circuits::new(settings, clock.into()));
        let origin = |index: usize| Url::parse(&format!("http://host-{index}/")).unwrap().origin();
        let fail = |index| breaker.failed(&origin(index), false);
        (0..MAX_ORIGINS + 10).for_each(fail);
        assert_eq!(breaker.lock().len(), MAX_ORIGINS);
        assert!(breaker.check(&origin(0)).is_err() && breaker.check(&origin(MAX_ORIGINS)).is_ok());
        // Circuits that refuse nothing any more make room.
        seconds.store(10, Ordering::Relaxed);
        fail(MAX_ORIGINS);
        assert_eq!(breaker.lock().len(), 1);
        assert!(breaker.check(&origin(MAX_ORIGINS)).is_err());
    }
}
