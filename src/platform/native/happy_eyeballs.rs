//! Races connect attempts to the addresses of a host, each started after a delay (RFC 8305).

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::FuturesUnordered;

use crate::runtime::Timer;

/// How long an attempt may take before the next address is tried as well (section 8).
pub(super) const DEFAULT_DELAY: Duration = Duration::from_millis(250);

/// Connects to `addresses` with `dial`. The next attempt starts when an attempt fails, or after `delay`.
///
/// The first connection wins, and all other attempts are dropped.
///
/// # Errors
/// Each address with the reason of its failure, if no attempt succeeds.
pub(super) async fn race<T, F>(
    addresses: Vec<SocketAddr>,
    delay: Duration,
    timer: &dyn Timer,
    dial: impl Fn(SocketAddr) -> F,
) -> Result<T, Vec<(SocketAddr, io::Error)>>
where
    F: Future<Output = io::Result<T>>,
{
    // A single address has no race. It needs none of the memory of a race, which counts when many connects run at once.
    if let [address] = addresses[..] {
        return dial(address).await.map_err(|error| vec![(address, error)]);
    }
    let mut waiting = interleave(addresses);
    let mut dialling = FuturesUnordered::new();
    let mut failures = Vec::new();
    loop {
        if let Some(address) = waiting.pop_front() {
            let attempt = dial(address);
            // Boxed, because the set holds the space of an attempt more than it has attempts.
            dialling.push(Box::pin(async move { (address, attempt.await) }));
        }
        // With no address left there is no next attempt to start, and so no timer.
        let outcome = if waiting.is_empty() {
            dialling.next().await
        } else {
            match select(dialling.next(), timer.sleep_until(timer.now() + delay)).await {
                Either::Left((outcome, _)) => outcome,
                // The next attempt starts, and the slow attempts stay in the race.
                Either::Right(_) => continue,
            }
        };
        match outcome {
            // Returning drops `dialling`, which closes the sockets of all other attempts.
            Some((_, Ok(connection))) => return Ok(connection),
            Some((address, Err(error))) => failures.push((address, error)),
            None => return Err(failures),
        }
    }
}

