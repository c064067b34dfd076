//! Which of a host's addresses to connect to: several in a staggered race (RFC 8305).

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::FuturesUnordered;

use crate::runtime::Timer;

/// How long an address may take before the next one is tried as well (section 8).
pub(super) const DEFAULT_DELAY: Duration = Duration::from_millis(250);

/// Dials `addresses` until one answers: the next is dialled when the one before has failed, or after `delay`.
///
/// The first connection wins and the others are dropped. If none comes, each address is told with its reason.
pub(super) async fn race<T, F>(
    addresses: Vec<SocketAddr>,
    delay: Duration,
    timer: &dyn Timer,
    dial: impl Fn(SocketAddr) -> F,
) -> Result<T, Vec<(SocketAddr, io::Error)>>
where
    F: Future<Output = io::Result<T>>,
{
    let mut waiting = interleave(addresses);
    let mut dialling = FuturesUnordered::new();
    let mut failures = Vec::new();
    loop {
        if let Some(address) = waiting.pop_front() {
            let attempt = dial(address);
            dialling.push(async move { (address, attempt.await) });
        }
        let outcome = if waiting.is_empty() {
            dialling.next().await
        } else {
            match select(dialling.next(), timer.sleep_until(timer.now() + delay)).await {
                Either::Left((outcome, _)) => outcome,
                // Time for the next address; those that are slow stay in the race.
                Either::Right(_) => continue,
            }
        };
        match outcome {
            Some((_, Ok(connection))) => return Ok(connection),
            Some((address, Err(error))) => failures.push((address, error)),
            None => return Err(failures),
        }
    }
}

