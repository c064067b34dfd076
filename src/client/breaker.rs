//! Circuit breakers: an origin that fails again and again is left alone for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;

use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::response::Response;
use crate::message::url::Origin;
use crate::platform::ClientClock;
use crate::runtime::{Instant, Timer};

/// The most origins that are remembered; beyond it, those that have rested are forgotten, then new ones not noted.
const MOST_ORIGINS: usize = 1024;

/// When to leave an origin alone; an option of a client. Without it, none is.
///
/// A circuit is closed at first: everything goes through. After a number of failures in a row, without one success
/// between them, it opens: for a while every attempt at that origin fails at once with
/// [`CircuitOpen`](ErrorKind::CircuitOpen), without a connection. Then it is half-open: one attempt is let through, and
/// its outcome closes the circuit or opens it for another while.
///
/// A failure is an error of the network, a time limit of the attempt's own, or a status of 500, 502, 503 or 504. The
/// origin is that of the request, whatever redirects follow. Attempts that are dropped count for nothing. A request that
/// is [retried](crate::Retry) is not once the circuit has opened: it returns what it has.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use waterspout::{CircuitBreaker, Client};
///
/// let breaker = CircuitBreaker::new().failures(3).rest(Duration::from_secs(10));
/// let client = Client::builder().circuit_breaker(breaker).build()?;
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a circuit breaker does nothing until it is given to a client"]
pub struct CircuitBreaker {
    failures: u32,
    rest: Duration,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self::new()
    }
}

impl CircuitBreaker {
    /// Opens after 5 failures in a row, for 30 s.
    pub const fn new() -> Self {
        Self { failures: 5, rest: Duration::from_secs(30) }
    }

    /// Sets how many failures in a row open a circuit. Default: 5. Zero counts as one.
    pub const fn failures(mut self, failures: u32) -> Self {
        self.failures = failures;
        self
    }

    /// Sets how long a circuit stays open before one attempt is let through. Default: 30 s.
    pub const fn rest(mut self, time: Duration) -> Self {
        self.rest = time;
        self
    }
}

/// Whom a client leaves alone. A trait, so that a program which sets no breaker does not link one.
pub(super) trait Breaker: Send + Sync {
    /// Whether attempts at `origin` would be refused now.
    ///
    /// # Errors
    /// That they are, with the time until one is let through.
    fn check(&self, origin: &Origin) -> Result<()>;

    /// Lets an attempt at `origin` through, or refuses it.
    fn admit(self: Arc<Self>, origin: &Origin) -> Result<Box<dyn Permit>>;
}

/// An attempt that was let through; without an outcome it counts for nothing.
pub(super) trait Permit: Send + Sync {
    /// The attempt has ended.
    fn end(self: Box<Self>, outcome: Result<&Response, &Error>);
}

/// The circuits of one client.
pub(super) struct Circuits {
    settings: CircuitBreaker,
    clock: ClientClock,
    /// Those that have failed since they last succeeded.
    circuits: Mutex<HashMap<Origin, Circuit>>,
}

struct Circuit {
    failures: u32,
    /// When it opened, if it did.
    opened: Option<Instant>,
    /// Whether an attempt that was let through is under way.
    probing: bool,
}

impl Circuits {
    pub(super) fn new(settings: CircuitBreaker, clock: ClientClock) -> Self {
        Self { settings, clock, circuits: Mutex::default() }
    }

    /// How long the circuit still refuses, if it does; zero while the attempt that was let through is under way.
    fn refusal(&self, circuit: &Circuit, now: Instant) -> Option<Duration> {
        let left = self.settings.rest.saturating_sub(now.since(circuit.opened?));
        (circuit.probing || !left.is_zero()).then_some(left)
    }

    fn failed(&self, origin: &Origin, probe: bool) {
        let now = self.clock.now();
        let mut circuits = self.lock();
        if circuits.len() >= MOST_ORIGINS && !circuits.contains_key(origin) {
            circuits.retain(|_, circuit| self.refusal(circuit, now).is_some());
            if circuits.len() >= MOST_ORIGINS {
                return;
            }
        }
        let fresh = Circuit { failures: 0, opened: None, probing: false };
        let circuit = circuits.entry(origin.clone()).or_insert(fresh);
        circuit.failures = circuit.failures.saturating_add(1);
        // An attempt from before the circuit opened does not open it for longer.
        if probe || (circuit.opened.is_none() && circuit.failures >= self.settings.failures) {
            circuit.opened = Some(now);
            circuit.probing = false;
        }
    }

    fn succeeded(&self, origin: &Origin, probe: bool) {
        let mut circuits = self.lock();
        if probe || circuits.get(origin).is_some_and(|circuit| circuit.opened.is_none()) {
            circuits.remove(origin);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Origin, Circuit>> {
        self.circuits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Breaker for Circuits {
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
        format!("the circuit of {origin} is open and being tried: its last attempts failed")
    } else {
        format!("the circuit of {origin} is open for another {left:?}: its last attempts failed")
    };
    Error::new(ErrorKind::CircuitOpen, Phase::Request, message)
}

struct Admitted {
    circuits: Arc<Circuits>,
    origin: Origin,
    probe: bool,
}

impl Permit for Admitted {
    fn end(mut self: Box<Self>, outcome: Result<&Response, &Error>) {
        let probe = std::mem::take(&mut self.probe);
        match outcome {
            Ok(response) if is_failure(response.status()) => self.circuits.failed(&self.origin, probe),
            Ok(_) => self.circuits.succeeded(&self.origin, probe),
            Err(error) if error.is_network() || error.is_attempt_timeout() => self.circuits.failed(&self.origin, probe),
            // What says nothing about the server lets the next one try.
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

    /// A clock that shows these seconds.
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
    fn no_more_origins_are_remembered_than_have_room() {
        let seconds = Arc::new(AtomicU64::new(0));
        let settings = CircuitBreaker::new().failures(1).rest(Duration::from_secs(10));
        let clock: Arc<dyn Timer> = Arc::new(Seconds(seconds.clone()));
        let breaker = Arc::new(Circuits::new(settings, clock.into()));
        let origin = |index: usize| Url::parse(&format!("http://host-{index}/")).unwrap().origin();
        let fail = |index| breaker.failed(&origin(index), false);
        (0..MOST_ORIGINS + 10).for_each(fail);
        assert_eq!(breaker.lock().len(), MOST_ORIGINS);
        assert!(breaker.check(&origin(0)).is_err() && breaker.check(&origin(MOST_ORIGINS)).is_ok());
        // Those that have rested make room.
        seconds.store(10, Ordering::Relaxed);
        fail(MOST_ORIGINS);
        assert_eq!(breaker.lock().len(), 1);
        assert!(breaker.check(&origin(MOST_ORIGINS)).is_err());
    }
}
