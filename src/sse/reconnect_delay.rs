//! The delay before the next connection.

use std::time::Duration;

/// The minimum delay: without it, a server that asks for no delay and closes at once would keep the client busy.
const MIN_DELAY: Duration = Duration::from_millis(100);

/// Returns `base`, doubled for each consecutive failure up to `max`, plus a random part of up to half of that.
// The random part keeps clients that a server has lost from coming back all at once.
pub(super) fn reconnect_delay(base: Duration, failures: u32, max: Duration, random: u64) -> Duration {
    let doubled = base.max(MIN_DELAY).saturating_mul(2u32.saturating_pow(failures));
    let delay = doubled.min(max.max(MIN_DELAY));
    delay.saturating_add(delay.mul_f64(random as f64 / u64::MAX as f64 / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delay_doubles_up_to_the_maximum_and_is_never_shorter_than_its_base() {
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
            assert_eq!(reconnect_delay(base, failures, ms(60_000), random), expected, "{base:?} {failures} {random}");
        }
    }
}
