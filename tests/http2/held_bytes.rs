//! Bytes that the transport does not accept for a while, as of a full socket.

use std::task::Poll;
use std::time::Duration;

use waterspout::testing::Http2Action;

use crate::random::network::{Network, Setting};
use crate::random::requests::{Kind, Plan};
use crate::random::tape::Tapes;
use crate::served::HandPolled;

/// Runs a request until it is ready or nothing moves any more. Returns whether it has succeeded.
fn run(network: &mut Network, request: &mut HandPolled<waterspout::Result<(Vec<u8>, bool)>>) -> Option<bool> {
    loop {
        network.run_tasks();
        if !request.is_woken() {
            return None;
        }
        if let Poll::Ready(outcome) = request.poll() {
            return Some(outcome.is_ok());
        }
    }
}

fn send(network: &Network, id: u64, kind: Kind) -> HandPolled<waterspout::Result<(Vec<u8>, bool)>> {
    let plan = Plan::simple(id, kind, 100, "a.test");
    HandPolled::new(plan.send(network.client.clone(), network.gates.clone()))
}

#[test]
fn request_that_was_not_sent_before_the_end_of_a_connection_is_sent_on_another_alone() {
    for kind in [Kind::Now, Kind::Echo, Kind::Put] {
        let mut network = Network::new(&Setting::plain(), Tapes::default());
        let mut first = send(&network, 1, Kind::Now);
        assert_eq!(run(&mut network, &mut first), Some(true));
        // A request that is not answered keeps the connection.
        let mut kept = send(&network, 4, Kind::Gated);
        assert_eq!(run(&mut network, &mut kept), None);
        network.tapes.hold(0, 1);
        let mut second = send(&network, 2, kind);
        assert_eq!(run(&mut network, &mut second), None, "{kind:?}");
        network.controls.run(Http2Action::Close);
        assert_eq!(run(&mut network, &mut second), Some(true), "{kind:?}");
        network.tapes.release();
        assert_eq!(run(&mut network, &mut kept), None);
        assert_eq!(network.tapes.heads_of(2), [1], "{kind:?} also leaves on the connection that has ended");
    }
}

#[test]
fn request_drives_the_connection_while_another_request_holds_the_ping() {
    for direction in [0, 1] {
        let mut network = Network::new(&Setting::plain(), Tapes::default());
        let mut first = send(&network, 1, Kind::Now);
        assert_eq!(run(&mut network, &mut first), Some(true));
        network.timer.advance(Duration::from_secs(10));
        network.tapes.hold(0, direction);
        // This request has the PING and is not polled again.
        let mut held = send(&network, 2, Kind::Echo);
        assert!(held.poll().is_pending());
        let mut second = send(&network, 3, Kind::Echo);
        assert_eq!(run(&mut network, &mut second), None);
        network.tapes.release();
        assert_eq!(run(&mut network, &mut second), None);
        // The second request does not get the PING, and sees that bytes have arrived.
        network.timer.advance(Duration::from_secs(2));
        assert_eq!(run(&mut network, &mut second), Some(true), "direction {direction}");
        assert_eq!(network.tapes.heads_of(3), [0], "direction {direction}: a live connection seems dead");
    }
}
