//! Executors that drop the agent's tasks: at once, as when the system refuses a thread, or later, as when they end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use waterspout::agent::{Agent, Config};
use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
use waterspout::{BoxFuture, Client, Executor};

use crate::support::client::{HELLO, URL, answers, text};
use crate::support::executor::ManualExecutor;
use crate::support::polling::run_until_stalled;

use super::{PooledClient, pooled};

/// An executor that drops the next tasks, as many as set.
#[derive(Clone, Default)]
struct RefusingExecutor {
    refusals: Arc<AtomicUsize>,
    inner: ManualExecutor,
}

impl Executor for RefusingExecutor {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let refused =
            self.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if refused { drop(task) } else { self.inner.spawn(task) }
    }
}

const IDLE: Duration = Duration::from_secs(5);

/// A client whose agent has `executor`, over connections that stay open.
fn refusing(executor: &RefusingExecutor) -> PooledClient {
    let connector = ScriptedConnector::new((0..10).map(|_| answers([HELLO; 20]).silence()));
    let (timer, config) = (ManualTimer::new(), Config::new().idle_connection_timeout(IDLE));
    let agent = Agent::new(connector.clone(), timer.clone()).with_config(config).with_executor(executor.clone());
    let client = Client::builder().backend(agent).timer(timer.clone()).build().unwrap();
    PooledClient { client, connector, timer, executor: executor.inner.clone() }
}

#[test]
fn idle_reaper_starts_with_a_later_connection_if_its_task_was_dropped() {
    for refusals in [0, 1, 2, 5] {
        let executor = RefusingExecutor::default();
        executor.refusals.store(refusals, Ordering::SeqCst);
        let wire = refusing(&executor);
        for _ in 0..refusals {
            wire.fetch();
            wire.run_tasks();
            assert_eq!(wire.executor.tasks(), 0, "{refusals}");
        }
        wire.fetch();
        wire.run_tasks();
        assert_eq!((wire.executor.tasks(), wire.connector.open()), (1, 1), "{refusals}");
        wire.pass(Duration::from_secs(1));
        wire.pass(IDLE);
        assert_eq!((wire.executor.tasks(), wire.connector.open()), (0, 0), "{refusals}");
    }
}

#[test]
fn idle_reaper_starts_again_if_the_executor_ended() {
    // Before the task is polled, before a connection is watched, and while a connection is watched.
    for polled in [None, Some(Duration::ZERO), Some(Duration::from_secs(1))] {
        let wire = pooled(Config::new(), [answers([HELLO; 2]).hold()]);
        wire.fetch();
        if let Some(time) = polled {
            wire.pass(time);
            wire.pass(Duration::ZERO);
        }
        wire.executor.end();
        assert_eq!((wire.executor.tasks(), wire.connector.open()), (0, 1), "{polled:?}");
        // The next connection that becomes idle starts the task. It closes the connection when the server does.
        wire.fetch();
        assert_eq!(wire.executor.tasks(), 1, "{polled:?}");
        wire.pass(Duration::from_secs(1));
        wire.connector.release();
        wire.run_tasks();
        assert_eq!(wire.connector.open(), 0, "{polled:?}");
    }
}

#[test]
fn connection_that_an_ended_executor_watched_is_watched_again() {
    let wire = pooled(Config::new(), [answers([HELLO; 1]).hold(), answers([HELLO; 1]).silence()]);
    wire.fetch();
    wire.pass(Duration::from_secs(1));
    wire.executor.end();
    // Another origin, so the first connection stays idle.
    text(wire.client.get("http://other.example/")).unwrap();
    wire.pass(Duration::from_secs(1));
    assert_eq!(wire.connector.open(), 2);
    wire.connector.release();
    wire.run_tasks();
    assert_eq!(wire.connector.open(), 1);
}

#[test]
fn lost_connects_whose_tasks_were_dropped_block_no_request() {
    let executor = RefusingExecutor::default();
    executor.refusals.store(usize::MAX, Ordering::SeqCst);
    let script = || (0..50).fold(Script::new(), |script, _| script.expect_head().pause().send(HELLO)).silence();
    let connector = ScriptedConnector::new((0..50).map(|_| script()));
    // The clock stands still, so no wait for a background connect ever ends by itself.
    let agent = Agent::new(connector, ManualTimer::new()).with_executor(executor.clone());
    let client = Client::builder().backend(agent).timer(ManualTimer::new()).max_active(2).build().unwrap();
    let requests = join_all((0..20).map(|_| async { client.get(URL).await.unwrap().text().await.unwrap() }));
    assert_eq!(run_until_stalled(requests).expect("no request waits"), ["hello"; 20]);
    assert_eq!(executor.inner.tasks(), 0);
}
