//! The memory of a client over HTTP/2: a counting allocator measures random interleavings.
//!
//! A seed leaves nothing behind, so the number of seeds may be large: `WATERSPOUT_HTTP2_SEEDS` sets it.
#![cfg(all(feature = "http2", not(target_family = "wasm")))]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "http2/net.rs"]
#[allow(dead_code)]
mod net;
#[path = "http2/random/mod.rs"]
#[allow(dead_code)]
mod random;
#[path = "http2/served.rs"]
#[allow(dead_code)]
mod served;

use std::cell::Cell;

use futures::FutureExt;
use peak_alloc::PeakAlloc;
use waterspout::Client;
use waterspout::testing::MockBackend;

use self::random::{passes, run_all, seeds};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The number of seeds that fill what a process keeps, such as the buffers of its output.
const WARM_UP: u64 = 20;

/// Returns the bytes in use while the thread keeps the progress of a request.
///
/// A thread may keep the `Progress` of its last request for its next request (`src/message/progress.rs`). A seed ends
/// with it or without it. The request that is made here ends with it in both cases, so levels are exactly comparable.
fn level() -> usize {
    let client = Client::builder().backend(MockBackend::text("")).build().unwrap();
    let response = client.get("http://a.test/").into_future().now_or_never();
    drop(response.expect("the mock answers at once").unwrap());
    drop(client);
    ALLOCATOR.current_usage()
}

#[test]
fn no_interleaving_leaves_memory_behind() {
    let seeds = seeds(200);
    (seeds.start..seeds.start + WARM_UP).for_each(|seed| assert!(passes(seed)));
    // The level after the last seed; `None` before the first, and after a failing seed. What a failure keeps, such as
    // its panic, its output and its place in the list of failures, is then no part of the next seed.
    let last_level = Cell::new(None);
    run_all(seeds, |seed| {
        let before = last_level.take().unwrap_or_else(level);
        let passes = passes(seed);
        let found = level();
        let left = found.saturating_sub(before);
        if left > 0 {
            println!("seed {seed} leaves {left} bytes");
        }
        let is_right = passes && left == 0;
        if is_right {
            last_level.set(Some(found));
        }
        is_right
    });
}
