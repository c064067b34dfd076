//! The budget that all requests of a client share.

use waterspout::RetryBudget;

use crate::support::client::seconds;

use super::{Act, at_once, stage};

#[test]
fn retry_budget_bounds_the_retries_of_all_requests() {
    let budget = RetryBudget::new().capacity(5).per_second(1);
    let stage = stage(&[Act::Status(503)], |builder| builder.retry(at_once()).retry_budget(budget));
    for _ in 0..20 {
        assert_eq!(stage.get().unwrap().status(), 503);
    }
    // 20 requests, 5 retries of the initial budget, and a retry for every 5 requests.
    assert!((28..=30).contains(&stage.attempts()), "{}", stage.attempts());
    let before = stage.attempts();
    stage.timer.advance(seconds(60));
    stage.get().unwrap();
    assert_eq!(stage.attempts() - before, 3);
}
