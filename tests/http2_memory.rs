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

use peak_alloc::PeakAlloc;

use self::random::{passes, run_all, seeds};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The number of seeds that fill what a process keeps, such as the buffers of its output.
const WARM_UP: u64 = 20;

#[test]
fn no_interleaving_leaves_memory_behind() {
    let seeds = seeds(200);
    (seeds.start..seeds.start + WARM_UP).for_each(|seed| assert!(passes(seed)));
    run_all(seeds, |seed| {
        let before = ALLOCATOR.current_usage();
        let passes = passes(seed);
        let left = ALLOCATOR.current_usage().saturating_sub(before);
        if left > 0 {
            println!("seed {seed} leaves {left} bytes");
        }
        passes && left == 0
    });
}
