//! The end of a seed: all requests end, and nothing of them is left.

use std::time::Duration;

use waterspout::testing::Http2Action;

use super::accounts::Account;
use super::network::{IDLE_TIMEOUT, Network};
use super::requests::{Kind, Plan};
use super::world::World;

/// The most turns of the clock until all requests have ended.
const MAX_TURNS: usize = 400;

/// How long the idle task leaves a connection to the requests that may poll it.
const PATIENCE: Duration = Duration::from_millis(20);

/// The number of requests on each connection before the checks.
const WARM_UP: usize = 4;

impl World {
    /// Ends all requests, and checks that nothing is left of them.
    pub(super) fn finish(mut self) {
        self.network.gates.open_all();
        self.network.door.set_refuses(0);
        self.network.door.open();
        self.network.tapes.release();
        // Held requests keep their slots, and what has arrived of their bodies keeps a small window of the connection.
        if self.setting.max_active > 100 && self.setting.windows[1] > 1 << 20 {
            self.log.push("all but the held requests end".into());
            self.end_requests(false);
        }
        self.log.push("all requests end".into());
        self.end_requests(true);
        let stats = self.network.client.stats();
        assert_eq!((stats.active, stats.queued), (0, 0), "slots are left");
        let first_probe = self.made;
        self.check_streams();
        self.check_accounts(first_probe);
        self.check_end();
    }

    /// Polls each woken request until none is left, and moves the clock only while nothing else moves.
    fn end_requests(&mut self, with_held: bool) {
        for turn in 0..MAX_TURNS {
            // Enough streams, so that held requests leave some to the others.
            self.network.controls.run(Http2Action::MaxConcurrentStreams(1_000));
            self.network.controls.run(Http2Action::InitialWindowSize(100_000));
            while self.poll_woken(with_held) {}
            if self.tasks.iter().all(|task| task.is_held && !with_held) {
                return;
            }
            self.advance(Duration::from_millis(if turn < 100 { 20 } else { 200 }));
        }
        let left: Vec<_> = self.tasks.iter().map(|task| (&task.plan, task.is_held)).collect();
        panic!("requests hang: {left:#?}");
    }

    /// Polls each task that was woken. Returns whether there were any.
    fn poll_woken(&mut self, with_held: bool) -> bool {
        self.run_servers();
        let is_due = |task: &&super::world::Task| task.request.is_woken() && (with_held || !task.is_held);
        let woken: Vec<_> = self.tasks.iter().filter(is_due).map(|task| task.plan.id).collect();
        for id in &woken {
            let index = self.tasks.iter().position(|task| task.plan.id == *id).unwrap();
            self.poll(index);
        }
        !woken.is_empty()
    }

    /// Runs a request on each connection to an origin.
    fn probe(&mut self, kind: Kind, size: usize, host: &'static str) {
        self.network.controls.run(Http2Action::MaxConcurrentStreams(1));
        self.run_servers();
        for _ in 0..self.network.open_connections(host).max(1) {
            let plan = Plan::simple(self.made, kind, size, host);
            self.made += 1;
            self.add(plan, self.network.probe.clone());
        }
        // Each request is polled once before the first response, so each has a connection of its own.
        (0..self.tasks.len()).rev().for_each(|index| self.poll(index));
        while self.poll_woken(true) {}
        // A connection that was silent may not answer the PING before a POST.
        for _ in 0..3 {
            if !self.tasks.is_empty() {
                self.advance(Duration::from_secs(1));
                while self.poll_woken(true) {}
            }
        }
        assert!(self.tasks.is_empty(), "probes hang");
    }

    /// Checks that each open connection carries a request when it may carry a single request.
    fn check_streams(&mut self) {
        for host in self.setting.hosts {
            // The servers may still have to do what they were told, which the requests drive.
            self.log.push(format!("probes of {host}"));
            let mut turns = 0;
            let mut seen = (usize::MAX, 0);
            while std::mem::replace(&mut seen, (self.network.ends(), self.network.unread(host))) != seen
                || turns < WARM_UP
            {
                turns += 1;
                assert!(turns < MAX_TURNS, "connections end without a reason");
                self.probe(Kind::Echo, 2, host);
                // Twice, because the wait begins again if requests have come meanwhile.
                for _ in 0..2 {
                    self.advance(PATIENCE);
                    self.run_servers();
                }
            }
            self.log.push("strict probes".into());
            let (open, connects) = (self.network.open_connections(host), self.network.connects());
            assert!((1..=self.setting.connections).contains(&open), "{open} connections to {host} are open");
            self.probe(Kind::Echo, 70_000, host);
            // The windows of the last pieces are opened by the next request.
            self.probe(Kind::Now, 2, host);
            let now = (self.network.open_connections(host), self.network.connects());
            assert_eq!(now, (open, connects), "a connection is open and carries no request");
        }
    }

    /// Checks the frames of all connections.
    fn check_accounts(&mut self, first_probe: u64) {
        let window = u64::from(self.setting.windows[1]);
        self.network.tapes.look(|state| {
            for (number, tape) in state.tapes.iter().enumerate() {
                let account = Account::of(tape);
                account.check(window, self.setting.windows[0].into());
                if self.setting.keeps_idle && !account.is_retired && !account.was_silent {
                    assert!(!tape.is_dropped, "the client has dropped connection {number}, which the server keeps");
                }
                // Without an executor, only a request drives a connection.
                let is_driven = self.setting.has_executor || tape.has_sent(|request| request >= first_probe);
                if !tape.is_dropped && !account.is_retired && is_driven {
                    assert!(account.open.is_empty(), "streams of {number} are left: {:?}", account.open);
                    account.check_window(window);
                }
            }
        });
    }

    /// Checks that idle connections are closed in time, and that the end of the client ends everything.
    fn check_end(mut self) {
        self.log.push("the end".into());
        let timer = self.network.timer.clone();
        for _ in 0..10 {
            timer.advance(IDLE_TIMEOUT);
            self.run_servers();
        }
        if self.setting.has_executor {
            assert_eq!(self.network.controls.open(), 0, "idle connections are open");
            assert_eq!(self.network.tasks.count(), 0, "background tasks run");
        }
        assert_eq!(timer.pending(), 0, "timers are set although nothing runs");
        let Network { mut tasks, client, probe, controls, tapes, .. } = self.network;
        drop((client, probe));
        while tasks.poll_any(&mut self.rng) {}
        assert_eq!(controls.open(), 0, "connections outlive the client");
        assert_eq!(tasks.count(), 0, "tasks outlive the client");
        assert_eq!(timer.pending(), 0, "timers outlive the client");
        assert!(tapes.look(|state| state.tapes.iter().all(|tape| tape.is_dropped)), "transports outlive the client");
    }
}
