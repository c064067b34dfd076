//! The end of a seed: all requests end, the client still works, and nothing is left.

use std::time::Duration;

use waterspout::Client;

use crate::caller::NumberedAgent;
use crate::model::outcome::ClientEvents;
use crate::plan::Plan;
use crate::record::{LinkFacts, StageObserver};
use crate::settings::HOSTS;
use crate::world::World;

/// The most moves of the clock until all requests have ended.
const MAX_MOVES: usize = 20_000;

/// How long a circuit stays open at most.
const LONGEST_OPEN: Duration = Duration::from_secs(10);

/// The most probes of a host until a probe has a response.
const MAX_PROBES: usize = 3;

/// How long a probe waits.
const PATIENCE: Duration = Duration::from_secs(300);

/// The idle timeout of a connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

impl World {
    /// Ends all requests, and checks that nothing is left of them.
    pub(crate) fn finish(mut self) {
        self.record.log(|| "the end".into());
        self.release_all();
        self.pause(false);
        (0..self.settings.hosts.len()).for_each(|host| self.network.open(host));
        self.end_requests();
        let stats = self.client.stats();
        assert_eq!((stats.active, stats.queued), (0, 0), "slots are left: {stats:?}");
        self.record.with(|state| {
            let left = (state.active, state.queued, state.running.iter().sum::<usize>());
            assert_eq!(left, (0, 0, 0), "requests are active, queued, or running in the backend");
        });
        self.probe();
        self.check_end();
    }

    /// Polls the requests until all have ended, and moves the clock only while nothing else moves.
    fn end_requests(&mut self) {
        for _ in 0..MAX_MOVES {
            self.run_to_idle();
            if self.live.is_empty() {
                return;
            }
            assert!(self.advance_to_next(), "requests hang without a deadline: {:?}", self.live);
        }
        panic!("requests do not end: {:?}", self.live);
    }

    /// Sends a request to each host over the connections that are left. The network is whole again.
    fn probe(&mut self) {
        self.network.end_faults();
        self.run_to_idle();
        self.advance(LONGEST_OPEN);
        self.run_to_idle();
        let mut client = self.client.clone();
        if self.events.is_closed || self.events.is_closed_now {
            self.events = ClientEvents::default();
            self.checks_queue = false;
            client = self.other_client();
        }
        for (host, name) in HOSTS.iter().enumerate().take(self.settings.hosts.len()) {
            let mut probes = 1;
            while !self.probe_host(host, &client) {
                assert!(probes < MAX_PROBES, "the probe of {name} has no response");
                probes += 1;
                // Bytes that are not HTTP were still on their way, and have opened the circuit.
                self.advance(LONGEST_OPEN);
                self.run_to_idle();
            }
        }
    }

    /// Sends a request to a host. Returns whether it had a response. A probe may fail only where garbage was sent.
    fn probe_host(&mut self, host: usize, client: &Client) -> bool {
        // The rate of starts allows a request each second.
        self.advance(Duration::from_secs(1));
        let mut plan = Plan::probe(self.next_id(), host, 100);
        // A slow connection may have to end a request before it begins the next.
        plan.limits.head = Some(PATIENCE);
        plan.limits.connect = Some(PATIENCE);
        let id = plan.id;
        self.start(plan, client.clone());
        self.end_requests();
        self.record.with(|state| {
            let has_answer = state.requests[id].head.is_some();
            let had_garbage = state.links.iter().any(|link| link.host == host && link.has_garbage);
            assert!(has_answer || had_garbage, "a probe has no response");
            has_answer
        })
    }

    /// Makes a client of the same agent, for a client that was closed.
    fn other_client(&self) -> Client {
        let backend = NumberedAgent { agent: self.agent.clone(), record: self.record.clone() };
        let builder = Client::builder().backend(backend).timer(self.clock.client.clone());
        let client = builder.observer(StageObserver(self.record.clone())).build();
        client.unwrap_or_else(|error| panic!("{}", error.report()))
    }

    /// Checks that idle connections are closed in time, and that the end of the client ends everything.
    fn check_end(mut self) {
        self.run_to_idle();
        let idle = self.open_http1_connections();
        assert!(idle <= self.settings.idle_connections, "{idle} connections are idle");
        if self.rng.one_in(2) {
            for _ in 0..3 {
                self.advance(IDLE_TIMEOUT);
                self.run_to_idle();
            }
            if self.settings.has_executor {
                assert_eq!(self.open_connections(), 0, "idle connections are open");
            }
            assert_eq!(self.clock.client.pending(), 0, "timers are set although nothing runs");
        }
        self.record.log(|| "the client is dropped".into());
        let Self { mut rng, clock, record, network, mut tasks, client, agent, .. } = self;
        drop((client, agent, network));
        while !matches!(tasks.poll_any(&mut rng), crate::tasks::Polled::Idle) {}
        // What is on its way to a server takes its time.
        while let Some(by) = clock.until_next() {
            clock.advance(by);
            while !matches!(tasks.poll_any(&mut rng), crate::tasks::Polled::Idle) {}
        }
        assert_eq!(tasks.count(), 0, "tasks outlive the client");
        assert_eq!(clock.client.pending(), 0, "timers outlive the client");
        record.with(|state| {
            let left = state.links.iter().filter(|link| link.dropped.is_none()).count();
            assert_eq!(left, 0, "connections outlive the client");
            assert!(state.violations.is_empty(), "{:?}", state.violations);
        });
    }

    fn open_connections(&self) -> usize {
        self.record.with(|state| state.links.iter().filter(|link| link.dropped.is_none()).count())
    }

    fn open_http1_connections(&self) -> usize {
        let is_open = |link: &&LinkFacts| link.dropped.is_none() && !link.is_http2;
        self.record.with(|state| state.links.iter().filter(is_open).count())
    }
}
