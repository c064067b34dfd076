//! How long to leave a server alone before the next attempt.

use std::time::Duration;

/// The least: a server that wants none and closes at once would keep us busy.
const LEAST: Duration = Duration::from_millis(100);

/// `base`, doubled for each failure in a row up to `most`, and up to half of that more at random, so that those whom a
/// server has lost do not come back all at once.
pub(super) fn delay(base: Duration, failures: u32, most: Duration, random: u64) -> Duration {
    let doubled = base.max(LEAST).saturating_mul(2u32.saturating_pow(failures));
    let delay = doubled.min(most.max(LEAST));
    delay.saturating_add(delay.mul_f64(random as f64 / u64::MAX as f64 / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_up_to_the_most_and_is_never_shorter_than_asked_for() {
        let ms = Duration::from_millis;
        for (base, failures, random, expected) in [
            (ms(3000), 0, 0, ms(3000)),
            (ms(3000), 0, u64::MAX, ms(4500)),
            (ms(3000), 1, 0, ms(6000)),
            (ms(3000), 4, 0, ms(48_000)),
            (ms(3000), 5, 0, ms(60_000)),
            (ms(3000), u32::MAX, u64::MAX, ms(90_000)),
            (ms(0), 0, 0, ms(100)),
            (Duration::MAX, 3, 0, ms(60_000)),
        ] {
            assert_eq!(delay(base, failures, ms(60_000), random), expected, "{base:?} {failures} {random}");
        }
    }
}
