//! Settings that are refused, and statistics.

use std::time::Duration;

use waterspout::{Builder, Client, ErrorKind, Rate};

use crate::support::client::seconds;

use super::{Bench, ms};

#[test]
fn settings_that_would_allow_no_request_are_refused() {
    let second = seconds(1);
    let wrong: [(&str, Builder); 7] = [
        ("max_active", Client::builder().max_active(0)),
        ("max_active_per_origin", Client::builder().max_active_per_origin(0)),
        ("rate_limit", Client::builder().rate_limit(Rate::new(0, second))),
        ("rate_limit", Client::builder().rate_limit(Rate::new(1, second).burst(0))),
        ("rate_limit", Client::builder().rate_limit(Rate::new(1, Duration::ZERO))),
        ("rate_limit", Client::builder().rate_limit(Rate::new(1001, Duration::from_micros(1)))),
        ("rate_limit_per_origin", Client::builder().rate_limit_per_origin(Rate::new(0, second))),
    ];
    for (name, builder) in wrong {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
        assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
    }
    Client::builder().max_queued(0).ageing(Duration::ZERO).rate_limit(Rate::new(u32::MAX, seconds(5))).build().unwrap();
    Client::builder().ageing(Duration::MAX).rate_limit(Rate::new(1, Duration::MAX)).build().unwrap();
}

#[test]
fn origins_are_counted_only_if_origin_stats_are_enabled() {
    for counted in [false, true] {
        let bench = Bench::new(|builder| builder.max_active(1).origin_stats(counted));
        let mut requests = [bench.send("http://b/"), bench.send("http://a/")];
        let origins = bench.client.stats().origins;
        assert_eq!(
            origins.iter().map(|it| &*it.origin).collect::<Vec<_>>().join(" "),
            ["", "http://a http://b"][usize::from(counted)]
        );
        bench.order(&mut requests);
        assert!(bench.client.stats().origins.is_empty());
    }
}

#[test]
fn wait_times_are_counted() {
    let bench = Bench::new(|builder| builder.max_active(1));
    let mut requests = vec![bench.send("http://a/"), bench.send("http://b/")];
    bench.timer.advance(ms(900));
    requests.push(bench.send("http://c/"));
    bench.timer.advance(ms(100));
    bench.order(&mut requests);
    let waits = bench.client.stats().waits;
    assert_eq!((waits.count(), waits.longest()), (3, seconds(1)));
    let filled: Vec<_> = waits.buckets().filter(|(_, count)| *count > 0).collect();
    assert_eq!(filled, [(Duration::ZERO, 1), (ms(128), 1), (ms(1024), 1)]);
    assert_eq!((waits.quantile(0.5), waits.quantile(1.0)), (ms(128), seconds(1)));
}