/// Orders addresses so that the families alternate, beginning with the family that the resolver put first (section 4).
fn interleave(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut order = VecDeque::with_capacity(first.len() + second.len());
    while !(first.is_empty() && second.is_empty()) {
        order.extend(first.pop_front());
        order.extend(second.pop_front());
    }
    order
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::HashMap;
    use std::rc::Rc;

    use futures::FutureExt;
    use futures::channel::oneshot;
    use futures::future::LocalBoxFuture;

    use super::super::time_limit::with_limit;
    use super::*;
    use crate::error::{Error, ErrorKind, Phase};
    use crate::testing::ManualTimer;
    use crate::transport::ConnectTrace;

    type Answer = io::Result<&'static str>;

    /// A network in which a test decides when an address answers.
    #[derive(Clone, Default)]
    struct ScriptedNetwork {
        dialled: Rc<RefCell<Vec<SocketAddr>>>,
        open: Rc<RefCell<HashMap<SocketAddr, oneshot::Sender<Answer>>>>,
        timer: ManualTimer,
    }

    impl ScriptedNetwork {
        fn race(&self, addresses: &[&str]) -> LocalBoxFuture<'static, Result<&'static str, Vec<SocketAddr>>> {
            let network = self.clone();
            let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
            async move {
                let dial = |address| {
                    let (answer, answered) = oneshot::channel();
                    network.dialled.borrow_mut().push(address);
                    network.open.borrow_mut().insert(address, answer);
                    answered.map(|answer| answer.unwrap())
                };
                let outcome = race(addresses, DEFAULT_DELAY, &network.timer.clone(), dial).await;
                outcome.map_err(|failures| failures.into_iter().map(|(address, _)| address).collect())
            }
            .boxed_local()
        }

        fn answer(&self, address: &str, answer: Answer) {
            let sender = self.open.borrow_mut().remove(&address.parse().unwrap()).expect("it was dialled");
            let _ = sender.send(answer);
        }

        fn refuse(&self, address: &str) {
            self.answer(address, Err(io::ErrorKind::ConnectionRefused.into()));
        }

        /// Returns whether the attempt at `address` was dropped.
        fn is_dropped(&self, address: &str) -> bool {
            self.open.borrow()[&address.parse().unwrap()].is_canceled()
        }

        fn dialled(&self) -> Vec<String> {
            self.dialled.borrow().iter().map(|address| address.to_string()).collect()
        }
    }

    const A: &str = "10.0.0.1:80";
    const B: &str = "10.0.0.2:80";
    const X: &str = "[::1]:80";
    const Y: &str = "[::2]:80";

    #[test]
    fn families_alternate_beginning_with_the_first() {
        let order = |addresses: &[&str]| -> Vec<String> {
            interleave(addresses.iter().map(|a| a.parse().unwrap()).collect()).iter().map(|a| a.to_string()).collect()
        };
        assert_eq!(order(&[A, B, X, Y]), [A, X, B, Y]);
        assert_eq!(order(&[X, A, B]), [X, A, B]);
        assert_eq!(order(&[A, B]), [A, B]);
        assert!(order(&[]).is_empty());
    }

    #[test]
    fn immediate_success_dials_a_single_address() {
        let network = ScriptedNetwork::default();
        let mut race = network.race(&[A, X]);
        assert!((&mut race).now_or_never().is_none());
        network.answer(A, Ok("a"));
        assert_eq!(race.now_or_never(), Some(Ok("a")));
        assert_eq!((network.dialled(), network.timer.pending()), (vec![A.to_owned()], 0));
    }

    #[test]
    fn failure_dials_the_next_address_at_once() {
        let network = ScriptedNetwork::default();
        let mut race = network.race(&[A, B]);
        assert!((&mut race).now_or_never().is_none());
        network.refuse(A);
        assert!((&mut race).now_or_never().is_none());
        assert_eq!(network.dialled(), [A, B]);
        network.answer(B, Ok("b"));
        assert_eq!(race.now_or_never(), Some(Ok("b")));
    }

    #[test]
    fn failure_of_all_addresses_lists_each_address() {
        let network = ScriptedNetwork::default();
        let mut race = network.race(&[A, X]);
        assert!((&mut race).now_or_never().is_none());
        network.refuse(A);
        assert!((&mut race).now_or_never().is_none());
        network.refuse(X);
        assert_eq!(race.now_or_never(), Some(Err(vec![A.parse().unwrap(), X.parse().unwrap()])));
        assert_eq!(network.race(&[]).now_or_never(), Some(Err(vec![])));
    }

    #[test]
    fn next_address_is_dialled_after_the_delay() {
        let network = ScriptedNetwork::default();
        let mut race = network.race(&[A, B, X]);
        assert!((&mut race).now_or_never().is_none());
        network.timer.advance(DEFAULT_DELAY - Duration::from_millis(1));
        assert!((&mut race).now_or_never().is_none());
        assert_eq!(network.dialled(), [A]);
        network.timer.advance(Duration::from_millis(1));
        assert!((&mut race).now_or_never().is_none());
        assert_eq!(network.dialled(), [A, X]);
        network.timer.advance(DEFAULT_DELAY);
        assert!((&mut race).now_or_never().is_none());
        assert_eq!(network.dialled(), [A, X, B]);
        network.answer(B, Ok("b"));
        assert_eq!(race.now_or_never(), Some(Ok("b")));
        assert!(network.is_dropped(A) && network.is_dropped(X));
    }

    #[test]
    fn first_address_may_still_win_after_the_delay() {
        let network = ScriptedNetwork::default();
        let mut race = network.race(&[A, X]);
        assert!((&mut race).now_or_never().is_none());
        network.timer.advance(DEFAULT_DELAY);
        assert!((&mut race).now_or_never().is_none());
        network.refuse(X);
        assert!((&mut race).now_or_never().is_none());
        network.answer(A, Ok("a"));
        assert_eq!(race.now_or_never(), Some(Ok("a")));
    }

    #[test]
    fn dropping_the_race_drops_every_attempt_and_its_timer() {
        let network = ScriptedNetwork::default();
        let mut race = network.race(&[A, X, Y]);
        assert!((&mut race).now_or_never().is_none());
        network.timer.advance(DEFAULT_DELAY);
        assert!((&mut race).now_or_never().is_none());
        drop(race);
        assert!(network.is_dropped(A) && network.is_dropped(X));
        assert_eq!((network.dialled().len(), network.timer.pending()), (2, 0));
    }

    #[test]
    fn failure_of_a_single_address_is_the_error() {
        let network = ScriptedNetwork::default();
        let mut race = network.race(&[A]);
        assert!((&mut race).now_or_never().is_none());
        network.refuse(A);
        assert_eq!(race.now_or_never(), Some(Err(vec![A.parse().unwrap()])));
    }

    #[test]
    fn no_timer_is_set_for_the_last_address() {
        let network = ScriptedNetwork::default();
        let mut race = network.race(&[A, B]);
        assert!((&mut race).now_or_never().is_none());
        network.refuse(A);
        assert!((&mut race).now_or_never().is_none());
        assert_eq!(network.timer.pending(), 0);
        network.timer.advance(2 * DEFAULT_DELAY);
        assert!((&mut race).now_or_never().is_none());
        assert_eq!(network.dialled(), [A, B]);
    }

    #[test]
    fn winning_address_drops_the_other_attempts_and_starts_none() {
        let network = ScriptedNetwork::default();
        let mut race = network.race(&[A, X, Y]);
        assert!((&mut race).now_or_never().is_none());
        network.timer.advance(DEFAULT_DELAY);
        assert!((&mut race).now_or_never().is_none());
        network.answer(A, Ok("a"));
        assert_eq!(race.now_or_never(), Some(Ok("a")));
        assert!(network.is_dropped(X));
        network.timer.advance(2 * DEFAULT_DELAY);
        assert_eq!((network.dialled().len(), network.timer.pending()), (2, 0));
    }

    /// Between the first delay and the second.
    const LIMIT: Duration = Duration::from_millis(300);

    impl ScriptedNetwork {
        /// Races within the connect limit. Every error except that of the limit is `Connect`.
        fn limited(&self, addresses: &[&str]) -> LocalBoxFuture<'static, Result<&'static str, ErrorKind>> {
            let race = self.race(addresses);
            let timer = self.timer.clone();
            async move {
                let race = race.map(|outcome| {
                    outcome.map_err(|_| Error::new(ErrorKind::Connect, Phase::Connect, "no address answered"))
                });
                with_limit(&timer, Some(LIMIT), &ConnectTrace::new(), "a.test:80", race)
                    .await
                    .map_err(|error| error.kind())
            }
            .boxed_local()
        }
    }

    #[test]
    fn connect_limit_drops_every_attempt_and_starts_none() {
        for addresses in [&[A][..], &[A, B], &[A, X, Y]] {
            let network = ScriptedNetwork::default();
            let mut race = network.limited(addresses);
            assert!((&mut race).now_or_never().is_none());
            network.timer.advance(DEFAULT_DELAY);
            assert!((&mut race).now_or_never().is_none());
            let dialled = network.dialled();
            assert_eq!(dialled.len(), addresses.len().min(2));
            network.timer.advance(LIMIT - DEFAULT_DELAY);
            assert_eq!((&mut race).now_or_never(), Some(Err(ErrorKind::Timeout)));
            assert!(dialled.iter().all(|address| network.is_dropped(address)));
            network.timer.advance(LIMIT);
            assert_eq!((network.dialled(), network.timer.pending()), (dialled, 0));
        }
    }

    #[test]
    fn connect_limit_covers_the_second_attempt() {
        let network = ScriptedNetwork::default();
        let mut race = network.limited(&[A, B]);
        assert!((&mut race).now_or_never().is_none());
        network.refuse(A);
        assert!((&mut race).now_or_never().is_none());
        network.timer.advance(LIMIT);
        assert_eq!(race.now_or_never(), Some(Err(ErrorKind::Timeout)));
        assert!(network.is_dropped(B));
    }

    #[test]
    fn success_before_the_connect_limit_leaves_no_timer() {
        let network = ScriptedNetwork::default();
        let mut race = network.limited(&[A, X]);
        assert!((&mut race).now_or_never().is_none());
        network.timer.advance(LIMIT - Duration::from_millis(1));
        assert!((&mut race).now_or_never().is_none());
        network.answer(X, Ok("x"));
        assert_eq!(race.now_or_never(), Some(Ok("x")));
        assert_eq!((network.is_dropped(A), network.timer.pending()), (true, 0));
    }

    #[test]
    fn failure_of_all_addresses_before_the_connect_limit_is_the_error() {
        let network = ScriptedNetwork::default();
        let mut race = network.limited(&[A, B]);
        for address in [A, B] {
            assert!((&mut race).now_or_never().is_none());
            network.refuse(address);
        }
        assert_eq!(race.now_or_never(), Some(Err(ErrorKind::Connect)));
        assert_eq!(network.timer.pending(), 0);
    }
}
