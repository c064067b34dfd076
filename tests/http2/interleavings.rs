//! Random interleavings, each from a seed. `tests/http2_memory.rs` runs them too, and measures the memory.

use crate::random::{passes, run_all, seeds, setting};

#[test]
fn no_interleaving_loses_a_request_or_a_stream() {
    let threads = setting("WATERSPOUT_HTTP2_THREADS", 2);
    std::thread::scope(|scope| {
        for remainder in 0..threads {
            scope.spawn(move || run_all(seeds(500).filter(|seed| seed % threads == remainder), passes));
        }
    });
}