/// Orders addresses so that the families take turns, beginning with the one that the resolver put first (section 4).
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

    use super::super::within::within;
    use super::*;
    use crate::error::{Error, ErrorKind, Phase};
    use crate::testing::ManualTimer;

    type Answer = io::Result<&'static str>;

    /// A network whose addresses answer when told to.
    #[derive(Clone, Default)]
    struct Network {
        dialled: Rc<RefCell<Vec<SocketAddr>>>,
        open: Rc<RefCell<HashMap<SocketAddr, oneshot::Sender<Answer>>>>,
        timer: ManualTimer,
    }

    impl Network {
        fn race(&self, addresses: &[&str]) -> LocalBoxFuture<'static, Result<&'static str, Vec<SocketAddr>>> {
            let (network, addresses) =
                (self.clone(), addresses.iter().map(|address| address.parse().unwrap()).collect());
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

        /// Whether nobody listens to an attempt any more.
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
    fn families_take_turns_beginning_with_the_first() {
        let order = |addresses: &[&str]| -> Vec<String> {
            interleave(addresses.iter().map(|a| a.parse().unwrap()).collect()).iter().map(|a| a.to_string()).collect()
        };
        assert_eq!(order(&[A, B, X, Y]), [A, X, B, Y]);
        assert_eq!(order(&[X, A, B]), [X, A, B]);
        assert_eq!(order(&[A, B]), [A, B]);
        assert!(order(&[]).is_empty());
    }

    #[test]
    fn an_immediate_success_dials_one_address_only() {
        let network = Network::default();
        let mut race = network.race(&[A, X]);
        assert!((&mut race).now_or_never().is_none());
        network.answer(A, Ok("a"));
        assert_eq!(race.now_or_never(), Some(Ok("a")));
        assert_eq!((network.dialled(), network.timer.pending()), (vec![A.to_owned()], 0));
    }

    #[test]
    fn a_failure_moves_on_at_once() {
        let network = Network::default();
        let mut race = network.race(&[A, B]);
        assert!((&mut race).now_or_never().is_none());
        network.refuse(A);
        assert!((&mut race).now_or_never().is_none());
        assert_eq!(network.dialled(), [A, B]);
        network.answer(B, Ok("b"));
        assert_eq!(race.now_or_never(), Some(Ok("b")));
    }

    #[test]
    fn when_all_fail_each_is_told() {
        let network = Network::default();
        let mut race = network.race(&[A, X]);
        assert!((&mut race).now_or_never().is_none());
        network.refuse(A);
        assert!((&mut race).now_or_never().is_none());
        network.refuse(X);
        assert_eq!(race.now_or_never(), Some(Err(vec![A.parse().unwrap(), X.parse().unwrap()])));
        assert_eq!(network.race(&[]).now_or_never(), Some(Err(vec![])));
    }

    #[test]
    fn a_slow_address_of_either_family_is_overtaken_after_the_delay() {
        let network = Network::default();
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
    fn the_first_may_still_win_after_the_delay() {
        let network = Network::default();
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
        let network = Network::default();
        let mut race = network.race(&[A, X, Y]);
        assert!((&mut race).now_or_never().is_none());
        network.timer.advance(DEFAULT_DELAY);
        assert!((&mut race).now_or_never().is_none());
        drop(race);
        assert!(network.is_dropped(A) && network.is_dropped(X));
        assert_eq!((network.dialled().len(), network.timer.pending()), (2, 0));
    }

    #[test]
    fn a_single_address_that_fails_is_the_error() {
        let network = Network::default();
        let mut race = network.race(&[A]);
        assert!((&mut race).now_or_never().is_none());
        network.refuse(A);
        assert_eq!(race.now_or_never(), Some(Err(vec![A.parse().unwrap()])));
    }

    #[test]
    fn without_another_address_there_is_no_delay_to_wait_for() {
        let network = Network::default();
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
    fn a_win_drops_those_who_are_late_and_starts_nobody() {
        let network = Network::default();
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

    impl Network {
        /// A race within a limit in all; every error but that of the limit is `Connect`.
        fn limited(&self, addresses: &[&str]) -> LocalBoxFuture<'static, Result<&'static str, ErrorKind>> {
            let (race, timer) = (self.race(addresses), self.timer.clone());
            async move {
                let race = race.map(|outcome| {
                    outcome.map_err(|_| Error::new(ErrorKind::Connect, Phase::Connect, "nobody answered"))
                });
                within(&timer, Some(LIMIT), race).await.map_err(|error| error.kind())
            }
            .boxed_local()
        }
    }

    #[test]
    fn the_limit_in_all_drops_every_open_attempt_and_nothing_starts_later() {
        for addresses in [&[A][..], &[A, B], &[A, X, Y]] {
            let network = Network::default();
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
    fn the_limit_in_all_holds_for_the_second_try_as_well() {
        let network = Network::default();
        let mut race = network.limited(&[A, B]);
        assert!((&mut race).now_or_never().is_none());
        network.refuse(A);
        assert!((&mut race).now_or_never().is_none());
        network.timer.advance(LIMIT);
        assert_eq!(race.now_or_never(), Some(Err(ErrorKind::Timeout)));
        assert!(network.is_dropped(B));
    }

    #[test]
    fn a_win_before_the_limit_in_all_stands_and_leaves_no_timer() {
        let network = Network::default();
        let mut race = network.limited(&[A, X]);
        assert!((&mut race).now_or_never().is_none());
        network.timer.advance(LIMIT - Duration::from_millis(1));
        assert!((&mut race).now_or_never().is_none());
        network.answer(X, Ok("x"));
        assert_eq!(race.now_or_never(), Some(Ok("x")));
        assert_eq!((network.is_dropped(A), network.timer.pending()), (true, 0));
    }

    #[test]
    fn when_all_fail_before_the_limit_in_all_that_is_the_error() {
        let network = Network::default();
        let mut race = network.limited(&[A, B]);
        for address in [A, B] {
            assert!((&mut race).now_or_never().is_none());
            network.refuse(address);
        }
        assert_eq!(race.now_or_never(), Some(Err(ErrorKind::Connect)));
        assert_eq!(network.timer.pending(), 0);
    }
}
